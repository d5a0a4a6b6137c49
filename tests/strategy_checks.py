"""What every query strategy promises, one check per promise.

Each check takes a strategy (an object from ``get_query_strategy``) and raises AssertionError where
a promise is broken.
"""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from ase import Atoms
from modAL.models import ActiveLearner as StockLearner
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin, clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmolal.query_strategies import check_query_result

N_POOL = 30


def make_data(n_pool=N_POOL, seed=0):
    """Labelled data whose y lies in (-1, 1), and a pool around and beyond it."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, size=(15, 3))
    return X, np.sin(X.sum(axis=1)), rng.uniform(-4, 4, size=(n_pool, 3))


def make_regressor():
    return GaussianProcessRegressor(RBF(1.5), alpha=1e-4, optimizer=None)


def make_fitted(seed=0):
    X, y, _ = make_data(seed=seed)
    return make_regressor().fit(X, y)


class CountingTransformer(TransformerMixin, BaseEstimator):
    """Molecules to coordinates of their first atom; counts how often it runs."""

    def fit(self, X, y=None):
        self.n_calls_ = 0
        return self

    def transform(self, X):
        self.n_calls_ += 1
        return np.array([atoms.positions[0] for atoms in X])


class FixedPosterior(RegressorMixin, BaseEstimator):
    """Predicts the first column as mean and the second as std; knows one labelled row."""

    X_train_ = np.array([[0.0, 1.0]])
    y_train_ = np.array([0.0])

    def fit(self, X, y=None):
        return self

    def predict(self, X, return_std=False, return_cov=False):
        X = np.asarray(X, dtype=float)
        if return_cov:
            return X[:, 0], np.diag(X[:, 1] * np.abs(X[:, 1]))
        return (X[:, 0], X[:, 1]) if return_std else X[:, 0]


def make_molecules(positions):
    molecules = np.empty(len(positions), dtype=object)
    for i, position in enumerate(positions):
        molecules[i] = Atoms("H", positions=[position])
    return molecules


def query(strategy, learner, X_pool, n_instances, random_state=0):
    """Query and check what no answer may ever violate."""
    query_idx, metrics = strategy(learner, X_pool, n_instances, random_state=random_state)
    n_pool = X_pool.shape[0]
    assert isinstance(query_idx, np.ndarray)
    assert isinstance(metrics, np.ndarray)
    assert query_idx.dtype == np.intp
    assert query_idx.shape == metrics.shape == (min(n_instances, n_pool),)
    assert len(np.unique(query_idx)) == len(query_idx)
    assert query_idx.min() >= 0
    assert query_idx.max() < n_pool
    assert metrics.dtype == np.float64
    assert not np.isnan(metrics).any()
    check_query_result((query_idx, metrics), n_pool, n_instances, strategy)
    return query_idx, metrics


def check_unique_and_complete(strategy):
    _, _, X_pool = make_data()
    for n_instances in (1, 2, 7, N_POOL - 1, N_POOL):
        query(strategy, make_fitted(), X_pool, n_instances)
        query(strategy, make_fitted(), X_pool, np.int64(n_instances))


def check_pool_smaller_than_batch(strategy):
    _, _, X_pool = make_data()
    query_idx, _ = query(strategy, make_fitted(), X_pool, 10 * N_POOL)
    assert sorted(query_idx) == list(range(N_POOL))


def check_one_row_pool(strategy):
    _, _, X_pool = make_data(n_pool=1)
    for n_instances in (1, 5):
        query_idx, _ = query(strategy, make_fitted(), X_pool, n_instances)
        assert list(query_idx) == [0]


def check_default_is_one(strategy):
    _, _, X_pool = make_data()
    query_idx, metrics = strategy(make_fitted(), X_pool)
    assert query_idx.shape == metrics.shape == (1,)


def check_bad_sizes(strategy):
    _, _, X_pool = make_data()
    for n_instances in (0, -1, 1.5, 2.0, True, "3", None):
        with pytest.raises(ValueError, match="n_instances must be an integer of at least 1"):
            strategy(make_fitted(), X_pool, n_instances)
    with pytest.raises(ValueError, match="at least one row"):
        strategy(make_fitted(), X_pool[:0], 1)


def check_untouched(strategy):
    """Neither the pool nor the learner changes, nor NumPy's global stream."""
    _, _, X_pool = make_data()
    learner = make_fitted()
    np.random.seed(3)  # noqa: NPY002
    before = X_pool.tobytes(), pickle.dumps(learner), np.random.get_state()[1].tobytes()  # noqa: NPY002
    X_pool.flags.writeable = False
    for random_state in (0, None):
        query(strategy, learner, X_pool, 6, random_state=random_state)
    after = X_pool.tobytes(), pickle.dumps(learner), np.random.get_state()[1].tobytes()  # noqa: NPY002
    assert before == after


