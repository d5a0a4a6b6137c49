"""Of a large pool only rows that may win are solved for; the picks are those of the plain way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel

from skmolal import GaussianProcessRegressor
from skmolal.gaussian_process import TanimotoKernel, _gpr
from skmolal.gaussian_process._contest import find_contenders, scan_pool
from skmolal.gaussian_process._engine import exact
from skmolal.query_strategies import _target as target_module
from skmolal.query_strategies import (
    expected_improvement_sampling,
    probability_of_improvement_sampling,
    straddle_sampling,
    target_sampling,
    uncertainty_sampling,
    upper_confidence_bound_sampling,
)
from skmolal.query_strategies._machinery import contest, one_by_one
from skmolal.query_strategies._machinery.posterior import PoolView

KERNELS = {
    "tanimoto": ConstantKernel(1.3) * TanimotoKernel() + WhiteKernel(0.1),
    "rbf": ConstantKernel(2.0) * RBF(3.0),
    "matern": Matern(3.0, nu=1.5) + WhiteKernel(0.05),
}
STRATEGIES = {
    "bound": lambda *query: upper_confidence_bound_sampling(*query),
    "bound_at_once": lambda *query: upper_confidence_bound_sampling(
        *query, update_variance=False, maximize=False
    ),
    "improvement": lambda *query: expected_improvement_sampling(*query),
    "probable_improvement": lambda *query: probability_of_improvement_sampling(*query),
    "straddle": lambda *query: straddle_sampling(*query, threshold=2.0),
    "half_line": lambda *query: target_sampling(*query, low=2.0),
    "range": lambda *query: target_sampling(*query, low=1.5, high=2.0),
    "uncertainty": lambda *query: uncertainty_sampling(*query),
    "far_range": lambda *query: target_sampling(*query, low=70.0, high=71.0),
}


def make_small(patch):
    """Make tiles, blocks and limits as small as the data."""
    patch.setattr(_gpr, "choose_tile", lambda *_: 16)
    patch.setitem(exact._MAX_BLOCK, "cpu", 16)
    patch.setattr(one_by_one, "SPARE", 3)


@pytest.fixture
def small(monkeypatch):
    make_small(monkeypatch)
    return monkeypatch


def make_problem(kind, seed, n_labelled, n_pool, dtype="float64", is_sparse=False):
    """A fitted process and a pool; features of few values, so that rows are equal and tie."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 3, size=(n_labelled + n_pool, 6)).astype(float)
    y = X.sum(axis=1) / 3 + 0.3 * rng.normal(size=len(X))
    X = sparse.csr_matrix(X) if is_sparse else X
    model = GaussianProcessRegressor(KERNELS[kind], alpha=0.05, optimizer=None, dtype=dtype)
    return model.fit(X[:n_labelled], y[:n_labelled]), X[n_labelled:]


def query_both_ways(monkeypatch, strategy, model, pool, n):
    monkeypatch.setattr(contest, "LEAST_ROWS", 10**9)
    plain = STRATEGIES[strategy](model, pool, n)
    monkeypatch.setattr(contest, "LEAST_ROWS", 2)
    return plain, STRATEGIES[strategy](model, pool, n)


