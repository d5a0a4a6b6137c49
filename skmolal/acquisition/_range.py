"""Utilities of a target range: the probability of lying in it, the margin, and a weight."""

import numpy as np
from scipy.special import log_ndtr, ndtr

from skmolal.acquisition._checks import check_posterior, check_range

__all__ = [
    "log_probability_in_range",
    "log_target_weight",
    "margin_in_range",
    "probability_in_range",
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
    mean, std = check_posterior(mean, std)
    low, high = check_range(low, high)
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
    low, high = check_range(low, high)
    return np.minimum(mean - low, high - mean)


def log_target_weight(mean, std, low=-np.inf, high=np.inf):
    """Compute the logarithm of how much each value matters to a target range.

    The weight of the targeted mean square error [1]_: where the posterior variance counts, if
    the property shall be known well in the range. Only ratios of weights matter.

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
    log_weight : ndarray of shape (n_samples,)
        Natural logarithm of the probability of lying in the range. Where `low` and `high` are
        equal, a level set, that of the probability density there; -inf where `std` is 0, too.

    Raises
    ------
    ValueError
        If `low` is above `high` or one of them is NaN, or if a `std` is negative.

    References
    ----------
    .. [1] V. Picheny, D. Ginsbourger, O. Roustant, R. T. Haftka and N.-H. Kim, "Adaptive designs
       of experiments for accurate approximation of a target region", J. Mech. Des. 132, 071008,
       2010, doi:10.1115/1.4001873.

    Examples
    --------
    >>> import numpy as np
    >>> from skmolal.acquisition import log_target_weight
    >>> np.exp(log_target_weight([0.0, 2.0], [1.0, 1.0], low=0.0, high=0.0)).round(4)
    array([0.3989, 0.054 ])
    """
    if low != high:
        return log_probability_in_range(mean, std, low, high)
    mean, std = check_posterior(mean, std)
    log_weight = np.full(mean.shape, -np.inf)
    random = std > 0
    with np.errstate(over="ignore"):
        z = (mean[random] - low) / std[random]
        log_weight[random] = -0.5 * z**2 - np.log(std[random]) - _LOG_SQRT_2PI
    return log_weight


def _log_integral(middle, width):
    """Integrate the standard normal density over a narrow interval, as a logarithm."""
    t = 0.5 * width[:, None] * _NODES
    integral = np.exp(-t * (middle[:, None] + 0.5 * t)) @ (0.5 * _WEIGHTS)
    # A range that is a point, or too far away, has probability 0.
    with np.errstate(divide="ignore", over="ignore"):
        return np.log(width) + np.log(integral) - 0.5 * middle**2 - _LOG_SQRT_2PI
