"""Targeted variance reduction: what makes the model surer of a target range."""

import numpy as np

from skmolal.acquisition import log_target_weight
from skmolal.query_strategies._machinery.joint import pool_joint
from skmolal.query_strategies._machinery.posterior import PoolView
from skmolal.query_strategies._machinery.selection import check_n_instances, check_stream
from skmolal.query_strategies._target import check_range_options
from skmolal.query_strategies._variance_reduction import (
    check_variance_reduction_options,
    reduce_variance,
)

__all__ = ["check_target_variance_reduction_options", "target_variance_reduction_sampling"]


def check_target_variance_reduction_options(
    low=-np.inf, high=np.inf, n_reference=1000, reference=None
):
    """Check the options of :func:`target_variance_reduction_sampling`."""
    check_range_options(low, high)
    check_variance_reduction_options(n_reference, reference)


def target_variance_reduction_sampling(
    learner,
    X_pool,
    n_instances=1,
    *,
    low=-np.inf,
    high=np.inf,
    n_reference=1000,
    reference=None,
    random_state=None,
):
    """Choose rows of the pool one by one, each lowering the variance in a target range the most.

    The utility of a row is by how much its label lowers the posterior variance of reference rows,
    weighted by their probability of lying in the range (the targeted mean square error, tIMSE)
    [1]_. So the model becomes sure of the property where it matters; and with `low` equal to
    `high`, of where it crosses that level. Weights are those of the present prediction for the
    whole batch; variances are updated after each pick, and picks equal those of a Gaussian
    process refitted after each single pick, at the same hyperparameters and weights.

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
    low : float, default=-inf
        Lower end of the target range, in units of y.
    high : float, default=inf
        Upper end of the target range, in units of y. One end must be given. If it equals
        `low`, weights are the probability density at that level.
    n_reference : int, default=1000
        Reference rows drawn from the pool, if `reference` is None, with probabilities in
        proportion to their weights and with replacement; all of a smaller pool.
    reference : array-like of shape (n_rows, ...), default=None
        Reference rows, of the same kind as `X_pool`: where the model shall be sure.
    random_state : int, RandomState instance or None, default=None
        Seed of the draw of reference rows. None is a seed made from the sizes of the query: the
        same call gives the same answer.

    Returns
    -------
    query_idx : ndarray of shape (min(n_instances, n_pool),), dtype intp
        Positions of the chosen rows, in order of choice; near ties (1e-10) by position.
    metrics : ndarray of the same shape
        Utility of each pick when it was chosen: the fall of the weighted mean of the variances of
        the reference rows, in squared units of y.

    Raises
    ------
    TypeError
        If the estimator has no joint posterior.
    ValueError
        If a size is not an integer of at least 1, the range is empty or has no end, the pool is
        empty, or a prediction is not finite.

    See Also
    --------
    variance_reduction_sampling : All reference rows alike, or with given weights.
    skmolal.acquisition.log_target_weight : The weight.

    Notes
    -----
    Memory is O(n_pool * (n_instances + n_reference)) beyond the joint posterior, time
    O(n_pool * n_instances * (n_labelled + n_instances + n_reference)). Where no reference row can
    lie in the range, all count alike.

    References
    ----------
    .. [1] V. Picheny, D. Ginsbourger, O. Roustant, R. T. Haftka and N.-H. Kim, "Adaptive designs
       of experiments for accurate approximation of a target region", J. Mech. Des. 132, 071008,
       2010, doi:10.1115/1.4001873.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from skmolal.query_strategies import target_variance_reduction_sampling
    >>> learner = GaussianProcessRegressor(alpha=0.01, optimizer=None)
    >>> learner = learner.fit([[0.0], [2.0]], [0.0, 2.0])
    >>> X_pool = np.array([[-3.0], [-4.0], [3.0], [4.0]])
    >>> query_idx, fall = target_variance_reduction_sampling(learner, X_pool, 2, low=0.5)
    >>> query_idx
    array([2, 1])
    """
    check_target_variance_reduction_options(low, high, n_reference, reference)
    n_pool, n_picks = check_n_instances(X_pool, n_instances)
    stream = check_stream(random_state, n_pool, n_picks)
    view = PoolView(learner, X_pool)
    if reference is None:
        joint = pool_joint(view)
        rows = np.arange(n_pool)
        mean = view.mean()
    else:
        view_reference = view.beside(reference)
        joint = pool_joint(view, view_reference)
        rows = n_pool + np.arange(view_reference.n_pool)
        mean = view_reference.mean()
    weights = _weights(mean, np.sqrt(joint.variance[rows]), low, high)
    if reference is None and n_pool > n_reference:
        drawn = stream.choice(n_pool, size=n_reference, p=weights)
        rows, counts = np.unique(drawn, return_counts=True)
        weights = counts / n_reference
    return reduce_variance(joint, rows, weights, n_pool, n_picks)


def _weights(mean, std, low, high):
    """Compute weights that add up to 1, however far all rows are from the range."""
    log_weight = log_target_weight(mean, std, low, high)
    largest = log_weight.max()
    weights = np.ones(len(mean)) if largest == -np.inf else np.exp(log_weight - largest)
    return weights / weights.sum()
