"""DeltaRegressor: a baseline of a few columns, and a regressor of what it leaves over."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmolal import GaussianProcessRegressor
from skmolal.active_learning import Campaign
from skmolal.delta import DeltaRegressor
from skmolal.ensemble import EnsembleRegressor


def make_problem(n_samples=120):
    X = np.random.RandomState(0).normal(size=(n_samples, 4))
    return X, 5 * X[:, 1] + np.sin(2 * X[:, 0])


def make_forest(**params):
    forest = RandomForestRegressor(10)
    return EnsembleRegressor(forest, n_estimators=1, bootstrap=False, random_state=0, **params)


@parametrize_with_checks(
    [
        DeltaRegressor(KNeighborsRegressor(), columns=[0]),
        DeltaRegressor(
            EnsembleRegressor(n_estimators=3, random_state=0), Ridge(), columns=slice(0, 1)
        ),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("columns", [[1], slice(1, 2), np.array([False, True, False, False])])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_it_is_the_sum_of_baseline_and_difference(columns, n_targets):
    X, y = make_problem()
    if n_targets == 2:
        y = np.column_stack([y, -(y**2)])
    model = DeltaRegressor(KNeighborsRegressor(3), Ridge(0.5), columns=columns)
    model.fit(X[:80], y[:80])
    line = Ridge(0.5).fit(X[:80, [1]], y[:80])
    difference = KNeighborsRegressor(3).fit(X[:80], y[:80] - line.predict(X[:80, [1]]))
    expected = line.predict(X[80:, [1]]) + difference.predict(X[80:])
    np.testing.assert_allclose(model.predict(X[80:]), expected)
    plain = KNeighborsRegressor(3).fit(X[:80], y[:80])
    assert model.score(X[80:], y[80:]) > plain.score(X[80:], y[80:])


def test_std_and_covariance_are_those_of_the_difference():
    X, y = make_problem()
    gpr = GaussianProcessRegressor(alpha=0.01, optimizer=None)
    model = DeltaRegressor(gpr, columns=[1]).fit(X[:80], y[:80])
    line = LinearRegression().fit(X[:80, [1]], y[:80])
    alone = clone(gpr).fit(X[:80], y[:80] - line.predict(X[:80, [1]]))
    for option in ("return_std", "return_cov"):
        mean, spread = model.predict(X[80:], **{option: True})
        expected_mean, expected_spread = alone.predict(X[80:], **{option: True})
        np.testing.assert_allclose(mean, expected_mean + line.predict(X[80:, [1]]))
        np.testing.assert_array_equal(spread, expected_spread)
    with pytest.raises(TypeError, match="return_std"):
        DeltaRegressor(Ridge(), columns=[1]).fit(X, y).predict(X, return_std=True)


def test_the_parts_that_were_given_stay_as_they_are():
    X, y = make_problem()
    regressor, baseline = KNeighborsRegressor(), Ridge()
    DeltaRegressor(regressor, baseline, columns=[0]).fit(X, y)
    assert not hasattr(regressor, "n_features_in_")
    assert not hasattr(baseline, "coef_")


def test_missing_values_where_the_parts_take_them():
    X, y = make_problem()
    X[3, 0] = np.nan
    model = DeltaRegressor(HistGradientBoostingRegressor(max_iter=5), columns=[1])
    assert np.isfinite(model.fit(X, y).predict(X)).all()
    assert not get_tags(model).input_tags.allow_nan  # in every column
    with pytest.raises(ValueError, match="NaN"):
        clone(model).set_params(columns=[0]).fit(X, y)
    with pytest.raises(ValueError, match="NaN"):
        DeltaRegressor(KNeighborsRegressor(), columns=[1]).fit(X, y)
    both = DeltaRegressor(
        HistGradientBoostingRegressor(), HistGradientBoostingRegressor(), columns=[0]
    )
    assert get_tags(both).input_tags.allow_nan


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
def test_sparse_rows(container):
    X, y = make_problem()
    X[X[:, 3] < 0, 3] = 0
    model = DeltaRegressor(KNeighborsRegressor(), columns=slice(1, 3))
    dense = clone(model).fit(X, y).predict(X)
    np.testing.assert_allclose(model.fit(container(X), y).predict(container(X)), dense, rtol=1e-5)
    # scikit-learn 1.6 did not say it of neighbours yet.
    known = get_tags(KNeighborsRegressor()).input_tags.sparse
    assert get_tags(model).input_tags.sparse == known
    dense_only = HistGradientBoostingRegressor()
    assert not get_tags(DeltaRegressor(dense_only, columns=[0])).input_tags.sparse


def test_bad_columns_are_named():
    X, y = make_problem()
    for columns, message in [("homo", "columns must be a slice"), ([4], "among the 4 features")]:
        with pytest.raises(ValueError, match=message):
            DeltaRegressor(Ridge(), columns=columns).fit(X, y)


def test_in_a_pipeline_a_grid_and_an_ensemble():
    X, y = make_problem()
    model = DeltaRegressor(KNeighborsRegressor(), columns=[1])
    pipeline = make_pipeline(StandardScaler(), model)
    search = GridSearchCV(pipeline, {"deltaregressor__regressor__n_neighbors": [1, 5]}, cv=3)
    assert search.fit(X, y).best_estimator_[-1].regressor_.n_neighbors in (1, 5)
    ensemble = EnsembleRegressor(model, n_estimators=4, random_state=0).fit(X[:80], y[:80])
    mean, std = ensemble.predict(X[80:], return_std=True)
    assert np.corrcoef(mean, y[80:])[0, 1] > 0.97
    assert (std > 0).any()


def test_in_a_campaign():
    X, y = make_problem()
    model = make_pipeline(StandardScaler(), DeltaRegressor(make_forest(), columns=[1]))
    campaign = Campaign(model, X, query_strategy="uncertainty", random_state=0)
    for _ in range(3):
        ids = campaign.ask(10)
        campaign.tell(ids, y[ids])
    assert len(campaign.ask(10)) == 10


def test_a_strategy_that_needs_a_std_is_refused_at_once():
    X, _ = make_problem()
    model = DeltaRegressor(KNeighborsRegressor(), columns=[1])
    with pytest.raises(TypeError, match="which KNeighborsRegressor lacks"):
        Campaign(model, X, query_strategy="uncertainty")
