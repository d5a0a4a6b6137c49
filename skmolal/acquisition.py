"""Acquisition functions: what a label is worth, from the posterior mean and standard deviation.

Each is a pure function of arrays and returns a utility: larger is better. They know nothing of
learners, pools or batches; those are the notions of :mod:`skmolal.query_strategies`.
"""

import numpy as np
from scipy.special import log_ndtr, ndtr

__all__ = [
    "expected_improvement",
    "log_probability_in_range",
    "margin_in_range",
    "probability_in_range",
    "probability_of_improvement",
    "straddle",
    "upper_confidence_bound",
]

_LOG_SQRT_2PI = 0.5 * np.log(2.0 * np.pi)
# Eight nodes integrate exp(-m t - t^2 / 2) over a narrow interval to the last bit.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)


def log_probability_in_range(mean, std, low=-np.inf, high=np.inf):
    """Compute the logarithm of the probability that a normal variable lies in a range.

    It stays finite and ordered far in the tails, where the probability itself is 0 in floating
    point: rank by it when all candidates are far from the range.

    Parameters
    ----------
    mean : array-like of shape (n_samples,)
        Posterior mean.
    std : array-like of shape (n_samples,)
        Posterior standard deviation, not negative. Where it is 0, the variable is its mean.
    low : float, default=-inf
        Lower end of the range, which belongs to it.
    high : float, default=inf
        Upper end of the range, which belongs to it.

    Returns
    -------
    log_probability : ndarray of shape (n_samples,)
        Natural logarithm of the probability, at most 0.

    Raises
    ------
    ValueError
        If `low` is above `high` or one of them is NaN, or if a `std` is negative.

    Examples
    --------
    >>> from skmolal.acquisition import log_probability_in_range
    >>> log_probability_in_range([0.0, -50.0], [1.0, 1.0], low=0.0).round(2)
    array([-6.90000e-01, -1.25483e+03])
    """
    mean, std = _check_posterior(mean, std)
    low, high = _check_range(low, high)
    log_probability = np.where((low <= mean) & (mean <= high), 0.0, -np.inf)
    random = std > 0
    if not random.any():
        return log_probability
    mean, std = mean[random], std[random]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        a, b = (low - mean) / std, (high - mean) / std
        width = (high - low) / std
        # The normal density is even: work in the left tail, where log_ndtr keeps all its digits.
        a, b = np.where(a > 0, -b, a), np.where(a > 0, -a, b)
        value = np.where(
            b <= 0,
            log_ndtr(b) + np.log1p(-np.exp(log_ndtr(a) - log_ndtr(b))),
            # The two tails outside the range, small where the range holds nearly everything.
            np.log1p(-(ndtr(a) + ndtr(-b))),
        )
        # In a narrow range both forms subtract nearly equal numbers: integrate the density.
        middle = 0.5 * (a + b)
        narrow = width * (1.0 + np.abs(middle)) < 1.0
    if narrow.any():
        value[narrow] = _log_integral(middle[narrow], width[narrow])
    # Only an overflow of the argument leaves NaN: a range infinitely far away.
    log_probability[random] = np.where(np.isnan(value), -np.inf, np.minimum(value, 0.0))
    return log_probability


def probability_in_range(mean, std, low=-np.inf, high=np.inf):
    """Compute the probability that a normal variable lies in a range.

    Parameters
    ----------
    mean : array-like of shape (n_samples,)
        Posterior mean.
    std : array-like of shape (n_samples,)
        Posterior standard deviation, not negative. Where it is 0, the variable is its mean.
    low : float, default=-inf
        Lower end of the range, which belongs to it.
    high : float, default=inf
        Upper end of the range, which belongs to it.

    Returns
    -------
    probability : ndarray of shape (n_samples,)
        ``Phi((high - mean) / std) - Phi((low - mean) / std)``, to full relative precision also
        in the tails; 0 where it is smaller than the smallest float.

    Raises
    ------
    ValueError
        If `low` is above `high` or one of them is NaN, or if a `std` is negative.

    Examples
    --------
    >>> from skmolal.acquisition import probability_in_range
    >>> probability_in_range([0.0, 2.0], [1.0, 1.0], low=-1.0, high=1.0).round(4)
    array([0.6827, 0.1573])
    """
    return np.exp(log_probability_in_range(mean, std, low, high))


