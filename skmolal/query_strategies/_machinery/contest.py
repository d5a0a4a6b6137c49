"""Large pools: means of all rows, standard deviations of those alone that may be chosen."""

import sys
from time import perf_counter
from typing import NamedTuple

import numpy as np

from skmolal._rows import LazyRows, n_rows

__all__ = ["Contest", "hold_contest", "is_our_process"]

LEAST_ROWS = 10_000  # of a smaller pool all is known soon


class Contest(NamedTuple):
    """The rows of a pool that may be among the best.

    Attributes
    ----------
    rows : ndarray of int, shape (n_found,)
        Rows of the pool, ascending.
    mean, std : ndarray of shape (n_found,)
        Their posterior.
    bound : float
        No other row has a larger utility.
    scale : float
        That of the utility of the whole pool, by which near ties are measured.
    work : float
        Share of the arithmetic of all standard deviations that was done.
    """

    rows: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    bound: float
    scale: float
    work: float


def is_our_process(estimator):
    """Tell whether an estimator is our Gaussian process, and predicts as that does."""
    # Not imported: that would load JAX for everybody else.
    ours = sys.modules.get("skmolal.gaussian_process")
    return (
        ours is not None
        and isinstance(estimator, ours.GaussianProcessRegressor)
        and type(estimator).predict is ours.GaussianProcessRegressor.predict
    )


def hold_contest(view, n, make_utility, latent, by_std_alone=False):
    """Find the rows of a pool whose utility may be among the `n` largest.

    Parameters
    ----------
    view : PoolView
        The pool as the learner sees it.
    n : int
        Rows wanted.
    make_utility : callable
        Takes the posterior mean of rows and returns a :class:`Utility`.
    latent : bool
        Whether white noise of the kernel is no part of the std.
    by_std_alone : bool, default=False
        Whether the utility does not depend on the mean. Then few labels drop no row.

    Returns
    -------
    contest : Contest or None
        None where all rows are to be looked at: for another estimator than our Gaussian process,
        few rows, rows of which the process keeps what it knows, or where fewer than `n` rows have
        a utility at all.
    """
    estimator = view.estimator
    if not (is_our_process(estimator) and view.is_predicted_plainly):
        return None
    from skmolal.gaussian_process._contest import find_contenders, scan_pool

    shards = getattr(view.learner, "shards", None)
    rows = view.rows()
    if shards is None and not (view.n_pool >= LEAST_ROWS and _may(estimator, rows, by_std_alone)):
        return None
    if view.n_pool <= n:
        return None
    start = perf_counter()
    white = view.white_noise() if latent else 0.0
    if shards is not None:
        found, mean, scale = shards.hold_contest(
            estimator, view.learner.excluded, n, make_utility, white
        )
        found = found._replace(rows=view.learner.find_in_pool(found.rows))
    else:
        X = estimator._check_pool(rows)
        scan = scan_pool(estimator, X)
        utility = make_utility(view.check_mean(scan.mean))
        found = find_contenders(estimator, X, scan.prior, n, utility, white)
        mean, scale = scan.mean[found.rows], utility.scale
    view.add_time(perf_counter() - start)
    if found.bound == -np.inf:
        return None
    return Contest(found.rows, mean, found.std, found.bound, scale, found.work)


def _may(estimator, rows, by_std_alone):
    return estimator._may_contest(n_rows(rows), isinstance(rows, LazyRows), by_std_alone)