def check_repeatable(strategy):
    _, _, X_pool = make_data()
    for random_state in (0, 1, None):
        first = query(strategy, make_fitted(), X_pool, 6, random_state=random_state)
        second = query(strategy, make_fitted(), X_pool, 6, random_state=random_state)
        np.testing.assert_array_equal(first, second)
    streams = [np.random.RandomState(5), np.random.RandomState(5)]
    np.testing.assert_array_equal(
        *(query(strategy, make_fitted(), X_pool, 6, random_state=stream) for stream in streams)
    )


def check_last_bits(strategy):
    """Noise in the last bits of the features changes no pick."""
    _, _, X_pool = make_data(n_pool=12)
    X_pool = np.vstack([X_pool, X_pool])
    noise = np.random.default_rng(0).integers(-2, 3, size=X_pool.shape) * 2.0**-52
    picks, _ = query(strategy, make_fitted(), X_pool, 5)
    shaken, _ = query(strategy, make_fitted(), X_pool * (1 + noise), 5)
    np.testing.assert_array_equal(picks, shaken)


def check_duplicates(strategy):
    _, _, X_pool = make_data()
    pools = [
        np.repeat(X_pool[:3], 10, axis=0),  # fewer distinct rows than the batch
        np.repeat(X_pool[:1], 30, axis=0),
        np.vstack([X_pool[:15]] * 2),
        np.tile(make_data()[0][0], (30, 1)),  # a row of the training set
    ]
    for pool in pools:
        for n_instances in (1, 8, 29, 40):
            query(strategy, make_fitted(), pool, n_instances)
            query(strategy, make_fitted(), pool.astype(np.float32), n_instances)


def check_constant_and_zero_std(strategy):
    rng = np.random.default_rng(0)
    for std in (1.0, 0.0):
        pool = np.column_stack([rng.uniform(-1, 1, 20), np.full(20, std)])
        query(strategy, FixedPosterior(), pool, 6)
        pool[:, 0] = 0.0
        query(strategy, FixedPosterior(), pool, 6)


def check_far_from_everything(strategy):
    """Probabilities that underflow, ranges far away, huge and tiny numbers."""
    rng = np.random.default_rng(0)
    for scale in (1e-30, 1e-8, 1.0, 1e8, 1e30):
        pool = np.column_stack([rng.normal(size=20) * 1e3, rng.uniform(1, 2, 20)]) * scale
        query(strategy, FixedPosterior(), pool, 6)


def check_bad_predictions(strategy):
    for column, value, message in ((0, np.nan, "finite"), (1, np.inf, "finite"), (1, -1.0, "neg")):
        pool = np.ones((5, 2))
        pool[3, column] = value
        with pytest.raises(ValueError, match=message):
            strategy(FixedPosterior(), pool, 2)


def check_no_std(strategy):
    class MeanOnly(RegressorMixin, BaseEstimator):
        def predict(self, X):
            return np.zeros(len(X))

    _, _, X_pool = make_data()
    for learner in (MeanOnly(), make_pipeline(MeanOnly())):
        with pytest.raises(
            TypeError, match=r"return_(std|cov)=True.*MeanOnly lacks.*GaussianProcess"
        ):
            strategy(learner, X_pool, 2)


def check_unfitted(strategy):
    """Without a prediction to make, an unfitted estimator is no obstacle."""
    _, _, X_pool = make_data()
    query(strategy, FixedPosterior(), X_pool[:, :2] ** 2, 4)
    query(strategy, None, X_pool, 4)
    query(strategy, StockLearner(make_regressor(), query_strategy=strategy), X_pool, 4)
    pipeline = make_pipeline(StandardScaler().fit(X_pool), make_regressor())
    query(strategy, pipeline, X_pool, 4)


