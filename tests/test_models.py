"""The ready models: what they are made of, and that they serve everywhere SMILES do."""

import sys

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.model_selection import GridSearchCV

from skmolal import (
    ActiveLearner,
    ActiveLearningRegressor,
    BayesianOptimizer,
    Campaign,
    GaussianProcessRegressor,
    make_baseline_model,
    make_fingerprint_model,
)
from skmolal._rows import take_rows
from skmolal.datasets import load_qm9_sample
from skmolal.descriptors import (
    AtomPairFingerprintTransformer,
    CoulombMatrixTransformer,
    MorganFingerprintTransformer,
    XTBTransformer,
)
from skmolal.gaussian_process import ColumnKernel, TanimotoKernel, median_length_scale
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


@pytest.fixture(scope="module")
def known():
    """Molecules that bring GFN2-xTB's numbers along, and their labels."""
    molecules, homo = load_qm9_sample(xtb=True, return_X_y=True)
    return molecules[:300], homo[:300]


@pytest.fixture
def no_tblite(monkeypatch):
    monkeypatch.setitem(sys.modules, "tblite.interface", None)


def test_the_baseline_comes_first_and_the_kernel_tells_the_blocks_apart(known, no_tblite):
    molecules, y = known
    model = make_baseline_model(molecules, random_state=0).fit(molecules[:80], y[:80])
    X = model[:-1].transform(molecules)
    xtb = XTBTransformer().fit_transform(molecules).astype(float)
    first = (xtb - xtb[:80].mean(axis=0)) / xtb[:80].std(axis=0)
    np.testing.assert_allclose(X[:, :9], first, atol=1e-3)
    names = model[:-1].get_feature_names_out()
    assert list(names[:2]) == ["baseline__gfn2_homo", "baseline__gfn2_lumo"]
    assert all(name.startswith("descriptor__k") for name in names[9:])
    # the formulas by hand, with the hyperparameters that the search has found
    fitted = model["gpr"].kernel_
    scale, width_rest, width_first, slope, noise = np.exp(fitted.theta)

    def covariance(A, B):
        distances = [cdist(A[:, part], B[:, part]) for part in (slice(9), slice(9, None))]
        exponent = (distances[0] / width_first) ** 2 + (distances[1] / width_rest) ** 2
        return scale * np.exp(-exponent / 2) + slope * (1 + A[:, :9] @ B[:, :9].T)

    X = X.astype(float)
    K = covariance(X[:80], X[:80]) + (noise + 1e-4) * np.eye(80)
    labels = (y[:80] - y[:80].mean()) / y[:80].std()
    expected = covariance(X[80:], X[:80]) @ np.linalg.solve(K, labels) * y[:80].std()
    found = model.predict(molecules[80:])
    np.testing.assert_allclose(found, expected + y[:80].mean(), atol=1e-4)


def test_a_baseline_makes_the_error_smaller(known):
    molecules, y = known
    mean, std = (
        make_baseline_model(molecules, random_state=0)
        .fit(molecules[:150], y[:150])
        .predict(molecules[150:], return_std=True)
    )
    plain = make_baseline_model(molecules)["features"].transformer_list[1][1]
    scale = median_length_scale(plain.fit_transform(molecules), random_state=0)
    kernel = ConstantKernel(1.0) * RBF(scale, (scale / 100, scale * 100)) + WhiteKernel(0.1)
    gpr = GaussianProcessRegressor(kernel, normalize_y=True)
    without = gpr.fit(plain.transform(molecules[:150]), y[:150])
    error = np.abs(mean - y[150:]).mean()
    assert error < 0.75 * np.abs(without.predict(plain.transform(molecules[150:])) - y[150:]).mean()
    assert 0.7 < np.std((mean - y[150:]) / std) < 1.4


