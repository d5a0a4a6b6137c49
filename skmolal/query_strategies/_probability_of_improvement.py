"""Probability of improvement over the best label."""

from skmolal.acquisition import log_probability_of_improvement
from skmolal.query_strategies._machinery.improvement import (
    Improvement,
    check_improvement_options,
    get_best,
)
from skmolal.query_strategies._machinery.one_by_one import check_batch, choose_batch
from skmolal.query_strategies._machinery.posterior import PoolView
from skmolal.query_strategies._machinery.selection import check_n_instances

__all__ = ["probability_of_improvement_sampling"]


def probability_of_improvement_sampling(
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
    """Choose rows of the pool one by one, each most probably better than the best known.

    The probability that a value is above the best one known [1]_; it looks near what is good
    already, the more so the smaller `xi` is. A pick counts as labelled with its predicted mean
    (kriging believer [2]_): means stay, and variances fall as they will with the true label.
    Picks equal those of a Gaussian process refitted with that label after each single pick, at
    the same hyperparameters. The best value known rises to that mean where it is above.

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
        Utility of each pick when it was chosen: the probability.

    Raises
    ------
    TypeError
        If the estimator has no joint posterior and, without `update_variance`, no std.
    ValueError
        If `n_instances` is not an integer of at least 1, an option is out of range, the pool is
        empty, a prediction is not finite, or no label is known and `best` is None.

    See Also
    --------
    skmolal.acquisition.probability_of_improvement : The formula.

    Notes
    -----
    Once the best rows of a large batch are believed to be labelled, little can better them, and
    the picks that follow go by std more than by mean: for batches of hundreds see
    :func:`upper_confidence_bound_sampling` and :func:`thompson_sampling`.

    Memory is O(n_pool * n_instances) beyond the joint posterior. Below the best, a utility only
    falls with the std, so most picks are made among the 1,024 rows of largest utility, until one
    outside may be better; then the whole pool is brought up to date for all new picks at once, in
    at most O(n_pool * n_instances * (n_labelled + n_instances)) in all.

    References
    ----------
    .. [1] H. J. Kushner, "A new method of locating the maximum point of an arbitrary multipeak
       curve in the presence of noise", J. Basic Eng. 86, 97, 1964, doi:10.1115/1.3653121.
    .. [2] D. Ginsbourger, R. Le Riche and L. Carraro, "Kriging is well-suited to parallelize
       optimization", Computational Intelligence in Expensive Optimization Problems, 131, 2010,
       doi:10.1007/978-3-642-10701-6_6.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from skmolal.query_strategies import probability_of_improvement_sampling
    >>> learner = GaussianProcessRegressor(alpha=0.01, optimizer=None)
    >>> learner = learner.fit([[0.0], [2.0]], [0.0, 2.0])
    >>> X_pool = np.array([[0.1], [1.9], [3.5], [3.6]])
    >>> query_idx, utility = probability_of_improvement_sampling(learner, X_pool, 2)
    >>> query_idx
    array([1, 2])
    """
    check_improvement_options(best, xi, maximize, update_variance)
    _, n_picks = check_n_instances(X_pool, n_instances)
    view = PoolView(learner, X_pool)
    check_batch(view, update_variance)
    known = get_best(view, best, maximize)

    def make(mean):
        return Improvement(mean, log_probability_of_improvement, known, xi, maximize, rises=True)

    return choose_batch(view, make, n_picks, update_variance)
