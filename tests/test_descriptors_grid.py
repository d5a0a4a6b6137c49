"""Which representation? One line of a grid search."""

import joblib
import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skmolal.datasets import load_qm9_sample
from skmolal.descriptors import (
    ACSFTransformer,
    CoulombMatrixTransformer,
    LMBTRTransformer,
    MBTRTransformer,
    MorganFingerprintTransformer,
    RDKitDescriptorsTransformer,
    SOAPTransformer,
)

pytest.importorskip("rdkit")

SPECIES = ["H", "C", "N", "O", "F"]
SOAP = SOAPTransformer(n_max=2, l_max=1, species=SPECIES)
MORGAN = MorganFingerprintTransformer(n_bits=64, sparse=False)


def test_a_grid_switches_the_descriptor_and_its_settings(tmp_path):
    data = load_qm9_sample()
    molecules, y = data.data[:60], data.target[:60]
    pipeline = Pipeline(
        [("descriptor", SOAP), ("scale", StandardScaler()), ("model", Ridge(10.0))],
        memory=joblib.Memory(tmp_path, verbose=0),
    )
    lmbtr = LMBTRTransformer(species=SPECIES, per_species=False).set_params(k2__grid__n=10)
    others = [
        MBTRTransformer(species=SPECIES),
        CoulombMatrixTransformer("eigenspectrum", n_atoms_max=30),
        ACSFTransformer(g4_params=None, species=SPECIES),
        lmbtr,
        RDKitDescriptorsTransformer(["MolWt", "TPSA", "MolLogP"]),
    ]
    grid = [
        {"descriptor": [SOAP], "descriptor__average": ["mean", "sum", "inner"]},
        {"descriptor": [MORGAN], "descriptor__radius": [0, 2], "descriptor__counts": [False]},
        {"descriptor": others},
    ]
    search = GridSearchCV(
        pipeline, grid, cv=KFold(2), scoring="neg_mean_absolute_error", error_score="raise"
    ).fit(molecules, y)
    scores = search.cv_results_["mean_test_score"]
    assert len(scores) == 10
    assert np.isfinite(scores).all()
    assert len(set(scores)) == 10  # each setting reaches the descriptor
    assert search.predict(molecules).shape == (60,)
    # a cell is what the Pipeline gives that is built by hand
    cell = search.cv_results_["params"].index(
        {"descriptor": MORGAN, "descriptor__radius": 2, "descriptor__counts": False}
    )
    morgan = MorganFingerprintTransformer(2, 64, counts=False, sparse=False)
    model = make_pipeline(morgan, StandardScaler(), Ridge(10.0))
    expected = cross_val_score(model, molecules, y, cv=KFold(2), scoring="neg_mean_absolute_error")
    assert scores[cell] == pytest.approx(expected.mean())