def test_a_label_is_never_a_feature(known):
    molecules, y = known
    model = make_baseline_model(molecules)
    with pytest.raises(ValueError, match="feature 'gfn2_homo' is the target y"):
        model.fit(molecules, [atoms.info["gfn2_homo"] for atoms in molecules])
    labelled = [atoms.copy() for atoms in molecules[:60]]
    for atoms, label in zip(labelled, np.random.RandomState(0).permutation(y[:60]), strict=True):
        atoms.info["homo"] = label
    np.testing.assert_array_equal(
        make_baseline_model(molecules)[:-1].fit_transform(labelled),
        make_baseline_model(molecules)[:-1].fit_transform(molecules[:60]),
    )


def test_what_is_missing_is_said_in_one_line(known, data, no_tblite):
    molecules, y = known
    bare, smiles, _ = data
    with pytest.raises(ImportError, match="needs tblite: python -m pip install tblite"):
        make_baseline_model(bare).fit(bare[:5], y[:5])
    with pytest.raises(TypeError, match=r"ase\.Atoms"):
        make_baseline_model().fit(smiles[:20], y[:20])
    with pytest.raises(ValueError, match="baseline must be an XTBTransformer"):
        make_baseline_model(molecules, baseline=MorganFingerprintTransformer())
    with pytest.raises(ValueError, match="descriptor needs molecules"):
        make_baseline_model(descriptor=CoulombMatrixTransformer())
    parts = {"baseline": XTBTransformer(), "descriptor": CoulombMatrixTransformer()}
    with pytest.raises(ValueError, match="n_jobs=2 is for the default"):
        make_baseline_model(molecules, **parts, n_jobs=2)


def test_parts_of_a_baseline_model_can_be_others(known):
    molecules, y = known
    two = XTBTransformer(features=["homo", "lumo"])
    model = make_baseline_model(
        molecules,
        baseline=two,
        descriptor=CoulombMatrixTransformer(n_atoms_max=29),
        dtype="float32",
    )
    X = model[:-1].fit_transform(molecules)
    assert X.shape == (300, 2 + 29 * 29)
    scale = median_length_scale(X[:, 2:], random_state=0)
    parts = [k for k in model["gpr"].kernel.get_params().values() if isinstance(k, ColumnKernel)]
    starts = {repr(k.columns): k.kernel.length_scale for k in parts if isinstance(k.kernel, RBF)}
    assert starts == {"slice(0, 2, None)": 2.0, "slice(2, None, None)": pytest.approx(scale)}
    model.fit(molecules[:100], y[:100])
    assert np.isfinite(model.predict(molecules[100:], return_std=True)).all()
    # without molecules the elements are learned, and the width begins at QM9's
    model = make_baseline_model(n_jobs=1).fit(molecules[:100], y[:100])
    assert np.corrcoef(model.predict(molecules[100:]), y[100:])[0, 1] > 0.8


@pytest.mark.parametrize("start", [0, 100, 200])
def test_a_baseline_model_runs_into_no_bound(known, start):
    molecules, y = known
    rows = slice(start, start + 100)  # warnings are errors here
    make_baseline_model(molecules).fit(molecules[rows], y[rows])


def test_a_campaign_begins_by_the_baseline(known):
    molecules, y = known
    model = make_baseline_model(molecules)
    campaign = Campaign(
        model,
        molecules,
        query_strategy="target",
        query_options={"top": 0.1},
        initial="strategy",
        baseline="gfn2_homo",
        random_state=0,
    )
    first = campaign.ask(40)
    xtb = [atoms.info["gfn2_homo"] for atoms in molecules]
    np.testing.assert_array_equal(first[:20], np.argsort(xtb)[::-1][:20])
    campaign.tell(first, y[first])
    campaign.tell(more := campaign.ask(20), y[more])
    found = (campaign.y >= np.quantile(y, 0.9)).sum()
    assert found > 15  # of 30; 6 by chance
    again = Campaign.from_json(campaign.to_json(), model, molecules)
    assert list(again.ask(5)) == list(campaign.ask(5))
