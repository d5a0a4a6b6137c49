"""Utilities of improvement over the best value known, also far below it."""

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr

from skmolal.acquisition._checks import check_posterior

__all__ = [
    "expected_improvement",
    "log_expected_improvement",
    "log_probability_of_improvement",
    "probability_of_improvement",
]

_LOG_SQRT_2PI = 0.5 * np.log(2.0 * np.pi)


def probability_of_improvement(mean, std, best, maximize=True):
    """Compute the probability that each value is better than the best known.

    Parameters
    ----------
    mean : array-like of shape (n_samples,)
        Posterior mean.
    std : array-like of shape (n_samples,)
        Posterior standard deviation, not negative. Where it is 0, the variable is its mean.
    best : float
        Best value known, or the best and a margin to be won above it.
    maximize : bool, default=True
        Whether large values are sought.

    Returns
    -------
    utility : ndarray of shape (n_samples,)
        ``Phi((mean - best) / std)``, with the other sign to minimise [1]_.

    References
    ----------
    .. [1] H. J. Kushner, "A new method of locating the maximum point of an arbitrary multipeak
       curve in the presence of noise", J. Basic Eng. 86, 97, 1964, doi:10.1115/1.3653121.

    Examples
    --------
    >>> from skmolal.acquisition import probability_of_improvement
    >>> probability_of_improvement([0.0, 2.0], [1.0, 1.0], best=1.0).round(4)
    array([0.1587, 0.8413])
    """
    improvement, std = _check_improvement(mean, std, best, maximize)
    utility = np.where(improvement > 0, 1.0, 0.0)
    random = std > 0
    with np.errstate(over="ignore"):
        utility[random] = ndtr(improvement[random] / std[random])
    return utility


def log_probability_of_improvement(mean, std, best, maximize=True):
    """Compute the logarithm of the probability that each value is better than the best known.

    It stays finite and ordered far below the best, where the probability itself is 0 in floating
    point.

    Parameters
    ----------
    mean : array-like of shape (n_samples,)
        Posterior mean.
    std : array-like of shape (n_samples,)
        Posterior standard deviation, not negative. Where it is 0, the variable is its mean.
    best : float
        Best value known, or the best and a margin to be won above it.
    maximize : bool, default=True
        Whether large values are sought.

    Returns
    -------
    utility : ndarray of shape (n_samples,)
        Natural logarithm of :func:`probability_of_improvement`; -inf where there is no chance.

    Examples
    --------
    >>> from skmolal.acquisition import log_probability_of_improvement
    >>> log_probability_of_improvement([0.0, -50.0], [1.0, 1.0], best=0.0).round(2)
    array([-6.90000e-01, -1.25483e+03])
    """
    improvement, std = _check_improvement(mean, std, best, maximize)
    utility = np.where(improvement > 0, 0.0, -np.inf)
    random = std > 0
    with np.errstate(over="ignore"):
        utility[random] = log_ndtr(improvement[random] / std[random])
    return utility


def expected_improvement(mean, std, best, maximize=True):
    """Compute by how much each value is expected to better the best known.

    Parameters
    ----------
    mean : array-like of shape (n_samples,)
        Posterior mean.
    std : array-like of shape (n_samples,)
        Posterior standard deviation, not negative. Where it is 0, the variable is its mean.
    best : float
        Best value known, or the best and a margin to be won above it.
    maximize : bool, default=True
        Whether large values are sought.

    Returns
    -------
    utility : ndarray of shape (n_samples,)
        ``E[max(y - best, 0)]``, or ``E[max(best - y, 0)]`` to minimise [1]_; never negative.

    References
    ----------
    .. [1] D. R. Jones, M. Schonlau and W. J. Welch, "Efficient global optimization of expensive
       black-box functions", J. Global Optim. 13, 455, 1998, doi:10.1023/A:1008306431147.

    Examples
    --------
    >>> from skmolal.acquisition import expected_improvement
    >>> expected_improvement([0.0, 2.0], [1.0, 1.0], best=1.0).round(4)
    array([0.0833, 1.0833])
    """
    improvement, std = _check_improvement(mean, std, best, maximize)
    utility = np.maximum(improvement, 0.0)
    random = std > 0
    improvement, std = improvement[random], std[random]
    with np.errstate(over="ignore", under="ignore"):
        z = improvement / std
        density = np.exp(-0.5 * z**2 - _LOG_SQRT_2PI)
        value = improvement * ndtr(z) + std * density
    # Far below the best the two terms cancel: not below 0 by round-off.
    utility[random] = np.maximum(value, utility[random])
    return utility


def log_expected_improvement(mean, std, best, maximize=True):
    """Compute the logarithm of the expected improvement over the best known.

    It stays finite and ordered far below the best, where the expectation itself is 0 in floating
    point: rank by it [1]_.

    Parameters
    ----------
    mean : array-like of shape (n_samples,)
        Posterior mean.
    std : array-like of shape (n_samples,)
        Posterior standard deviation, not negative. Where it is 0, the variable is its mean.
    best : float
        Best value known, or the best and a margin to be won above it.
    maximize : bool, default=True
        Whether large values are sought.

    Returns
    -------
    utility : ndarray of shape (n_samples,)
        Natural logarithm of :func:`expected_improvement`; -inf where none is possible.

    References
    ----------
    .. [1] S. Ament, S. Daulton, D. Eriksson, M. Balandat and E. Bakshy, "Unexpected improvements
       to expected improvement for Bayesian optimization", NeurIPS 36, 2023, arXiv:2310.20708.

    Examples
    --------
    >>> from skmolal.acquisition import log_expected_improvement
    >>> log_expected_improvement([0.0, -50.0], [1.0, 1.0], best=0.0).round(2)
    array([-9.20000e-01, -1.25874e+03])
    """
    improvement, std = _check_improvement(mean, std, best, maximize)
    with np.errstate(divide="ignore"):
        utility = np.log(np.maximum(improvement, 0.0))
    random = std > 0
    with np.errstate(over="ignore", under="ignore"):
        z = improvement[random] / std[random]
    # 40 standard deviations above the best, the expectation is the improvement of the mean.
    value = utility[random]
    below = z < 40
    value[below] = np.log(std[random][below]) + _log_partial_expectation(z[below])
    utility[random] = value
    return utility


def _log_partial_expectation(z):
    """Compute the logarithm of ``phi(z) + z Phi(z)``, the mean of the positive part."""
    value = np.empty_like(z)
    near = z > -1
    density = np.exp(-0.5 * z[near] ** 2 - _LOG_SQRT_2PI)
    value[near] = np.log(density + z[near] * ndtr(z[near]))
    # Below, the terms cancel: phi(z) (1 - t m(t)), where m is Mills' ratio and t = -z.
    t = -z[~near]
    far = t > 100
    ratio = np.empty_like(t)
    ratio[~far] = 1.0 - t[~far] * np.sqrt(0.5 * np.pi) * erfcx(t[~far] / np.sqrt(2.0))
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        u = 1.0 / t[far] ** 2  # where these cancel too, by Mills' series
        ratio[far] = u * (1.0 - u * (3.0 - u * (15.0 - 105.0 * u)))
        value[~near] = -0.5 * t**2 + np.log(ratio) - _LOG_SQRT_2PI
    return value


def _check_improvement(mean, std, best, maximize):
    mean, std = check_posterior(mean, std)
    return (mean - best if maximize else best - mean), std
