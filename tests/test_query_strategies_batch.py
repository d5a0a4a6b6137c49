"""The batch strategies against brute-force definitions, written with loops."""

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from modAL.models import ActiveLearner
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel
from sklearn.linear_model import BayesianRidge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skmolal.query_strategies import (
    get_query_strategy,
    greedy_target_sampling,
    k_center_sampling,
    kmeans_plus_plus_sampling,
    lcmd_sampling,
)
from tests.strategy_checks import (
    CountingTransformer,
    make_data,
    make_fitted,
    make_molecules,
    make_regressor,
    query,
)

DISTANCE_STRATEGIES = (
    k_center_sampling,
    kmeans_plus_plus_sampling,
    lcmd_sampling,
    greedy_target_sampling,
)


def squared(a, b):
    return float(np.sum((a - b) ** 2))


def first_largest(values):
    """Position of the largest of a list, the first of near ties."""
    largest = max(values)
    return next(i for i, value in enumerate(values) if value >= largest - 1e-10 * abs(largest))


def brute_force_k_center(X_pool, centres, n):
    centres, picks = list(centres), []
    for _ in range(n):
        distance = [
            -1.0 if i in picks else min(squared(x, c) for c in centres)
            for i, x in enumerate(X_pool)
        ]
        picks.append(first_largest(distance))
        centres.append(X_pool[picks[-1]])
    return picks


def brute_force_lcmd(X_pool, centres, n):
    centres, picks = list(centres), []
    for _ in range(n):
        left = [i for i in range(len(X_pool)) if i not in picks]
        owner, nearest = {}, {}
        for i in left:
            distance = [squared(X_pool[i], c) for c in centres]
            owner[i], nearest[i] = int(np.argmin(distance)), min(distance)
        clusters = sorted(set(owner.values()))
        size = [sum(nearest[i] for i in left if owner[i] == c) for c in clusters]
        largest = clusters[first_largest(size)]
        members = [i for i in left if owner[i] == largest]
        picks.append(members[first_largest([nearest[i] for i in members])])
        centres.append(X_pool[picks[-1]])
    return picks


@settings(max_examples=25)
@given(seed=st.integers(0, 9999), n_pool=st.integers(1, 30), n_labelled=st.integers(1, 6))
def test_k_center_and_lcmd_by_loops(seed, n_pool, n_labelled):
    rng = np.random.default_rng(seed)
    X, X_pool = rng.normal(size=(n_labelled, 2)), rng.normal(size=(n_pool, 2)) + 50.0
    learner = make_regressor().fit(X, np.zeros(n_labelled))
    n = min(12, n_pool)
    assert list(k_center_sampling(learner, X_pool, n)[0]) == brute_force_k_center(X_pool, X, n)
    assert list(lcmd_sampling(learner, X_pool, n)[0]) == brute_force_lcmd(X_pool, X, n)


@pytest.mark.parametrize("strategy", [k_center_sampling, lcmd_sampling])
def test_without_labels_the_first_is_farthest_from_the_mean(strategy):
    X_pool = np.random.default_rng(0).normal(size=(20, 3)) + 7.0
    first = int(np.argmax(((X_pool - X_pool.mean(axis=0)) ** 2).sum(axis=1)))
    by_hand = brute_force_k_center if strategy is k_center_sampling else brute_force_lcmd
    rest = by_hand(X_pool, [X_pool[first]], 7)
    for learner in (None, make_regressor()):
        assert list(strategy(learner, X_pool, 8)[0]) == [first, *rest]


def test_metrics_are_the_distances_at_the_time_of_choice():
    X, y, X_pool = make_data()
    for strategy in (k_center_sampling, kmeans_plus_plus_sampling, lcmd_sampling):
        query_idx, metrics = strategy(make_regressor().fit(X, y), X_pool, 9)
        centres = list(X)
        for row, metric in zip(query_idx, metrics, strict=True):
            expected = min(np.linalg.norm(X_pool[row] - c) for c in centres)
            assert metric == pytest.approx(expected, rel=1e-7)
            centres.append(X_pool[row])


def test_kmeans_plus_plus_draws_by_squared_distance():
    X_pool = np.array([[1.0], [2.0], [3.0], [0.0]])
    learner = make_regressor().fit([[0.0]], [0.0])
    counts, pairs = np.zeros(4), np.zeros(4)
    n_seeds = 1500
    for seed in range(n_seeds):
        query_idx, _ = kmeans_plus_plus_sampling(learner, X_pool, 2, random_state=seed)
        counts[query_idx[0]] += 1
        pairs[query_idx[1]] += query_idx[0] == 2
    chance = np.array([1, 4, 9, 0]) / 14
    assert (np.abs(counts - n_seeds * chance) <= 5 * np.sqrt(n_seeds * chance)).all()
    chance = np.array([1, 1, 0, 0]) / 2  # after 3.0: (1 - 0)^2 and (2 - 3)^2
    n_pairs = counts[2]
    assert (np.abs(pairs - n_pairs * chance) <= 5 * np.sqrt(n_pairs * chance)).all()
    first = {kmeans_plus_plus_sampling(None, X_pool, 1, random_state=s)[0][0] for s in range(40)}
    assert first == {0, 1, 2, 3}


