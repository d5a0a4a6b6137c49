"""Columns that are the same in most samples need few products, and change no number."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.gaussian_process import GaussianProcessRegressor as Reference
from sklearn.gaussian_process import kernels as sk

from skmolal import GaussianProcessRegressor
from skmolal.gaussian_process import ColumnKernel, PosteriorCovariance, TanimotoKernel
from skmolal.gaussian_process._engine import column_kinds, exact
from skmolal.gaussian_process._engine.column_kinds import find_kinds, rare_first
from skmolal.gaussian_process._engine.contest import scan
from skmolal.gaussian_process._engine.precision import numerics
from tests.loop_checks import assert_stds_of_a_pool

N_FEATURES, N_RARE, HEIGHT = 60, 24, 16


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Few samples are looked at too; tiles and blocks are small."""
    monkeypatch.setattr(column_kinds, "_MANY", 20)
    monkeypatch.setattr(exact, "_MAX_BLOCK", {"cpu": HEIGHT})
    monkeypatch.setattr("skmolal.gaussian_process._gpr.choose_tile", lambda *_: HEIGHT)


def make_data(n=50, n_pool=90, share=0.1, usual=0.0, seed=0):
    """Samples of which few have what the rare columns are about; some of the pool are known."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(0.5, 1.5, size=(n + n_pool, N_FEATURES))
    rare = rng.permutation(N_FEATURES)[:N_RARE]
    X[np.ix_(rng.random(len(X)) >= share, rare)] = usual
    pool = X[n:]
    pool[16] = X[0] = np.where(np.isin(np.arange(N_FEATURES), rare), usual, X[0])
    X[0, rare] = usual + 2e-5  # close to the former, and apart in rare columns alone
    pool[5:15] = X[:10]
    pool[20:25] = X[:5] * (1 + 1e-9)  # nearly known: these distances are summed again
    return X[:n], np.sin(X[:n].sum(axis=1)), pool


def rare_of(gpr):
    columns = gpr._posterior.gram.blocks._columns
    return [0 if block.rare is None else len(block.rare) for block in columns]


def assert_predicts_alike(ours, theirs, pool, option="return_std", **tolerance):
    for found, expected in zip(
        ours.predict(pool, **{option: True}), theirs.predict(pool, **{option: True}), strict=True
    ):
        assert_allclose(found, expected, **tolerance)


KERNELS = {
    "rbf": 2.0 * sk.RBF(3.0),
    "matern": sk.Matern(4.0, nu=0.5) + sk.WhiteKernel(0.1),
    "rational": sk.RationalQuadratic(3.0, 2.0),
    "periodic": sk.ExpSineSquared(3.0, 9.0),
    "columns": ColumnKernel(sk.RBF(3.0), slice(0, 50)) * ColumnKernel(sk.RBF(4.0), slice(20, 60)),
}


@pytest.mark.parametrize("usual", [0.0, 0.3])
@pytest.mark.parametrize("alpha", [1e-8, 0.01])
@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_predictions_are_scikit_learns(kernel, alpha, usual):
    X, y, pool = make_data(usual=usual)
    ours = GaussianProcessRegressor(kernel, alpha=alpha, optimizer=None).fit(X, y)
    assert min(rare_of(ours)) > 10
    theirs = Reference(kernel, alpha=alpha, optimizer=None).fit(X, y)
    for option in ("return_std", "return_cov"):
        assert_predicts_alike(ours, theirs, pool, option, rtol=1e-7, atol=2e-8)
    assert_allclose(ours.predict(pool), theirs.predict(pool), rtol=1e-7, atol=1e-8)
    assert_allclose(
        ours.log_marginal_likelihood_value_, theirs.log_marginal_likelihood_value_, rtol=1e-8
    )


@pytest.mark.parametrize("kernel", [sk.DotProduct(1.0) + sk.RBF(3.0), TanimotoKernel()])
@pytest.mark.parametrize("usual", [0.0, 0.5])
def test_kernels_that_know_zero_have_rare_columns_of_zeros_alone(kernel, usual):
    X, y, pool = make_data(usual=usual)
    ours = GaussianProcessRegressor(kernel, alpha=0.01, optimizer=None).fit(X, y)
    assert (rare_of(ours) == [0]) == (usual != 0)
    theirs = Reference(kernel, alpha=0.01, optimizer=None).fit(X, y)
    assert_predicts_alike(ours, theirs, pool, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("n_usual", [10, 16, 17])
def test_few_usual_columns(n_usual):
    """Distances in few columns are not from products, and then all columns are among them."""
    X, y, pool = make_data()
    rare = np.flatnonzero((X == 0).mean(axis=0) > 0.5)
    rest = np.setdiff1d(np.arange(N_FEATURES), rare)[:n_usual]
    columns = np.concatenate([rare, rest])
    ours = GaussianProcessRegressor(sk.RBF(3.0), alpha=0.01, optimizer=None).fit(X[:, columns], y)
    assert n_usual < 20
    assert n_usual + len(rare) - rare_of(ours)[0] > 16
    theirs = Reference(sk.RBF(3.0), alpha=0.01, optimizer=None).fit(X[:, columns], y)
    assert_predicts_alike(ours, theirs, pool[:, columns], rtol=1e-7, atol=1e-8)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.EfficiencyWarning")
@pytest.mark.parametrize(
    "kernel", [sk.RBF(np.full(N_FEATURES, 3.0)), sk.PairwiseKernel(metric="laplacian")]
)
def test_length_scales_for_each_column_and_kernels_of_the_host_see_all_columns(kernel):
    X, y, pool = make_data()
    ours = GaussianProcessRegressor(kernel, alpha=0.1, optimizer=None).fit(X, y)
    assert not ours._posterior.gram.splits_rare
    theirs = Reference(kernel, alpha=0.1, optimizer=None).fit(X, y)
    assert_predicts_alike(ours, theirs, pool, rtol=1e-7, atol=1e-8)


@settings(max_examples=60)
@given(
    share=st.floats(0.0, 0.9),
    n_pool=st.integers(26, 120),
    ahead=st.integers(2, 4),
    seed=st.integers(0, 99),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_every_row_comes_once_and_those_with_rare_values_first(share, n_pool, ahead, seed, dtype):
    X, y, pool = make_data(n_pool=n_pool, share=share, seed=seed)
    X, pool = X.astype(dtype), pool.astype(dtype)
    gpr = GaussianProcessRegressor(sk.RBF(3.0), alpha=0.01, optimizer=None).fit(X, y)
    gram, blocks = gpr._posterior.gram, gpr._posterior.gram.blocks
    with pytest.MonkeyPatch.context() as patch, numerics():
        patch.setattr(column_kinds, "_AHEAD", ahead)
        parts = [np.arange(n_pool)[places] for places in rare_first(gram, pool, HEIGHT)]
    assert {len(part) for part in parts[:-1]} <= {HEIGHT}
    assert_array_equal(np.sort(np.concatenate(parts)), np.arange(n_pool))
    if not gram.splits_rare:
        return
    columns = blocks._columns[0].rare
    has_rare = (pool[:, columns] != np.asarray(blocks.centres[0].rare)).any(axis=1)
    assert_array_equal(gram.has_rare(pool), has_rare)
    for start in range(0, len(parts) - 1, ahead):  # a last block alone is as it is
        group = has_rare[np.concatenate(parts[start : start + ahead])]
        assert_array_equal(group, np.sort(group)[::-1])


def test_equal_rows_have_equal_predictions():
    """Whatever is beside them: the rows with rare values end within a block."""
    X, y, pool = make_data(n_pool=180)
    pool[100:130] = pool[40:70]
    gpr = GaussianProcessRegressor(sk.RBF(30.0), alpha=1e-10, optimizer=None).fit(X, y)
    has_rare = gpr._posterior.gram.has_rare(pool)
    assert has_rare[40:70].any()
    assert has_rare.sum() % HEIGHT != 0
    mean, std = gpr.predict(pool, return_std=True)
    assert_array_equal(mean[100:130], mean[40:70])
    assert_array_equal(std[100:130], std[40:70])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_factor_of_either_type_and_several_targets(dtype):
    X, y, pool = make_data()
    targets = np.stack([y, np.cos(3 * y)], axis=1)
    kernel = sk.RBF(3.0)
    ours = GaussianProcessRegressor(kernel, alpha=0.01, optimizer=None, dtype=dtype)
    ours.fit(X, targets)
    theirs = Reference(kernel, alpha=0.01, optimizer=None).fit(X, targets)
    assert rare_of(ours) != [0]
    assert_predicts_alike(ours, theirs, pool, atol=1e-8 if dtype == "float64" else 1e-4)


def test_columns_that_are_constant_besides():
    X, y, pool = make_data(usual=0.3)
    X[:, :20] = 0.25
    ours = GaussianProcessRegressor(sk.RBF(3.0), alpha=0.01, optimizer=None).fit(X, y)
    theirs = Reference(sk.RBF(3.0), alpha=0.01, optimizer=None).fit(X, y)
    (columns,) = ours._posterior.gram.blocks._columns
    assert len(columns.others) > 10
    assert len(columns.rare) > 10
    for option in ("return_std", "return_cov"):
        assert_predicts_alike(ours, theirs, pool, option, rtol=1e-7, atol=1e-8)
    believer = ours.believe(pool[30:34])  # not constant there: all of these are in products now
    assert believer._posterior.gram.blocks._columns[0].others is None
    assert rare_of(believer) == rare_of(ours)
    theirs.fit(np.vstack([X, pool[30:34]]), np.concatenate([y, ours.predict(pool[30:34])]))
    assert_predicts_alike(believer, theirs, pool, rtol=1e-7, atol=1e-8)


def test_joint_posterior():
    X, y, pool = make_data()
    ours = GaussianProcessRegressor(sk.RBF(3.0), alpha=0.01, optimizer=None).fit(X, y)
    theirs = Reference(sk.RBF(3.0), alpha=0.01, optimizer=None).fit(X, y)
    _, expected = theirs.predict(pool, return_cov=True)
    posterior = PosteriorCovariance(ours, pool)
    assert_allclose(posterior.columns(np.arange(90)), expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("copy_of", [copy.deepcopy, lambda gpr: pickle.loads(pickle.dumps(gpr))])
def test_copies_predict_the_same(copy_of):
    X, y, pool = make_data(usual=0.3)
    ours = GaussianProcessRegressor(sk.RBF(3.0), alpha=0.01, optimizer=None).fit(X, y)
    twin = copy_of(ours)
    assert rare_of(twin) == rare_of(ours) != [0]
    assert_array_equal(twin.predict(pool, return_std=True), ours.predict(pool, return_std=True))


@pytest.mark.parametrize("cache", [2**30, 60_000, 0])
@pytest.mark.parametrize("by_number", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_loops_that_know_their_pool(cache, by_number, dtype):
    """Samples on the device as numbers of either width, or none: results are the same."""
    X, y, foreign = make_data(n=80, usual=0.25)
    X, foreign = X.astype(dtype), foreign.astype(dtype)
    kernel, order = sk.RBF(3.0), np.random.default_rng(0).permutation(80)
    gpr = GaussianProcessRegressor(
        kernel, alpha=0.01, optimizer=None, warm_start=True, pool_cache_bytes=cache
    )
    gpr._expect(X)
    theirs = Reference(kernel, alpha=0.01, optimizer=None)
    for n in (10, 12, 30, 45):
        labelled, pool = order[:n], np.sort(order[n:])
        gpr.fit(X[labelled], y[labelled])
        assert rare_of(gpr)[0] > 10
        theirs.fit(X[labelled].astype(float), y[labelled])
        assert_stds_of_a_pool(gpr, theirs, X, pool, by_number, atol=1e-6)
        expected = theirs.predict(foreign.astype(float), return_std=True)
        for found, value in zip(gpr.predict(foreign, return_std=True), expected, strict=True):
            assert_allclose(found, value, atol=1e-6)


def test_means_and_prior_variances_of_a_contest_are_in_the_pools_order():
    X, y, pool = make_data()
    gpr = GaussianProcessRegressor(sk.RBF(3.0), alpha=0.01, optimizer=None).fit(X, y)
    with numerics():
        assert any(not isinstance(p, slice) for p in rare_first(gpr._posterior.gram, pool, HEIGHT))
        mean, prior = scan(gpr._posterior, pool)
    theirs = Reference(sk.RBF(3.0), alpha=0.01, optimizer=None).fit(X, y)
    assert_allclose(mean[:, 0], theirs.predict(pool), rtol=1e-7, atol=1e-8)
    assert_array_equal(prior, 1.0)


@given(
    seed=st.integers(0, 1000),
    share=st.floats(0.0, 0.6),
    kind=st.sampled_from([np.float32, np.float64, np.int64]),
)
def test_rare_columns_are_the_same_in_most_samples(seed, share, kind):
    rng = np.random.default_rng(seed)
    X = rng.integers(1, 100, size=(40, 50))
    X[np.ix_(rng.random(40) >= share, rng.permutation(50)[:20])] = 7
    kinds = find_kinds(X.astype(kind))
    assert not (kinds.rare & kinds.constant).any()
    assert_array_equal(kinds.usual[kinds.rare], np.median(X[:, kinds.rare], axis=0))
    common = (X[:, kinds.rare] == kinds.usual[kinds.rare]).all(axis=1)
    assert not kinds.rare.any() or common.mean() * kinds.rare.sum() >= 5 - 1e-9
    if 0.05 < share < 0.3 and (np.ptp(X, axis=0) > 0).all():
        assert kinds.rare.any()


def test_sparse_samples_have_none():
    X, y, pool = make_data()
    assert not find_kinds(sparse.csr_array(X)).rare.any()
    thin = GaussianProcessRegressor(sk.RBF(3.0), alpha=0.01, optimizer=None)
    thin.fit(sparse.csr_array(X), y)
    theirs = Reference(sk.RBF(3.0), alpha=0.01, optimizer=None).fit(X, y)
    for found, expected in zip(
        thin.predict(sparse.csr_array(pool), return_std=True),
        theirs.predict(pool, return_std=True),
        strict=True,
    ):
        assert_allclose(found, expected, rtol=1e-7, atol=1e-8)
