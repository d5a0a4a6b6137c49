"""The ready models: what they are made of, and that they serve everywhere SMILES do."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.gaussian_process.kernels import ConstantKernel, WhiteKernel
from sklearn.model_selection import GridSearchCV

from skmolal import (
    ActiveLearner,
    ActiveLearningRegressor,
    BayesianOptimizer,
    GaussianProcessRegressor,
    make_fingerprint_model,
)
from skmolal._rows import take_rows
from skmolal.datasets import load_qm9_sample
from skmolal.descriptors import AtomPairFingerprintTransformer, MorganFingerprintTransformer
from skmolal.gaussian_process import TanimotoKernel
from skmolal.model_selection import active_learning_curve

pytest.importorskip("rdkit")


@pytest.fixture(scope="module")
def data():
    molecules, homo = load_qm9_sample(return_X_y=True)
    smiles = np.array([atoms.info["smiles"] for atoms in molecules[:200]], dtype=object)
    return molecules[:200], smiles, homo[:200]


CONTAINERS = {
    "array": lambda smiles: smiles,
    "strings": lambda smiles: smiles.astype(str),
    "list": list,
    "series": lambda smiles: pd.Series(smiles, index=np.arange(len(smiles))[::-1]),
    "frame": lambda smiles: pd.DataFrame({"smiles": smiles}),
}


def test_the_model_is_a_process_on_counts_with_the_tanimoto_kernel(data):
    _, smiles, y = data
    model = make_fingerprint_model(random_state=0).fit(smiles[:80], y[:80])
    found = model.predict(smiles[80:], return_std=True)
    X = MorganFingerprintTransformer(counts=True).fit_transform(smiles)
    kernel = ConstantKernel(1.0, (1e-10, 1e4)) * TanimotoKernel()
    kernel += WhiteKernel(0.1, (1e-10, 1e4))
    gpr = GaussianProcessRegressor(kernel, alpha=1e-3, normalize_y=True, random_state=0)
    expected = gpr.fit(X[:80], y[:80]).predict(X[80:], return_std=True)
    np.testing.assert_array_equal(found, expected)
    assert np.corrcoef(found[0], y[80:])[0, 1] > 0.5


def test_molecules_and_their_smiles_give_one_model(data):
    molecules, smiles, y = data
    model = make_fingerprint_model(random_state=0)
    expected = clone(model).fit(molecules[:50], y[:50]).predict(molecules[50:])
    np.testing.assert_array_equal(model.fit(smiles[:50], y[:50]).predict(smiles[50:]), expected)


@pytest.mark.parametrize(("n", "label"), [(20, "y"), (100, "y"), (100, "size"), (100, "noise")])
def test_no_bound_is_run_into(data, n, label):
    # warnings are errors here; no noise at all is the likeliest where counts tell all apart
    _, smiles, y = data
    noise = np.random.RandomState(0).normal(size=len(y))
    labels = {"y": y, "size": np.array([float(len(text)) for text in smiles]), "noise": noise}
    for start in (0, 100):
        rows = slice(start, start + n)
        make_fingerprint_model().fit(smiles[rows], labels[label][rows])


def test_equal_fingerprints_with_equal_labels_do_no_harm():
    mirrored = ["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CCO", "CCCO", "CCN", "CCCN"]
    y = [1.0, 1.0, 0.0, 0.2, -0.3, -0.2]
    for dtype in ("float64", "float32"):
        model = make_fingerprint_model(dtype=dtype).fit(mirrored, y)
        assert np.isfinite(model.predict(mirrored, return_std=True)).all()


@pytest.mark.parametrize("container", CONTAINERS)
def test_smiles_serve_the_loops_of_both_libraries(data, container):
    _, smiles, y = data
    X = CONTAINERS[container](smiles)
    model = make_fingerprint_model(random_state=0)
    expected, picks = [], []
    for pool, chosen in ((smiles, expected), (X, picks)):
        first = np.arange(30)
        for kind in (ActiveLearner, BayesianOptimizer):
            learner = kind(clone(model), "uncertainty", take_rows(pool, first), y[first])
            for _ in range(2):
                query_idx, _ = learner.query(pool, 3)
                learner.teach(take_rows(pool, query_idx), y[query_idx])
                chosen.extend(query_idx)
            assert len(learner.X_training) == 36
    assert picks == expected


@pytest.mark.parametrize("container", CONTAINERS)
def test_smiles_serve_curves_searches_and_simulated_campaigns(data, container):
    _, smiles, y = data
    smiles, y = smiles[:80], y[:80]
    X = CONTAINERS[container](smiles)
    model = make_fingerprint_model(MorganFingerprintTransformer(n_bits=256), random_state=0)
    learner = ActiveLearningRegressor(
        model, "expected_improvement", n_initial=20, batch_sizes=[5, 5], random_state=0
    )
    expected = clone(learner).fit(smiles, y).query_idx_
    np.testing.assert_array_equal(learner.fit(X, y).query_idx_, expected)
    assert np.isfinite(learner.predict(X)).all()
    curve = active_learning_curve(
        model,
        X,
        y,
        query_strategies=["random", "uncertainty"],
        batch_sizes=[10],
        n_initial=20,
        n_repeats=1,
        test_size=20,
        random_state=0,
    )
    assert len(curve.frame) == 4
    grid = {"fingerprint__counts": [True, False]}
    search = GridSearchCV(model, grid, cv=2, scoring="neg_mean_absolute_error").fit(X, y)
    counts, bits = search.cv_results_["mean_test_score"]
    assert counts != bits


def test_another_fingerprint_is_taken_as_it_is():
    pairs = AtomPairFingerprintTransformer(n_bits=512)
    model = make_fingerprint_model(pairs, dtype="float32")
    assert model["fingerprint"] is pairs
    assert model["gpr"].dtype == "float32"
    assert make_fingerprint_model(n_jobs=2)["fingerprint"].n_jobs == 2
    with pytest.raises(ValueError, match="n_jobs=2 is for the default fingerprint"):
        make_fingerprint_model(pairs, n_jobs=2)
