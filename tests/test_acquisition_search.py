"""Acquisition formulas of the search strategies against integration and simulation."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from skmolal import acquisition


@settings(max_examples=80)
@given(
    z=st.floats(-300, 60) | st.floats(-1e7, -300) | st.floats(-2, 2),
    best=st.floats(-5, 5),
    std=st.floats(1e-3, 10),
)
def test_log_improvements_are_the_integrals(z, best, std):
    """In the tail the density at the best is taken out of the integral, which then is benign."""
    mean = best + z * std
    z = (mean - best) / std
    end = 40 / (1 + abs(min(z, 0))) + max(z, 0)
    edges = np.linspace(0, end, 9) if z < 0 else np.clip(z + np.arange(-12, 13), 0, None)
    shift = 0.0 if z < 0 else 0.5 * z**2
    integral = sum(
        quad(lambda t: t * np.exp(z * t - 0.5 * t * t - shift), a, b, epsabs=0, epsrel=1e-12)[0]
        for a, b in pairwise(np.unique(edges))
    )
    expected = np.log(std) + np.log(integral) + shift - 0.5 * z**2 - 0.5 * np.log(2 * np.pi)
    got = acquisition.log_expected_improvement([mean], [std], best)[0]
    assert got == pytest.approx(expected, rel=1e-11, abs=1e-9)
    turned = acquisition.log_expected_improvement([-mean], [std], -best, maximize=False)[0]
    assert turned == pytest.approx(got, rel=1e-14)
    got = acquisition.log_probability_of_improvement([mean], [std], best)[0]
    assert got == pytest.approx(norm.logsf(best, mean, std), rel=1e-12)


def test_log_improvements_are_the_logarithms():
    mean, std = np.linspace(-4, 60, 65), np.linspace(0.5, 2, 65)
    for name in ("expected_improvement", "probability_of_improvement"):
        plain = getattr(acquisition, name)(mean, std, 0.5)
        log = getattr(acquisition, f"log_{name}")(mean, std, 0.5)
        np.testing.assert_allclose(np.exp(log), plain, rtol=1e-10)


def test_log_improvements_without_spread_or_hope():
    mean, zero = np.array([-1.0, 0.0, 2.0]), np.zeros(3)
    np.testing.assert_array_equal(
        acquisition.log_expected_improvement(mean, zero, 0.0), [-np.inf, -np.inf, np.log(2)]
    )
    np.testing.assert_array_equal(
        acquisition.log_probability_of_improvement(mean, zero, 0.0), [-np.inf, -np.inf, 0]
    )
    far = np.array([-1e3, -1e100, -1e300, 1e300])
    log = acquisition.log_expected_improvement(far, [1.0, 1.0, 1e-300, 1e-300], 0.0)
    assert np.isfinite(log[[0, 1, 3]]).all()
    assert log[2] == -np.inf
    assert log[0] > log[1]


def test_the_weight_of_a_level_is_the_limit_of_a_narrow_range():
    rng = np.random.default_rng(0)
    mean, std = rng.normal(size=50) * 3, rng.uniform(0.1, 2, 50)
    level = acquisition.log_target_weight(mean, std, 0.4, 0.4)
    np.testing.assert_allclose(level, norm.logpdf(0.4, mean, std), rtol=1e-12)
    width = 1e-6
    narrow = acquisition.log_target_weight(mean, std, 0.4 - width / 2, 0.4 + width / 2)
    np.testing.assert_allclose(narrow - np.log(width), level, rtol=1e-8)
    np.testing.assert_array_equal(
        acquisition.log_target_weight(mean, std, 0.0, 1.0),
        acquisition.log_probability_in_range(mean, std, 0.0, 1.0),
    )
    assert acquisition.log_target_weight([0.4], [0.0], 0.4, 0.4) == -np.inf


def test_randomised_straddle_has_a_root_of_chi_squared_in_view():
    """With such a kappa, the threshold lies in the interval with probability exp(-z^2 / 2)."""
    kappa = np.sqrt(np.random.default_rng(0).chisquare(2, size=40_000))
    z = 1.3
    inside = np.mean([acquisition.straddle([z], [1.0], 0.0, k)[0] > 0 for k in kappa[:4000]])
    assert inside == pytest.approx(np.exp(-(z**2) / 2), abs=5 * 0.5 / np.sqrt(4000))


def by_integration(mean, covariance, noise, low, high, n_ahead, n_labels=4001):
    """ENS by its definition: a fine midpoint rule over the quantiles of the label."""
    labels = norm.ppf((np.arange(n_labels) + 0.5) / n_labels)
    utility = []
    for i in range(len(mean)):
        scale = np.sqrt(covariance[i, i] + noise)
        others = [j for j in range(len(mean)) if j != i]
        after = mean[others] + np.outer(labels * scale, covariance[others, i]) / scale**2
        std = np.sqrt(np.diag(covariance)[others] - covariance[others, i] ** 2 / scale**2)
        probability = norm.cdf(high, after, std) - norm.cdf(low, after, std)
        top = -np.sort(-probability, axis=1)[:, :n_ahead]
        own = norm.cdf(high, mean[i], np.sqrt(covariance[i, i])) - norm.cdf(
            low, mean[i], np.sqrt(covariance[i, i])
        )
        utility.append(own + top.sum(axis=1).mean())
    return np.array(utility)


@pytest.mark.parametrize(("low", "high"), [(0.8, np.inf), (-np.inf, -0.5), (-0.3, 0.6), (2.5, 9.0)])
@pytest.mark.parametrize("n_ahead", [1, 3, 50])
@pytest.mark.parametrize("noise", [1e-3, 0.5])
def test_expected_hits_are_the_integral(low, high, n_ahead, noise):
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 6, size=12)
    covariance = np.exp(-0.5 * (x[:, None] - x) ** 2) * 1.3
    mean = rng.normal(size=12)
    expected = by_integration(mean, covariance, noise, low, high, n_ahead)
    got = acquisition.expected_hits(mean, covariance, noise, low, high, n_ahead)
    # Where one label all but decides others, their probability given it is nearly a step.
    np.testing.assert_allclose(got, expected, rtol=0.025 if noise == 0.5 else 0.07)


def test_expected_hits_by_simulation():
    """Functions drawn jointly: label one row, then the likeliest other, and count."""
    rng = np.random.default_rng(0)
    covariance = np.array([[1.0, 0.2, 0.0], [0.2, 1.0, 0.8], [0.0, 0.8, 1.0]])
    mean, low = np.array([0.3, 0.0, 0.1]), 0.7
    functions = rng.multivariate_normal(mean, covariance, size=40_000)
    got = acquisition.expected_hits(mean, covariance, low=low, n_ahead=1)
    for i in range(3):
        others = [j for j in range(3) if j != i]
        slope = covariance[others, i]
        after = mean[others] + np.outer(functions[:, i] - mean[i], slope)
        probability = norm.sf(low, after, np.sqrt(1 - slope**2))
        then = functions[np.arange(len(functions)), np.array(others)[probability.argmax(axis=1)]]
        hits = (functions[:, i] >= low).astype(int) + (then >= low)
        assert got[i] == pytest.approx(hits.mean(), abs=5 * hits.std() / 200)


def test_expected_hits_at_the_edges():
    eye = np.eye(4)
    mean = np.array([-1.0, 0.0, 1.0, 2.0])
    probability = acquisition.probability_in_range(mean, np.ones(4), low=0.5)
    # nothing to learn of others: the likeliest others count as they are
    np.testing.assert_allclose(
        acquisition.expected_hits(mean, eye, low=0.5, n_ahead=2),
        [probability[i] + np.sort(np.delete(probability, i))[-2:].sum() for i in range(4)],
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        acquisition.expected_hits(mean, eye, low=0.5, n_ahead=0), probability
    )
    np.testing.assert_allclose(
        acquisition.expected_hits(mean, eye, low=0.5, n_ahead=9), probability.sum()
    )
    known = acquisition.expected_hits(mean, np.zeros((4, 4)), low=1.0, n_ahead=2)
    np.testing.assert_allclose(known, [2, 2, 2, 2])
    # Hits are hopeless, one label in 1e20, and yet ordered.
    hopeless = acquisition.expected_hits(mean, eye + 0.5 - 0.5 * eye, low=12.0, n_ahead=1)
    assert (hopeless > 0).all()
    assert hopeless[3] == pytest.approx(hopeless[2])  # each takes the other
    assert hopeless[2] > 1.00001 * hopeless[1]


def test_wrong_use_of_expected_hits():
    with pytest.raises(ValueError, match=r"covariance must have shape \(2, 2\), got \(2,\)"):
        acquisition.expected_hits([0.0, 1.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="a variance must not be negative"):
        acquisition.expected_hits([0.0], [[-1.0]])
    with pytest.raises(ValueError, match="n_ahead must not be negative, got -1"):
        acquisition.expected_hits([0.0], [[1.0]], n_ahead=-1)
    with pytest.raises(ValueError, match="low must not be above high"):
        acquisition.expected_hits([0.0], [[1.0]], low=1.0, high=0.0)
