"""Greedy sampling on inputs and outputs: diverse in structure and in predicted property."""

import numpy as np

from skmolal.query_strategies._machinery.distances import check_representation, pool_distances
from skmolal.query_strategies._machinery.posterior import PoolView
from skmolal.query_strategies._machinery.selection import best, check_n_instances

__all__ = ["greedy_target_sampling"]


def greedy_target_sampling(
    learner, X_pool, n_instances=1, *, representation="features", random_state=None
):
    """Choose rows of the pool one by one, new in structure and in predicted property.

    The improved greedy sampling (iGS) [1]_: the utility of a row is its smallest product, over
    labelled rows, of the distance in structure and the distance between its predicted mean and
    the label. A row that was chosen counts as labelled with its predicted mean; a Gaussian
    process refitted with that label, at the same hyperparameters, would predict the same means.

    Parameters
    ----------
    learner : estimator or modAL learner
        Fitted; no standard deviation is needed. It must know its labelled rows, as ``X_train_``
        and ``y_train_`` of a Gaussian process or ``X_training`` and ``y_training`` of a learner.
    X_pool : {array-like, sparse matrix, DataFrame} of shape (n_pool, n_features) or \
            ndarray of shape (n_pool,), dtype object
        Candidates; numeric unless the learner holds a Pipeline or `representation` is a
        transformer.
    n_instances : int, default=1
        Rows to choose; all of a smaller pool.
    representation : {"features", "kernel"} or transformer, default="features"
        What distances are taken from, as in :func:`k_center_sampling`.
    random_state : int, RandomState instance or None, default=None
        Not used: nothing here is random. It is accepted so that all strategies are called alike.

    Returns
    -------
    query_idx : ndarray of shape (min(n_instances, n_pool),), dtype intp
        Positions of the chosen rows, in order of choice; near ties (1e-10) by position.
    metrics : ndarray of the same shape
        Utility of each pick when it was chosen: a distance times units of y.

    Raises
    ------
    ValueError
        If `n_instances` is not an integer of at least 1, the pool is empty or not numeric, a
        prediction is not finite, the labelled rows are not known, or `representation` is unknown
        or not to be had.

    Notes
    -----
    Time is O(n_pool * n_features * (n_labelled + n_instances)), memory that of the features.

    References
    ----------
    .. [1] D. Wu, C.-T. Lin and J. Huang, "Active learning for regression using greedy sampling",
       Inf. Sci. 474, 90, 2019, doi:10.1016/j.ins.2018.09.060.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from skmolal.query_strategies import greedy_target_sampling
    >>> learner = GaussianProcessRegressor(optimizer=None).fit([[0.0], [1.0]], [0.0, 2.0])
    >>> query_idx, utility = greedy_target_sampling(learner, np.array([[0.1], [0.5], [3.0]]), 2)
    >>> query_idx
    array([2, 1])
    """
    check_representation(representation)
    n_pool, n_picks = check_n_instances(X_pool, n_instances)
    view = PoolView(learner, X_pool)
    mean, y = view.mean(), view.labels()
    distances = pool_distances(view, representation)
    if y is None or len(y) != distances.n_labelled:
        raise ValueError(
            "greedy_target_sampling needs the labelled rows and their labels, X_train_ and "
            "y_train_ of a Gaussian process or X_training and y_training of a learner; "
            f"{type(learner).__name__} has neither"
        )
    utility = np.empty(n_pool)
    for rows, squared in distances.to_labelled():
        product = np.abs(mean[rows, None] - y)
        product *= np.sqrt(squared)
        utility[rows] = product.min(axis=1)
    query_idx = np.empty(n_picks, dtype=np.intp)
    metrics = np.empty(n_picks)
    for i in range(n_picks):
        pick = query_idx[i] = best(utility)
        metrics[i] = utility[pick]
        product = np.sqrt(distances.column(pick)) * np.abs(mean - mean[pick])
        np.minimum(utility, product, out=utility)
        utility[query_idx[: i + 1]] = -np.inf
    return query_idx, metrics
