"""Expected improvement over the best label."""

from skmolal.acquisition import log_expected_improvement
from skmolal.query_strategies._machinery.improvement import (
    Improvement,
    check_improvement_options,
    get_best,
)
from skmolal.query_strategies._machinery.one_by_one import check_batch, choose_batch
from skmolal.query_strategies._machinery.posterior import PoolView
from skmolal.query_strategies._machinery.selection import check_n_instances

__all__ = ["expected_improvement_sampling"]


def expected_improvement_sampling(
    learner,
    X_pool,
    n_instances=1,
    *,
    best=None,
    xi=0.0,
    maximize=True,
    update_variance=True,
    random_state=None,
):
    """Choose rows of the pool one by one, each of the largest expected improvement.

    By how much a value is expected to better the best one known [1]_. A pick counts as labelled
    with its predicted mean (kriging believer [2]_): means stay, and variances fall as they will
    with the true label. Picks equal those of a Gaussian process refitted with that label after
    each single pick, at the same hyperparameters. The best value known rises to that mean where
    it is above.

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
    best : float, default=None
        Best value known, in units of y; None is the best label. With very noisy labels, give the
        best predicted mean of the labelled rows.
    xi : float, default=0.0
        What an improvement has to add to it, in units of y: larger explores more.
    maximize : bool, default=True
        Whether large values are sought, or small ones.
    update_variance : bool, default=True
        Whether each pick lowers the variance of the rows left, as its label will. If False, the
        rows of largest utility as predicted now, which may be alike.
    random_state : int, RandomState instance or None, default=None
        Not used: nothing here is random. It is accepted so that all strategies are called alike.

    Returns
    -------
    query_idx : ndarray of shape (min(n_instances, n_pool),), dtype intp
        Positions of the chosen rows, in order of choice; near ties (1e-10, relative) by position.
        Where utilities are too small for floating point, their logarithms still decide, and
        where there is no chance at all, the means.
    metrics : ndarray of the same shape
        Utility of each pick when it was chosen: the expected
        improvement, in units of y.

    Raises
    ------
    TypeError
        If the estimator has no joint posterior and, without `update_variance`, no std.
    ValueError
        If `n_instances` is not an integer of at least 1, an option is out of range, the pool is
        empty, a prediction is not finite, or no label is known and `best` is None.

    See Also
    --------
    skmolal.acquisition.expected_improvement : The formula.

    Notes
    -----
    Once the best rows of a large batch are believed to be labelled, little can better them, and
    the picks that follow go by std more than by mean: for batches of hundreds see
    :func:`upper_confidence_bound_sampling` and :func:`thompson_sampling`.

    Memory is O(n_pool * n_instances) beyond the joint posterior. A utility only falls with
    the std, so most picks are made among the 1,024 rows of largest utility, until one outside may
    be better; then the whole pool is brought up to date for all new picks at once, in at most
    O(n_pool * n_instances * (n_labelled + n_instances)) in all.

    References
    ----------
    .. [1] D. R. Jones, M. Schonlau and W. J. Welch, "Efficient global optimization of expensive
       black-box functions", J. Global Optim. 13, 455, 1998, doi:10.1023/A:1008306431147.
    .. [2] D. Ginsbourger, R. Le Riche and L. Carraro, "Kriging is well-suited to parallelize
       optimization", Computational Intelligence in Expensive Optimization Problems, 131, 2010,
       doi:10.1007/978-3-642-10701-6_6.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from skmolal.query_strategies import expected_improvement_sampling
    >>> learner = GaussianProcessRegressor(alpha=0.01, optimizer=None)
    >>> learner = learner.fit([[0.0], [2.0]], [0.0, 2.0])
    >>> X_pool = np.array([[0.1], [1.9], [3.5], [3.6]])
    >>> query_idx, utility = expected_improvement_sampling(learner, X_pool, 2)
    >>> query_idx
    array([1, 2])
    """
    check_improvement_options(best, xi, maximize, update_variance)
    _, n_picks = check_n_instances(X_pool, n_instances)
    view = PoolView(learner, X_pool)
    check_batch(view, update_variance)
    known = get_best(view, best, maximize)

    def make(mean):
        return Improvement(mean, log_expected_improvement, known, xi, maximize)

    return choose_batch(view, make, n_picks, update_variance)
