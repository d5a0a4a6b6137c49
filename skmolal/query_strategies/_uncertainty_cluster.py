"""Strategy D: cluster the uncertain part of the pool."""

import math
from numbers import Real

import numpy as np

from skmolal.query_strategies._machinery.clustering import representatives
from skmolal.query_strategies._machinery.posterior import PoolView
from skmolal.query_strategies._machinery.selection import check_n_instances, check_stream, top_n

__all__ = ["check_uncertainty_cluster_options", "uncertainty_cluster_sampling"]


def check_uncertainty_cluster_options(fraction=0.5):
    """Check the options of :func:`uncertainty_cluster_sampling`."""
    if isinstance(fraction, bool) or not isinstance(fraction, Real) or not 0 < fraction <= 1:
        raise ValueError(f"fraction must be a number above 0 and at most 1, got {fraction!r}")


def uncertainty_cluster_sampling(
    learner, X_pool, n_instances=1, *, fraction=0.5, random_state=None
):
    """Choose rows nearest to the k-means centres of the uncertain part of the pool.

    Candidates are the ``max(n_instances, ceil(fraction * n_pool))`` rows with the largest
    posterior standard deviation; they are split into `n_instances` clusters, and of each the row
    nearest to the centre is chosen: strategy D of the study [1]_.

    Parameters
    ----------
    learner : estimator or modAL learner
        Fitted, with ``predict(X, return_std=True)``. Where it is or holds a Pipeline, its
        transformers make the features that are clustered.
    X_pool : {array-like, sparse matrix, DataFrame} of shape (n_pool, n_features) or \
            ndarray of shape (n_pool,), dtype object
        Candidates; numeric unless the learner holds a Pipeline.
    n_instances : int, default=1
        Rows to choose; all of a smaller pool.
    fraction : float, default=0.5
        Part of the pool that is clustered, above 0 and at most 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the first centres. None is a seed made from the sizes of the query: the same
        call gives the same answer.

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
        If `n_instances` or `fraction` is out of range, the pool is empty or not numeric, or a
        prediction is not finite.

    See Also
    --------
    cluster_sampling : Clusters the whole pool; says how time is bounded and batches are filled.

    Notes
    -----
    Time beyond the prediction is O(n_pool * (n_features + n_instances)), as iterations and the
    features that are clustered are bounded.

    References
    ----------
    .. [1] K. Ghosh, M. Todorović, A. Vehtari and P. Rinke, "Active Learning of Molecular Data for
       Task-Specific Objectives", J. Chem. Phys. 162, 014103 (2025), doi:10.1063/5.0229834.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from skmolal.query_strategies import uncertainty_cluster_sampling
    >>> learner = GaussianProcessRegressor(optimizer=None).fit([[0.0]], [0.0])
    >>> X_pool = np.array([[0.0], [0.1], [2.0], [2.1], [2.2], [-3.0]])
    >>> query_idx, std = uncertainty_cluster_sampling(
    ...     learner, X_pool, 2, fraction=0.6, random_state=0)
    >>> query_idx
    array([5, 3])
    """
    check_uncertainty_cluster_options(fraction)
    n_pool, n_picks = check_n_instances(X_pool, n_instances)
    stream = check_stream(random_state, n_pool, n_picks)
    view = PoolView(learner, X_pool)
    _, std = view.posterior()
    candidates = np.sort(top_n(std, max(n_picks, math.ceil(fraction * n_pool))))
    picks, _ = representatives(view.features(candidates), n_picks, stream)
    query_idx = np.sort(candidates[picks])
    query_idx = query_idx[top_n(std[query_idx], n_picks)]
    return query_idx, std[query_idx]
