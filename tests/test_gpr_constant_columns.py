"""Columns in which all training samples are the same need no products, and change no number."""

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

from skmolal import ActiveLearningRegressor, GaussianProcessRegressor
from skmolal.gaussian_process import ColumnKernel, PosteriorCovariance, TanimotoKernel
from skmolal.gaussian_process._engine import column_kinds
from skmolal.gaussian_process._engine.column_kinds import find_kinds
from tests.loop_checks import assert_stds_of_a_pool

N_FEATURES, N_CONSTANT = 70, 30


@pytest.fixture(autouse=True)
def _few_samples(monkeypatch):
    monkeypatch.setattr(column_kinds, "_MANY", 20)
    monkeypatch.setattr(column_kinds, "_ROWS", 7)


def make_data(constant=0.0, n=60, seed=0):
    """Training samples with constant columns, and a pool in which these are not constant."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, N_FEATURES))
    X[:, rng.permutation(N_FEATURES)[:N_CONSTANT]] = constant
    pool = rng.normal(size=(25, N_FEATURES))
    pool[:10] = X[:10]
    return X, np.sin(X.sum(axis=1)), pool


def constants_of(X):
    return np.flatnonzero(np.ptp(X, axis=0) == 0)


def left_out(gpr):
    columns = gpr._posterior.gram.blocks._columns
    return [0 if block.others is None else len(block.others) for block in columns]


KERNELS = {
    "rbf": 2.0 * sk.RBF(7.0),
    "matern": sk.Matern(9.0, nu=0.5) + sk.WhiteKernel(0.1),
    "rational": sk.RationalQuadratic(5.0, 2.0),
    "columns": ColumnKernel(sk.RBF(5.0), slice(0, 40)) * ColumnKernel(sk.RBF(9.0), slice(20, 70)),
}


@pytest.mark.parametrize("constant", [0.0, 0.1])
@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_predictions_are_those_of_all_columns(kernel, constant):
    X, y, pool = make_data(constant)
    ours = GaussianProcessRegressor(kernel, alpha=0.01, optimizer=None).fit(X, y)
    assert min(left_out(ours)) > 0
    theirs = Reference(kernel, alpha=0.01, optimizer=None).fit(X, y)
    for option in ({"return_std": True}, {"return_cov": True}):
        for found, expected in zip(
            ours.predict(pool, **option), theirs.predict(pool, **option), strict=True
        ):
            assert_allclose(found, expected, atol=1e-9)
    assert_allclose(
        ours.log_marginal_likelihood_value_, theirs.log_marginal_likelihood_value_, rtol=1e-10
    )


@pytest.mark.parametrize("n_varying", [1, 15, 16, 17, 18])
def test_few_columns_that_vary(n_varying):
    X, pool = np.random.default_rng(0).normal(size=(2, 40, N_FEATURES))
    X[:, n_varying:] = 0.5
    y = np.sin(X.sum(axis=1))
    pool[:, :n_varying] = X[:, :n_varying]  # the difference is in the others alone
    ours = GaussianProcessRegressor(sk.RBF(7.0), alpha=0.01, optimizer=None).fit(X, y)
    assert (left_out(ours) == [0]) == (n_varying <= 16)
    theirs = Reference(sk.RBF(7.0), alpha=0.01, optimizer=None).fit(X, y)
    for option in ({"return_std": True}, {"return_cov": True}):
        for found, expected in zip(
            ours.predict(pool, **option), theirs.predict(pool, **option), strict=True
        ):
            assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("constant", [0.0, 0.5])
def test_kernels_that_know_zero_leave_out_columns_of_zeros_alone(constant):
    X, y, pool = make_data(constant)
    kernel = sk.DotProduct(1.0) + sk.RBF(8.0)
    ours = GaussianProcessRegressor(kernel, alpha=0.01, optimizer=None).fit(X, y)
    assert (left_out(ours) == [0]) == (constant != 0)
    theirs = Reference(kernel, alpha=0.01, optimizer=None).fit(X, y)
    assert_allclose(ours.predict(pool), theirs.predict(pool), atol=1e-9)


def test_length_scales_for_each_column_take_all_columns():
    X, y, pool = make_data()
    kernel = sk.RBF(np.linspace(5, 10, N_FEATURES))
    ours = GaussianProcessRegressor(kernel, alpha=0.01, optimizer=None).fit(X, y)
    assert left_out(ours) == [0]
    theirs = Reference(kernel, alpha=0.01, optimizer=None).fit(X, y)
    assert_allclose(ours.predict(pool), theirs.predict(pool), atol=1e-9)


def test_fingerprints():
    rng = np.random.default_rng(1)
    X = rng.integers(0, 5, size=(40, N_FEATURES))
    X[:, :40] = 0
    pool = rng.integers(0, 5, size=(15, N_FEATURES))
    kernel, y = TanimotoKernel(), X.sum(axis=1) / 50
    ours = GaussianProcessRegressor(kernel, alpha=0.01, optimizer=None).fit(X, y)
    theirs = Reference(kernel, alpha=0.01, optimizer=None).fit(X, y)
    assert_allclose(ours.predict(pool), theirs.predict(pool), atol=1e-9)


def test_sparse_samples():
    X, y, pool = make_data()
    kernel = sk.RBF(7.0)
    dense = GaussianProcessRegressor(kernel, alpha=0.01, optimizer=None).fit(X, y)
    thin = GaussianProcessRegressor(kernel, alpha=0.01, optimizer=None)
    thin.fit(sparse.csr_array(X), y)
    assert left_out(thin) == left_out(dense) != [0]
    for found, expected in zip(
        thin.predict(sparse.csr_array(pool), return_std=True),
        dense.predict(pool, return_std=True),
        strict=True,
    ):
        assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("nearness", [0.0, 1e-7, 1e-5])
def test_pairs_that_differ_in_such_columns_alone_are_near_each_other(nearness):
    X, y, _ = make_data(0.3)
    pool = X[:5].copy()
    pool[:, constants_of(X)] += nearness
    kernel = sk.Matern(1e-3, nu=0.5)  # steep: a wrong distance shows
    ours = GaussianProcessRegressor(kernel, alpha=1e-8, optimizer=None).fit(X, y)
    theirs = Reference(kernel, alpha=1e-8, optimizer=None).fit(X, y)
    for option in ({"return_std": True}, {"return_cov": True}):
        for found, expected in zip(
            ours.predict(pool, **option), theirs.predict(pool, **option), strict=True
        ):
            assert_allclose(found, expected, atol=1e-8)


def test_believed_samples_may_differ_there():
    X, y, pool = make_data(0.2)
    ours = GaussianProcessRegressor(sk.RBF(7.0), alpha=0.01, optimizer=None).fit(X, y)
    before = ours.predict(pool, return_std=True)
    believer = ours.believe(pool[10:14])
    assert left_out(believer) == [0]
    assert left_out(ours) != [0]
    labels = np.concatenate([y, ours.predict(pool[10:14])])
    theirs = Reference(sk.RBF(7.0), alpha=0.01, optimizer=None)
    theirs.fit(np.vstack([X, pool[10:14]]), labels)
    for found, expected in zip(
        believer.predict(pool, return_std=True), theirs.predict(pool, return_std=True), strict=True
    ):
        assert_allclose(found, expected, atol=1e-9)
    assert_array_equal(ours.predict(pool, return_std=True), before)


def test_joint_posterior():
    X, y, pool = make_data(0.2)
    ours = GaussianProcessRegressor(sk.RBF(7.0), alpha=0.01, optimizer=None).fit(X, y)
    _, expected = ours.predict(pool, return_cov=True)
    posterior = PosteriorCovariance(ours, pool)
    assert_allclose(posterior.columns(np.arange(25)), expected, atol=1e-10)


def make_loop(X, table=True):
    gpr = GaussianProcessRegressor(sk.RBF(7.0), alpha=0.01, optimizer=None, warm_start=True)
    if table:
        gpr._expect(X)
    return gpr


@given(seed=st.integers(0, 100), by_number=st.booleans(), dtype=st.sampled_from(["f4", "f8"]))
@settings(max_examples=15)
def test_loops_that_know_their_pool(seed, by_number, dtype):
    X, y, foreign = make_data(0.25, n=80, seed=seed)
    X, foreign = X.astype(dtype), foreign.astype(dtype)
    gpr, order = make_loop(X), np.random.default_rng(seed).permutation(80)
    kernel = gpr.kernel
    for n in (20, 22, 30, 45):
        labelled, pool = order[:n], np.sort(order[n:])
        gpr.fit(X[labelled], y[labelled])
        assert left_out(gpr) == [N_CONSTANT - N_CONSTANT % 2]
        theirs = Reference(kernel, alpha=0.01, optimizer=None)
        theirs.fit(X[labelled].astype(float), y[labelled])
        assert_stds_of_a_pool(gpr, theirs, X, pool, by_number, atol=1e-7)
    # Rows of another pool may differ in any column, and so may further labels.
    for _ in range(2):
        expected = theirs.predict(foreign.astype(float), return_std=True)
        for found, value in zip(gpr.predict(foreign, return_std=True), expected, strict=True):
            assert_allclose(found, value, atol=1e-7)
        X_all = np.vstack([X[labelled], foreign[10:15]])
        y_all = np.concatenate([y[labelled], np.arange(5.0)])
        gpr.fit(X_all, y_all)
        theirs.fit(X_all.astype(float), y_all)
        assert left_out(gpr) == [0]


def test_a_loop_has_the_picks_of_one_that_knows_nothing(monkeypatch):
    X, y, _ = make_data(0.25, n=120, seed=3)
    picks = []
    for many in (20, 10**9):
        monkeypatch.setattr(column_kinds, "_MANY", many)
        loop = ActiveLearningRegressor(
            make_loop(X, table=False),
            "uncertainty",
            n_initial=5,
            batch_sizes=[3] * 12,
            random_state=0,
        ).fit(X, y)
        assert (left_out(loop.estimator_) == [0]) == (many > 120)
        picks.append(loop.query_idx_)
    assert_array_equal(*picks)


@pytest.mark.parametrize("copy_of", [copy.deepcopy, lambda gpr: pickle.loads(pickle.dumps(gpr))])
def test_copies_predict_the_same(copy_of):
    X, y, pool = make_data(0.2)
    ours = GaussianProcessRegressor(sk.RBF(7.0), alpha=0.01, optimizer=None).fit(X, y)
    twin = copy_of(ours)
    assert left_out(twin) == left_out(ours) != [0]
    assert_array_equal(twin.predict(pool, return_std=True), ours.predict(pool, return_std=True))


def test_a_fit_to_other_samples_than_expected():
    X, _, pool = make_data(0.2)
    gpr = make_loop(X)
    for other in (pool, pool[:, :50]):
        gpr.fit(other, np.arange(25.0))
        theirs = Reference(sk.RBF(7.0), alpha=0.01, optimizer=None).fit(other, np.arange(25.0))
        assert left_out(gpr) == [0]
        assert_allclose(gpr.predict(other), theirs.predict(other), atol=1e-9)


@given(
    seed=st.integers(0, 1000),
    n_constant=st.integers(0, 12),
    thin=st.booleans(),
    kind=st.sampled_from([np.float32, np.float64, np.int64, bool]),
)
def test_constant_columns_are_found(seed, n_constant, thin, kind):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 3, size=(30, 12)).astype(kind)
    X[:, :n_constant] = 0 if thin else rng.integers(0, 3, n_constant)
    expected = np.ptp(X.astype(int), axis=0) == 0
    if thin:
        expected &= ~X.any(axis=0)
    assert_array_equal(find_kinds(sparse.csr_array(X) if thin else X).constant, expected)


def test_few_samples_and_other_things_have_none():
    assert find_kinds(np.zeros((19, 3))) is None
    assert find_kinds([["C"]] * 30) is None
    assert find_kinds(sparse.coo_array(np.zeros((30, 3)))) is None
    assert find_kinds(sparse.csc_array(np.zeros((30, 3)))) is None
    assert find_kinds(np.full((30, 1), "C", object)) is None


def test_nothing_but_constant_columns():
    X = np.ones((30, 40))
    gpr = GaussianProcessRegressor(sk.RBF(1.0), alpha=0.1, optimizer=None).fit(X, np.arange(30.0))
    theirs = Reference(sk.RBF(1.0), alpha=0.1, optimizer=None).fit(X, np.arange(30.0))
    pool = X[:3] + np.array([[0.0], [0.01], [1.0]])
    for found, expected in zip(
        gpr.predict(pool, return_std=True), theirs.predict(pool, return_std=True), strict=True
    ):
        assert_allclose(found, expected, atol=1e-10)


def test_a_large_pool_and_what_comes_later_are_kept_alike(monkeypatch):
    """Samples that are too many in float64 stay float32, and so do a few more."""
    monkeypatch.setattr("skmolal.gaussian_process._gpr.choose_tile", lambda *_: 32)
    X, y, _ = make_data(n=120)
    X = X.astype(np.float32)
    gpr = GaussianProcessRegressor(
        sk.RBF(7.0), alpha=0.01, optimizer=None, warm_start=True, pool_cache_bytes=150_000
    ).fit(X[:20], y[:20])
    for stop in (100, 110):
        gpr.predict(X[20:stop], return_std=True)
    kept = [block.kept[0].dtype for block in gpr._posterior.cache._blocks]
    assert kept == [np.float32, np.float32]
    gpr.fit(X[:22], y[:22])
    for n in (3, 4):
        some, _ = gpr._most_uncertain(X[22:110], n)
    theirs = Reference(sk.RBF(7.0), alpha=0.01, optimizer=None).fit(X[:22].astype(float), y[:22])
    std = theirs.predict(X[22:110].astype(float), return_std=True)[1]
    assert set(np.argsort(-std)[:4]) <= set(some)
    assert all(block.grouped for block in gpr._posterior.cache._blocks)