@settings(max_examples=25)
@given(
    st.sampled_from(sorted(KERNELS)),
    st.sampled_from(sorted(STRATEGIES)),
    st.integers(0, 2**31),
    st.integers(3, 90),
    st.integers(20, 150),
    st.integers(1, 40),
    st.booleans(),
)
def test_picks_are_those_of_the_plain_way(kind, strategy, seed, n_labelled, n_pool, n, is_sparse):
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        model, pool = make_problem(kind, seed, n_labelled, n_pool, is_sparse=is_sparse)
        plain, fast = query_both_ways(patch, strategy, model, pool, n)
    np.testing.assert_array_equal(fast[0], plain[0])
    np.testing.assert_allclose(fast[1], plain[1], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_float32_utilities_are_equal_to_five_digits(strategy, small):
    model, pool = make_problem("tanimoto", 0, 90, 200, dtype="float32")
    plain, fast = query_both_ways(small, strategy, model, pool, 20)
    np.testing.assert_allclose(fast[1], plain[1], rtol=1e-5, atol=1e-5)


def test_most_rows_are_not_solved_for(small):
    """Far more rows drop out than are wanted, and none that would have won."""
    model, pool = make_problem("rbf", 1, 90, 400)
    mean, std = model.predict(pool, return_std=True)
    scan = scan_pool(model, pool)
    utility = target_module._InRange(scan.mean, 4.0, np.inf)
    found = find_contenders(model, pool, scan.prior, 5, utility)
    np.testing.assert_allclose(scan.mean, mean, atol=1e-10)
    np.testing.assert_allclose(found.std, std[found.rows], atol=1e-10)
    values = utility.values(np.arange(400), std)
    others = np.setdiff1d(np.arange(400), found.rows)
    assert len(others) > 300
    assert values[others].max() <= found.bound
    assert np.sort(values)[-5] >= found.bound
    assert found.work < 0.5


def test_a_batch_that_outgrows_the_known_rows_is_chosen_from_more(small):
    """Where equal rows fall together, the batch reaches rows that were not known at first."""
    model, pool = make_problem("tanimoto", 2, 30, 300)
    seen = []
    choose = one_by_one._choose_one_by_one
    small.setattr(
        one_by_one, "_choose_one_by_one", lambda *args: seen.append(len(args)) or choose(*args)
    )
    small.setattr(one_by_one, "SPARE", 0)
    plain, fast = query_both_ways(small, "bound", model, pool, 2)
    np.testing.assert_array_equal(fast[0], plain[0])
    for n in (5, 10, 20, 40):
        plain, fast = query_both_ways(small, "bound", model, pool, n)
        np.testing.assert_array_equal(fast[0], plain[0])
    assert len(seen) > 10  # once each for both ways, and again with more rows


def test_warnings_of_a_prediction_come_also_with_a_contest(small):
    small.setattr(contest, "LEAST_ROWS", 2)
    X = np.arange(200.0)[:, None]
    far = GaussianProcessRegressor(RBF(1e-3), optimizer=None).fit(X[:40], X[:40, 0])
    with pytest.warns(UserWarning, match="160 predicted standard deviations are equal"):
        uncertainty_sampling(far, X[40:], 3)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3))
    ill = GaussianProcessRegressor(RBF(3.0), alpha=1e-12, optimizer=None, dtype="float32")
    ill.fit(X[:40], X[:40, 0])
    for choose in (uncertainty_sampling, upper_confidence_bound_sampling):
        with pytest.warns(UserWarning, match="fitted in float64"):
            choose(ill, X[40:], 3)


def test_the_std_alone_drops_no_row_of_a_factor_of_one_tile(monkeypatch):
    monkeypatch.setattr(contest, "LEAST_ROWS", 2)
    model, pool = make_problem("rbf", 0, 20, 50)
    monkeypatch.setattr(
        "skmolal.gaussian_process._contest.find_contenders", lambda *args: pytest.fail("a contest")
    )
    uncertainty_sampling(model, pool, 3)


def test_other_models_and_small_pools_are_looked_at_whole():
    model, pool = make_problem("rbf", 0, 20, 50)
    view = PoolView(model, pool)

    def make(mean):
        raise AssertionError("no contest")

    assert contest.hold_contest(view, 5, make, latent=True) is None

    class Own(GaussianProcessRegressor):
        def predict(self, X, return_std=False, return_cov=False):
            return super().predict(X, return_std, return_cov)

    own = Own(KERNELS["rbf"], optimizer=None).fit(pool[:20], np.arange(20.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contest, "LEAST_ROWS", 2)
        assert contest.hold_contest(PoolView(own, pool), 5, make, latent=True) is None


def test_the_threshold_of_a_share_comes_from_a_part_of_a_large_pool(small):
    model, pool = make_problem("rbf", 3, 40, 500)
    whole, _ = target_module.estimate_threshold(PoolView(model, pool), 0.1, True)
    small.setattr(target_module, "PART", 400)
    small.setattr(contest, "LEAST_ROWS", 2)
    part, posterior = target_module.estimate_threshold(PoolView(model, pool), 0.1, True)
    assert posterior is None
    assert part != whole
    assert abs(part - whole) < 0.05
    picks, probability = target_sampling(model, pool, 10, top=0.1)
    expected, expected_probability = target_sampling(model, pool, 10, low=part)
    np.testing.assert_array_equal(picks, expected)
    np.testing.assert_array_equal(probability, expected_probability)