def test_greedy_target_equals_refitting_after_each_pick():
    """iGS by its definition, each pick labelled with its predicted mean and learned."""
    X, y, X_pool = make_data()
    learner = make_regressor().fit(X, y)
    query_idx, metrics = greedy_target_sampling(learner, X_pool, 8)
    X, y = list(X), list(y)
    for row, metric in zip(query_idx, metrics, strict=True):
        refitted = make_regressor().fit(X, y)
        mean = refitted.predict(X_pool)
        utility = [
            min(np.linalg.norm(x - a) * abs(m - b) for a, b in zip(X, y, strict=True))
            for x, m in zip(X_pool, mean, strict=True)
        ]
        assert row == int(np.argmax(utility))
        assert metric == pytest.approx(max(utility), rel=1e-5)
        X.append(X_pool[row])
        y.append(mean[row])


def test_greedy_target_uses_labels_in_units_of_y():
    X, y, X_pool = make_data()
    y = 40 + 7 * y
    regressor = GaussianProcessRegressor(RBF(1.5), alpha=1e-4, optimizer=None, normalize_y=True)
    bare = greedy_target_sampling(clone(regressor).fit(X, y), X_pool, 6)
    learner = greedy_target_sampling(
        ActiveLearner(BayesianRidge(), X_training=X, y_training=y), X_pool
    )
    assert learner[0].shape == (1,)

    class WithoutScale(BayesianRidge):
        def predict(self, X):
            return self.inner_.predict(X)

    other = WithoutScale().fit(X, y)
    other.inner_ = clone(regressor).fit(X, y)
    stock = ActiveLearner(other)
    stock.X_training, stock.y_training = X, y[:, None]
    np.testing.assert_allclose(greedy_target_sampling(stock, X_pool, 6), bare)


def test_greedy_target_needs_labels():
    _, _, X_pool = make_data()
    X, y, _ = make_data()
    with pytest.raises(ValueError, match=r"needs the labelled rows.*BayesianRidge has neither"):
        greedy_target_sampling(BayesianRidge().fit(X, y), X_pool, 2)


@pytest.mark.parametrize("strategy", DISTANCE_STRATEGIES)
def test_labelled_rows_of_a_learner_go_through_its_transformers(strategy):
    X, y, X_pool = make_data()
    expected = strategy(make_fitted(), X_pool, 6)
    molecules = make_molecules(X_pool)
    for regressor in (make_regressor(), WithoutTrainingRows(make_regressor())):
        pipeline = make_pipeline(CountingTransformer(), regressor)
        learner = ActiveLearner(pipeline, X_training=make_molecules(X), y_training=y)
        np.testing.assert_allclose(strategy(learner, molecules, 6), expected, rtol=1e-9)


class WithoutTrainingRows(BaseEstimator):
    def __init__(self, regressor):
        self.regressor = regressor

    def fit(self, X, y):
        self.inner_ = clone(self.regressor).fit(X, y)
        return self

    def predict(self, X, **kwargs):
        return self.inner_.predict(X, **kwargs)


@pytest.mark.parametrize("strategy", DISTANCE_STRATEGIES)
@pytest.mark.parametrize("kernel", [RBF(1.5), ConstantKernel(3.0) * RBF(2.0) + WhiteKernel(0.1)])
def test_distances_of_a_kernel(strategy, kernel):
    """They are Euclidean distances between rows of a square root of the kernel matrix."""
    X, y, X_pool = make_data()
    learner = GaussianProcessRegressor(kernel, alpha=1e-4, optimizer=None).fit(X, y)
    everything = np.vstack([X, X_pool])
    values, vectors = np.linalg.eigh(kernel(everything, everything))
    root = vectors * np.sqrt(np.maximum(values, 0))

    class Embedded(BaseEstimator):
        X_train_, y_train_ = root[: len(X)], y

        def predict(self, X):
            return learner.predict(X_pool)

    expected = strategy(Embedded(), root[len(X) :], 7)
    got = strategy(learner, X_pool, 7, representation="kernel")
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_distances_of_the_dot_product_are_those_of_the_features():
    X, y, X_pool = make_data()
    kernel = DotProduct(2.0) + WhiteKernel(0.5)
    learner = GaussianProcessRegressor(kernel, optimizer=None).fit(X, y)
    np.testing.assert_allclose(
        lcmd_sampling(learner, X_pool, 9, representation="kernel"),
        lcmd_sampling(learner, X_pool, 9),
        rtol=1e-9,
    )


class FirstColumns(TransformerMixin, BaseEstimator):
    def __init__(self, n=2):
        self.n = n

    def fit(self, X, y=None):
        self.n_rows_ = len(X)
        return self

    def transform(self, X):
        return X[:, : self.n]


