"""Scores of targets, discovery, savings and overlap."""

import pickle
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import f1_score, matthews_corrcoef, recall_score

from skmolal.metrics import (
    data_savings,
    distribution_overlap,
    make_discovery_scorer,
    make_label_efficiency_scorer,
    make_target_scorer,
)


class Fixed:
    """Predicts what it was given."""

    def __init__(self, y_pred):
        self.y_pred = np.asarray(y_pred, dtype=float)

    def predict(self, X):
        return self.y_pred


def played(y, query_idx, n_labelled=None):
    history = [{"n_labelled": n} for n in (n_labelled or [len(query_idx)])]
    return SimpleNamespace(y_=np.asarray(y), query_idx_=np.asarray(query_idx), history_=history)


@pytest.mark.parametrize(
    ("metric", "oracle"),
    [("f1", f1_score), ("recall", recall_score), ("matthews_corrcoef", matthews_corrcoef)],
)
def test_target_scorer_classifies_by_the_predicted_value(metric, oracle):
    random = np.random.RandomState(0)
    y, y_pred = random.normal(size=(2, 200))
    scorer = make_target_scorer(-0.5, 0.7, metric)
    expected = oracle((y >= -0.5) & (y <= 0.7), (y_pred >= -0.5) & (y_pred <= 0.7))
    assert scorer(Fixed(y_pred), None, y) == pytest.approx(expected)


def test_range_is_closed_and_both_ends_count():
    scorer = make_target_scorer(1.0, 2.0, "accuracy")
    assert scorer(Fixed([1.0, 2.0, 2.1, 0.9]), None, [1.0, 2.0, 3.0, 0.0]) == 1.0
    assert scorer(Fixed([1.5, 1.5, 1.5, 1.5]), None, [1.0, 2.0, 3.0, 0.0]) == 0.5


def test_undefined_scores_are_nan_with_a_warning():
    with pytest.warns(UndefinedMetricWarning, match="no true value lies in the target range"):
        assert np.isnan(make_target_scorer(low=5)(Fixed([6.0]), None, [0.0]))
    assert make_target_scorer(low=5, metric="precision")(Fixed([0.0]), None, [6.0]) == 0.0
    with pytest.warns(UndefinedMetricWarning, match="no molecule of the pool"):
        assert np.isnan(make_discovery_scorer(low=5)(played([0.0], [0]), None, None))
    with pytest.warns(UndefinedMetricWarning, match="needs two rounds"):
        assert np.isnan(make_label_efficiency_scorer(low=0)(played([0.0], [0]), None, None))


def test_discovery_is_the_share_found():
    y = [0.0, 5.0, 6.0, 7.0]
    assert make_discovery_scorer(low=5)(played(y, [0, 2]), None, None) == pytest.approx(1 / 3)
    with pytest.raises(TypeError, match=r"needs an estimator with y_ and query_idx_.*Fixed"):
        make_discovery_scorer(low=5)(Fixed([0.0]), None, None)


def test_finding_earlier_is_more_label_efficient():
    y = np.r_[np.ones(5), np.zeros(15)]
    early = played(y, [*range(5), *range(5, 15)], [5, 10, 15])
    late = played(y, [*range(5, 15), *range(5)], [5, 10, 15])
    scorer = make_label_efficiency_scorer(low=0.5)
    assert scorer(early, None, None) == 1.0
    assert scorer(late, None, None) == pytest.approx(0.25)  # 0, 0, 1 at 5, 10, 15


@given(
    y=st.lists(st.integers(0, 4), min_size=2, max_size=30).filter(lambda y: max(y) == 4),
    n_best=st.one_of(st.none(), st.integers(1, 40), st.floats(0.01, 0.99)),
    data=st.data(),
)
def test_ties_at_the_threshold_count_up_to_what_is_wanted(y, n_best, data):
    query_idx = data.draw(st.permutations(range(len(y))))
    n_labelled = sorted({data.draw(st.integers(1, len(y))), len(y)})
    campaign = played(y, query_idx, n_labelled)
    n_hits = y.count(4)
    n_wanted = n_hits if n_best is None else n_best
    if isinstance(n_best, float):
        n_wanted = max(1, round(n_best * len(y)))
    n_wanted = min(n_wanted, n_hits)
    shares = [min(sum(y[i] == 4 for i in query_idx[:n]), n_wanted) / n_wanted for n in n_labelled]
    partial = played(y, query_idx[: n_labelled[0]], n_labelled[:1])
    discovery = make_discovery_scorer(low=4, n_best=n_best)
    assert discovery(partial) == pytest.approx(shares[0])
    assert discovery(campaign) == 1.0
    if len(n_labelled) == 2:
        efficiency = make_label_efficiency_scorer(low=4, n_best=n_best)
        assert efficiency(campaign) == pytest.approx(np.mean(shares))


