"""make_overlap_task: share, rank and gap are what was asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skmolal.datasets import make_overlap_task
from skmolal.metrics import distribution_overlap

shares = st.floats(0.05, 0.95)
positions = st.floats(0.0, 1.0)
gaps = st.floats(0.0, 50.0)


@settings(max_examples=100)
@given(
    y=hnp.arrays(float, st.integers(20, 60), elements=st.floats(-100, 100), unique=True),
    share=shares,
    position=positions,
    gap=gaps,
)
def test_window_holds_the_share_and_the_range_says_who(y, share, position, gap):
    task = make_overlap_task(y, share, position=position, gap=gap)
    assert task.in_range.sum() == round(share * len(y))
    assert task.share == task.in_range.mean()
    inside = y[task.in_range]
    np.testing.assert_array_equal(task.in_range, (inside.min() <= y) & (y <= inside.max()))
    if gap > 1e-6:  # so wide that the shift is not lost in rounding
        np.testing.assert_array_equal(
            task.in_range, (task.low <= task.target) & (task.target <= task.high)
        )


@settings(max_examples=100)
@given(
    y=hnp.arrays(float, 40, elements=st.integers(-6, 6).map(float)),
    share=st.floats(0.1, 0.5),
    position=positions,
    gap=st.sampled_from([0.0, 0.5, 3.0]),
)
def test_ties_stay_together_and_ranks_stay(y, share, position, gap):
    if len(np.unique(y)) < 3:
        return
    try:
        task = make_overlap_task(y, share, position=position, gap=gap)
    except ValueError as error:
        assert "the window holds all molecules" in str(error)  # noqa: PT017
        return
    assert task.share >= round(share * 40) / 40
    order = np.argsort(y, kind="stable")
    steps_before, steps_after = np.diff(y[order]), np.diff(task.target[order])
    np.testing.assert_array_equal(steps_before == 0, steps_after == 0)
    crossing = np.diff(task.in_range[order].astype(int)) != 0
    np.testing.assert_allclose(steps_after, steps_before + gap * crossing)
    np.testing.assert_array_equal(
        task.in_range, (task.low <= task.target) & (task.target <= task.high)
    )


def test_ends_are_tails_and_the_middle_has_two_sides():
    y = np.random.RandomState(0).normal(size=1000)
    bottom, middle, top = (make_overlap_task(y, 0.1, position=p) for p in (0, 0.5, 1))
    assert np.isneginf(bottom.low)
    assert np.isposinf(top.high)
    assert top.low == pytest.approx(np.quantile(y, 0.9), abs=0.02)
    assert middle.low == pytest.approx(np.quantile(y, 0.45), abs=0.02)
    assert middle.high == pytest.approx(np.quantile(y, 0.55), abs=0.02)


def test_both_ways_move_the_overlap_and_not_the_share():
    y = np.random.RandomState(0).normal(size=1000)

    def overlap(**options):
        task = make_overlap_task(y, 0.1, **options)
        assert task.share == 0.1
        return distribution_overlap(task.target, task.low, task.high, scale=0.3)

    towards_the_mode = [overlap(position=p) for p in (1.0, 0.9, 0.7)]
    assert towards_the_mode == sorted(towards_the_mode)
    assert towards_the_mode[-1] > towards_the_mode[0] + 0.1
    opened = [overlap(gap=g) for g in (0.0, 0.5, 1.0, 4.0)]
    assert opened == sorted(opened, reverse=True)
    assert opened[-1] < 1e-6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"share": 1.5}, "share must lie between 0 and 1, got 1.5"),
        ({"share": 0.01}, r"share must leave molecules.*0 of 10"),
        ({"share": 0.99}, r"share must leave molecules.*10 of 10"),
        ({"position": -0.1}, "position must lie between 0 and 1, got -0.1"),
        ({"position": float("nan")}, "position must lie between"),
        ({"gap": -1.0}, "gap must be a finite number"),
        ({"gap": np.inf}, "gap must be a finite number"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        make_overlap_task(np.arange(10.0), **options)


def test_equal_values_cannot_be_split():
    with pytest.raises(ValueError, match="too many values of y are equal"):
        make_overlap_task(np.zeros(10), 0.5)