@pytest.mark.parametrize("strategy", DISTANCE_STRATEGIES)
def test_a_transformer_as_representation(strategy):
    X, y, X_pool = make_data()
    learner = ActiveLearner(make_regressor(), X_training=X, y_training=y)
    embedded = ActiveLearner(make_regressor(), X_training=X, y_training=y)
    embedded.predict = lambda rows: learner.predict(X_pool)
    del embedded.estimator.X_train_
    embedded.X_training = X[:, :2]
    expected = strategy(embedded, X_pool[:, :2], 6)
    fitted = FirstColumns().fit(X)
    for representation in (fitted, FirstColumns(), FunctionTransformer(lambda rows: rows[:, :2])):
        got = strategy(learner, X_pool, 6, representation=representation)
        np.testing.assert_allclose(got, expected)
    assert fitted.n_rows_ == len(X)  # used as it is


def test_an_unfitted_representation_is_fitted_on_labelled_rows_and_pool():
    X, y, X_pool = make_data()
    learner = ActiveLearner(make_regressor(), X_training=X, y_training=y)
    fitted = StandardScaler().fit(np.vstack([X, X_pool]))
    representation = StandardScaler()
    np.testing.assert_array_equal(
        lcmd_sampling(learner, X_pool, 6, representation=representation),
        lcmd_sampling(learner, X_pool, 6, representation=fitted),
    )
    assert not hasattr(representation, "mean_")


def test_wrong_representations():
    _, _, X_pool = make_data()
    for wrong in ("posterior", None, StandardScaler, 3):
        with pytest.raises(ValueError, match="must be 'features', 'kernel' or a transformer"):
            k_center_sampling(None, X_pool, 2, representation=wrong)
        with pytest.raises(ValueError, match="must be 'features', 'kernel' or a transformer"):
            get_query_strategy("lcmd", representation=wrong)
    with pytest.raises(ValueError, match=r"needs a fitted Gaussian process.*NoneType"):
        k_center_sampling(None, X_pool, 2, representation="kernel")
    with pytest.raises(ValueError, match=r"X_training.*GaussianProcessRegressor does not keep"):
        k_center_sampling(make_fitted(), X_pool, 2, representation=StandardScaler())


def test_labelled_rows_of_other_features_are_refused():
    _, _, X_pool = make_data()
    with pytest.raises(ValueError, match="labelled rows have 3 features, X_pool has 2"):
        k_center_sampling(make_fitted(), X_pool[:, :2], 2)


def test_a_grid_may_vary_the_representation():
    strategy = get_query_strategy("lcmd", representation=FirstColumns(2))
    twin = clone(strategy)
    assert twin.options["representation"] is not strategy.options["representation"]
    assert twin.get_params()["representation__n"] == 2
    twin.set_params(representation__n=1)
    assert strategy.get_params()["representation__n"] == 2


@pytest.mark.parametrize("strategy", DISTANCE_STRATEGIES)
def test_sparse_and_single_precision_features(strategy):
    X, y, X_pool = make_data()
    X, X_pool = X + 100, X_pool + 100  # far from the origin: float32 keeps its digits if centred
    learner = ActiveLearner(make_regressor(), X_training=X, y_training=y)
    expected = strategy(learner, X_pool, 6)
    got = strategy(learner, X_pool.astype(np.float32), 6)
    np.testing.assert_array_equal(got[0], expected[0])
    np.testing.assert_allclose(got[1], expected[1], rtol=1e-4)
    if strategy is not greedy_target_sampling:  # scikit-learn's regressor takes no sparse rows
        got = strategy(learner, sp.csr_array(X_pool), 6)
        np.testing.assert_array_equal(got[0], expected[0])
        np.testing.assert_allclose(got[1], expected[1], rtol=1e-6)


@settings(max_examples=40)
@given(
    name=st.sampled_from(["k_center", "lcmd", "kmeans_plus_plus", "greedy_target"]),
    n_distinct=st.integers(1, 5),
    copies=st.integers(1, 5),
    n_instances=st.integers(1, 15),
    dtype=st.sampled_from([np.float32, np.float64]),
    kernel=st.booleans(),
    seed=st.integers(0, 99),
)
def test_duplicates_give_a_full_batch(name, n_distinct, copies, n_instances, dtype, kernel, seed):
    X, _, _ = make_data()
    rng = np.random.default_rng(seed)
    rows = np.vstack([rng.normal(size=(n_distinct, 3)), X[:1]])
    pool = rng.permutation(np.repeat(rows, copies, axis=0)).astype(dtype)
    options = {"representation": "kernel"} if kernel else {}
    query(get_query_strategy(name, **options), make_fitted(), pool, n_instances, seed)


def test_blocks_of_labelled_distances():
    """The pool is compared with the labelled rows in blocks within the working memory."""
    _, _, X_pool = make_data()
    expected = lcmd_sampling(make_fitted(), X_pool, 6)
    with sklearn.config_context(working_memory=0.001):
        np.testing.assert_allclose(lcmd_sampling(make_fitted(), X_pool, 6), expected)
