"""Displays hold what they draw."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import BayesianRidge

from skmolal.plotting import ActiveLearningCurveDisplay

mpl.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def make_frame():
    rows = [
        {"strategy": s, "repeat": r, "n_labelled": n, "neg_mean_absolute_error": -v * (r + 1) / n}
        for s, v in (("random", 10.0), ("uncertainty_cluster", 8.0))
        for r in (0, 1)
        for n in (100, 200, 400)
    ]
    return pd.DataFrame(rows)


def test_lines_are_means_and_bands_the_range_over_repeats():
    display = ActiveLearningCurveDisplay.from_results(
        make_frame(), "neg_mean_absolute_error", negate_score=True
    )
    assert len(display.lines_) == len(display.spreads_) == 2
    np.testing.assert_allclose(display.lines_[0].get_ydata(), [0.15, 0.075, 0.0375])
    assert display.lines_[1].get_label() == "uncertainty + cluster"
    corners = display.spreads_[0].get_paths()[0].vertices
    assert corners[:, 1].max() == pytest.approx(0.2)
    assert corners[:, 1].min() == pytest.approx(0.025)
    assert display.ax_.get_ylabel() == "mean absolute error"
    assert display.figure_ is display.ax_.figure


def test_standard_deviation_and_no_band():
    metric = "neg_mean_absolute_error"
    display = ActiveLearningCurveDisplay.from_results(make_frame(), metric, spread="std")
    corners = display.spreads_[0].get_paths()[0].vertices
    assert corners[:, 1].min() == pytest.approx(-0.15 - np.std([0.1, 0.2], ddof=1))
    assert not ActiveLearningCurveDisplay.from_results(make_frame(), metric, spread=None).spreads_
    with pytest.raises(ValueError, match="spread must be"):
        ActiveLearningCurveDisplay.from_results(make_frame(), metric, spread="ci")


def test_axis_has_a_tick_at_each_round():
    display = ActiveLearningCurveDisplay.from_results(
        make_frame(), "neg_mean_absolute_error", strategies=["random"], log_scale=True
    )
    assert [t.get_text() for t in display.ax_.get_xticklabels()] == ["100", "200", "400"]
    assert len(display.lines_) == 1


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="metric must be one of"):
        ActiveLearningCurveDisplay.from_results(make_frame(), "r2")
    with pytest.raises(ValueError, match="strategies must be among"):
        ActiveLearningCurveDisplay.from_results(
            make_frame(), "neg_mean_absolute_error", strategies=["target"]
        )


def test_from_estimator_computes_and_draws():
    X = np.random.RandomState(0).uniform(size=(60, 2))
    display = ActiveLearningCurveDisplay.from_estimator(
        BayesianRidge(),
        X,
        X.sum(axis=1),
        n_initial=5,
        batch_sizes=[5],
        n_repeats=2,
        random_state=0,
        negate_score=True,
        plot_kwargs={"line_kw": {"linewidth": 3}},
    )
    assert display.score_name == "mean absolute error"
    assert display.lines_[0].get_linewidth() == 3
