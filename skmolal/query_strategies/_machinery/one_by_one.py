"""Batches by a utility of mean and std, where each pick lowers the std of the rows left.

A pick counts as labelled with its predicted mean (kriging believer): so a Gaussian process keeps
its means, and its variances fall as they will with the true label, which does not matter to them.
"""

from abc import ABC, abstractmethod

import numpy as np
from scipy.linalg import solve_triangular

from skmolal.query_strategies._machinery.contest import hold_contest
from skmolal.query_strategies._machinery.joint import check_joint, pool_joint
from skmolal.query_strategies._machinery.selection import best, top_n

__all__ = ["Utility", "check_batch", "choose_batch"]

# Rows among which picks are made between two updates of the whole pool, and picks at most.
ACTIVE = 1024
ROUND = 256
WITHOUT_JOINT = "update_variance=False, which needs only std"
SPARE = 1024  # rows that are known beyond those that are picked

_NEAR = 1e-10


class Utility(ABC):
    """What a batch is chosen by; subclasses say how.

    Parameters
    ----------
    mean : ndarray of shape (n_pool,)
        Posterior mean.

    Attributes
    ----------
    scale : float
        Size of the numbers that utilities are computed from: near ties are measured by it.
    """

    scale = 1.0

    def __init__(self, mean):
        self.mean = mean

    @abstractmethod
    def values(self, rows, std):
        """Compute the utility of some rows with these standard deviations, -inf if useless."""

    def ceiling(self, rows, std):
        """Bound the utility of some rows for all standard deviations up to these."""
        return self.values(rows, std)

    def believe(self, row):  # noqa: B027 - most have nothing to learn
        """Learn that a row was chosen, and its label is its mean."""

    def order_useless(self, rows):
        """Compute what decides among rows whose utility is -inf, whatever their std."""
        return np.zeros(len(rows))

    def metrics(self, values):
        """Turn utilities into what the user is told."""
        return values


def check_batch(view, update_variance):
    """Refuse an estimator that does not predict what a batch needs."""
    if update_variance:
        check_joint(view, WITHOUT_JOINT)
    else:
        view.check_std()


def choose_batch(view, make_utility, n_picks, update_variance):
    """Choose a batch by a utility.

    Parameters
    ----------
    view : PoolView
        The pool as the learner sees it.
    make_utility : callable
        Takes the posterior mean of the pool and returns a :class:`Utility`.
    n_picks : int
        Rows to choose.
    update_variance : bool
        Whether each pick lowers the variance of the rows left.

    Returns
    -------
    query_idx : ndarray of shape (n_picks,), dtype intp
        Positions of the chosen rows, in order of choice.
    metrics : ndarray of shape (n_picks,)
        Utility of each pick when it was chosen.
    """
    found = _choose_in_contest(view, make_utility, n_picks, update_variance)
    if found is not None:
        return found
    if update_variance:
        joint = pool_joint(view, otherwise=WITHOUT_JOINT)
        return _choose_one_by_one(joint, make_utility(view.mean()), n_picks)
    mean, std = view.posterior()
    utility = make_utility(mean)
    values = utility.values(np.arange(len(mean)), std)
    picks = top_n(values, min(n_picks, int((values > -np.inf).sum())), utility.scale)
    rest = np.flatnonzero(values == -np.inf)
    rest = rest[top_n(utility.order_useless(rest), n_picks - len(picks))]
    query_idx = np.concatenate([picks, rest])
    return query_idx, utility.metrics(values[query_idx])


def _choose_in_contest(view, make_utility, n_picks, update_variance):
    """Choose among the contenders of a large pool; None where there is no contest."""
    # Each pick lowers the utilities around it: more rows than are picked may come in.
    n_wanted = n_picks + max(SPARE, n_picks) if update_variance else n_picks
    while (contest := hold_contest(view, n_wanted, make_utility, update_variance)) is not None:
        rows, utility = contest.rows, make_utility(contest.mean)
        utility.scale = contest.scale
        if not update_variance:
            values = utility.values(np.arange(len(rows)), contest.std)
            picks = top_n(values, n_picks, utility.scale)
            return rows[picks], utility.metrics(values[picks])
        joint = pool_joint(view.part(rows))
        chosen = _choose_one_by_one(joint, utility, n_picks, contest.bound)
        if chosen is not None:
            return rows[chosen[0]], chosen[1]
        n_wanted *= 4
    return None


