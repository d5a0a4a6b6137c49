"""EnsembleRegressor: the spread of members as a standard deviation."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from sklearn.ensemble import (
    BaggingRegressor,
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmolal import ActiveLearningRegressor
from skmolal.ensemble import EnsembleRegressor
from skmolal.model_selection import active_learning_curve
from skmolal.query_strategies import get_query_strategy


def make_problem():
    X = np.random.RandomState(0).uniform(size=(100, 2))
    return X, np.sin(5 * X[:, 0]) + X[:, 1]


def expected_failures(estimator):
    reason = "drawing with weights is not drawing from repeated samples, as in BaggingRegressor"
    return {
        f"check_sample_weight_equivalence_on_{kind}_data": reason for kind in ("dense", "sparse")
    }


@parametrize_with_checks(
    [EnsembleRegressor(n_estimators=3)], expected_failed_checks=expected_failures
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_it_is_bagging_with_a_spread():
    X, y = make_problem()
    bagging = BaggingRegressor(n_estimators=7, random_state=0).fit(X, y)
    ensemble = EnsembleRegressor(n_estimators=7, random_state=0).fit(X, y)
    mean, std = ensemble.predict(X, return_std=True)
    np.testing.assert_allclose(mean, bagging.predict(X))
    np.testing.assert_allclose(ensemble.predict(X), bagging.predict(X))
    members = np.array([tree.predict(X) for tree in bagging.estimators_])
    np.testing.assert_allclose(std, members.std(axis=0, ddof=1))


def test_a_forest_stands_for_its_trees():
    X, y = make_problem()
    forest = RandomForestRegressor(n_estimators=12)
    ensemble = EnsembleRegressor(forest, n_estimators=1, bootstrap=False, random_state=0)
    mean, std = ensemble.fit(X, y).predict(X, return_std=True)
    trees = np.array([tree.predict(X) for tree in ensemble.estimators_[0].estimators_])
    np.testing.assert_allclose(mean, trees.mean(axis=0))
    np.testing.assert_allclose(std, trees.std(axis=0, ddof=1))


def test_features_may_be_drawn():
    X, y = make_problem()
    model = EnsembleRegressor(LinearRegression(), max_features=0.5, random_state=0).fit(X, y)
    mean, std = model.predict(X, return_std=True)
    np.testing.assert_allclose(mean, model.predict(X))
    assert (std > 0).all()


class Recorder:
    """A tree's array of nodes that remembers what it was asked to predict."""

    def __init__(self, tree, asked):
        self.tree, self.asked = tree, asked

    def predict(self, X):
        self.asked.append(X)
        return self.tree.predict(X)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("max_features", [1.0, 0.5])
@pytest.mark.parametrize("forest", [RandomForestRegressor, ExtraTreesRegressor])
def test_the_trees_of_a_forest_share_one_conversion(forest, max_features, container):
    X = np.random.RandomState(0).uniform(size=(60, 8))
    model = EnsembleRegressor(
        forest(n_estimators=6), n_estimators=3, max_features=max_features, random_state=0
    ).fit(container(X), X.sum(axis=1))
    expected = [
        tree.predict(X[:, features])
        for member, features in zip(model.estimators_, model.estimators_features_, strict=True)
        for tree in member.estimators_
    ]
    asked = []
    for member in model.estimators_:
        for tree in member.estimators_:
            tree.tree_ = Recorder(tree.tree_, asked)
    mean, std = model.predict(container(X), return_std=True)
    np.testing.assert_allclose(mean, np.mean(expected, axis=0), rtol=1e-12)
    np.testing.assert_allclose(std, np.std(expected, axis=0, ddof=1), rtol=1e-12)
    assert len(asked) == 18
    assert {X_asked.dtype for X_asked in asked} == {np.dtype(np.float32)}
    # All that was asked is still held, so equal addresses are the same memory.
    addresses = {np.asarray(getattr(X_asked, "data", X_asked)).ctypes.data for X_asked in asked}
    assert len(addresses) == 3


@pytest.mark.parametrize("estimator", [RandomForestRegressor(n_estimators=5), LinearRegression()])
def test_features_that_are_all_taken_are_not_copied(estimator):
    X = np.random.RandomState(0).uniform(size=(500, 400))
    model = EnsembleRegressor(estimator, n_estimators=2, random_state=0).fit(X[:50], X[:50, 0])
    tracemalloc.start()
    model.predict(X, return_std=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.8 * X.nbytes  # trees work on a float32 copy, half as large


def test_one_member_has_no_spread():
    X, y = make_problem()
    with pytest.raises(ValueError, match="at least two members, got n_estimators=1 of Decision"):
        EnsembleRegressor(n_estimators=1).fit(X, y).predict(X, return_std=True)


@pytest.mark.parametrize(
    "model",
    [
        EnsembleRegressor(RandomForestRegressor(n_estimators=10), n_estimators=1, bootstrap=False),
        EnsembleRegressor(GradientBoostingRegressor(n_estimators=20), n_estimators=4),
        make_pipeline(
            StandardScaler(),
            EnsembleRegressor(
                MLPRegressor(hidden_layer_sizes=(16,), solver="lbfgs", max_iter=2000, tol=1e-2),
                n_estimators=3,
                bootstrap=False,
            ),
        ),
        EnsembleRegressor(DecisionTreeRegressor(), n_estimators=5),
    ],
    ids=["forest", "boosting", "networks", "trees"],
)
@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")  # short training is the point
def test_strategies_work_with_any_regressor(model):
    X, y = make_problem()
    for strategy in ("uncertainty", "uncertainty_cluster", get_query_strategy("target", low=1.2)):
        learner = ActiveLearningRegressor(
            model, strategy, n_initial=15, batch_sizes=[5, 5], random_state=0
        ).fit(X, y)
        assert len(set(learner.query_idx_)) == 25
    frame = active_learning_curve(
        model, X, y, n_initial=15, batch_sizes=[5], n_repeats=1, random_state=0
    ).frame
    assert np.isfinite(frame["neg_mean_absolute_error"]).all()
