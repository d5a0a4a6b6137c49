"""Stopping rules and adaptive batch sizes: what a campaign knows decides how it goes on."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.model_selection import GridSearchCV

from skmolal import ActiveLearningRegressor, Campaign
from skmolal.batch_sizes import ExpectedHits, RemainingUncertainty
from skmolal.model_selection import active_learning_curve
from skmolal.stopping import (
    AllClassified,
    BestAverage,
    Budget,
    ExpectedHitsLeft,
    Plateau,
    TargetError,
)


def make_problem(n_samples=80):
    X = np.random.RandomState(0).uniform(size=(n_samples, 2))
    return X, np.sin(5 * X[:, 0]) + X[:, 1]


def fixed_gp():
    return GaussianProcessRegressor(RBF(0.5), alpha=1e-4, optimizer=None)


def fit(stopping=None, batch_sizes=(5,) * 12, strategy="uncertainty", **kwargs):
    X, y = make_problem()
    model = ActiveLearningRegressor(
        fixed_gp(),
        strategy,
        n_initial=5,
        batch_sizes=batch_sizes,
        stopping=stopping,
        random_state=0,
        **kwargs,
    )
    return model.fit(X, y)


def pool_of(model, n_labelled):
    """Posterior of what is left after a number of labels, by scikit-learn alone."""
    X, y = make_problem()
    idx = model.query_idx_[:n_labelled]
    pool = np.setdiff1d(np.arange(80), idx)
    return fixed_gp().fit(X[idx], y[idx]).predict(X[pool], return_std=True)


def test_budget_ends_with_its_reason():
    model = fit(Budget(18))
    assert len(model.query_idx_) == 20
    assert model.history_[-1]["stopped"] == "the budget of 18 labels is spent"
    assert [step["stopped"] for step in model.history_[:-1]] == [None] * 3


def test_target_error_is_that_of_the_validation_set():
    random = np.random.RandomState(1)
    X = random.uniform(size=(40, 2))
    y = np.sin(5 * X[:, 0]) + X[:, 1]
    model = fit(TargetError(0.02, X, y))
    assert "validation error" in model.history_[-1]["stopped"]
    assert np.abs(model.predict(X) - y).mean() <= 0.02
    before = fit(batch_sizes=(5,) * (len(model.history_) - 2))
    assert np.abs(before.predict(X) - y).mean() > 0.02


@pytest.mark.parametrize("of", ["variance", "batch_mae"])
def test_plateau_ends_where_nothing_improves(of):
    model = fit(Plateau(of, tolerance=0.5, patience=2))
    assert "has not improved by 50.00% in 2 rounds" in model.history_[-1]["stopped"]
    name = "pool_variance" if of == "variance" else of
    values = [step[name] for step in model.history_ if step[name] is not None]
    assert min(values[-2:]) > 0.5 * min(values[:-2])
    for end in range(3, len(values)):
        assert min(values[:end][-2:]) <= 0.5 * min(values[:end][:-2])


def test_pool_variance_is_the_mean_over_what_is_left():
    model = fit(Plateau("variance"))
    step = model.history_[2]
    _, std = pool_of(model, step["n_labelled"])
    assert step["pool_variance"] == pytest.approx(np.mean(std**2))


@pytest.mark.parametrize("maximize", [True, False])
def test_the_average_of_the_best_is_that_of_sorted_labels(maximize):
    rule = BestAverage(8, maximize=maximize, tolerance=0.03, patience=2)
    model = fit(rule, strategy="greedy", query_options={"maximize": maximize})
    *_, last = model.history_
    assert "mean of the 8 best labels has changed by at most 3.00% in 2 rounds" in last["stopped"]
    _, y = make_problem()
    labels = y[model.query_idx_]
    means = []
    for step in model.history_:
        best = sorted(labels[: step["n_labelled"]], reverse=maximize)[:8]
        if len(best) == 8:
            means.append(sum(best) / 8)
        stops = len(means) > 2 and abs(means[-1] - means[-3]) <= 0.03 * abs(means[-3])
        assert stops == (step["stopped"] is not None)
    assert 3 < len(means) < 12


def test_the_average_waits_for_enough_labels():
    model = fit(BestAverage(20, tolerance=10.0, patience=1))
    assert len(model.query_idx_) == 25  # 20 are there after the fourth round
    model = fit(BestAverage(1000, tolerance=10.0))
    assert len(model.query_idx_) == 65
    assert model.history_[-1]["stopped"] is None


def test_expected_hits_left_are_summed_probabilities():
    model = fit(ExpectedHitsLeft(0.5, low=1.6), strategy="target", query_options={"low": 1.6})
    assert "hits are expected in the pool, fewer than 0.5" in model.history_[-1]["stopped"]
    for step in model.history_:
        mean, std = pool_of(model, step["n_labelled"])
        left = norm.sf(1.6, mean, std).sum()
        assert (left < 0.5) == (step["stopped"] is not None)


def test_all_classified_is_the_level_set_rule():
    model = fit(AllClassified(low=1.0, n_std=2.0, share=0.95))
    for step in model.history_:
        mean, std = pool_of(model, step["n_labelled"])
        share = (np.abs(mean - 1.0) > 2.0 * std).mean()
        assert (share >= 0.95) == (step["stopped"] is not None)


def test_the_first_of_several_reasons_counts():
    model = fit([Budget(1000), Budget(10), Budget(12)])
    assert model.history_[-1]["stopped"] == "the budget of 10 labels is spent"


def test_a_stored_campaign_that_has_stopped_stays_stopped():
    X, y = make_problem()
    campaign = Campaign(fixed_gp(), X, query_strategy="uncertainty", random_state=0)
    for _ in campaign.play(y.__getitem__, [5] * 5, 5, Budget(10)):
        pass
    again = Campaign.from_json(campaign.to_json(), fixed_gp(), X)
    assert list(again.play(y.__getitem__, [5] * 5, 5, Budget(10))) == []
    assert again.history[-1]["stopped"]


def test_curves_take_stopping_rules():
    X, y = make_problem()
    frame = active_learning_curve(
        fixed_gp(), X, y, n_initial=5, batch_sizes=[5] * 4, stopping=Budget(12), n_repeats=1
    ).frame
    assert list(frame["n_labelled"]) == [5, 10, 15] * 2


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Budget(0), "n_labels must be a positive integer"),
        (Plateau("mae"), "of must be 'batch_mae' or 'variance'"),
        (ExpectedHitsLeft(1), "needs low or high"),
        (BestAverage(0), "n_best must be a positive integer"),
        (BestAverage(5, patience=0), "patience must be a positive integer"),
        (BestAverage(5, tolerance=-1), "tolerance must be a number that is not negative, got -1"),
        (BestAverage(5, maximize="yes"), "maximize must be True or False, got 'yes'"),
        (AllClassified(low=2, high=1), "low must not be above high"),
    ],
)
def test_wrong_rules_are_named(rule, message):
    with pytest.raises(ValueError, match=message):
        fit(clone(rule))


def test_batches_follow_the_remaining_uncertainty():
    schedule = RemainingUncertainty(60, tolerance=0.05, share=0.5, min_size=2, max_size=20)
    model = fit(batch_sizes=schedule)
    for done, step in zip(model.history_[:-1], model.history_[1:], strict=True):
        _, std = pool_of(model, done["n_labelled"])
        wanted = np.clip(np.ceil(0.5 * (std > 0.05).sum()), 2, 20)
        assert step["batch_size"] == min(wanted, 65 - done["n_labelled"])
    assert len(model.query_idx_) == 65


def test_batches_hold_the_expected_hits():
    schedule = ExpectedHits(60, hits=3, low=1.5, min_size=2, max_size=30)
    model = fit(batch_sizes=schedule, strategy="target", query_options={"low": 1.5})
    for done, step in zip(model.history_[:-1], model.history_[1:], strict=True):
        mean, std = pool_of(model, done["n_labelled"])
        sums = np.cumsum(np.sort(norm.sf(1.5, mean, std))[::-1])
        enough = np.flatnonzero(sums >= 3)
        wanted = np.clip(enough[0] + 1 if len(enough) else len(sums) + 1, 2, 30)
        assert step["batch_size"] == min(wanted, 65 - done["n_labelled"])


def test_schedules_are_parameters_of_a_grid():
    X, y = make_problem()
    search = GridSearchCV(
        ActiveLearningRegressor(
            fixed_gp(),
            "uncertainty",
            n_initial=5,
            batch_sizes=RemainingUncertainty(20, tolerance=0.05),
            random_state=0,
        ),
        {"batch_sizes__max_size": [2, 10], "batch_sizes__tolerance": [0.01]},
        cv=2,
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_["batch_sizes__max_size"] in (2, 10)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (RemainingUncertainty(0, 0.1), "total must be a positive integer"),
        (RemainingUncertainty(10, 0.1, share=2), "share must lie in"),
        (RemainingUncertainty(10, 0.1, min_size=5, max_size=2), "min_size must not be above"),
        (ExpectedHits(10, 2), "needs low or high"),
    ],
)
def test_wrong_schedules_are_named(schedule, message):
    with pytest.raises(ValueError, match=message):
        fit(batch_sizes=schedule)
