"""Strategies on the joint posterior: greedy picks equal those of refitting after each pick."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from modAL.models import ActiveLearner
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel
from sklearn.linear_model import BayesianRidge
from sklearn.pipeline import make_pipeline

import skmolal
from skmolal.gaussian_process import GaussianProcessRegressorCV
from skmolal.query_strategies import _max_det as max_det_module
from skmolal.query_strategies import (
    get_query_strategy,
    max_det_sampling,
    uncertainty_sampling,
    variance_reduction_sampling,
)
from tests.strategy_checks import (
    CountingTransformer,
    make_data,
    make_fitted,
    make_molecules,
    query,
)

KERNELS = {
    "rbf": RBF(1.5),
    "matern": ConstantKernel(2.5) * Matern(2.0, nu=1.5),
    "white": ConstantKernel(2.5) * RBF(2.0) + WhiteKernel(0.3),
}


def make_process(kernel="rbf", alpha=1e-2, normalize_y=False, library=None):
    regressor = GaussianProcessRegressor if library is None else library.GaussianProcessRegressor
    return regressor(KERNELS[kernel], alpha=alpha, normalize_y=normalize_y, optimizer=None)


def refit(process, X, y):
    """A new label, whatever its value, changes variances by its place alone."""
    return clone(process).fit(X, y)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("alpha", [1e-6, 0.1])
def test_max_det_equals_refitting_after_each_pick(kernel, alpha):
    X, y, X_pool = make_data(n_pool=50)
    process = make_process(kernel, alpha).fit(X, y)
    query_idx, std = max_det_sampling(process, X_pool, 20)
    X, y, left = list(X), list(y), list(range(50))
    for row, metric in zip(query_idx, std, strict=True):
        refitted = refit(process, X, y)
        total = refitted.predict(X_pool[left], return_std=True)[1]
        assert left[int(np.argmax(total))] == row
        white = process.kernel_.k2.noise_level if kernel == "white" else 0.0
        assert metric == pytest.approx(np.sqrt(total.max() ** 2 - white), rel=1e-6)
        left.remove(row)
        X.append(X_pool[row])
        y.append(0.0)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("weighted", [False, True])
def test_variance_reduction_equals_refitting_with_each_candidate(kernel, weighted):
    X, y, X_pool = make_data(n_pool=25)
    process = make_process(kernel).fit(X, y)
    rng = np.random.default_rng(1)
    reference, options, weights = X_pool, {}, np.full(25, 1 / 25)
    if weighted:
        reference, weights = rng.uniform(-3, 3, size=(12, 3)), rng.uniform(0, 2, 12)
        options = {"reference": reference, "weights": weights}
        weights = weights / weights.sum()
    query_idx, fall = variance_reduction_sampling(process, X_pool, 8, **options)
    X, y, left = list(X), list(y), list(range(25))

    def mean_variance(rows):
        refitted = refit(process, [*X, *rows], [*y, *np.zeros(len(rows))])
        return weights @ refitted.predict(reference, return_std=True)[1] ** 2

    for row, metric in zip(query_idx, fall, strict=True):
        before = mean_variance([])
        falls = [before - mean_variance([X_pool[i]]) for i in left]
        assert left[int(np.argmax(falls))] == row
        assert metric == pytest.approx(max(falls), rel=1e-6)
        left.remove(row)
        X.append(X_pool[row])
        y.append(0.0)


@pytest.mark.parametrize("strategy", [max_det_sampling, variance_reduction_sampling])
def test_normalized_targets_change_the_scale_only(strategy):
    X, y, X_pool = make_data()
    y = 5 + 3 * y
    plain, plain_metrics = strategy(make_process().fit(X, y), X_pool, 9)
    normalized, metrics = strategy(make_process(normalize_y=True).fit(X, y), X_pool, 9)
    np.testing.assert_array_equal(plain, normalized)
    power = 1 if strategy is max_det_sampling else 2
    np.testing.assert_allclose(metrics, plain_metrics * y.std() ** power)


@pytest.mark.parametrize("strategy", [max_det_sampling, variance_reduction_sampling])
@pytest.mark.parametrize("kernel", KERNELS)
def test_both_regressors_have_the_same_answer(strategy, kernel):
    X, y, X_pool = make_data()
    expected = strategy(make_process(kernel).fit(X, y), X_pool, 12)
    got = strategy(make_process(kernel, library=skmolal).fit(X, y), X_pool, 12)
    np.testing.assert_array_equal(got[0], expected[0])
    np.testing.assert_allclose(got[1], expected[1], rtol=1e-6)


@pytest.mark.parametrize("strategy", [max_det_sampling, variance_reduction_sampling])
def test_our_regressor_needs_no_whole_covariance_matrix(strategy, monkeypatch):
    X, y, X_pool = make_data(n_pool=70)
    process = make_process(library=skmolal).fit(X, y)
    expected = strategy(process, X_pool, 12)
    monkeypatch.setattr("skmolal.query_strategies._machinery.joint.MAX_COVARIANCE_ROWS", 1)
    monkeypatch.setattr("skmolal.query_strategies._machinery.joint.MAX_SOLVED_BYTES", 1)
    monkeypatch.setattr(max_det_module, "ACTIVE", 9)
    got = strategy(process, X_pool, 12)
    np.testing.assert_array_equal(got[0], expected[0])
    np.testing.assert_allclose(got[1], expected[1])


@pytest.mark.parametrize("strategy", [max_det_sampling, variance_reduction_sampling])
def test_a_process_that_chose_its_noise(strategy):
    X, y, X_pool = make_data()
    chosen = GaussianProcessRegressorCV([1e-2], KERNELS["rbf"], optimizer=None).fit(X, y)
    expected = strategy(make_process(library=skmolal).fit(X, y), X_pool, 9)
    np.testing.assert_allclose(strategy(chosen, X_pool, 9), expected)


def test_one_pick_of_max_det_is_the_most_uncertain():
    _, _, X_pool = make_data()
    first, std = max_det_sampling(make_fitted(), X_pool)
    expected, expected_std = uncertainty_sampling(make_fitted(), X_pool)
    assert first == expected
    np.testing.assert_allclose(std, expected_std)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 9999),
    n_pool=st.integers(1, 60),
    active=st.integers(1, 12),
    n_round=st.integers(1, 5),
    step=st.sampled_from([0.0, 0.5, 2.0]),
)
@example(seed=464, n_pool=21, active=1, n_round=1, step=2.0)  # a near tie when little is left
@example(seed=2458, n_pool=50, active=3, n_round=3, step=0.5)  # with a row of less than the largest
def test_rounds_of_max_det_do_not_change_the_picks(seed, n_pool, active, n_round, step):
    """Lazy rounds among few rows equal one exhaustive pass; far rows tie, by position."""
    rng = np.random.default_rng(seed)
    X_pool = rng.uniform(-9, 9, size=(n_pool, 2))
    if step:
        X_pool = np.round(X_pool / step) * step  # duplicates
    process = make_process().fit(rng.uniform(-1, 1, size=(5, 2)), np.zeros(5))
    n = min(n_pool, 25)
    covariance = process.predict(X_pool, return_cov=True)[1]
    expected, left = [], np.ones(n_pool, dtype=bool)
    for _ in range(n):
        variance = np.where(left, np.diagonal(covariance), -np.inf)
        near = 1e-10  # of the prior variance
        pick = int(np.argmax(variance >= variance.max() - near))
        expected.append(pick)
        left[pick] = False
        column = covariance[:, pick]
        covariance = covariance - np.outer(column, column) / (covariance[pick, pick] + 1e-2)
    limits = max_det_module.ACTIVE, max_det_module.ROUND
    max_det_module.ACTIVE, max_det_module.ROUND = active, n_round
    try:
        got, std = query(get_query_strategy("max_det"), process, X_pool, n)
    finally:
        max_det_module.ACTIVE, max_det_module.ROUND = limits
    assert (np.diff(std) <= 1e-9).all()
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("strategy", [max_det_sampling, variance_reduction_sampling])
def test_known_rows_are_taken_last(strategy):
    """Without noise a labelled row teaches nothing more; the batch is full nevertheless."""
    X, y, X_pool = make_data(n_pool=6)
    process = GaussianProcessRegressor(RBF(1.0), alpha=1e-10, optimizer=None).fit(X, y)
    pool = np.vstack([X[:4], X_pool, X_pool[:2]])
    query_idx, metrics = query(
        get_query_strategy(strategy.__name__.removesuffix("_sampling")), process, pool, 12
    )
    assert set(query_idx[6:]) >= {0, 1, 2, 3}
    np.testing.assert_allclose(metrics[6:], 0, atol=2e-5)


@pytest.mark.parametrize("strategy", [max_det_sampling, variance_reduction_sampling])
def test_molecules_and_references_go_through_the_pipeline(strategy):
    X, y, X_pool = make_data()
    reference = X_pool[:7] + 0.1
    options = {}, {}
    if strategy is variance_reduction_sampling:
        options = {"reference": reference}, {"reference": make_molecules(reference)}
    expected = strategy(make_process().fit(X, y), X_pool, 6, **options[0])
    pipeline = make_pipeline(CountingTransformer(), make_process())
    learner = ActiveLearner(pipeline, X_training=make_molecules(X), y_training=y)
    got = strategy(learner, make_molecules(X_pool), 6, **options[1])
    np.testing.assert_array_equal(got, expected)


def test_reference_rows_are_drawn_from_the_pool():
    _, _, X_pool = make_data()
    drawn = {
        tuple(
            variance_reduction_sampling(make_fitted(), X_pool, 3, n_reference=2, random_state=seed)[
                0
            ]
        )
        for seed in range(8)
    }
    assert len(drawn) > 1
    everything = variance_reduction_sampling(make_fitted(), X_pool, 3, reference=X_pool)
    np.testing.assert_allclose(
        variance_reduction_sampling(make_fitted(), X_pool, 3, n_reference=500), everything
    )


@pytest.mark.parametrize("strategy", [max_det_sampling, variance_reduction_sampling])
def test_estimators_without_a_joint_posterior_are_told_what_to_use(strategy, monkeypatch):
    X, y, X_pool = make_data()
    with pytest.raises(TypeError, match=r"return_cov=True\), which BayesianRidge lacks: use Gauss"):
        strategy(BayesianRidge().fit(X, y), X_pool, 2)
    monkeypatch.setattr("skmolal.query_strategies._machinery.joint.MAX_COVARIANCE_ROWS", 29)
    with pytest.raises(ValueError, match=r"at most 29 rows, got 30: use skmolal.Gaussian"):
        strategy(make_fitted(), X_pool, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_reference": 0}, "n_reference must be an integer of at least 1, got 0"),
        ({"n_reference": 2.0}, "n_reference must be an integer"),
        ({"weights": [1.0]}, "weights belong to the rows of reference"),
        ({"reference": np.zeros((2, 3)), "weights": [1.0]}, r"shape \(2,\), got shape \(1,\)"),
        ({"reference": np.zeros((2, 3)), "weights": [1.0, -1.0]}, "not negative"),
        ({"reference": np.zeros((2, 3)), "weights": [0.0, 0.0]}, "not all 0"),
    ],
)
def test_wrong_references(options, message):
    _, _, X_pool = make_data()
    with pytest.raises(ValueError, match=message):
        variance_reduction_sampling(make_fitted(), X_pool, 2, **options)
    with pytest.raises(ValueError, match=message):
        get_query_strategy("variance_reduction", **options)


def test_array_options_are_cloned_and_compared():
    strategy = get_query_strategy("variance_reduction", reference=np.eye(3), weights=np.ones(3))
    twin = clone(strategy)
    assert twin == strategy
    assert twin.options["reference"] is not strategy.options["reference"]
    assert strategy != get_query_strategy("variance_reduction", reference=np.eye(3))
    assert strategy != get_query_strategy(
        "variance_reduction", reference=np.eye(3), weights=2 * np.ones(3)
    )
