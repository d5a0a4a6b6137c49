"""Means of a whole pool, and variances of the rows alone that a query may choose."""

from typing import NamedTuple

import numpy as np

from skmolal.gaussian_process._engine.contest import hold_contest, scan
from skmolal.gaussian_process._engine.diagnostics import warn_fallback
from skmolal.gaussian_process._engine.precision import numerics

__all__ = ["Contenders", "PoolScan", "find_contenders", "scan_pool"]

# Of the largest std: what rounding may add to one.
_SLACK = {"float64": 1e-9, "float32": 1e-4}
_NEAR = 4e-10  # of a utility: wider than what strategies take as a tie


class PoolScan(NamedTuple):
    """What is cheap to know of all rows of a pool.

    Attributes
    ----------
    mean : ndarray of shape (n_pool,)
        Posterior mean, in units of y.
    prior : ndarray of shape (n_pool,)
        Prior variance, of normalised labels.
    """

    mean: np.ndarray
    prior: np.ndarray


class Contenders(NamedTuple):
    """Rows that may be among the best, and what bounds the others.

    Attributes
    ----------
    rows : ndarray of int, shape (n_found,)
        Rows of the pool, ascending.
    std : ndarray of shape (n_found,)
        Their posterior standard deviations, in units of y.
    bound : float
        No other row has a larger utility.
    work : float
        Share of the arithmetic of all variances that was done.
    """

    rows: np.ndarray
    std: np.ndarray
    bound: float
    work: float


def scan_pool(regressor, X):
    """Predict the means of a pool; see :class:`PoolScan`."""
    posterior = regressor._fitted("predict")
    if posterior.fallback is not None:
        warn_fallback(posterior.fallback)
    with numerics():
        mean, prior = scan(posterior, X)
    return PoolScan(regressor._rescale_mean(mean), prior)


def find_contenders(regressor, X, prior, n, utility, white=0.0):
    """Find the rows of a pool whose utility may be among the `n` largest.

    Parameters
    ----------
    regressor : GaussianProcessRegressor
        Fitted to one target.
    X : array-like or CSR of shape (n_pool, n_features)
        Pool.
    prior : ndarray of shape (n_pool,)
        Of :func:`scan_pool`.
    n : int
        Rows wanted.
    utility : Utility
        Made of the means of the pool: ``values``, ``ceiling`` and ``scale`` count.
    white : float, default=0.0
        Variance that is not counted, in squared units of y.

    Returns
    -------
    contenders : Contenders
        All rows that are among the n best, or so close that position decides.
    """
    slack = _SLACK[regressor.dtype] * np.sqrt(prior.max(initial=0.0))

    def std(variance):
        variance = regressor._rescale_variance(np.maximum(variance, 0.0))
        return np.sqrt(np.maximum(variance - white, 0.0))

    def ceiling(rows, variance):
        # The root of the largest that rounding could make of it.
        return utility.ceiling(rows, std((np.sqrt(np.maximum(variance, 0.0)) + slack) ** 2))

    def value(rows, variance):
        return utility.values(rows, std(variance))

    largest = float(std(prior).max(initial=0.0))

    def near(value):
        return _NEAR * max(utility.scale, abs(value), largest)

    with numerics():
        contest = hold_contest(regressor._fitted("predict"), X, prior, n, ceiling, value, near)
    return Contenders(contest.rows, std(contest.variance), contest.bound, contest.work)
