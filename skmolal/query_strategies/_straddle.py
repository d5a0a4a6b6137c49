"""Straddle: rows that may lie on either side of a threshold."""

import numpy as np

from skmolal.acquisition import straddle
from skmolal.query_strategies._machinery.one_by_one import Utility, choose_batch
from skmolal.query_strategies._machinery.options import check_flag, check_number
from skmolal.query_strategies._machinery.posterior import PoolView
from skmolal.query_strategies._machinery.selection import check_n_instances, check_stream

__all__ = ["check_straddle_options", "straddle_sampling"]


def check_straddle_options(threshold=None, kappa=1.96, update_variance=True):
    """Check the options of :func:`straddle_sampling`."""
    if threshold is None:
        raise ValueError("straddle_sampling needs the threshold whose crossing is sought: give it")
    check_number("threshold", threshold)
    if isinstance(kappa, str):
        if kappa != "random":
            raise ValueError(f"kappa must be a number of at least 0 or 'random', got {kappa!r}")
    else:
        check_number("kappa", kappa, at_least=0.0)
    check_flag("update_variance", update_variance)


def straddle_sampling(
    learner,
    X_pool,
    n_instances=1,
    *,
    threshold=None,
    kappa=1.96,
    update_variance=True,
    random_state=None,
):
    """Choose rows of the pool one by one, each uncertain and near a threshold.

    Where the pool is above a threshold and where below, a level set, is learned from rows that
    may be either: by ``kappa * std - |mean - threshold|`` [1]_. A pick counts as labelled with
    its predicted mean: means stay, and variances fall as they will with the true label. Picks
    equal those of a Gaussian process refitted with that label after each single pick, at the
    same hyperparameters.

    Parameters
    ----------
    learner : estimator or modAL learner
        Fitted, with ``predict(X, return_cov=True)``: a Gaussian process. The noise of a label is
        its ``alpha`` (of an array the mean) and any white noise of its kernel. Pools of more than
        5,000 rows need :class:`skmolal.GaussianProcessRegressor`. With
        ``update_variance=False``, any estimator with ``predict(X, return_std=True)`` will do.
    X_pool : {array-like, sparse matrix, DataFrame} of shape (n_pool, n_features) or \
            ndarray of shape (n_pool,), dtype object
        Candidates.
    n_instances : int, default=1
        Rows to choose; all of a smaller pool.
    threshold : float
        The level whose crossing is sought, in units of y. It must be given.
    kappa : float or "random", default=1.96
        Weight of the standard deviation, not negative. "random" is the randomised straddle [2]_:
        drawn once per query, as the square root of a chi-squared variable with two degrees of
        freedom, so that there is nothing to tune.
    update_variance : bool, default=True
        Whether each pick lowers the variance of the rows left, as its label will. If False, the
        rows of largest utility as predicted now, which may be alike.
    random_state : int, RandomState instance or None, default=None
        Seed of a random `kappa`. None is a seed made from the sizes of the query: the same
        call gives the same answer.

    Returns
    -------
    query_idx : ndarray of shape (min(n_instances, n_pool),), dtype intp
        Positions of the chosen rows, in order of choice; near ties (1e-10 of the largest mean) by
        position.
    metrics : ndarray of the same shape
        Utility of each pick when it was chosen, in units of y: positive where the threshold lies
        within `kappa` standard deviations of the mean.

    Raises
    ------
    TypeError
        If the estimator has no joint posterior and, without `update_variance`, no std.
    ValueError
        If `n_instances` is not an integer of at least 1, `threshold` is missing, an option is out
        of range, the pool is empty, or a prediction is not finite.

    See Also
    --------
    skmolal.acquisition.straddle : The formula.

    Notes
    -----
    Memory is O(n_pool * n_instances) beyond the joint posterior. A utility only falls with
    the std, so most picks are made among the 1,024 rows of largest utility, until one outside may
    be better; then the whole pool is brought up to date for all new picks at once, in at most
    O(n_pool * n_instances * (n_labelled + n_instances)) in all.

    References
    ----------
    .. [1] B. Bryan et al., "Active learning for identifying function threshold boundaries",
       Advances in Neural Information Processing Systems 18, 2005.
    .. [2] Y. Inatsu, S. Takeno, K. Kutsukake and I. Takeuchi, "Active learning for level set
       estimation using randomized straddle algorithms", 2024, arXiv:2408.03144.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from skmolal.query_strategies import straddle_sampling
    >>> learner = GaussianProcessRegressor(alpha=0.01, optimizer=None)
    >>> learner = learner.fit([[0.0], [2.0]], [0.0, 2.0])
    >>> X_pool = np.array([[0.1], [0.9], [1.1], [5.0]])
    >>> query_idx, utility = straddle_sampling(learner, X_pool, 2, threshold=1.0)
    >>> query_idx
    array([1, 3])
    """
    check_straddle_options(threshold, kappa, update_variance)
    n_pool, n_picks = check_n_instances(X_pool, n_instances)
    if kappa == "random":
        kappa = float(np.sqrt(check_stream(random_state, n_pool, n_picks).chisquare(2)))

    def make(mean):
        return _Straddle(mean, threshold, kappa)

    return choose_batch(PoolView(learner, X_pool), make, n_picks, update_variance)


class _Straddle(Utility):
    def __init__(self, mean, threshold, kappa):
        super().__init__(mean)
        self.threshold, self.kappa = threshold, kappa
        self.scale = float(max(np.abs(mean).max(), abs(threshold)))

    def values(self, rows, std):
        return straddle(self.mean[rows], std, self.threshold, self.kappa)
