"""Thompson sampling: the best rows of functions drawn from the posterior."""

import numpy as np
from scipy.linalg import cholesky

from skmolal.acquisition import log_probability_of_improvement
from skmolal.query_strategies._machinery.joint import pool_joint
from skmolal.query_strategies._machinery.options import check_count, check_flag
from skmolal.query_strategies._machinery.posterior import PoolView
from skmolal.query_strategies._machinery.selection import (
    best,
    check_n_instances,
    check_stream,
    top_n,
)

__all__ = ["check_thompson_options", "thompson_sampling"]


# Variance that functions have beyond the model's, relative to the largest.
JITTER = 1e-10


def check_thompson_options(maximize=True, n_candidates=5000):
    """Check the options of :func:`thompson_sampling`."""
    check_flag("maximize", maximize)
    check_count("n_candidates", n_candidates)


def thompson_sampling(
    learner, X_pool, n_instances=1, *, maximize=True, n_candidates=5000, random_state=None
):
    """Choose rows of the pool, each the best of a function drawn from the joint posterior.

    A row is chosen with the probability that it is the best one [1]_. Each pick has a function of
    its own [2]_, so that a batch is as diverse as the model is unsure; where the best row of a
    function was chosen before, its next best follows. Functions are drawn jointly, with the
    covariance of all candidates: rows that are alike rise and fall together.

    Parameters
    ----------
    learner : estimator or modAL learner
        Fitted, with ``predict(X, return_cov=True)``: a Gaussian process. The noise of a label is
        its ``alpha`` (of an array the mean) and any white noise of its kernel. Pools of more than
        5,000 rows need :class:`skmolal.GaussianProcessRegressor`.
    X_pool : {array-like, sparse matrix, DataFrame} of shape (n_pool, n_features) or \
            ndarray of shape (n_pool,), dtype object
        Candidates.
    n_instances : int, default=1
        Rows to choose; all of a smaller pool.
    maximize : bool, default=True
        Whether large values are sought, or small ones.
    n_candidates : int, default=5000
        Rows among which functions are drawn, exactly: `n_instances` at least, all of a smaller
        pool. Of a larger one those most likely to exceed the row with the largest mean; this
        probability, which takes their covariance into account, is never below that of being the
        best of the pool.
    random_state : int, RandomState instance or None, default=None
        Seed of the functions. None is a seed made from the sizes of the query: the same
        call gives the same answer.

    Returns
    -------
    query_idx : ndarray of shape (min(n_instances, n_pool),), dtype intp
        Positions of the chosen rows, in order of choice; near ties (1e-10 of the largest value)
        by position.
    metrics : ndarray of the same shape
        Value of each pick in its function, in units of y, with the sign turned to minimise.

    Raises
    ------
    TypeError
        If the estimator has no joint posterior.
    ValueError
        If `n_instances` or `n_candidates` is not an integer of at least 1, the pool is empty, or
        a prediction is not finite.

    Notes
    -----
    Memory is O(n_candidates**2) beyond the joint posterior, time O(n_candidates**2 *
    (n_candidates + n_labelled + n_instances)). So that a Cholesky factor exists, also with
    duplicates in the pool, the variances of the functions are larger than those of the model by
    1e-10 of the largest; more where round-off asks for it.

    References
    ----------
    .. [1] W. R. Thompson, "On the likelihood that one unknown probability exceeds another in view
       of the evidence of two samples", Biometrika 25, 285, 1933, doi:10.1093/biomet/25.3-4.285.
    .. [2] J. M. Hernandez-Lobato, J. Requeima, E. O. Pyzer-Knapp and A. Aspuru-Guzik, "Parallel
       and distributed Thompson sampling for large-scale accelerated exploration of chemical
       space", ICML, PMLR 70, 1470, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from skmolal.query_strategies import thompson_sampling
    >>> learner = GaussianProcessRegressor(alpha=0.01, optimizer=None)
    >>> learner = learner.fit([[0.0], [2.0]], [0.0, 2.0])
    >>> X_pool = np.array([[-3.0], [0.1], [1.9], [2.5]])
    >>> query_idx, value = thompson_sampling(learner, X_pool, 2, random_state=0)
    >>> query_idx
    array([3, 2])
    """
    check_thompson_options(maximize, n_candidates)
    n_pool, n_picks = check_n_instances(X_pool, n_instances)
    stream = check_stream(random_state, n_pool, n_picks)
    view = PoolView(learner, X_pool)
    joint = pool_joint(view)
    mean = view.mean() if maximize else -view.mean()
    candidates = _find_candidates(joint, mean, max(n_candidates, n_picks))
    factor = _factorize(joint.block(candidates))
    # One row of normal numbers after the other: a smaller batch has the same functions.
    functions = mean[candidates] + stream.standard_normal((n_picks, len(candidates))) @ factor.T
    query_idx, metrics = np.empty(n_picks, dtype=np.intp), np.empty(n_picks)
    for i, values in enumerate(functions):
        scale = np.abs(values).max()
        values[query_idx[:i]] = -np.inf
        query_idx[i] = best(values, scale)
        metrics[i] = values[query_idx[i]]
    return candidates[query_idx], metrics


def _find_candidates(joint, mean, n_candidates):
    """Find the rows most likely to exceed the row of the largest mean, and that one."""
    n_pool = len(mean)
    if n_candidates >= n_pool:
        return np.arange(n_pool)
    first = best(mean, np.abs(mean).max())
    covariance = joint.columns(np.array([first]))[:, 0]
    variance = joint.variance + joint.variance[first] - 2.0 * covariance
    # Between duplicates this is round-off: their functions differ by the jitter of the factor.
    variance = np.maximum(variance, JITTER * joint.variance.max())
    log_chance = log_probability_of_improvement(mean, np.sqrt(variance), mean[first])
    log_chance[first] = 0.0
    return np.sort(top_n(log_chance, n_candidates, scale=1.0))


def _factorize(covariance):
    """Compute a Cholesky factor of a covariance that is singular but for round-off."""
    diagonal = np.diagonal(covariance).copy()
    largest = diagonal.max()
    if not largest > 0:
        return np.zeros_like(covariance)
    jitter = JITTER * largest
    while True:
        covariance[np.diag_indices_from(covariance)] = np.maximum(diagonal, 0.0) + jitter
        try:
            return cholesky(covariance, lower=True)
        except np.linalg.LinAlgError:
            jitter *= 10.0
