"""Upper confidence bound: optimism in the face of uncertainty."""

import numpy as np

from skmolal.acquisition import upper_confidence_bound
from skmolal.query_strategies._machinery.one_by_one import Utility, choose_batch
from skmolal.query_strategies._machinery.options import check_flag, check_number
from skmolal.query_strategies._machinery.posterior import PoolView
from skmolal.query_strategies._machinery.selection import check_n_instances

__all__ = ["check_upper_confidence_bound_options", "upper_confidence_bound_sampling"]


def check_upper_confidence_bound_options(kappa=1.96, maximize=True, update_variance=True):
    """Check the options of :func:`upper_confidence_bound_sampling`."""
    check_number("kappa", kappa, at_least=0.0)
    check_flag("maximize", maximize)
    check_flag("update_variance", update_variance)


def upper_confidence_bound_sampling(
    learner,
    X_pool,
    n_instances=1,
    *,
    kappa=1.96,
    maximize=True,
    update_variance=True,
    random_state=None,
):
    """Choose rows of the pool one by one, each of the largest mean plus some std.

    An optimistic estimate of each value, ``mean + kappa * std`` [1]_. A pick counts as labelled
    with its predicted mean: means stay, and variances fall as they will with the true label
    (GP-BUCB) [2]_. Picks equal those of a Gaussian process refitted with that label after each
    single pick, at the same hyperparameters.

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
    kappa : float, default=1.96
        Weight of the standard deviation, not negative: larger explores more.
    maximize : bool, default=True
        Whether large values are sought. If False, small ones are, by ``kappa * std - mean``.
    update_variance : bool, default=True
        Whether each pick lowers the variance of the rows left, as its label will. If False, the
        rows of largest utility as predicted now, which may be alike.
    random_state : int, RandomState instance or None, default=None
        Not used: nothing here is random. It is accepted so that all strategies are called alike.

    Returns
    -------
    query_idx : ndarray of shape (min(n_instances, n_pool),), dtype intp
        Positions of the chosen rows, in order of choice; near ties (1e-10 of the largest bound)
        by position.
    metrics : ndarray of the same shape
        Utility of each pick when it was chosen: its bound, in units of y, with the sign turned
        to minimise.

    Raises
    ------
    TypeError
        If the estimator has no joint posterior and, without `update_variance`, no std.
    ValueError
        If `n_instances` is not an integer of at least 1, an option is out of range, the pool is
        empty, or a prediction is not finite.

    See Also
    --------
    skmolal.acquisition.upper_confidence_bound : The formula.

    Notes
    -----
    Memory is O(n_pool * n_instances) beyond the joint posterior. A utility only falls with
    the std, so most picks are made among the 1,024 rows of largest utility, until one outside may
    be better; then the whole pool is brought up to date for all new picks at once, in at most
    O(n_pool * n_instances * (n_labelled + n_instances)) in all.

    References
    ----------
    .. [1] N. Srinivas et al., "Information-theoretic regret bounds for Gaussian process
       optimization in the bandit setting", IEEE Trans. Inf. Theory 58, 3250, 2012,
       doi:10.1109/TIT.2011.2182033.
    .. [2] T. Desautels, A. Krause and J. W. Burdick, "Parallelizing exploration-exploitation
       tradeoffs in Gaussian process bandit optimization", J. Mach. Learn. Res. 15, 4053, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from skmolal.query_strategies import upper_confidence_bound_sampling
    >>> learner = GaussianProcessRegressor(alpha=0.01, optimizer=None)
    >>> learner = learner.fit([[0.0], [2.0]], [0.0, 2.0])
    >>> X_pool = np.array([[0.1], [1.9], [3.5], [3.6]])
    >>> query_idx, bound = upper_confidence_bound_sampling(learner, X_pool, 2)
    >>> query_idx
    array([2, 1])
    """
    check_upper_confidence_bound_options(kappa, maximize, update_variance)
    _, n_picks = check_n_instances(X_pool, n_instances)

    def make(mean):
        return _Bound(mean, kappa, maximize)

    return choose_batch(PoolView(learner, X_pool), make, n_picks, update_variance)


class _Bound(Utility):
    def __init__(self, mean, kappa, maximize):
        super().__init__(mean)
        self.kappa, self.maximize = kappa, maximize
        self.scale = float(np.abs(mean).max())

    def values(self, rows, std):
        return upper_confidence_bound(self.mean[rows], std, self.kappa, self.maximize)