@pytest.mark.parametrize("make", [make_discovery_scorer, make_label_efficiency_scorer])
@pytest.mark.parametrize("n_best", [0, -1, 0.0, 1.0, 1.5, True, "ten", np.nan])
def test_what_is_no_number_of_molecules_is_named(make, n_best):
    with pytest.raises(ValueError, match=f"n_best must be None, an integer .* got {n_best!r}"):
        make(low=1.0, n_best=n_best)


@pytest.mark.parametrize(
    "make", [make_target_scorer, make_discovery_scorer, make_label_efficiency_scorer]
)
def test_scorers_are_values(make):
    scorer = make(low=1.0)
    assert scorer == make(low=1.0) != make(low=2.0)
    assert pickle.loads(pickle.dumps(scorer)) == scorer
    assert "low=1.0" in repr(scorer)
    for low, high, message in ((2, 1, "low must not be above high"), (-np.inf, np.inf, "neither")):
        with pytest.raises(ValueError, match=message):
            make(low, high)


def test_unknown_metric_is_named():
    with pytest.raises(ValueError, match=r"metric must be one of.*got 'auc'"):
        make_target_scorer(low=0, metric="auc")


def make_curve(ours, theirs, n_labelled=(100, 200, 400)):
    rows = []
    for name, repeats in (("ours", ours), ("random", theirs)):
        for repeat, scores in enumerate(repeats):
            rows += [
                {"strategy": name, "repeat": repeat, "n_labelled": n, "score": s}
                for n, s in zip(n_labelled, scores, strict=True)
            ]
    return pd.DataFrame(rows)


def test_savings_interpolate_along_the_curve_per_repeat():
    curve = make_curve([[0.1, 0.5, 0.9], [0.1, 0.2, 0.25]], [[0.1, 0.2, 0.3], [0.1, 0.2, 0.3]])
    result = data_savings(curve, "ours", metric="score")
    # reaches 0.3 halfway between 100 and 200 labels; the second repeat never does
    np.testing.assert_allclose(result.n_strategy, [150, np.nan])
    np.testing.assert_allclose(result.savings, [1 - 150 / 400, np.nan])
    assert result.mean == pytest.approx(0.625)
    assert result.n_never_reached == 1


def test_a_strategy_saves_nothing_against_itself_and_can_cost():
    curve = make_curve([[0.1, 0.2, 0.3]], [[0.1, 0.25, 0.25]])
    assert data_savings(curve, "random", metric="score").mean == 0.0
    # the baseline reached its last level at 200, ours needs 300
    assert data_savings(curve, "ours", metric="score").mean == pytest.approx(1 - 300 / 200)


def test_savings_are_nan_where_nobody_reaches():
    result = data_savings(make_curve([[0.0, 0.0, 0.1]], [[0.1, 0.2, 0.3]]), "ours", metric="score")
    assert np.isnan(result.mean)


def test_savings_name_what_is_unknown():
    curve = make_curve([[1, 2, 3]], [[1, 2, 3]])
    with pytest.raises(ValueError, match=r"metric must be one of the columns \['score'\]"):
        data_savings(curve, "ours", metric="mae")
    with pytest.raises(ValueError, match=r"strategy must be one of.*got 'other'"):
        data_savings(curve, "other", metric="score")
    with pytest.raises(ValueError, match="must have the same repeats"):
        data_savings(make_curve([[1, 2, 3]] * 2, [[1, 2, 3]]), "ours", metric="score")


@settings(max_examples=20)
@given(
    seed=st.integers(0, 1000),
    n_samples=st.integers(5, 30),
    scale=st.floats(0.05, 3.0),
    quantile=st.floats(0.2, 0.8),
)
def test_overlap_is_the_integral_of_the_smaller_density(seed, n_samples, scale, quantile):
    y = np.random.RandomState(seed).normal(size=n_samples)
    low = np.quantile(y, quantile)
    inside = y >= low

    def smaller(v):
        return min(norm.pdf(v, part, scale).mean() for part in (y[inside], y[~inside]))

    grid = np.linspace(y.min() - 8 * scale, y.max() + 8 * scale, 60)
    expected = sum(quad(smaller, a, b, epsabs=1e-6)[0] for a, b in pairwise(grid))
    assert distribution_overlap(y, low=low, scale=scale) == pytest.approx(expected, abs=5e-3)


def test_overlap_grows_with_the_error():
    y = np.random.RandomState(0).normal(size=300)
    values = [distribution_overlap(y, low=0.5, scale=s) for s in (0.01, 0.1, 1.0, 10.0)]
    assert values == sorted(values)
    assert np.isnan(distribution_overlap(y, low=100.0, scale=1.0))
    for wrong in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="scale must be a positive number"):
            distribution_overlap(y, low=0.5, scale=wrong)
