"""target_profile: ceilings against simulation, savings against the study's numbers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import f1_score

from skmolal.datasets import load_qm9_sample, make_overlap_task
from skmolal.metrics import _target_profile as module
from skmolal.metrics import distribution_overlap, target_profile

STUDY = Path(__file__).parents[1] / "benchmarks" / "results" / "overlap_study.csv"


@pytest.mark.parametrize(("low", "high"), [(1.0, np.inf), (-0.3, 0.4), (-np.inf, -0.5)])
@pytest.mark.parametrize("error", [0.2, 0.7])
def test_ceilings_are_those_of_the_best_rule_on_noisy_predictions(low, high, error):
    random = np.random.RandomState(0)
    y = random.normal(size=4000)
    profile = target_profile(y, low, high, error=error)
    truth = np.tile((low <= y) & (y <= high), 20)
    seen = np.tile(y, 20) + random.normal(scale=error, size=len(truth))
    # For a normal property the chance of being in range follows from the posterior in closed form.
    shrink = 1 / (1 + error**2)
    chance = np.diff(norm.cdf([[low], [high]], shrink * seen, error * np.sqrt(shrink)), axis=0)[0]
    assert profile.accuracy == pytest.approx(((chance > 0.5) == truth).mean(), abs=0.01)
    best = max(f1_score(truth, chance > t) for t in np.quantile(chance, np.linspace(0, 0.99, 25)))
    assert profile.f1 == pytest.approx(best, abs=0.015)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 1000),
    share=st.floats(0.1, 0.9),
    position=st.floats(0, 1),
    error=st.floats(0.02, 3.0),
)
def test_ceilings_lie_between_guessing_and_certainty(seed, share, position, error):
    task = make_overlap_task(np.random.RandomState(seed).normal(size=60), share, position=position)
    profile = target_profile(task.target, task.low, task.high, error=error)
    worse = target_profile(task.target, task.low, task.high, error=2 * error)
    assert profile.share == task.share
    assert profile.overlap == distribution_overlap(task.target, task.low, task.high, scale=error)
    guess = max(task.share, 1 - task.share)
    assert guess - 1e-9 <= worse.accuracy <= profile.accuracy + 1e-9 <= 1 + 2e-9
    everything = 2 * task.share / (1 + task.share)
    assert everything - 1e-9 <= worse.f1 <= profile.f1 + 1e-2
    assert profile.f1 <= 1 + 1e-9


def test_far_apart_groups_leave_nothing_to_lose():
    y = np.r_[np.linspace(0, 1, 50), np.linspace(9, 10, 50)]
    profile = target_profile(y, low=5, error=0.1)
    assert profile.accuracy == pytest.approx(1.0)
    assert profile.f1 == pytest.approx(1.0)
    assert profile.overlap == pytest.approx(0.0, abs=1e-12)
    assert profile.near_boundary == 0.0


def test_both_ends_of_the_range_have_a_neighbourhood():
    y = np.arange(10.0)
    assert target_profile(y, 2.5, 6.5, error=1.0).near_boundary == 0.4
    assert target_profile(y, low=6.5, error=1.0).near_boundary == 0.2


def test_share_has_an_exact_interval():
    profile = target_profile(np.r_[np.ones(3), np.zeros(97)], low=0.5, error=0.1)
    assert profile.share == 0.03
    assert profile.share_interval == pytest.approx((0.0062, 0.0852), abs=1e-4)
    empty = target_profile(np.zeros(50), low=0.5, error=0.1)
    assert empty.share_interval[1] == pytest.approx(1 - 0.025 ** (1 / 50))
    assert all(np.isnan(empty[name]) for name in ("overlap", "accuracy", "f1", "savings"))


def test_the_table_is_the_committed_study():
    if not STUDY.exists():
        pytest.skip("the benchmarks are not shipped with this installation")
    rows = pd.read_csv(STUDY).query("property == 'homo' and gap == 0")
    table = rows.groupby(["share", "position"]).agg(
        {"overlap": "first", "discovery_savings": "mean"}
    )
    for share, columns in module._STUDY.items():
        part = table.loc[share].sort_values("overlap")
        np.testing.assert_allclose(np.transpose(columns), part, atol=1e-3)
    assert list(module._STUDY) == sorted(set(rows["share"]))


def test_savings_of_another_property_are_as_near_as_the_docstring_says():
    if not STUDY.exists():
        pytest.skip("the benchmarks are not shipped with this installation")
    rows = pd.read_csv(STUDY).query("property == 'lumo'")
    table = rows.groupby(["share", "position"]).agg(
        {"overlap": "first", "discovery_savings": "mean"}
    )
    predicted = [
        module._predict_savings(share, overlap) for (share, _), overlap in table["overlap"].items()
    ]
    off = np.abs(predicted - table["discovery_savings"]).dropna()
    assert len(table) == 15
    assert len(off) == 12
    assert off.mean() <= 0.045
    assert off.max() <= 0.095


def test_savings_follow_the_study_inside_and_are_nan_outside():
    y = load_qm9_sample(return_X_y=True)[1]
    rows = ((0.05, 0.95, 0.710), (0.1, 0.85, 0.549), (0.2, 0.7, 0.411))
    for share, position, expected in rows:
        task = make_overlap_task(y, share, position=position)
        profile = target_profile(y, task.low, task.high, error=0.2944)
        assert profile.savings == pytest.approx(expected, abs=0.02)
    predict = module._predict_savings
    assert 0.4 < predict(0.07, 0.5) < 0.6
    assert np.isnan(
        [predict(0.01, 0.5), predict(0.4, 0.5), predict(0.1, 0.1), predict(0.1, 0.7)]
    ).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"error": 0.0}, "error must be a positive number"),
        ({"low": 2, "high": 1}, "low must not be above high"),
        ({"low": -np.inf}, "a target range needs low or high"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        target_profile(np.arange(10.0), **({"low": 3, "error": 1.0} | options))
