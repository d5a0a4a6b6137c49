"""What a strategy needs of an estimator is known before it is used."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor as ScikitLearn
from sklearn.linear_model import BayesianRidge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmolal import GaussianProcessRegressor
from skmolal.query_strategies import (
    check_query_strategy,
    get_query_strategy,
    get_query_strategy_names,
)
from skmolal.query_strategies._machinery.needs import check_needs
from tests.test_common import STRATEGY_OPTIONS

MODELS = [
    RandomForestRegressor(5),
    BayesianRidge(),
    ScikitLearn(optimizer=None, alpha=0.1),
    GaussianProcessRegressor(optimizer=None, alpha=0.1),
    make_pipeline(StandardScaler(), BayesianRidge()),
    GridSearchCV(BayesianRidge(), {"tol": [1e-3]}, cv=2),
]


class Learner:
    """What a loop shows a strategy: a model that has seen twelve labels."""

    def __init__(self, model, X, y):
        self.estimator = model.fit(X, y)
        self.X_training, self.y_training = X, y

    def predict(self, X, **params):
        return self.estimator.predict(X, **params)


def variants():
    for name in get_query_strategy_names():
        for options in STRATEGY_OPTIONS.get(name, [{}]):
            yield get_query_strategy(name, **options)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("strategy", list(variants()), ids=repr)
def test_the_check_says_what_the_query_would(strategy, model):
    X = np.random.RandomState(0).uniform(size=(30, 2))
    learner = Learner(model, X[:12], X[:12].sum(axis=1))

    def fails(call):
        try:
            call()
        except TypeError as error:
            return str(error)
        return None

    expected = fails(lambda: strategy(learner, X[12:], 3, random_state=0))
    said = fails(lambda: check_needs(strategy, model))
    assert (said is None) == (expected is None), (said, expected)


def test_a_function_of_the_users_own_is_not_judged():
    check_needs(check_query_strategy(lambda learner, X_pool, n_instances=1: None), BayesianRidge())
