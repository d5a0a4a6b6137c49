"""Farthest-point sampling: leave no row far from a labelled one."""

import numpy as np

from skmolal.query_strategies._machinery.distances import check_representation, pool_distances
from skmolal.query_strategies._machinery.posterior import PoolView
from skmolal.query_strategies._machinery.selection import best, check_n_instances

__all__ = ["k_center_sampling"]


def k_center_sampling(
    learner, X_pool, n_instances=1, *, representation="features", random_state=None
):
    """Choose rows of the pool one by one, each the farthest from all labelled and chosen ones.

    The greedy solution of the k-center problem, at most twice as bad as the best one [1]_, also
    known as the core-set approach [2]_: the largest distance of a row of the pool to its nearest
    label shrinks with each pick. Outliers come first.

    Parameters
    ----------
    learner : estimator or modAL learner
        Where it is or holds a Pipeline, its transformers make the features. Labelled rows are
        its ``X_train_`` or ``X_training``. Without any, the first pick is the row farthest from
        the mean of the pool (for "kernel" the row of largest prior variance).
    X_pool : {array-like, sparse matrix, DataFrame} of shape (n_pool, n_features) or \
            ndarray of shape (n_pool,), dtype object
        Candidates; numeric unless the learner holds a Pipeline or `representation` is a
        transformer.
    n_instances : int, default=1
        Rows to choose; all of a smaller pool.
    representation : {"features", "kernel"} or transformer, default="features"
        What distances are taken from.

        - "features": Euclidean, in the features that the estimator receives.
        - "kernel": in the feature space of the fitted kernel ``kernel_`` of a Gaussian process,
          ``k(x, x) - 2 k(x, x') + k(x', x')``, at the fitted length scales.
        - transformer: Euclidean, in its output. It is given the rows as you gave them, molecules
          too, and used as it is where it is fitted, else a clone is fitted on labelled rows and
          pool.
    random_state : int, RandomState instance or None, default=None
        Not used: nothing here is random. It is accepted so that all strategies are called alike.

    Returns
    -------
    query_idx : ndarray of shape (min(n_instances, n_pool),), dtype intp
        Positions of the chosen rows, in order of choice; near ties (1e-10) by position.
    metrics : ndarray of the same shape
        Utility of each pick: its distance to the nearest labelled or chosen row when it was
        chosen.

    Raises
    ------
    ValueError
        If `n_instances` is not an integer of at least 1, the pool is empty or not numeric, or
        `representation` is unknown or not to be had.

    Notes
    -----
    Time is O(n_pool * n_features * (n_labelled + n_instances)), memory that of the features.

    References
    ----------
    .. [1] T. F. Gonzalez, "Clustering to minimize the maximum intercluster distance", Theor.
       Comput. Sci. 38, 293, 1985, doi:10.1016/0304-3975(85)90224-5.
    .. [2] O. Sener and S. Savarese, "Active learning for convolutional neural networks: a
       core-set approach", ICLR, 2018, arXiv:1708.00489.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from skmolal.query_strategies import k_center_sampling
    >>> learner = GaussianProcessRegressor(optimizer=None).fit([[0.0]], [0.0])
    >>> k_center_sampling(learner, np.array([[1.0], [4.0], [9.0], [8.0]]), 3)
    (array([2, 1, 0]), array([9., 4., 1.]))
    """
    check_representation(representation)
    _, n_picks = check_n_instances(X_pool, n_instances)
    distances = pool_distances(PoolView(learner, X_pool), representation)
    if distances.n_labelled:
        nearest, _ = distances.nearest_labelled()
    else:
        nearest = distances.diagonal.astype(np.float64)
    query_idx = np.empty(n_picks, dtype=np.intp)
    metrics = np.empty(n_picks)
    for i in range(n_picks):
        pick = query_idx[i] = best(nearest)
        metrics[i] = np.sqrt(nearest[pick])
        column = distances.column(pick)
        if i or distances.n_labelled:
            np.minimum(nearest, column, out=nearest)
        else:
            nearest = column.astype(np.float64)
        nearest[query_idx[: i + 1]] = -np.inf
    return query_idx, metrics
