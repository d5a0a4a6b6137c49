"""Columns that are zero in most rows of a pool are left out of products, and change no number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.gaussian_process import GaussianProcessRegressor as Reference
from sklearn.gaussian_process import kernels as sk

from skmolal import GaussianProcessRegressor
from skmolal.gaussian_process import ColumnKernel, TanimotoKernel
from skmolal.gaussian_process._engine import blocks, exact, rare_columns
from skmolal.gaussian_process._engine.contest import scan
from skmolal.gaussian_process._engine.precision import numerics

N_FEATURES, N_RARE, HEIGHT = 60, 24, 16


@pytest.fixture(autouse=True)
def plans(monkeypatch):
    """What is planned, as soon as there is anything to save; blocks are small."""
    found = []

    def plan_pool(*args):
        found.append(rare_columns.plan_pool(*args))
        return found[-1]

    monkeypatch.setattr(rare_columns, "_LEAST_SAVED", 1.0)
    monkeypatch.setattr(exact, "_MAX_BLOCK", {"cpu": HEIGHT})
    monkeypatch.setattr(exact, "plan_pool", plan_pool)
    return found


def make_data(n=50, n_pool=90, share=0.1, seed=0):
    """Samples of which few have what the rare columns are about; some of the pool are known."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(0.5, 1.5, size=(n + n_pool, N_FEATURES))
    rare = rng.permutation(N_FEATURES)[:N_RARE]
    X[np.ix_(rng.random(len(X)) >= share, rare)] = 0.0
    pool = X[n:]
    pool[16] = X[0] = np.where(np.isin(np.arange(N_FEATURES), rare), 0.0, X[0])
    X[0, rare] = 2e-5  # close to the former, and apart in rare columns alone
    pool[5:15] = X[:10]
    pool[20:25] = X[:5] * (1 + 1e-9)  # nearly known: these distances are summed again
    return X[:n], np.sin(X[:n].sum(axis=1)), pool


KERNELS = {
    "rbf": 2.0 * sk.RBF(3.0),
    "matern": sk.Matern(4.0, nu=0.5) + sk.WhiteKernel(0.1),
    "rational": sk.RationalQuadratic(3.0, 2.0),
    "periodic": sk.ExpSineSquared(3.0, 9.0),
}


@pytest.mark.parametrize("alpha", [1e-8, 0.01])
@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_predictions_are_scikit_learns(kernel, alpha, plans):
    X, y, pool = make_data()
    ours = GaussianProcessRegressor(kernel, alpha=alpha, optimizer=None).fit(X, y)
    theirs = Reference(kernel, alpha=alpha, optimizer=None).fit(X, y)
    for found, expected in zip(
        ours.predict(pool, return_std=True), theirs.predict(pool, return_std=True), strict=True
    ):
        assert_allclose(found, expected, rtol=1e-7, atol=2e-8)
    (plan,) = plans
    assert 0 < plan.n_wide < len(pool)
    assert len(plan.narrow.columns_of_distances()) < N_FEATURES
    assert_allclose(ours.predict(pool), theirs.predict(pool), rtol=1e-7, atol=1e-8)


