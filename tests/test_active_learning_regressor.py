"""ActiveLearningRegressor: a campaign as an estimator."""

import numpy as np
import pandas as pd
import pytest
from ase.build import molecule
from scipy import sparse
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import BayesianRidge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmolal import ActiveLearner, ActiveLearningRegressor, CommitteeRegressor
from skmolal.metrics import make_discovery_scorer
from skmolal.query_strategies import get_query_strategy


def make_problem(n_samples=80):
    X = np.random.RandomState(0).uniform(size=(n_samples, 2))
    return X, np.sin(5 * X[:, 0]) + X[:, 1]


def fixed_gp():
    return GaussianProcessRegressor(RBF(0.5), alpha=1e-4, optimizer=None)


# The checks' data are smaller than the batches, which is said and clipped.
@pytest.mark.filterwarnings("ignore:a batch of:UserWarning")
# They fit noise and constants, on which the default kernel's optimum lies at its bounds.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [
        ActiveLearningRegressor(),
        ActiveLearningRegressor(
            GaussianProcessRegressor(alpha=1e-3, optimizer=None),
            "uncertainty",
            n_initial=20,
            batch_sizes=[20, 80],
        ),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_default_estimator_fits_and_predicts():
    X, y = make_problem()
    y = y + np.random.RandomState(1).normal(scale=0.1, size=80)  # noise, for the kernel to learn
    model = ActiveLearningRegressor(n_initial=20, batch_sizes=[20], random_state=0).fit(X, y)
    mean, std = model.predict(X, return_std=True)
    assert np.abs(mean - y).mean() < 0.2
    assert std.shape == (80,)
    assert model.score(X, y) > 0.8


def test_model_sees_only_labels_that_were_asked_for():
    X, y = make_problem()
    first = ActiveLearningRegressor(fixed_gp(), n_initial=10, batch_sizes=[10], random_state=0)
    first.fit(X, y)
    hidden = np.setdiff1d(np.arange(80), first.query_idx_)
    changed = y.copy()
    changed[hidden] = 1e6
    second = clone(first).fit(X, changed)
    np.testing.assert_array_equal(first.query_idx_, second.query_idx_)
    np.testing.assert_array_equal(first.predict(X), second.predict(X))


def test_batches_are_those_asked_for_and_none_is_one_of_n_initial():
    X, y = make_problem()
    model = ActiveLearningRegressor(fixed_gp(), n_initial=7, random_state=0).fit(X, y)
    assert [r["n_labelled"] for r in model.history_] == [7, 14]
    model.set_params(batch_sizes=(1, 2, 3)).fit(X, y)
    assert [r["batch_size"] for r in model.history_] == [7, 1, 2, 3]


def test_a_schedule_object_decides_from_the_campaign():
    class UntilFive:
        def next_size(self, campaign):
            return 2 if campaign.n_rounds < 3 else 0

    X, y = make_problem()
    model = ActiveLearningRegressor(fixed_gp(), n_initial=4, batch_sizes=UntilFive()).fit(X, y)
    assert len(model.query_idx_) == 8


def test_sizes_are_clipped_to_the_data_with_a_warning():
    X, y = make_problem(12)
    model = ActiveLearningRegressor(fixed_gp(), n_initial=8, batch_sizes=[8, 8], random_state=0)
    with pytest.warns(UserWarning, match="a batch of 8 was clipped to the 4 records left"):
        model.fit(X, y)
    assert sorted(model.query_idx_) == list(range(12))


@pytest.mark.parametrize("container", [list, pd.DataFrame, sparse.csr_array])
def test_containers_make_the_same_picks(container):
    X, y = make_problem()
    X = X.round(2)
    kwargs = {"query_strategy": "random", "n_initial": 9, "batch_sizes": [5], "random_state": 2}
    expected = ActiveLearningRegressor(StandardRidge(), **kwargs).fit(X, y)
    table = X.tolist() if container is list else container(X)
    if container is pd.DataFrame:
        table = container(X, columns=["a", "b"], index=np.arange(80)[::-1])
    found = ActiveLearningRegressor(StandardRidge(), **kwargs).fit(table, y)
    np.testing.assert_array_equal(expected.query_idx_, found.query_idx_)
    np.testing.assert_allclose(expected.predict(X), found.predict(table))
    if container is pd.DataFrame:
        assert list(found.feature_names_in_) == ["a", "b"]


