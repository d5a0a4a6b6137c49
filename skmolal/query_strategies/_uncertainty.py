"""Strategy B: largest posterior standard deviation."""

from skmolal.query_strategies._machinery.contest import hold_contest
from skmolal.query_strategies._machinery.one_by_one import Utility
from skmolal.query_strategies._machinery.posterior import PoolView
from skmolal.query_strategies._machinery.selection import check_n_instances, top_n

__all__ = ["uncertainty_sampling"]


def uncertainty_sampling(learner, X_pool, n_instances=1, *, random_state=None):
    """Choose the rows of the pool with the largest posterior standard deviation.

    Strategy B of the study [1]_.

    Parameters
    ----------
    learner : estimator or modAL learner
        Fitted, with ``predict(X, return_std=True)``.
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
        Positions of the chosen rows, the most uncertain first; near ties (1e-10 of the largest
        standard deviation) in order of position.
    metrics : ndarray of the same shape
        Utility of each pick: its standard deviation, in units of y.

    Raises
    ------
    TypeError
        If the estimator cannot predict a standard deviation.
    ValueError
        If `n_instances` is not an integer of at least 1, the pool is empty, or a prediction is
        not finite.

    Notes
    -----
    Time is O(n_pool * log(n_pool)) beyond the prediction. Of a pool of 10,000 rows or more,
    :class:`skmolal.GaussianProcessRegressor` does not compute the standard deviations of rows that
    cannot be among the largest, unless a warm start keeps what it knows of them.

    References
    ----------
    .. [1] K. Ghosh, M. Todorović, A. Vehtari and P. Rinke, "Active Learning of Molecular Data for
       Task-Specific Objectives", J. Chem. Phys. 162, 014103 (2025), doi:10.1063/5.0229834.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from skmolal.query_strategies import uncertainty_sampling
    >>> learner = GaussianProcessRegressor(optimizer=None).fit([[0.0], [1.0]], [0.0, 1.0])
    >>> query_idx, std = uncertainty_sampling(learner, np.array([[0.1], [4.0], [2.0]]), 2)
    >>> query_idx
    array([1, 2])
    """
    _, n_picks = check_n_instances(X_pool, n_instances)
    view = PoolView(learner, X_pool)
    contest = hold_contest(view, n_picks, _StandardDeviation, latent=False, by_std_alone=True)
    # Where all may be among the largest, predict says why they are equal.
    if contest is None or len(contest.rows) == view.n_pool:
        candidates, std = view.most_uncertain(n_picks)
    else:
        candidates, std = contest.rows, contest.std
    picks = top_n(std, n_picks)
    return candidates[picks], std[picks]


class _StandardDeviation(Utility):
    def values(self, rows, std):
        return std
