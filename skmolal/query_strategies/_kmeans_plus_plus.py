"""k-means++ seeding: spread at random, far rows with the larger chance."""

import numpy as np

from skmolal.query_strategies._machinery.distances import check_representation, pool_distances
from skmolal.query_strategies._machinery.posterior import PoolView
from skmolal.query_strategies._machinery.selection import check_n_instances, check_stream

__all__ = ["kmeans_plus_plus_sampling"]


def kmeans_plus_plus_sampling(
    learner, X_pool, n_instances=1, *, representation="features", random_state=None
):
    """Choose rows of the pool one by one at random, far from labelled and chosen ones.

    The chance of a row is proportional to its squared distance to the nearest labelled or chosen
    row, as k-means++ draws its first centres [1]_: diverse as farthest points are, without their
    liking for outliers.

    Parameters
    ----------
    learner : estimator or modAL learner
        Where it is or holds a Pipeline, its transformers make the features. Labelled rows are
        its ``X_train_`` or ``X_training``. Without any, the first pick has the same chance for
        all rows.
    X_pool : {array-like, sparse matrix, DataFrame} of shape (n_pool, n_features) or \
            ndarray of shape (n_pool,), dtype object
        Candidates; numeric unless the learner holds a Pipeline or `representation` is a
        transformer.
    n_instances : int, default=1
        Rows to choose; all of a smaller pool.
    representation : {"features", "kernel"} or transformer, default="features"
        What distances are taken from, as in :func:`k_center_sampling`.
    random_state : int, RandomState instance or None, default=None
        Seed of the draws. None is a seed made from the sizes of the query: the same call gives
        the same answer.

    Returns
    -------
    query_idx : ndarray of shape (min(n_instances, n_pool),), dtype intp
        Positions of the chosen rows, in order of choice. Once only duplicates of chosen rows
        remain, they follow in order of position.
    metrics : ndarray of the same shape
        Utility of each pick: its distance to the nearest labelled or chosen row when it was
        chosen; for a first pick without labelled rows, 0.

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
    .. [1] D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding", Proc.
       18th ACM-SIAM Symp. Discrete Algorithms, 1027, 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from skmolal.query_strategies import kmeans_plus_plus_sampling
    >>> learner = GaussianProcessRegressor(optimizer=None).fit([[0.0]], [0.0])
    >>> X_pool = np.array([[0.1], [0.2], [90.0], [0.3]])
    >>> query_idx, distance = kmeans_plus_plus_sampling(learner, X_pool, 2, random_state=0)
    >>> query_idx
    array([2, 3])
    """
    check_representation(representation)
    n_pool, n_picks = check_n_instances(X_pool, n_instances)
    stream = check_stream(random_state, n_pool, n_picks)
    distances = pool_distances(PoolView(learner, X_pool), representation)
    nearest = np.zeros(n_pool)
    if distances.n_labelled:
        nearest, _ = distances.nearest_labelled()
    query_idx = np.empty(n_picks, dtype=np.intp)
    metrics = np.empty(n_picks)
    left = np.ones(n_pool, dtype=bool)
    for i in range(n_picks):
        if i == 0 and not distances.n_labelled:
            pick = stream.randint(n_pool)
            nearest[:] = np.inf
            metrics[0] = 0.0
        else:
            pick = _draw(nearest, left, stream)
            metrics[i] = np.sqrt(nearest[pick])
        query_idx[i] = pick
        left[pick] = False
        np.minimum(nearest, distances.column(pick), out=nearest)
    return query_idx, metrics


def _draw(weight, left, stream):
    """Draw a row that is left, by weight; where all weights are 0 the first."""
    total = np.cumsum(np.where(left, weight, 0.0))
    if not total[-1] > 0:
        return int(np.argmax(left))
    # The first row whose running sum exceeds the draw has a weight above 0.
    draw = stream.uniform() * total[-1]
    return int(min(np.searchsorted(total, draw, side="right"), np.argmax(total == total[-1])))