def StandardRidge():
    from sklearn.linear_model import Ridge

    return Ridge()


def test_molecules_through_a_pipeline():
    names = ["H2O", "CH4", "CO", "N2", "C2H6", "CH3OH", "NH3", "C2H4"]
    molecules = [molecule(n) for n in names]

    def masses(molecules):
        return np.array([[a.get_masses().sum(), len(a)] for a in molecules])

    pipeline = make_pipeline(FunctionTransformer(masses), StandardScaler(), BayesianRidge())
    model = ActiveLearningRegressor(pipeline, "uncertainty", n_initial=3, batch_sizes=[2])
    model.fit(molecules, np.arange(8.0))
    assert model.predict(molecules).shape == (8,)


def test_grid_search_over_strategies_options_and_the_inner_estimator():
    X, y = make_problem()
    search = GridSearchCV(
        Pipeline(
            [
                ("scale", StandardScaler()),
                ("al", ActiveLearningRegressor(fixed_gp(), n_initial=10, batch_sizes=[10])),
            ]
        ),
        {
            "al__query_strategy": ["random", get_query_strategy("target", low=1.2)],
            "al__estimator__alpha": [1e-4, 1e-2],
            "al__random_state": [0],
        },
        scoring=make_discovery_scorer(low=1.2),
        cv=2,
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_["al__query_strategy"] == get_query_strategy("target", low=1.2)
    assert len(search.cv_results_["params"]) == 4
    search = GridSearchCV(
        ActiveLearningRegressor(
            fixed_gp(), get_query_strategy("target", low=0), n_initial=10, random_state=0
        ),
        {"query_strategy__low": [1.2, 1.5]},
        cv=2,
        error_score="raise",
    ).fit(X, y)
    assert search.best_estimator_.query_strategy.options["low"] in (1.2, 1.5)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"query_strategy": "nonsense"}, "nonsense"),
        ({"n_initial": 0}, "n_initial must be a positive integer"),
        ({"batch_sizes": [0]}, r"batch_sizes\[0\]"),
        ({"query_strategy": "target"}, "low"),
        ({"query_strategy": "random", "query_options": {"low": 1}}, "low"),
    ],
)
def test_wrong_parameters_are_named(params, message):
    X, y = make_problem()
    with pytest.raises(ValueError, match=message):
        ActiveLearningRegressor(fixed_gp(), **params).fit(X, y)


def test_x_and_y_must_have_the_same_length():
    X, y = make_problem()
    with pytest.raises(ValueError, match="X has 80, y has 79"):
        ActiveLearningRegressor(fixed_gp()).fit(X, y[:-1])


def test_a_committee_is_a_learner_like_any_other():
    X, y = make_problem()
    members = [
        ActiveLearner(GaussianProcessRegressor(RBF(scale), alpha=1e-3, optimizer=None))
        for scale in (0.2, 0.5, 1.0)
    ]
    model = ActiveLearningRegressor(
        CommitteeRegressor(members), "uncertainty", n_initial=10, batch_sizes=[5], random_state=0
    ).fit(X, y)
    first = model.query_idx_[:10]
    votes = [
        GaussianProcessRegressor(RBF(scale), alpha=1e-3, optimizer=None)
        .fit(X[first], y[first])
        .predict(X)
        for scale in (0.2, 0.5, 1.0)
    ]
    spread = np.std(votes, axis=0)
    spread[first] = -1
    assert set(model.query_idx_[10:]) == set(np.argsort(-spread)[:5])
