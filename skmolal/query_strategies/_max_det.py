"""Greedy maximum determinant: the most uncertain rows, each given those before."""

import numpy as np
from scipy.linalg import solve_triangular

from skmolal.query_strategies._machinery.joint import pool_joint
from skmolal.query_strategies._machinery.posterior import PoolView
from skmolal.query_strategies._machinery.selection import check_n_instances, top_n

__all__ = ["max_det_sampling"]

# Rows among which picks are made between two updates of the whole pool, and picks at most.
ACTIVE = 1024
ROUND = 256


def max_det_sampling(learner, X_pool, n_instances=1, *, random_state=None):
    """Choose rows of the pool one by one, each the most uncertain given those chosen before.

    Greedy maximisation of the determinant of the posterior covariance of the batch plus noise,
    which is the information that its labels carry [1]_, also known as BatchBALD of a regression
    [2]_ and as pivoted Cholesky decomposition. It equals uncertainty sampling with the Gaussian
    process refitted after each single pick, at the same hyperparameters.

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
    random_state : int, RandomState instance or None, default=None
        Not used: nothing here is random. It is accepted so that all strategies are called alike.

    Returns
    -------
    query_idx : ndarray of shape (min(n_instances, n_pool),), dtype intp
        Positions of the chosen rows, in order of choice; near ties (1e-10 of the largest
        variance) by position.
    metrics : ndarray of the same shape
        Utility of each pick: its posterior standard deviation given the picks before, without
        noise, in units of y.

    Raises
    ------
    TypeError
        If the estimator has no joint posterior.
    ValueError
        If `n_instances` is not an integer of at least 1, the pool is empty, or it is larger than
        5,000 rows and the estimator computes only whole covariance matrices.

    Notes
    -----
    Memory is O(n_pool * n_instances) beyond the joint posterior, whose partial solves
    are n_pool * n_labelled numbers; above 4 GiB they are not kept but computed anew when needed,
    which takes time. A variance only falls with more
    picks, so most picks are made among the 1,024 rows of largest variance, until one outside may
    be larger; then the whole pool is brought up to date for all new picks at once, with matrix
    products, at most O(n_pool * n_instances * (n_labelled + n_instances)) in all.

    References
    ----------
    .. [1] D. Holzmueller, V. Zaverkin, J. Kaestner and I. Steinwart, "A framework and benchmark
       for deep batch active learning for regression", J. Mach. Learn. Res. 24, 164, 2023,
       arXiv:2203.09410.
    .. [2] A. Kirsch, J. van Amersfoort and Y. Gal, "BatchBALD: efficient and diverse batch
       acquisition for deep Bayesian active learning", NeurIPS 32, 2019, arXiv:1906.08158.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from skmolal.query_strategies import max_det_sampling
    >>> learner = GaussianProcessRegressor(alpha=0.01, optimizer=None).fit([[0.0]], [0.0])
    >>> X_pool = np.array([[5.0], [5.1], [5.2], [2.0]])
    >>> query_idx, std = max_det_sampling(learner, X_pool, 2)
    >>> query_idx
    array([0, 3])
    """
    n_pool, n_picks = check_n_instances(X_pool, n_instances)
    joint = pool_joint(PoolView(learner, X_pool))
    variance = joint.variance.copy()
    largest = float(variance.max())  # by which near ties are measured in all rounds
    near = 1e-10 * largest
    solved = np.empty((n_pool, n_picks), order="F")  # rows of the Cholesky factor, so far
    left = np.ones(n_pool, dtype=bool)
    query_idx, metrics = [], []
    while (done := len(query_idx)) < n_picks:
        candidates = np.flatnonzero(left)
        n_active = min(ACTIVE, len(candidates))
        active = np.sort(candidates[top_n(variance[candidates], n_active, scale=largest)])
        before = solved[active, :done]
        picks, factor, std = _pick_active(
            joint.block(active) - before @ before.T,
            joint.noise,
            active,
            _Outside(variance, left, active, near),
            min(ROUND, n_picks - done),
        )
        query_idx.extend(picks)
        metrics.extend(std)
        left[picks] = False
        new = slice(done, done + len(picks))
        columns = joint.columns(picks)[:n_pool] - solved[:, :done] @ solved[picks, :done].T
        solved[:, new] = solve_triangular(factor, columns.T, lower=True).T
        variance -= np.einsum("ij,ij->i", solved[:, new], solved[:, new])
        np.maximum(variance, 0.0, out=variance)
    return np.array(query_idx, dtype=np.intp), np.array(metrics)


class _Outside:
    """What is known of the rows outside the active ones: their variances are not above these."""

    def __init__(self, variance, left, active, near):
        outside = left.copy()
        outside[active] = False
        self.near = near
        self.bound = variance[outside].max(initial=-np.inf)
        # Of the rows before each position: where active and outside rows tie, position decides.
        self.before = np.maximum.accumulate(np.where(outside, variance, -np.inf))

    def may_win(self, variance, row):
        """Tell whether a row outside may have to be chosen before `row`."""
        return variance < self.bound - self.near or variance <= self.before[row] + self.near


def _pick_active(covariance, noise, active, outside, n_picks):
    """Choose among the active rows as long as none outside may win.

    Returns the picks, the Cholesky factor of their covariance with noise, and their standard
    deviations at the time of choice.
    """
    variance = np.maximum(np.diagonal(covariance), 0.0)
    solved = np.zeros((len(active), n_picks))
    chosen, pivots, std = [], [], []
    while len(chosen) < n_picks:
        j = int(np.argmax(variance >= variance.max() - outside.near))
        if chosen and outside.may_win(variance[j], active[j]):
            break
        done = len(chosen)
        pivot = variance[j] + noise
        if pivot > 0:  # 0: known exactly, and teaches nothing
            column = covariance[:, j] - solved[:, :done] @ solved[j, :done]
            solved[:, done] = column / np.sqrt(pivot)
        chosen.append(j)
        pivots.append(np.sqrt(pivot) if pivot > 0 else 1.0)
        std.append(np.sqrt(variance[j]))
        left = np.isfinite(variance)
        variance = np.maximum(variance - solved[:, done] ** 2, 0.0)
        variance[~left] = variance[j] = -np.inf
    factor = np.tril(solved[chosen, : len(chosen)], -1) + np.diag(pivots)
    return active[chosen], factor, std