def margin_in_range(mean, low=-np.inf, high=np.inf):
    """Compute how far inside a range each value lies.

    Parameters
    ----------
    mean : array-like of shape (n_samples,)
        Posterior mean.
    low : float, default=-inf
        Lower end of the range.
    high : float, default=inf
        Upper end of the range.

    Returns
    -------
    margin : ndarray of shape (n_samples,)
        ``min(mean - low, high - mean)``, the distance to the nearer end: positive inside,
        negative outside.

    Raises
    ------
    ValueError
        If `low` is above `high` or one of them is NaN.

    Examples
    --------
    >>> from skmolal.acquisition import margin_in_range
    >>> margin_in_range([0.0, 2.0], low=-1.0, high=1.5)
    array([ 1. , -0.5])
    """
    mean = np.asarray(mean, dtype=np.float64)
    low, high = _check_range(low, high)
    return np.minimum(mean - low, high - mean)


def straddle(mean, std, threshold, kappa=1.96):
    """Compute how likely each value is to be on either side of a threshold.

    The utility of level-set estimation: high where the posterior is uncertain and its mean is
    near the threshold [1]_.

    Parameters
    ----------
    mean : array-like of shape (n_samples,)
        Posterior mean.
    std : array-like of shape (n_samples,)
        Posterior standard deviation, not negative.
    threshold : float
        The level whose crossing is sought.
    kappa : float, default=1.96
        Weight of the standard deviation.

    Returns
    -------
    utility : ndarray of shape (n_samples,)
        ``kappa * std - |mean - threshold|``: positive where the threshold lies within `kappa`
        standard deviations of the mean.

    References
    ----------
    .. [1] B. Bryan et al., "Active learning for identifying function threshold boundaries",
       Advances in Neural Information Processing Systems 18, 2005.

    Examples
    --------
    >>> from skmolal.acquisition import straddle
    >>> straddle([0.0, 2.0], [1.0, 1.0], threshold=0.0)
    array([ 1.96, -0.04])
    """
    mean, std = _check_posterior(mean, std)
    return kappa * std - np.abs(mean - threshold)


def upper_confidence_bound(mean, std, kappa=1.96, maximize=True):
    """Compute an optimistic estimate of each value.

    Parameters
    ----------
    mean : array-like of shape (n_samples,)
        Posterior mean.
    std : array-like of shape (n_samples,)
        Posterior standard deviation, not negative.
    kappa : float, default=1.96
        Weight of the standard deviation, beta to the power 1/2 in [1]_.
    maximize : bool, default=True
        Whether large values are sought. If False, small ones are, and the utility is the lower
        confidence bound with its sign turned.

    Returns
    -------
    utility : ndarray of shape (n_samples,)
        ``kappa * std + mean``, or ``kappa * std - mean`` to minimise.

    References
    ----------
    .. [1] N. Srinivas et al., "Information-theoretic regret bounds for Gaussian process
       optimization in the bandit setting", IEEE Trans. Inf. Theory 58, 3250, 2012,
       doi:10.1109/TIT.2011.2182033.

    Examples
    --------
    >>> from skmolal.acquisition import upper_confidence_bound
    >>> upper_confidence_bound([0.0, 2.0], [1.0, 0.0])
    array([1.96, 2.  ])
    """
    mean, std = _check_posterior(mean, std)
    return kappa * std + (mean if maximize else -mean)


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


def _log_integral(middle, width):
    """Integrate the standard normal density over a narrow interval, as a logarithm."""
    t = 0.5 * width[:, None] * _NODES
    integral = np.exp(-t * (middle[:, None] + 0.5 * t)) @ (0.5 * _WEIGHTS)
    # A range that is a point, or too far away, has probability 0.
    with np.errstate(divide="ignore", over="ignore"):
        return np.log(width) + np.log(integral) - 0.5 * middle**2 - _LOG_SQRT_2PI


def _check_posterior(mean, std):
    mean, std = np.asarray(mean, dtype=np.float64), np.asarray(std, dtype=np.float64)
    if (std < 0).any():
        raise ValueError(f"std must not be negative, got {std.min()}")
    return np.broadcast_arrays(mean, std)


def _check_range(low, high):
    low, high = float(low), float(high)
    if not low <= high:
        raise ValueError(f"low must not be above high, got low={low} and high={high}")
    return low, high


def _check_improvement(mean, std, best, maximize):
    mean, std = _check_posterior(mean, std)
    return (mean - best if maximize else best - mean), std
