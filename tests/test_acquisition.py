"""Acquisition formulas against numerical integration."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from skmolal import acquisition

finite = st.floats(-30, 30)
positive = st.floats(1e-3, 10)


def integrate(function, low, high, mean, std):
    """Integrate a function against a normal density, piece by piece around its peak."""
    edges = np.unique(np.clip([low, *(mean + std * np.arange(-12, 13)), high], low, high))
    edges = edges[np.isfinite(edges)]
    # quad gives up on a piece that is as narrow as round-off, and it holds next to nothing
    edges = edges[np.append(True, np.diff(edges) > 1e-13 * (1 + np.abs(edges[1:])))]
    return sum(
        quad(lambda y: function(y) * norm.pdf(y, mean, std), a, b, epsabs=0, epsrel=1e-10)[0]
        for a, b in pairwise(edges)
    )


@settings(max_examples=60)
@given(z=st.floats(-8, 8), width=st.floats(1e-6, 5), mean=st.floats(-5, 5), std=positive)
def test_probability_in_range_is_the_integral(z, width, mean, std):
    low = mean + z * std
    high = low + width * std
    expected = integrate(lambda y: 1.0, low, high, mean, std)
    # low and high are rounded: the width they enclose is known to this relative error only
    rtol = 1e-9 + 1e-14 * (abs(low) + abs(high)) / (width * std)
    got = acquisition.probability_in_range([mean], [std], low, high)[0]
    np.testing.assert_allclose(got, expected, rtol=rtol)


@settings(max_examples=60)
@given(mean=finite, std=positive, low=finite)
def test_one_sided_probability(mean, std, low):
    got = acquisition.log_probability_in_range([mean], [std], low=low)
    np.testing.assert_allclose(got, norm.logsf(low, mean, std), rtol=1e-12, atol=1e-300)
    got = acquisition.log_probability_in_range([mean], [std], high=low)
    np.testing.assert_allclose(got, norm.logcdf(low, mean, std), rtol=1e-12, atol=1e-300)


def test_probabilities_of_a_partition_add_up():
    mean, std = np.linspace(-3, 3, 13), np.linspace(0.1, 2, 13)
    edges = [-np.inf, -2.0, -1.9999, 0.3, 2.5, np.inf]
    total = sum(
        acquisition.probability_in_range(mean, std, low, high) for low, high in pairwise(edges)
    )
    np.testing.assert_allclose(total, 1.0, rtol=1e-14)


def test_log_probability_in_the_tails():
    """Far from the range the probability underflows, its logarithm does not and keeps the order."""
    mean = -np.array([1e2, 1e3, 1e4, 1e8])
    for high in (np.inf, 1.0, 1e-9):
        log_probability = acquisition.log_probability_in_range(mean, np.ones(4), 0.0, high)
        assert np.isfinite(log_probability).all()
        assert (np.diff(log_probability) < 0).all()
        assert (acquisition.probability_in_range(mean, np.ones(4), 0.0, high) == 0).all()
    np.testing.assert_allclose(
        acquisition.log_probability_in_range([-40.0], [1.0], 0.0, 1.0),
        norm.logcdf(-40.0) + np.log1p(-np.exp(norm.logcdf(-41.0) - norm.logcdf(-40.0))),
        rtol=1e-14,
    )
    assert acquisition.log_probability_in_range([-1e300], [1e-300], 0.0) == -np.inf


def test_mirror_symmetry():
    rng = np.random.default_rng(0)
    mean, std = rng.normal(size=200) * 20, rng.uniform(0.01, 5, 200)
    for low, high in ((-1.0, 2.0), (-1e-8, 1e-8), (3.0, np.inf)):
        np.testing.assert_allclose(
            acquisition.log_probability_in_range(mean, std, low, high),
            acquisition.log_probability_in_range(-mean, std, -high, -low),
            rtol=1e-13,
        )


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (1.0, 1.0), (-np.inf, 1.0)])
def test_zero_std_is_a_comparison(low, high):
    mean = np.array([-0.5, 0.0, 0.5, 1.0, 1.5])
    expected = ((mean >= low) & (mean <= high)).astype(float)
    got = acquisition.probability_in_range(mean, np.zeros(5), low, high)
    np.testing.assert_array_equal(got, expected)
    some = acquisition.probability_in_range(mean, [0.0, 1.0, 0.0, 1.0, 0.0], low, high)
    np.testing.assert_array_equal(some[::2], expected[::2])


def test_a_point_has_no_probability():
    assert acquisition.probability_in_range([1.0], [0.5], 1.0, 1.0) == 0.0


def test_margin():
    mean = np.array([-3.0, -1.0, 0.0, 0.4, 3.0])
    np.testing.assert_allclose(
        acquisition.margin_in_range(mean, -1.0, 1.0), [-2.0, 0.0, 1.0, 0.6, -2.0]
    )
    np.testing.assert_array_equal(acquisition.margin_in_range(mean, low=0.0), mean)
    np.testing.assert_array_equal(acquisition.margin_in_range(mean, high=0.0), -mean)


@settings(max_examples=40)
@given(z=st.floats(-6, 6), best=st.floats(-5, 5), std=positive)
def test_improvements_are_the_integrals(z, best, std):
    mean = best + z * std
    expected = integrate(lambda y: y - best, best, np.inf, mean, std)
    got = acquisition.expected_improvement([mean], [std], best)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-12 * std)
    turned = acquisition.expected_improvement([-mean], [std], -best, maximize=False)
    np.testing.assert_allclose(turned, got, rtol=1e-12)
    probability = acquisition.probability_of_improvement([mean], [std], best)
    np.testing.assert_allclose(probability, norm.sf(best, mean, std), rtol=1e-9)
    turned = acquisition.probability_of_improvement([-mean], [std], -best, maximize=False)
    np.testing.assert_allclose(turned, probability, rtol=1e-12)


def test_improvements_without_spread():
    mean = np.array([-1.0, 0.0, 2.0])
    zero = np.zeros(3)
    np.testing.assert_array_equal(acquisition.expected_improvement(mean, zero, 0.0), [0, 0, 2])
    np.testing.assert_array_equal(
        acquisition.probability_of_improvement(mean, zero, 0.0), [0, 0, 1]
    )
    far = acquisition.expected_improvement([-1e3, -1e200], [1.0, 1e-200], 0.0)
    np.testing.assert_array_equal(far, [0, 0])


def test_confidence_bound_is_a_quantile():
    mean, std = np.array([0.5, -1.0]), np.array([2.0, 0.1])
    kappa = norm.ppf(0.9)
    np.testing.assert_allclose(
        acquisition.upper_confidence_bound(mean, std, kappa), norm.ppf(0.9, mean, std)
    )
    np.testing.assert_allclose(
        -acquisition.upper_confidence_bound(mean, std, kappa, maximize=False),
        norm.ppf(0.1, mean, std),
    )


@settings(max_examples=40)
@given(mean=finite, std=positive, threshold=finite, kappa=st.floats(0.1, 5))
def test_straddle_is_positive_where_the_threshold_is_within_the_interval(
    mean, std, threshold, kappa
):
    utility = acquisition.straddle([mean], [std], threshold, kappa)[0]
    low, high = norm.interval(2 * norm.cdf(kappa) - 1, mean, std)
    if abs(utility) > 1e-6 * (1 + abs(mean) + abs(threshold)):
        assert (utility > 0) == (low < threshold < high)


def test_wrong_use():
    with pytest.raises(ValueError, match=r"low must not be above high, got low=1.0 and high=0.0"):
        acquisition.probability_in_range([0.0], [1.0], 1.0, 0.0)
    with pytest.raises(ValueError, match="low must not be above high"):
        acquisition.margin_in_range([0.0], low=np.nan)
    with pytest.raises(ValueError, match=r"std must not be negative, got -1.0"):
        acquisition.straddle([0.0], [-1.0], 0.0)