def _choose_one_by_one(joint, utility, n_picks, bound=-np.inf):
    """Choose; None if rows beyond these, whose utilities `bound` bounds, would have to be."""
    variance = joint.variance.copy()
    n_pool = len(variance)
    solved = np.empty((n_pool, n_picks), order="F")  # rows of the Cholesky factor, so far
    left = np.ones(n_pool, dtype=bool)
    query_idx, metrics = [], []
    while (done := len(query_idx)) < n_picks:
        rows = np.flatnonzero(left)
        values = utility.values(rows, np.sqrt(variance[rows]))
        if values.max() == -np.inf:
            rest = rows[top_n(utility.order_useless(rows), n_picks - done)]
            query_idx.extend(rest)
            metrics.extend(utility.metrics(np.full(len(rest), -np.inf)))
            break
        active = np.sort(rows[top_n(values, min(ACTIVE, len(rows)), utility.scale)])
        if values.max() <= bound + _NEAR * max(utility.scale, abs(bound)):
            return None
        outside = np.setdiff1d(rows, active, assume_unique=True)
        before = solved[active, :done]
        picks, factor, values = _choose_active(
            joint.block(active) - before @ before.T,
            variance[active],
            joint.noise,
            active,
            utility,
            _Outside(utility, outside, np.sqrt(variance[outside]), bound),
            min(ROUND, n_picks - done),
        )
        query_idx.extend(picks)
        metrics.extend(utility.metrics(values))
        left[picks] = False
        if len(query_idx) < n_picks:
            new = slice(done, done + len(picks))
            columns = joint.columns(picks) - solved[:, :done] @ solved[picks, :done].T
            solved[:, new] = solve_triangular(factor, columns.T, lower=True).T
            variance -= np.einsum("ij,ij->i", solved[:, new], solved[:, new])
            np.maximum(variance, 0.0, out=variance)
    return np.array(query_idx, dtype=np.intp), np.array(metrics)


class _Outside:
    """What is known of the rows outside the active ones: their utilities are not above these."""

    def __init__(self, utility, rows, std, bound):
        ceiling = utility.ceiling(rows, std) if len(rows) else np.empty(0)
        self.bound = max(ceiling.max(initial=-np.inf), bound)
        self.scale = utility.scale
        # Where active and outside rows tie, position decides; of rows beyond it is not known.
        self.first = -1
        if ceiling.max(initial=-np.inf) > bound:
            self.first = rows[best(ceiling, self.scale)]

    def may_win(self, value, row):
        """Tell whether a row outside may have to be chosen before `row`."""
        near = _NEAR * max(self.scale, abs(value))
        if value > self.bound + near:
            return False
        return value < self.bound - near or row > self.first


def _choose_active(covariance, variance, noise, active, utility, outside, n_picks):
    """Choose among the active rows as long as none outside may win.

    Returns the picks, the Cholesky factor of their covariance with noise, and their utilities at
    the time of choice.
    """
    solved = np.zeros((len(active), n_picks))
    left = np.ones(len(active), dtype=bool)
    chosen, pivots, at_choice = [], [], []
    while len(chosen) < min(n_picks, len(active)):
        values = utility.values(active, np.sqrt(variance))
        values[~left] = -np.inf
        j = best(values, utility.scale) if values.max() > -np.inf else None
        if chosen and (j is None or outside.may_win(values[j], active[j])):
            break
        done = len(chosen)
        pivot = variance[j] + noise
        if pivot > 0:  # 0: known exactly, and teaches nothing
            column = covariance[:, j] - solved[:, :done] @ solved[j, :done]
            solved[:, done] = column / np.sqrt(pivot)
        chosen.append(j)
        pivots.append(np.sqrt(pivot) if pivot > 0 else 1.0)
        at_choice.append(values[j])
        left[j] = False
        utility.believe(active[j])
        variance = np.maximum(variance - solved[:, done] ** 2, 0.0)
    factor = np.tril(solved[chosen, : len(chosen)], -1) + np.diag(pivots)
    return active[chosen], factor, np.array(at_choice)
