"""The search strategies: batches equal those of refitting with each pick's predicted mean."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modAL.models import ActiveLearner
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel
from sklearn.linear_model import BayesianRidge
from sklearn.pipeline import make_pipeline

import skmolal
from skmolal import acquisition
from skmolal.query_strategies import (
    active_search_sampling,
    expected_improvement_sampling,
    get_query_strategy,
    probability_of_improvement_sampling,
    straddle_sampling,
    target_sampling,
    target_variance_reduction_sampling,
    thompson_sampling,
    upper_confidence_bound_sampling,
    variance_reduction_sampling,
)
from skmolal.query_strategies._machinery import one_by_one
from tests.strategy_checks import (
    CountingTransformer,
    FixedPosterior,
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
THRESHOLD = 0.3
NAMES = ["expected_improvement", "probability_of_improvement", "upper_confidence_bound", "straddle"]
JOINT = {
    **{name: {} for name in NAMES},
    "straddle": {"threshold": THRESHOLD},
    "target_variance_reduction": {"low": THRESHOLD},
    "thompson": {},
    "active_search": {"low": THRESHOLD},
}


def make_process(kernel="rbf", alpha=1e-2, normalize_y=False, library=None):
    regressor = GaussianProcessRegressor if library is None else library.GaussianProcessRegressor
    return regressor(KERNELS[kernel], alpha=alpha, normalize_y=normalize_y, optimizer=None)


def utility_by_formula(name, mean, std, y, maximize):
    best = max(y) if maximize else min(y)
    if name == "straddle":
        return acquisition.straddle(mean, std, THRESHOLD)
    if name == "upper_confidence_bound":
        return acquisition.upper_confidence_bound(mean, std, maximize=maximize)
    return getattr(acquisition, name)(mean, std, best, maximize=maximize)


def call(name, *args, maximize=True, **options):
    options = dict(JOINT[name], **options)
    if name != "straddle":
        options["maximize"] = maximize
    return get_query_strategy(name, **options)(*args)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("maximize", [True, False])
def test_picks_equal_refitting_with_the_predicted_mean(name, kernel, maximize):
    X, y, X_pool = make_data(n_pool=50)
    process = make_process(kernel).fit(X, y)
    query_idx, metrics = call(name, process, X_pool, 15, maximize=maximize)
    white = KERNELS["white"].k2.noise_level if kernel == "white" else 0.0
    X, y, left = list(X), list(y), list(range(50))
    for row, metric in zip(query_idx, metrics, strict=True):
        refitted = clone(process).fit(X, y)
        mean, std = refitted.predict(X_pool[left], return_std=True)
        std = np.sqrt(std**2 - white)
        utility = utility_by_formula(name, mean, std, y, maximize)
        assert left[int(np.argmax(utility))] == row
        assert metric == pytest.approx(utility.max(), rel=1e-6)
        X.append(X_pool[row])
        y.append(mean[left.index(row)])
        left.remove(row)


@pytest.mark.parametrize("name", NAMES)
def test_without_updates_the_batch_is_the_top_of_the_formula(name):
    X, y, X_pool = make_data(n_pool=50)
    learner = make_process().fit(X, y)
    query_idx, metrics = call(name, learner, X_pool, 15, update_variance=False)
    utility = utility_by_formula(name, *learner.predict(X_pool, return_std=True), y, True)
    np.testing.assert_array_equal(query_idx, np.argsort(-utility, kind="stable")[:15])
    np.testing.assert_allclose(metrics, utility[query_idx])
    first, _ = call(name, learner, X_pool)
    assert first == query_idx[0]


@settings(max_examples=60)
@given(
    name=st.sampled_from(NAMES),
    seed=st.integers(0, 9999),
    n_pool=st.integers(1, 50),
    active=st.integers(1, 12),
    n_round=st.integers(1, 5),
    step=st.sampled_from([0.0, 0.5, 2.0]),
)
def test_rounds_among_few_rows_do_not_change_the_picks(name, seed, n_pool, active, n_round, step):
    """Lazy rounds equal one exhaustive pass, also with duplicates and means above the best."""
    rng = np.random.default_rng(seed)
    X_pool = rng.uniform(-4, 4, size=(n_pool, 2))
    if step:
        X_pool = np.round(X_pool / step) * step
    X = rng.uniform(-2, 2, size=(6, 2))
    process = make_process(alpha=0.2).fit(X, X.sum(axis=1))
    best, n = float(rng.normal()), min(n_pool, 20)
    options = {} if name in ("straddle", "upper_confidence_bound") else {"best": best}
    mean, covariance = process.predict(X_pool, return_cov=True)
    expected, left = [], np.ones(n_pool, dtype=bool)
    for _ in range(n):
        std = np.sqrt(np.maximum(np.diagonal(covariance), 0))
        formula = f"log_{name}" if options else name
        utility = utility_by_formula(formula, mean, std, [best], True)
        utility[~left] = -np.inf
        scale = 1.0 if options else max(np.abs(mean).max(), THRESHOLD * (name == "straddle"))
        near = 1e-10 * max(scale, abs(utility.max()))
        pick = int(np.argmax(utility >= utility.max() - near))
        expected.append(pick)
        left[pick] = False
        best = max(best, mean[pick])
        column = covariance[:, pick]
        covariance = covariance - np.outer(column, column) / (covariance[pick, pick] + 0.2)
    limits = one_by_one.ACTIVE, one_by_one.ROUND
    one_by_one.ACTIVE, one_by_one.ROUND = active, n_round
    try:
        got, _ = query(get_query_strategy(name, **JOINT[name], **options), process, X_pool, n)
    finally:
        one_by_one.ACTIVE, one_by_one.ROUND = limits
    np.testing.assert_array_equal(got, expected)


class ThreeRows(FixedPosterior):
    """Predicts a mean and a covariance as they are, for labels without noise."""

    def __init__(self, mean, covariance):
        self.mean, self.covariance = np.array(mean), np.array(covariance)

    def predict(self, X, return_std=False, return_cov=False):
        return (self.mean, self.covariance) if return_cov else self.mean


def test_a_probability_of_improvement_may_rise_outside_the_active_rows(monkeypatch):
    """The third row is nearly known once the first is, and then surely an improvement."""
    monkeypatch.setattr(one_by_one, "ACTIVE", 2)
    covariance = np.diag([0.1, 0.13, 10.0]) ** 2
    covariance[0, 2] = covariance[2, 0] = 0.998 * 0.1 * 10.0
    learner = ThreeRows([0.6, 0.65, 2.0], covariance)
    query_idx, _ = probability_of_improvement_sampling(learner, np.zeros((3, 1)), 3, best=0.0)
    np.testing.assert_array_equal(query_idx, [0, 2, 1])


def test_ties_with_rows_outside_the_active_ones_go_by_position(monkeypatch):
    """Once the second row is known, the third, its twin, is as well known as the first."""
    monkeypatch.setattr(one_by_one, "ACTIVE", 2)
    learner = ThreeRows([0.0, 0.0, 0.0], [[0, 0, 0], [0, 1, 1], [0, 1, 1]])
    query_idx, _ = upper_confidence_bound_sampling(learner, np.zeros((3, 1)), 3)
    np.testing.assert_array_equal(query_idx, [1, 0, 2])


@pytest.mark.parametrize("name", JOINT)
@pytest.mark.parametrize("kernel", KERNELS)
def test_both_regressors_have_the_same_answer(name, kernel, monkeypatch):
    X, y, X_pool = make_data(n_pool=40)
    strategy = get_query_strategy(name, **JOINT[name])
    expected = query(strategy, make_process(kernel).fit(X, y), X_pool, 12)
    ours = make_process(kernel, library=skmolal).fit(X, y)
    got = query(strategy, ours, X_pool, 12)
    np.testing.assert_array_equal(got[0], expected[0])
    np.testing.assert_allclose(got[1], expected[1], rtol=1e-5)
    # No whole covariance matrix of the pool, and partial solves that are not kept.
    monkeypatch.setattr("skmolal.query_strategies._machinery.joint.MAX_COVARIANCE_ROWS", 1)
    monkeypatch.setattr("skmolal.query_strategies._machinery.joint.MAX_SOLVED_BYTES", 1)
    monkeypatch.setattr(one_by_one, "ACTIVE", 9)
    got = query(strategy, ours, X_pool, 12)
    np.testing.assert_array_equal(got[0], expected[0])
    np.testing.assert_allclose(got[1], expected[1], rtol=1e-5)


@pytest.mark.parametrize("name", sorted(set(JOINT) - {"straddle", "active_search"}))
def test_small_values_are_large_ones_of_the_opposite(name):
    X, y, X_pool = make_data(n_pool=40)
    if name == "target_variance_reduction":
        options = {"low": THRESHOLD}, {"high": -THRESHOLD}
    else:
        options = {"maximize": True}, {"maximize": False}
    strategies = [get_query_strategy(name, **o) for o in options]
    large = query(strategies[0], make_process().fit(X, y), X_pool, 12)
    small = query(strategies[1], make_process().fit(X, -y), X_pool, 12)
    np.testing.assert_array_equal(large[0], small[0])
    np.testing.assert_allclose(large[1], small[1], rtol=1e-8)


@pytest.mark.parametrize("name", sorted(set(JOINT) - {"straddle"}))
def test_units_of_y_do_not_matter(name):
    """Neither does ``normalize_y``, which changes the scale and then counts back."""
    X, y, X_pool = make_data(n_pool=40)
    options = [{}, {}]
    if "low" in JOINT[name]:
        options = [{"low": THRESHOLD}, {"low": 5 + 3 * (THRESHOLD - y.mean()) / y.std()}]
    plain = make_process().fit(X, (y - y.mean()) / y.std())
    if "low" in JOINT[name]:
        options[0] = {"low": (THRESHOLD - y.mean()) / y.std()}
    scaled = make_process(normalize_y=True).fit(X, 5 + 3 * (y - y.mean()) / y.std())
    expected, metrics = query(get_query_strategy(name, **options[0]), plain, X_pool, 12)
    got, scaled_metrics = query(get_query_strategy(name, **options[1]), scaled, X_pool, 12)
    np.testing.assert_array_equal(got, expected)
    by_unit = {
        "expected_improvement": lambda u: 3 * u,
        "target_variance_reduction": lambda u: 9 * u,
        "thompson": lambda u: 5 + 3 * u,
        "upper_confidence_bound": lambda u: 5 + 3 * u,
    }
    np.testing.assert_allclose(
        scaled_metrics, by_unit.get(name, lambda u: u)(metrics), rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("name", JOINT)
def test_molecules_go_through_the_pipeline(name):
    X, y, X_pool = make_data()
    strategy = get_query_strategy(name, **JOINT[name])
    expected = query(strategy, make_process().fit(X, y), X_pool, 6)
    pipeline = make_pipeline(CountingTransformer(), make_process())
    learner = ActiveLearner(pipeline, X_training=make_molecules(X), y_training=y)
    np.testing.assert_array_equal(query(strategy, learner, make_molecules(X_pool), 6), expected)


# -- improvement ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "strategy", [expected_improvement_sampling, probability_of_improvement_sampling]
)
@pytest.mark.parametrize("update_variance", [True, False])
def test_hopeless_rows_still_have_an_order(strategy, update_variance):
    mean = -np.array([120.0, 100.0, 140.0, 110.0])
    pool = np.column_stack([mean, np.ones(4)])
    options = {"best": 0.0, "update_variance": update_variance}
    query_idx, metrics = strategy(FixedPosterior(), pool, 4, **options)
    np.testing.assert_array_equal(query_idx, [1, 3, 0, 2])
    np.testing.assert_array_equal(metrics, 0.0)
    pool[:3, 1] = 0.0  # certainly worse: after what has a chance, by the mean
    query_idx, _ = strategy(FixedPosterior(), pool, 4, **options)
    np.testing.assert_array_equal(query_idx, [3, 1, 0, 2])


def test_best_is_the_best_label_and_xi_is_added():
    X, y, X_pool = make_data()
    learner = ActiveLearner(make_process(normalize_y=True), X_training=X, y_training=10 * y)
    for strategy in (expected_improvement_sampling, probability_of_improvement_sampling):
        expected = strategy(learner, X_pool, 5, best=10 * y.max())
        np.testing.assert_allclose(strategy(learner, X_pool, 5), expected)
        shifted = strategy(learner, X_pool, 1, best=10 * y.max() + 2.0)
        np.testing.assert_allclose(strategy(learner, X_pool, 1, xi=2.0), shifted)
        assert shifted[1] < expected[1][0]
        small = strategy(learner, X_pool, 5, best=10 * y.min(), maximize=False)
        np.testing.assert_allclose(strategy(learner, X_pool, 5, maximize=False), small)
    with pytest.raises(ValueError, match=r"best label is not known.*BayesianRidge lacks: give"):
        expected_improvement_sampling(BayesianRidge().fit(X, y), X_pool, update_variance=False)


# -- straddle -------------------------------------------------------------------------------


def test_the_random_width_is_drawn_once_per_query():
    X, y, X_pool = make_data()
    learner = make_process().fit(X, y)
    widths = []
    for seed in range(300):
        query_idx, metrics = straddle_sampling(
            learner, X_pool, 4, threshold=0.3, kappa="random", random_state=seed
        )
        mean, std = learner.predict(X_pool[query_idx[:1]], return_std=True)
        kappa = float((metrics[0] + abs(mean[0] - 0.3)) / std[0])
        same = straddle_sampling(learner, X_pool, 4, threshold=0.3, kappa=kappa)
        np.testing.assert_allclose(same, (query_idx, metrics), rtol=1e-9, atol=1e-12)
        widths.append(kappa)
    squared = np.square(widths)  # chi-squared with two degrees of freedom: mean 2, variance 4
    assert np.mean(squared) == pytest.approx(2.0, abs=5 * 2 / np.sqrt(300))
    assert np.mean(squared < 2 * np.log(2)) == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(300))


# -- targeted variance reduction ------------------------------------------------------------


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("low", "high"), [(0.3, np.inf), (-0.2, 0.4), (0.3, 0.3)])
def test_target_variance_reduction_equals_refitting_with_each_candidate(kernel, low, high):
    X, y, X_pool = make_data(n_pool=20)
    process = make_process(kernel).fit(X, y)
    white = KERNELS["white"].k2.noise_level if kernel == "white" else 0.0
    mean, std = process.predict(X_pool, return_std=True)
    std = np.sqrt(std**2 - white)
    weights = np.exp(acquisition.log_target_weight(mean, std, low, high))
    weights /= weights.sum()
    query_idx, fall = target_variance_reduction_sampling(process, X_pool, 6, low=low, high=high)
    X, y, left = list(X), list(y), list(range(20))

    def variance(rows):
        refitted = clone(process).fit([*X, *rows], [*y, *np.zeros(len(rows))])
        return weights @ refitted.predict(X_pool, return_std=True)[1] ** 2

    for row, metric in zip(query_idx, fall, strict=True):
        before = variance([])
        falls = [before - variance([X_pool[i]]) for i in left]
        assert left[int(np.argmax(falls))] == row
        assert metric == pytest.approx(max(falls), rel=1e-6)
        left.remove(row)
        X.append(X_pool[row])
        y.append(0.0)


def test_weights_of_given_reference_rows():
    X, y, X_pool = make_data()
    process = make_process().fit(X, y)
    reference = X_pool[:9] + 0.2
    mean, std = process.predict(reference, return_std=True)
    weights = acquisition.probability_in_range(mean, std, low=0.3)
    got = target_variance_reduction_sampling(process, X_pool, 6, low=0.3, reference=reference)
    expected = variance_reduction_sampling(process, X_pool, 6, reference=reference, weights=weights)
    np.testing.assert_allclose(got, expected)


def test_reference_rows_are_drawn_by_weight():
    """One row in the range, far from the others: it is drawn nearly always."""
    mean = np.full(40, -5.0)
    mean[17] = 0.0
    pool = np.column_stack([mean, np.ones(40)])
    for seed in range(5):
        query_idx, fall = target_variance_reduction_sampling(
            FixedPosterior(), pool, 1, low=0.0, n_reference=3, random_state=seed
        )
        assert query_idx == 17
        assert fall == pytest.approx(1.0)


def test_rows_that_cannot_lie_in_the_range_count_alike():
    pool = np.column_stack([np.full(4, -5.0), [0.0, 0.0, 0.0, 0.0]])
    query_idx, _ = query(
        get_query_strategy("target_variance_reduction", low=0.0), FixedPosterior(), pool, 4
    )
    np.testing.assert_array_equal(query_idx, [0, 1, 2, 3])
    far = np.column_stack([[-1e4, -2e4, -1e4 - 1], np.ones(3)])  # probabilities of 0
    query_idx, _ = target_variance_reduction_sampling(FixedPosterior(), far, 3, low=0.0)
    np.testing.assert_array_equal(query_idx, [0, 1, 2])
    assert target_variance_reduction_sampling(FixedPosterior(), far[::-1], 1, low=0.0)[0] == 2


# -- Thompson -------------------------------------------------------------------------------


def make_two_alike():
    """Two rows that are one, and one apart, of the same mean and variance."""
    learner = GaussianProcessRegressor(RBF(1.0), alpha=1e-6, optimizer=None).fit([[0.0]], [0.0])
    return learner, np.array([[50.0], [50.0], [90.0]])


def test_thompson_draws_functions_jointly():
    """Jointly the lone row is best every second time, row by row every third."""
    learner, pool = make_two_alike()
    n = 800
    lone = np.mean([thompson_sampling(learner, pool, 1, random_state=s)[0] == 2 for s in range(n)])
    assert lone == pytest.approx(1 / 2, abs=5 * 0.5 / np.sqrt(n))


def test_thompson_chooses_with_the_probability_of_being_best():
    X, y, _ = make_data()
    learner = make_process(alpha=0.1).fit(X, y)
    X_pool = np.random.default_rng(3).uniform(-2.5, 2.5, size=(7, 3))
    n = 1500
    first = [thompson_sampling(learner, X_pool, 1, random_state=seed)[0][0] for seed in range(n)]
    share = np.bincount(first, minlength=7) / n
    mean, covariance = learner.predict(X_pool, return_cov=True)
    functions = np.random.default_rng(0).multivariate_normal(mean, covariance, size=40_000)
    expected = np.bincount(functions.argmax(axis=1), minlength=7) / 40_000
    assert (np.abs(share - expected) <= 5 * np.sqrt(expected * (1 - expected) / n) + 2e-3).all()


def test_each_pick_of_thompson_has_a_function_of_its_own():
    """The picks of a batch are those of single queries of one stream, but for repetitions."""
    X, y, X_pool = make_data()
    learner = make_process().fit(X, y)
    stream = np.random.RandomState(7)
    query_idx, values = thompson_sampling(learner, X_pool, 8, random_state=7)
    taken = []
    for row, value in zip(query_idx, values, strict=True):
        single, single_value = thompson_sampling(learner, X_pool, 1, random_state=stream)
        assert single[0] in (row, *taken)
        assert single_value[0] >= value - 1e-12
        taken.append(row)


def test_few_candidates_of_thompson_are_those_that_may_be_best():
    X, y, X_pool = make_data(n_pool=200)
    learner = make_process().fit(X, y)
    mean, covariance = learner.predict(X_pool, return_cov=True)
    first = int(np.argmax(mean))
    variance = np.diag(covariance) + covariance[first, first] - 2 * covariance[first]
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (mean - mean[first]) / np.sqrt(np.maximum(variance, 0))
    z[first] = np.inf
    likely = set(np.argsort(-z)[:12])
    for seed in range(20):
        query_idx, _ = thompson_sampling(learner, X_pool, 5, n_candidates=12, random_state=seed)
        assert set(query_idx) <= likely
    functions = np.random.default_rng(0).multivariate_normal(mean, covariance, size=20_000)
    best = functions.argmax(axis=1)
    share = np.bincount(best, minlength=200) / 20_000
    chance = (functions > functions[:, [first]]).mean(axis=0)
    chance[first] = 1.0
    assert (share <= chance).all()  # what the docstring says of left-out rows
    full, _ = query(get_query_strategy("thompson", n_candidates=12), learner, X_pool, 60)
    assert likely <= set(full)


# -- active search --------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("low", "high"), [(0.3, np.inf), (-0.2, 0.4)])
@pytest.mark.parametrize("budget", [None, 26])
def test_active_search_equals_refitting_with_the_predicted_mean(kernel, low, high, budget):
    X, y, X_pool = make_data(n_pool=120 if budget is None else 25)
    process = make_process(kernel).fit(X, y)
    white = KERNELS["white"].k2.noise_level if kernel == "white" else 0.0
    query_idx, metrics = active_search_sampling(
        process, X_pool, 5, low=low, high=high, budget=budget
    )
    X, y, left = list(X), list(y), list(range(len(X_pool)))
    for row, metric in zip(query_idx, metrics, strict=True):
        refitted = clone(process).fit(X, y)
        mean, covariance = refitted.predict(X_pool[left], return_cov=True)
        covariance -= white * np.eye(len(left))
        ahead = 100 if budget is None else budget - len(y) - 1
        utility = acquisition.expected_hits(mean, covariance, 0.01 + white, low, high, ahead)
        assert metric == pytest.approx(utility.max(), rel=1e-6)
        assert utility[left.index(row)] == pytest.approx(utility.max(), rel=1e-9)
        X.append(X_pool[row])
        y.append(mean[left.index(row)])
        left.remove(row)


def test_at_the_end_of_the_budget_the_most_probable_row_is_chosen():
    _, _, X_pool = make_data(n_pool=40)
    learner = make_fitted()
    probable, probability = target_sampling(learner, X_pool, 1, low=0.3)
    for budget in (1, 15, 16, 15 + 40, 10_000):  # spent, the last label, enough for all
        query_idx, hits = active_search_sampling(learner, X_pool, 1, low=0.3, budget=budget)
        assert query_idx == probable
        if budget <= 16:
            np.testing.assert_allclose(hits, probability, rtol=1e-6)


def test_a_look_ahead_prefers_what_tells_of_others():
    """A lone row is a little more probable; one of a cluster opens up the cluster."""
    learner = GaussianProcessRegressor(RBF(1.0), alpha=1e-4, optimizer=None)
    learner.fit([[0.0], [1.5]], [0.0, 0.9])
    pool = np.array([[2.2], *np.linspace(29.5, 30.5, 12)[:, None]])
    probability = acquisition.probability_in_range(*learner.predict(pool, return_std=True), low=1)
    assert np.argmax(probability) == 0
    greedy, _ = active_search_sampling(learner, pool, 1, low=1.0, budget=3)
    ahead, hits = active_search_sampling(learner, pool, 1, low=1.0, budget=9)
    assert greedy == 0
    assert ahead > 0
    assert hits > probability[ahead] + np.sort(probability)[-6:].sum()


def test_few_candidates_of_active_search_are_the_most_probable():
    _, _, X_pool = make_data(n_pool=60)
    learner = make_fitted()
    likely, _ = target_sampling(learner, X_pool, 10, low=0.3)
    query_idx, _ = active_search_sampling(learner, X_pool, 6, low=0.3, budget=20, n_candidates=10)
    assert set(query_idx) <= set(likely)
    many, _ = query(
        get_query_strategy("active_search", low=0.3, n_candidates=2), learner, X_pool, 10
    )
    assert set(many) == set(likely)


def test_hopeless_searches_go_by_distance():
    pool = np.column_stack([-np.array([120.0, 100.0, 140.0, 110.0]), np.ones(4)])
    for n_ahead in (2, 99):
        query_idx, hits = active_search_sampling(
            FixedPosterior(), pool, 4, low=0.0, budget=1 + n_ahead
        )
        np.testing.assert_array_equal(query_idx, [1, 3, 0, 2])
        np.testing.assert_array_equal(hits, 0.0)
    pool[:, 1] = 0.0
    query_idx, _ = active_search_sampling(FixedPosterior(), pool, 4, low=0.0)
    np.testing.assert_array_equal(query_idx, [1, 3, 0, 2])


# -- wrong use ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_estimators_without_a_joint_posterior(name):
    """They are told what to use, and are welcome without updates."""
    X, y, X_pool = make_data()
    learner = ActiveLearner(BayesianRidge(), X_training=X, y_training=y)
    with pytest.raises(TypeError, match=r"BayesianRidge lacks: use Gauss.* update_variance=False"):
        call(name, learner, X_pool, 3)
    query_idx, _ = call(name, learner, X_pool, 3, update_variance=False)
    assert len(query_idx) == 3


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("expected_improvement", {"best": "3"}, "best must be a number, got '3'"),
        ("expected_improvement", {"best": np.nan}, "best must be a number, got nan"),
        ("probability_of_improvement", {"xi": -1.0}, "xi must be a number of at least 0, got -1"),
        ("expected_improvement", {"maximize": "yes"}, "maximize must be True or False, got 'yes'"),
        ("upper_confidence_bound", {"kappa": -2}, "kappa must be a number of at least 0, got -2"),
        ("upper_confidence_bound", {"update_variance": 1}, "update_variance must be True or False"),
        ("straddle", {}, "needs the threshold"),
        ("straddle", {"threshold": np.inf}, "threshold must be a number, got inf"),
        ("straddle", {"threshold": 0, "kappa": "best"}, "at least 0 or 'random', got 'best'"),
        ("straddle", {"threshold": 0, "kappa": True}, "kappa must be a number"),
        ("thompson", {"n_candidates": 0}, "n_candidates must be an integer of at least 1, got 0"),
        ("thompson", {"maximize": None}, "maximize must be True or False"),
        ("target_variance_reduction", {}, "needs an end: give low, high or both"),
        ("target_variance_reduction", {"low": 1, "n_reference": 0}, "n_reference must be an int"),
        ("active_search", {"low": 1.0, "high": 0.0}, "must not be empty"),
        ("active_search", {"low": 1.0, "budget": 0}, "budget must be an integer of at least 1"),
        ("active_search", {"low": 1.0, "n_candidates": None}, "n_candidates must be an integer"),
    ],
)
def test_wrong_options(name, options, message):
    with pytest.raises(ValueError, match=message):
        get_query_strategy(name, **options)
    function = getattr(skmolal.query_strategies, f"{name}_sampling")
    with pytest.raises(ValueError, match=message):
        function(make_fitted(), make_data()[2], 2, **options)


def test_a_budget_needs_known_labels():
    class Forgetful(FixedPosterior):
        y_train_ = None

    pool = np.ones((3, 2))
    with pytest.raises(ValueError, match=r"Forgetful lacks: use budget=None"):
        active_search_sampling(Forgetful(), pool, 1, low=0.0, budget=9)
    active_search_sampling(Forgetful(), pool, 1, low=0.0)
    upper_confidence_bound_sampling(Forgetful(), pool, 1)