@settings(max_examples=60)
@given(
    share=st.floats(0.0, 0.9),
    n_pool=st.integers(26, 120),
    seed=st.integers(0, 99),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_a_plan_has_every_row_once_and_drops_only_zeros(share, n_pool, seed, dtype):
    X, y, pool = make_data(n_pool=n_pool, share=share, seed=seed)
    X, pool = X.astype(dtype), pool.astype(dtype)
    gpr = GaussianProcessRegressor(sk.RBF(3.0), alpha=0.01, optimizer=None).fit(X, y)
    with numerics():
        plan = rare_columns.plan_pool(gpr._posterior.gram, pool, HEIGHT)
    if plan is None:
        return  # rows that need all columns fill too many blocks
    assert_array_equal(np.sort(plan.order), np.arange(n_pool))
    kept = plan.narrow.columns_of_distances()
    dropped = np.setdiff1d(np.arange(N_FEATURES), kept)
    assert len(dropped) > 0
    assert not pool[np.ix_(plan.order[plan.n_wide :], dropped)].any()


def test_equal_rows_have_equal_predictions(plans):
    X, y, pool = make_data(n_pool=180)
    pool[100:130] = pool[40:70]
    gpr = GaussianProcessRegressor(sk.RBF(30.0), alpha=1e-10, optimizer=None).fit(X, y)
    mean, std = gpr.predict(pool, return_std=True)
    assert plans[0].n_wide % HEIGHT != 0
    assert_array_equal(mean[100:130], mean[40:70])
    assert_array_equal(std[100:130], std[40:70])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_factor_of_either_type_and_several_targets(dtype, plans):
    X, y, pool = make_data()
    targets = np.stack([y, np.cos(3 * y)], axis=1)
    kernel = sk.RBF(3.0)
    ours = GaussianProcessRegressor(kernel, alpha=0.01, optimizer=None, dtype=dtype)
    ours.fit(X, targets)
    theirs = Reference(kernel, alpha=0.01, optimizer=None).fit(X, targets)
    tolerance = 1e-8 if dtype == "float64" else 1e-4
    for found, expected in zip(
        ours.predict(pool, return_std=True), theirs.predict(pool, return_std=True), strict=True
    ):
        assert_allclose(found, expected, atol=tolerance)
    assert plans[0] is not None


def test_columns_that_no_training_sample_has_are_left_out_besides(plans, monkeypatch):
    monkeypatch.setattr(blocks, "_MANY", 20)
    X, y, pool = make_data()
    X[:, :20] = 0.25
    ours = GaussianProcessRegressor(sk.RBF(3.0), alpha=0.01, optimizer=None).fit(X, y)
    theirs = Reference(sk.RBF(3.0), alpha=0.01, optimizer=None).fit(X, y)
    assert ours._posterior.gram.blocks._others[0] is not None
    for found, expected in zip(
        ours.predict(pool, return_std=True), theirs.predict(pool, return_std=True), strict=True
    ):
        assert_allclose(found, expected, rtol=1e-7, atol=1e-8)
    assert plans[0] is not None


def test_means_and_prior_variances_of_a_contest_are_in_the_pools_order(plans):
    X, y, pool = make_data()
    gpr = GaussianProcessRegressor(sk.RBF(3.0), alpha=0.01, optimizer=None).fit(X, y)
    with numerics():
        mean, prior = scan(gpr._posterior, pool)
    assert plans[0] is not None
    theirs = Reference(sk.RBF(3.0), alpha=0.01, optimizer=None).fit(X, y)
    assert_allclose(mean[:, 0], theirs.predict(pool), rtol=1e-7, atol=1e-8)
    assert_array_equal(prior, 1.0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.EfficiencyWarning")
@pytest.mark.parametrize(
    "kernel",
    [
        sk.DotProduct(1.0),
        TanimotoKernel(),
        sk.RBF(np.full(N_FEATURES, 3.0)),
        ColumnKernel(sk.RBF(3.0), slice(0, 40)) * ColumnKernel(sk.RBF(3.0), slice(20, 60)),
        sk.PairwiseKernel(metric="laplacian"),
    ],
    ids=lambda kernel: str(kernel)[:20],
)
def test_other_kernels_see_all_columns(kernel, plans):
    X, y, pool = make_data()
    GaussianProcessRegressor(kernel, alpha=0.1, optimizer=None).fit(X, y).predict(pool)
    assert plans == [None]


def test_columns_of_a_kernel_are_those_that_are_looked_at(plans):
    X, y, pool = make_data()
    kernel = ColumnKernel(sk.RBF(3.0), slice(10, 60))
    ours = GaussianProcessRegressor(kernel, alpha=0.01, optimizer=None).fit(X, y)
    theirs = Reference(sk.RBF(3.0), alpha=0.01, optimizer=None).fit(X[:, 10:], y)
    assert_allclose(ours.predict(pool), theirs.predict(pool[:, 10:]), rtol=1e-7, atol=1e-8)
    assert plans[0].narrow.columns_of_distances().min() >= 10


def test_few_products_are_computed_as_they_come(plans, monkeypatch):
    X, y, pool = make_data()
    gpr = GaussianProcessRegressor(sk.RBF(3.0), alpha=0.01, optimizer=None).fit(X, y)
    gpr.predict(sparse.csr_array(pool))
    gpr.predict(np.abs(pool) + 0.1)  # no zeros
    with config_context(working_memory=0.01):
        gpr.predict(pool)  # no room for other training features
    monkeypatch.setattr(rare_columns, "_LEAST_SAVED", 1e9)
    gpr.predict(pool)
    assert plans == [None] * 4
