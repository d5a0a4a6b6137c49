"""Largest cluster, maximum distance: diverse, and where the pool is dense."""

import numpy as np

from skmolal.query_strategies._machinery.distances import check_representation, pool_distances
from skmolal.query_strategies._machinery.posterior import PoolView
from skmolal.query_strategies._machinery.selection import best, check_n_instances

__all__ = ["lcmd_sampling"]


def lcmd_sampling(learner, X_pool, n_instances=1, *, representation="features", random_state=None):
    """Choose rows of the pool one by one, each the farthest of the largest cluster.

    Each row of the pool belongs to the nearest labelled or chosen row. The size of such a cluster
    is the sum of the squared distances of its rows; of the largest one, the row farthest from its
    centre is chosen and becomes a centre itself (LCMD) [1]_. So dense regions get more labels than
    by farthest points, and outliers fewer.

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
        What distances are taken from, as in :func:`k_center_sampling`.
    random_state : int, RandomState instance or None, default=None
        Not used: nothing here is random. It is accepted so that all strategies are called alike.

    Returns
    -------
    query_idx : ndarray of shape (min(n_instances, n_pool),), dtype intp
        Positions of the chosen rows, in order of choice; near ties (1e-10) by position, of
        clusters by the position of their centre, labelled rows before chosen ones.
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
    Time is O(n_pool * n_features * (n_labelled + n_instances)), memory that of the features. In
    the terms of [1]_ this is LCMD-TP on the features or the kernel as they are, without sketching.

    References
    ----------
    .. [1] D. Holzmueller, V. Zaverkin, J. Kaestner and I. Steinwart, "A framework and benchmark
       for deep batch active learning for regression", J. Mach. Learn. Res. 24, 164, 2023,
       arXiv:2203.09410.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from skmolal.query_strategies import lcmd_sampling
    >>> learner = GaussianProcessRegressor(optimizer=None).fit([[0.0], [20.0]], [0.0, 1.0])
    >>> X_pool = np.array([[3.0], [3.1], [3.2], [3.3], [24.0]])
    >>> lcmd_sampling(learner, X_pool, 2)
    (array([3, 4]), array([3.3, 4. ]))
    """
    check_representation(representation)
    n_pool, n_picks = check_n_instances(X_pool, n_instances)
    distances = pool_distances(PoolView(learner, X_pool), representation)
    n_labelled = distances.n_labelled
    if n_labelled:
        nearest, owner = distances.nearest_labelled()
    else:
        nearest, owner = distances.diagonal.astype(np.float64), np.zeros(n_pool, dtype=np.intp)
    query_idx = np.empty(n_picks, dtype=np.intp)
    metrics = np.empty(n_picks)
    left = np.ones(n_pool, dtype=bool)
    for i in range(n_picks):
        # A cluster of which no row is left cannot win, even where all sizes are 0.
        size = np.bincount(owner, weights=np.where(left, nearest, 0.0), minlength=n_labelled + i)
        size[np.bincount(owner[left], minlength=len(size)) == 0] = -np.inf
        members = np.flatnonzero(left & (owner == best(size)))
        pick = query_idx[i] = members[best(nearest[members])]
        metrics[i] = np.sqrt(nearest[pick])
        left[pick] = False
        column = distances.column(pick)
        closer = column < nearest if i or n_labelled else np.ones(n_pool, dtype=bool)
        nearest[closer] = column[closer]
        owner[closer] = n_labelled + i
        nearest[pick], owner[pick] = 0.0, n_labelled + i
    return query_idx, metrics
