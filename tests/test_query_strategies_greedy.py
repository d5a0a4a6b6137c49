"""Greedy sampling takes the largest predictions of any regressor."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from skmolal.query_strategies import (
    get_query_strategy,
    greedy_sampling,
    upper_confidence_bound_sampling,
)
from tests.strategy_checks import make_data, make_fitted

MODELS = [
    Ridge(),
    KNeighborsRegressor(3),
    RandomForestRegressor(10, max_depth=3, random_state=0),
    make_pipeline(MaxAbsScaler(), Ridge()),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("maximize", [True, False])
@pytest.mark.parametrize("convert", [np.asarray, sp.csr_matrix])
def test_no_row_left_is_predicted_better(model, maximize, convert):
    X, y, X_pool = make_data(n_pool=80)
    model.fit(convert(X), y)
    query_idx, metrics = greedy_sampling(model, convert(X_pool), 20, maximize=maximize)
    sign = 1 if maximize else -1
    mean = sign * model.predict(convert(X_pool))
    np.testing.assert_allclose(metrics, np.sort(mean)[::-1][:20])
    np.testing.assert_allclose(mean[query_idx], metrics)
    assert np.delete(mean, query_idx).max() <= metrics[-1] + 1e-9


@pytest.mark.parametrize("maximize", [True, False])
def test_equals_a_confidence_bound_without_confidence(maximize):
    X_pool = make_data(n_pool=50)[2]
    options = {"maximize": maximize}
    greedy = greedy_sampling(make_fitted(), X_pool, 12, **options)
    bound = upper_confidence_bound_sampling(
        make_fitted(), X_pool, 12, kappa=0, update_variance=False, **options
    )
    np.testing.assert_array_equal(greedy[0], bound[0])
    np.testing.assert_allclose(greedy[1], bound[1])


def test_ties_are_in_order_of_position():
    """Leaves of a small tree hold many rows, and round-off must not choose among them."""

    class Steps:
        def predict(self, X):
            return np.floor(X[:, 0]) + 1e-13 * np.arange(len(X))

    X_pool = np.array([[2.5], [0.5], [2.1], [1.5], [2.9], [0.1]])
    query_idx, _ = greedy_sampling(Steps(), X_pool, 5)
    np.testing.assert_array_equal(query_idx, [0, 2, 4, 3, 1])
    query_idx, _ = greedy_sampling(Steps(), X_pool, 3, maximize=False)
    np.testing.assert_array_equal(query_idx, [1, 5, 3])


def test_wrong_options_are_named():
    with pytest.raises(ValueError, match="maximize must be True or False, got 'yes'"):
        get_query_strategy("greedy", maximize="yes")
    with pytest.raises(ValueError, match="predicted a mean that is not finite, nan at row 1"):
        greedy_sampling(_Nan(), np.zeros((3, 1)))


class _Nan:
    def predict(self, X):
        return np.array([0.0, np.nan, 1.0])