def check_pool_containers(strategy):
    """NumPy, CSR and DataFrame pools with the same rows have the same answer."""
    X, y, X_pool = make_data()
    X_pool[np.abs(X_pool) < 1] = 0.0

    class Densifier(GaussianProcessRegressor):
        def predict(self, X, return_std=False, return_cov=False):
            X = X.toarray() if sp.issparse(X) else X
            return super().predict(X, return_std=return_std, return_cov=return_cov)

    learner = Densifier(RBF(1.5), alpha=1e-4, optimizer=None).fit(X, y)
    expected = query(strategy, learner, X_pool, 6)
    frame = pd.DataFrame(X_pool, index=np.arange(100, 100 + N_POOL)[::-1])
    for pool in (sp.csr_matrix(X_pool), sp.csr_array(X_pool), frame, np.asfortranarray(X_pool)):
        got = query(strategy, learner, pool, 6)
        np.testing.assert_array_equal(got[0], expected[0])
        np.testing.assert_allclose(got[1], expected[1], rtol=1e-9)


def check_learners(strategy):
    """A bare estimator, a Pipeline and modAL learners with either have the same answer."""
    X, y, X_pool = make_data()
    expected = query(strategy, make_fitted(), X_pool, 6)
    learners = [
        make_pipeline(make_regressor()).fit(X, y),
        make_pipeline("passthrough", make_regressor()).fit(X, y),
        StockLearner(make_regressor(), strategy, X, y),
        StockLearner(make_pipeline("passthrough", make_regressor()), strategy, X, y),
    ]
    for learner in learners:
        np.testing.assert_array_equal(query(strategy, learner, X_pool, 6), expected)
    for learner in learners[2:]:
        query_idx, rows, metrics = learner.query(
            X_pool, n_instances=6, random_state=0, return_metrics=True
        )
        np.testing.assert_array_equal((query_idx, metrics), expected)
        np.testing.assert_array_equal(rows, X_pool[query_idx])


def check_molecules(strategy):
    """Molecules become features once per query, and the answer is that of the features."""
    X, y, X_pool = make_data()
    expected = query(strategy, make_fitted(), X_pool, 6)
    molecules = make_molecules(X_pool)
    pipeline = make_pipeline(CountingTransformer(), make_regressor()).fit(make_molecules(X), y)
    for learner in (pipeline, make_modal_like(pipeline)):
        pipeline[0].n_calls_ = 0
        np.testing.assert_array_equal(query(strategy, learner, molecules, 6), expected)
        assert pipeline[0].n_calls_ <= 1


def make_modal_like(estimator):
    class ModalLike:
        def __init__(self):
            self.estimator = estimator

        def predict(self, X, **kwargs):
            return self.estimator.predict(X, **kwargs)

    return ModalLike()


def check_prefers_first(strategy):
    """A larger batch begins with the picks of a smaller one: it is in order of preference."""
    _, _, X_pool = make_data(n_pool=60)
    large, _ = query(strategy, make_fitted(), X_pool, 20)
    small, _ = query(strategy, make_fitted(), X_pool, 5)
    np.testing.assert_array_equal(large[:5], small)


def check_metrics_descend(strategy):
    _, _, X_pool = make_data(n_pool=60)
    _, metrics = query(strategy, make_fitted(), X_pool, 20)
    assert (np.diff(metrics) <= 1e-9).all()


def check_named_object(strategy):
    """Clones and pickles are equal and answer alike; the options are parameters."""
    _, _, X_pool = make_data()
    expected = query(strategy, make_fitted(), X_pool, 6)
    for twin in (clone(strategy), pickle.loads(pickle.dumps(strategy))):
        assert twin is not strategy
        assert twin == strategy
        assert repr(twin) == repr(strategy)
        assert twin.get_params() == strategy.get_params()
        np.testing.assert_array_equal(query(twin, make_fitted(), X_pool, 6), expected)
    assert repr(strategy).startswith(f"{strategy.name}(")
    assert strategy.function.__name__ == f"{strategy.name}_sampling"
    function_answer = strategy.function(
        make_fitted(), X_pool, 6, random_state=0, **strategy.options
    )
    np.testing.assert_array_equal(function_answer, expected)
    with pytest.raises(ValueError, match=f"unknown option 'nonsense' of strategy '{strategy.name}"):
        clone(strategy).set_params(nonsense=1)


STRATEGY_CHECKS = [value for name, value in list(globals().items()) if name.startswith("check_")]
STRATEGY_CHECKS.remove(check_query_result)
