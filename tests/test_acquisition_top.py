"""The threshold of a top share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from skmolal.acquisition import threshold_of_top
from skmolal.query_strategies import get_query_strategy, target_sampling

numbers = st.floats(-1e6, 1e6)


@given(
    st.lists(numbers, max_size=20),
    st.lists(st.tuples(numbers, st.floats(1e-3, 1e3)), max_size=20),
    st.floats(0.01, 0.99),
    st.booleans(),
)
def test_it_solves_its_equation(y, rest, top, maximize):
    if not y and not rest:
        return
    y = np.array(y)
    mean, std = np.array(rest).reshape(-1, 2).T
    t = threshold_of_top(y, mean, std, top, maximize)
    sign = 1 if maximize else -1

    def beyond(t):
        z = sign * (mean - t) / std
        return np.sum(sign * y >= sign * t) + norm.cdf(z).sum()

    wanted = top * (len(y) + len(rest))
    step = sign * 1e-7 * max(1.0, np.abs([*y, *mean, *std]).max())
    assert beyond(t - step) >= wanted * (1 - 1e-9) - 1e-9
    assert beyond(t + step) <= wanted * (1 + 1e-9) + 1e-9


def test_of_known_labels_it_is_a_quantile():
    y = np.random.RandomState(0).permutation(100.0 + np.arange(100))
    assert threshold_of_top(y, [], [], 0.05) == 195.0
    assert threshold_of_top(y, [], [], 0.05, maximize=False) == 104.0
    assert threshold_of_top([], y, np.zeros(100), 0.05) == 195.0


@pytest.mark.parametrize("maximize", [True, False])
def test_a_sample_of_the_rest_stands_for_all(maximize):
    rng = np.random.default_rng(0)
    y, mean, std = rng.normal(size=50), rng.normal(size=30), rng.uniform(0.1, 1, size=30)
    std[:5] = 0
    expected = threshold_of_top(y, np.repeat(mean, 4), np.repeat(std, 4), 0.2, maximize)
    t = threshold_of_top(y, mean, std, 0.2, maximize, n_rest=120)
    assert abs(t - expected) < 1e-12
    with pytest.raises(ValueError, match="n_rest must be at least the 30 of mean, got 29"):
        threshold_of_top(y, mean, std, 0.2, n_rest=29)


@pytest.mark.parametrize("top", [0, 1, -0.1, 1.5, True, np.nan])
def test_what_is_no_share_is_refused(top):
    with pytest.raises(ValueError, match="top must be a share between 0 and 1"):
        threshold_of_top([1.0, 2.0], [], [], top)


def test_no_record_no_threshold():
    with pytest.raises(ValueError, match="at least one record"):
        threshold_of_top([], [], [], 0.5)


class Learner:
    """Knows the posterior of each row, and five labels."""

    y_training = np.array([0.0, 1.0, 2.0, 3.0, 9.0])

    def predict(self, X, return_std=False):
        return X[:, 0], X[:, 1]


@pytest.mark.parametrize("maximize", [True, False])
@pytest.mark.parametrize("rule", ["probability", "mean", "uncertain"])
def test_target_takes_the_estimated_range(rule, maximize):
    rng = np.random.RandomState(0)
    X = np.column_stack([rng.normal(size=50), rng.uniform(0.1, 1, size=50)])
    t = threshold_of_top(Learner.y_training, *X.T, 0.2, maximize)
    end = {"low": t} if maximize else {"high": t}
    expected = target_sampling(Learner(), X, 6, rule=rule, **end)
    got = target_sampling(Learner(), X, 6, rule=rule, top=0.2, maximize=maximize)
    np.testing.assert_array_equal(got[0], expected[0])
    np.testing.assert_array_equal(got[1], expected[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top": 0.1, "low": 1.0}, "top stands in place of low and high"),
        ({"top": 0.1, "high": 1.0}, "top stands in place of low and high"),
        ({"top": 1.0}, "top must be a share between 0 and 1, got 1.0"),
        ({"top": "5%"}, "top must be a share between 0 and 1, got '5%'"),
        ({"top": 0.1, "maximize": "yes"}, "maximize must be True or False"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        get_query_strategy("target", **options)


def test_top_needs_labels():
    class Unlabelled(Learner):
        y_training = None

    with pytest.raises(ValueError, match="top needs the labels"):
        target_sampling(Unlabelled(), np.ones((3, 2)), top=0.5)
