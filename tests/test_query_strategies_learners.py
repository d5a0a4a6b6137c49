"""What a strategy asks of a learner, whatever kind of learner it is."""

import numpy as np
import pytest
from modAL.models import ActiveLearner, CommitteeRegressor
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skmolal.query_strategies import (
    cluster_sampling,
    greedy_target_sampling,
    lcmd_sampling,
    target_sampling,
    uncertainty_cluster_sampling,
    uncertainty_sampling,
)
from tests.strategy_checks import (
    CountingTransformer,
    FixedPosterior,
    make_data,
    make_fitted,
    make_molecules,
    make_regressor,
)


def test_committee():
    X, y, X_pool = make_data()
    members = [ActiveLearner(make_regressor(), X_training=X[i:], y_training=y[i:]) for i in (0, 5)]
    committee = CommitteeRegressor(members, query_strategy=uncertainty_sampling)
    _, std = committee.predict(X_pool, return_std=True)
    query_idx, metrics = uncertainty_sampling(committee, X_pool, 4)
    np.testing.assert_array_equal(query_idx, np.argsort(-std)[:4])
    np.testing.assert_array_equal(metrics, std[query_idx])
    cluster_sampling(committee, X_pool, 4)


def test_committee_of_pipelines_clusters_the_features_of_its_first_member():
    X, y, X_pool = make_data()
    pipeline = make_pipeline(CountingTransformer(), make_regressor())
    members = [ActiveLearner(pipeline, X_training=make_molecules(X), y_training=y)]
    committee = CommitteeRegressor(members, query_strategy=cluster_sampling)
    molecules = make_molecules(X_pool)
    for strategy in (cluster_sampling, lcmd_sampling, greedy_target_sampling):
        expected = strategy(make_fitted(), X_pool, 4)
        np.testing.assert_allclose(strategy(committee, molecules, 4), expected)


@pytest.mark.parametrize("strategy", [uncertainty_sampling, uncertainty_cluster_sampling])
def test_a_pipeline_is_clustered_and_predicted_on_its_features(strategy):
    X, y, X_pool = make_data()
    scaler = MinMaxScaler().fit(X)
    features = scaler.transform(X_pool)
    pipeline = make_pipeline(MinMaxScaler(), make_regressor()).fit(X, y)
    inner = pipeline[-1]
    np.testing.assert_array_equal(strategy(pipeline, X_pool, 5), strategy(inner, features, 5))
    frozen = FrozenEstimator(pipeline)
    np.testing.assert_array_equal(strategy(frozen, X_pool, 5), strategy(inner, features, 5))
    nested = make_pipeline(make_pipeline(MinMaxScaler()), make_regressor()).fit(X, y)
    np.testing.assert_array_equal(strategy(nested, X_pool, 5), strategy(inner, features, 5))


@pytest.mark.parametrize("pipe", [False, True])
def test_a_grid_search_answers_by_its_best_estimator(pipe):
    X, y, X_pool = make_data()
    estimator = make_pipeline(StandardScaler(), make_regressor()) if pipe else make_regressor()
    name = "gaussianprocessregressor__alpha" if pipe else "alpha"
    search = GridSearchCV(estimator, {name: [1e-3, 1e-2]}, cv=2).fit(X, y)
    expected = uncertainty_cluster_sampling(search.best_estimator_, X_pool, 5)
    np.testing.assert_array_equal(uncertainty_cluster_sampling(search, X_pool, 5), expected)
    learner = ActiveLearner(search)
    np.testing.assert_array_equal(uncertainty_cluster_sampling(learner, X_pool, 5), expected)


def test_a_meta_regressor_is_asked_itself_not_its_template():
    X, y, X_pool = make_data()

    class Spread(BaggingRegressor):
        def predict(self, X, return_std=False):
            votes = np.array([member.predict(X) for member in self.estimators_])
            return (votes.mean(axis=0), votes.std(axis=0)) if return_std else votes.mean(axis=0)

    ensemble = Spread(make_pipeline(StandardScaler(), make_regressor()), random_state=0).fit(X, y)
    query_idx, metrics = uncertainty_sampling(ensemble, X_pool, 3)
    std = ensemble.predict(X_pool, return_std=True)[1]
    np.testing.assert_array_equal(query_idx, np.argsort(-std)[:3])
    np.testing.assert_array_equal(metrics, std[query_idx])


def test_the_predict_of_a_learner_is_preferred_to_that_of_its_estimator():
    class Knowing:
        estimator = FixedPosterior()

        def predict(self, X, **kwargs):
            assert kwargs == {"return_std": True}
            return X[:, 0], X[:, 1] * 0 + np.arange(len(X))

    np.testing.assert_array_equal(uncertainty_sampling(Knowing(), np.zeros((5, 2)), 2)[0], [4, 3])


def test_not_fitted_passes_through():
    _, _, X_pool = make_data()
    with pytest.raises(NotFittedError):
        target_sampling(make_pipeline(StandardScaler(), make_regressor()), X_pool, 2, low=0)
    with pytest.raises(NotFittedError):
        cluster_sampling(make_pipeline(StandardScaler(), make_regressor()), X_pool, 2)


def test_estimators_without_std_are_told_what_to_use():
    X, y, X_pool = make_data()
    target = TransformedTargetRegressor(make_regressor(), transformer=StandardScaler()).fit(X, y)
    for learner in (target, ActiveLearner(target)):
        with pytest.raises(TypeError, match=r"TransformedTargetRegressor lacks.*normalize_y=True"):
            uncertainty_sampling(learner, X_pool, 2)

    class Sloppy(RegressorMixin, BaseEstimator):
        def predict(self, X, **kwargs):
            return np.zeros(len(X))

    with pytest.raises(TypeError, match=r"must return \(mean, std\), got ndarray"):
        uncertainty_sampling(Sloppy(), X_pool, 2)


def test_two_outputs_are_refused():
    X, y, X_pool = make_data()
    learner = make_regressor().fit(X, np.column_stack([y, y]))
    with pytest.raises(ValueError, match=r"one mean per row, shape \(30,\), got \(30, 2\)"):
        uncertainty_sampling(learner, X_pool, 2)


def test_molecules_without_a_pipeline_are_refused():
    _, _, X_pool = make_data()
    with pytest.raises(ValueError, match="Pipeline that begins with a transformer"):
        cluster_sampling(None, make_molecules(X_pool), 2)


def test_a_column_of_y_is_as_good():
    X, y, X_pool = make_data()

    class Column(GaussianProcessRegressor):
        def predict(self, X, return_std=False, return_cov=False):
            mean, std = super().predict(X, return_std=True)
            return mean[:, None], std[:, None]

    learner = Column(make_regressor().kernel, alpha=1e-4, optimizer=None).fit(X, y)
    np.testing.assert_array_equal(
        uncertainty_sampling(learner, X_pool, 3), uncertainty_sampling(make_fitted(), X_pool, 3)
    )
