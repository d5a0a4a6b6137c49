"""The five strategies of the study against brute-force definitions."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm
from sklearn.cluster import KMeans

from skmolal.acquisition import log_probability_in_range
from skmolal.query_strategies import (
    cluster_sampling,
    get_query_strategy,
    get_query_strategy_names,
    random_sampling,
    target_sampling,
    uncertainty_cluster_sampling,
)
from skmolal.query_strategies._machinery.clustering import (
    cluster_rows,
    farthest_first,
    reduce_features,
    representatives,
)
from skmolal.query_strategies._machinery.selection import first_best, top_n
from tests.strategy_checks import (
    FixedPosterior,
    query,
)

RULES = ("probability", "mean", "uncertain", "optimistic", "random", "cluster")
LOW, HIGH = -0.5, 1.0


def make_posterior(n=40, seed=0):
    """A pool whose columns are the mean and std that FixedPosterior predicts."""
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.normal(size=n) * 2, rng.uniform(0.1, 2, size=n)])


# -- order ----------------------------------------------------------------------------------------


def test_near_ties_are_broken_by_position():
    utility = np.array([1.0, 2.0 * (1 - 3e-16), 3.0, 2.0, 2.0 * (1 + 3e-16), 1.0 + 1e-9])
    np.testing.assert_array_equal(top_n(utility, 6), [2, 1, 3, 4, 5, 0])


@settings(max_examples=50)
@given(
    values=st.lists(st.integers(-50, 50), min_size=1, max_size=40),
    scale=st.sampled_from([1e-200, 1e-3, 1.0, 7.7, 1e12]),
    seed=st.integers(0, 99),
)
def test_order_ignores_round_off(values, scale, seed):
    values = np.array(values, dtype=float)
    expected = sorted(range(len(values)), key=lambda i: (-values[i], i))
    noise = np.random.default_rng(seed).integers(-4, 5, len(values)) * 2.0**-52
    for n in {1, len(values) // 2 + 1, len(values)}:
        np.testing.assert_array_equal(top_n(values * scale * (1 + noise), n), expected[:n])


def test_groups_of_ties_do_not_chain():
    utility = 1.0 - 0.6e-10 * np.arange(6)[::-1]  # each is near the next, not all near the first
    np.testing.assert_array_equal(top_n(utility, 6), [4, 5, 2, 3, 0, 1])


def test_impossible_rows_come_last_by_position():
    utility = np.array([-np.inf, -5.0, -np.inf, -1e300])
    np.testing.assert_array_equal(top_n(utility, 4), [1, 3, 0, 2])
    np.testing.assert_array_equal(top_n(np.full(3, -np.inf), 2), [0, 1])


def test_first_best_of_groups():
    groups = np.array([2, 0, 2, 0, 2, 4])
    utility = np.array([1.0, 3.0, 5.0, 3.0 * (1 + 2e-16), 5.0, -1.0])
    np.testing.assert_array_equal(first_best(groups, 6, utility), [1, 2, 5])


# -- A and B --------------------------------------------------------------------------------------


def test_random_rows_have_equal_chances():
    counts = np.zeros(6)
    for seed in range(600):
        counts[random_sampling(None, np.zeros((6, 1)), 2, random_state=seed)[0]] += 1
    assert abs(counts - 200).max() < 5 * math.sqrt(600 * 1 / 3 * 2 / 3)


def test_without_a_seed_rounds_of_a_loop_draw_differently():
    first, _ = random_sampling(None, np.zeros((100, 1)), 10)
    second, _ = random_sampling(None, np.zeros((90, 1)), 10)
    assert len(np.intersect1d(first, second)) < 6


def test_a_random_state_instance_draws_on():
    stream = np.random.RandomState(0)
    first, _ = random_sampling(None, np.zeros((100, 1)), 10, random_state=stream)
    second, _ = random_sampling(None, np.zeros((100, 1)), 10, random_state=stream)
    assert list(first) != list(second)


def test_uncertainty_is_the_sorted_std():
    pool = make_posterior()
    query_idx, metrics = query(get_query_strategy("uncertainty"), FixedPosterior(), pool, 9)
    np.testing.assert_array_equal(query_idx, np.argsort(-pool[:, 1])[:9])
    np.testing.assert_array_equal(metrics, pool[query_idx, 1])


# -- C and D --------------------------------------------------------------------------------------


def nearest_of_clusters(X, labels):
    """Row nearest to the mean of each cluster, by loops."""
    picks = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        centre = X[members].mean(axis=0)
        picks.append(members[np.argmin(((X[members] - centre) ** 2).sum(axis=1))])
    return picks


@pytest.mark.parametrize("n_instances", [1, 3, 8])
def test_cluster_picks_the_rows_nearest_to_the_centres(n_instances):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(80, 2)) + 6 * rng.integers(0, 3, size=(80, 2))
    kmeans = KMeans(n_instances, n_init=1, max_iter=100, random_state=np.random.RandomState(4))
    labels = kmeans.fit_predict(X)
    query_idx, share = cluster_sampling(None, X, n_instances, random_state=4)
    assert sorted(query_idx) == sorted(nearest_of_clusters(X, labels))
    sizes = [np.sum(labels == labels[row]) for row in query_idx]
    np.testing.assert_allclose(share, np.array(sizes) / 80)
    assert share.sum() == pytest.approx(1)


def test_cluster_finds_well_separated_groups():
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(10), 20)
    X = (rng.normal(size=(10, 300)) * 50)[group] + rng.normal(size=(200, 300))
    for seed in range(3):
        query_idx, share = cluster_sampling(None, X, 10, random_state=seed)
        assert len(np.unique(group[query_idx])) >= 9  # one start of k-means++ may split a group
    assert share.sum() == pytest.approx(1)


@pytest.mark.parametrize("fraction", [0.05, 0.3, 1.0])
def test_uncertainty_cluster_picks_among_the_most_uncertain(fraction):
    pool = make_posterior(60)
    n_candidates = max(5, math.ceil(fraction * 60))
    candidates = np.sort(np.argsort(-pool[:, 1])[:n_candidates])
    query_idx, metrics = uncertainty_cluster_sampling(
        FixedPosterior(), pool, 5, fraction=fraction, random_state=2
    )
    assert set(query_idx) <= set(candidates)
    inner, _ = cluster_sampling(None, pool[candidates], 5, random_state=2)
    if n_candidates > 5:  # the stream without a seed knows the sizes, a seed does not
        assert sorted(candidates[inner]) == sorted(query_idx)
    np.testing.assert_array_equal(metrics, pool[query_idx, 1])
    assert (np.diff(metrics) <= 0).all()


def test_wide_features_are_reduced_without_loss_of_rank_64():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 40)) @ rng.normal(size=(40, 500))
    reduced = reduce_features(X, np.random.RandomState(0))
    assert reduced.shape == (150, 64)
    np.testing.assert_allclose(reduced @ reduced.T, X @ X.T, atol=1e-8 * np.abs(X @ X.T).max())
    narrow = X[:, :64]
    assert reduce_features(narrow, np.random.RandomState(0)) is narrow


def test_clusters_of_large_problems_are_bounded(monkeypatch):
    """Beyond the budget: random first centres and few iterations, still full and distinct."""
    monkeypatch.setattr("skmolal.query_strategies._machinery.clustering.MAX_PLUS_PLUS", 0)
    monkeypatch.setattr("skmolal.query_strategies._machinery.clustering.MAX_WORK", 0)
    X = np.random.default_rng(0).normal(size=(400, 100)).astype(np.float32)
    seen = []
    monkeypatch.setattr(
        "skmolal.query_strategies._machinery.clustering.KMeans",
        lambda *args, **kwargs: seen.append(kwargs) or KMeans(*args, **kwargs),
    )
    idx, size = representatives(X, 150, np.random.RandomState(0))
    assert (seen[0]["init"], seen[0]["max_iter"], seen[0]["n_init"]) == ("random", 5, 1)
    assert len(np.unique(idx)) == 150
    assert size.sum() == 400


def test_distances_are_to_the_centre_of_the_cluster():
    X = np.random.default_rng(0).normal(size=(50, 3))
    labels, distance = cluster_rows(X, 4, np.random.RandomState(0))
    for label in range(4):
        members = X[labels == label]
        expected = np.linalg.norm(members - members.mean(axis=0), axis=1)
        np.testing.assert_allclose(distance[labels == label], expected, atol=1e-9)


@settings(max_examples=30)
@given(
    n_distinct=st.integers(1, 6),
    copies=st.integers(1, 6),
    n_instances=st.integers(1, 12),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 99),
)
def test_duplicates_take_no_place_from_distinct_rows(n_distinct, copies, n_instances, dtype, seed):
    rng = np.random.default_rng(seed)
    X = rng.permutation(np.repeat(rng.normal(size=(n_distinct, 4)), copies, axis=0)).astype(dtype)
    query_idx, share = query(get_query_strategy("cluster"), None, X, n_instances, seed)
    n_picks = min(n_instances, len(X))
    assert len(np.unique(X[query_idx], axis=0)) == min(n_distinct, n_picks)
    assert share.sum() <= 1 + 1e-12


def test_farthest_first_by_loops():
    X = np.random.default_rng(3).normal(size=(30, 2)) + 100.0
    picked = [4, 7]
    while len(picked) < 12:
        nearest = [min(np.sum((row - X[p]) ** 2) for p in picked) for row in X]
        nearest = [-1 if i in picked else d for i, d in enumerate(nearest)]
        picked.append(int(np.argmax(nearest)))
    np.testing.assert_array_equal(farthest_first(X, np.array([4, 7]), 12), picked)


# -- E --------------------------------------------------------------------------------------------


def brute_force_target(pool, n, low, high, rule):
    """The picks of the rules that draw nothing, by the words of the definition."""
    mean, std = pool.T
    inside = [i for i in range(len(pool)) if low <= mean[i] <= high]
    margin = np.minimum(mean - low, high - mean)
    probability = norm.cdf(high, mean, std) - norm.cdf(low, mean, std)
    key = {"mean": margin, "uncertain": std, "probability": None}[rule]
    picks = [] if key is None else sorted(inside, key=lambda i: -key[i])[:n]
    rest = sorted(set(range(len(pool))) - set(picks), key=lambda i: -probability[i])
    return (picks + rest)[:n]


@pytest.mark.parametrize("rule", ["probability", "mean", "uncertain"])
@pytest.mark.parametrize(("low", "high"), [(-0.5, 1.0), (1.5, np.inf), (-np.inf, -1.0)])
@pytest.mark.parametrize("n_instances", [1, 6, 35])
def test_target_rules_by_their_definition(rule, low, high, n_instances):
    pool = make_posterior()
    query_idx, metrics = target_sampling(
        FixedPosterior(), pool, n_instances, low=low, high=high, rule=rule
    )
    assert list(query_idx) == brute_force_target(pool, n_instances, low, high, rule)
    probability = norm.cdf(high, *pool[query_idx].T) - norm.cdf(low, *pool[query_idx].T)
    np.testing.assert_allclose(metrics, probability, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("rule", ["optimistic", "random", "cluster"])
def test_target_rules_that_draw_choose_among_their_candidates(rule):
    pool = make_posterior()
    mean, std = pool.T
    if rule == "optimistic":
        candidates = np.flatnonzero((mean + std >= LOW) & (mean - std <= HIGH))
    else:
        candidates = np.flatnonzero((mean >= LOW) & (mean <= HIGH))
    outside = sorted(
        set(range(40)) - set(candidates),
        key=lambda i: norm.cdf(LOW, mean[i], std[i]) - norm.cdf(HIGH, mean[i], std[i]),
    )
    seen = set()
    for seed in range(30):
        options = {"low": LOW, "high": HIGH, "rule": rule, "random_state": seed}
        query_idx, _ = target_sampling(FixedPosterior(), pool, 5, **options)
        assert set(query_idx) <= set(candidates)
        seen |= set(query_idx)
        # more than there are: all of them, and the rest by probability
        query_idx, _ = target_sampling(FixedPosterior(), pool, len(candidates) + 3, **options)
        assert set(query_idx[: len(candidates)]) == set(candidates)
        assert list(query_idx[len(candidates) :]) == outside[:3]
    if rule != "cluster":
        assert seen == set(candidates)


def test_target_cluster_takes_the_most_uncertain_of_each_cluster():
    rng = np.random.default_rng(0)
    group = np.arange(30) % 3
    pool = np.column_stack([rng.uniform(0, 0.01, 30) + group * 10, rng.uniform(0.1, 0.2, 30)])
    query_idx, _ = target_sampling(
        FixedPosterior(), pool, 3, low=-1, high=30, rule="cluster", random_state=0
    )
    expected = [max(np.flatnonzero(group == g), key=lambda i: pool[i, 1]) for g in range(3)]
    assert sorted(query_idx) == sorted(expected)
    assert (np.diff(pool[query_idx, 1]) <= 0).all()


def test_target_cluster_with_duplicates_takes_the_next_most_uncertain():
    pool = np.repeat([[0.0, 0.5], [0.2, 0.7]], 5, axis=0)
    pool = np.vstack([pool, [[9.0, 1.0]] * 4])
    query_idx, _ = target_sampling(
        FixedPosterior(), pool, 6, low=-1, high=1, rule="cluster", random_state=0
    )
    assert sorted(query_idx) == [0, 5, 6, 7, 8, 9]


def test_probability_decides_where_it_underflows():
    """All a hundred standard deviations away: the nearest still come first."""
    mean = -np.array([120.0, 100.0, 140.0, 110.0])
    pool = np.column_stack([mean, np.ones(4)])
    query_idx, metrics = target_sampling(FixedPosterior(), pool, 4, low=0.0)
    np.testing.assert_array_equal(query_idx, [1, 3, 0, 2])
    np.testing.assert_array_equal(metrics, 0.0)
    pool[:, 1] = 0.0  # certainly outside: by distance from the range
    query_idx, _ = target_sampling(FixedPosterior(), pool, 4, low=0.0)
    np.testing.assert_array_equal(query_idx, [1, 3, 0, 2])


@settings(max_examples=40)
@given(
    mean=arrays(float, st.integers(1, 25), elements=st.floats(-5, 5)),
    std=st.floats(0, 3),
    n_instances=st.integers(1, 30),
    low=st.floats(-6, 6),
    width=st.floats(0, 5),
    name=st.sampled_from(sorted({*get_query_strategy_names(), *RULES})),
)
def test_any_pool_gives_a_full_batch(mean, std, n_instances, low, width, name):
    if name in RULES and name not in ("random", "cluster"):
        strategy = get_query_strategy("target", low=low, high=low + width, rule=name)
    elif name in ("active_search", "target", "target_variance_reduction"):
        strategy = get_query_strategy(name, low=low)
    elif name == "straddle":
        strategy = get_query_strategy(name, threshold=low)
    else:
        strategy = get_query_strategy(name)
    pool = np.column_stack([mean, np.full(len(mean), std)])
    pool[::3, 1] *= 0.5
    query(strategy, FixedPosterior(), pool, n_instances)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give low, high or both"),
        ({"low": 1.0, "high": 0.0}, r"must not be empty, got low=1.0 and high=0.0"),
        ({"low": np.inf}, "must not be empty"),
        ({"low": np.nan}, "low must be a number"),
        ({"high": "3"}, "high must be a number, got '3'"),
        ({"low": 0.0, "rule": "best"}, "rule must be one of 'probability', .* got 'best'"),
    ],
)
def test_wrong_targets(options, message):
    pool = make_posterior(3)
    with pytest.raises(ValueError, match=message):
        target_sampling(FixedPosterior(), pool, 1, **options)
    with pytest.raises(ValueError, match=message):
        get_query_strategy("target", **options)


@pytest.mark.parametrize("fraction", [0, -0.1, 1.1, "half", True, np.nan])
def test_wrong_fraction(fraction):
    with pytest.raises(ValueError, match="fraction must be a number above 0 and at most 1"):
        uncertainty_cluster_sampling(FixedPosterior(), make_posterior(3), 1, fraction=fraction)
    with pytest.raises(ValueError, match="fraction must be"):
        get_query_strategy("uncertainty_cluster", fraction=fraction)


@settings(max_examples=25)
@given(seed=st.integers(0, 999), n_pool=st.integers(2, 25), n_instances=st.integers(1, 30))
def test_rows_of_a_permuted_pool(seed, n_pool, n_instances):
    """Without ties the pool's order does not matter to strategies that draw nothing."""
    pool = make_posterior(n_pool, seed)
    assume(len(np.unique(pool[:, 1])) == n_pool)
    # Rows that are all but sure to lie in range, or out of it, tie too: position decides there.
    utility = log_probability_in_range(pool[:, 0], pool[:, 1], 0.5, 3)
    assume(np.diff(np.sort(utility)).min() > 1e-8)
    permutation = np.random.default_rng(seed).permutation(n_pool)
    for strategy in (
        get_query_strategy("uncertainty"),
        *(get_query_strategy("target", low=0.5, high=3, rule=rule) for rule in RULES[:3]),
    ):
        query_idx, _ = strategy(FixedPosterior(), pool, n_instances)
        permuted, _ = strategy(FixedPosterior(), pool[permutation], n_instances)
        np.testing.assert_array_equal(permutation[permuted], query_idx)


def test_import_needs_neither_jax_nor_matplotlib():
    code = (
        "import sys, skmolal.query_strategies; "
        "print(sorted({'jax', 'matplotlib', 'dscribe', 'modAL'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
