"""Strategy A: at random."""

import numpy as np

from skmolal.query_strategies._machinery.selection import check_n_instances, check_stream

__all__ = ["random_sampling"]


def random_sampling(learner, X_pool, n_instances=1, *, random_state=None):
    """Choose rows of the pool at random, each with the same chance.

    Strategy A of the study [1]_.

    Parameters
    ----------
    learner : estimator or modAL learner
        Not used; it need not be fitted.
    X_pool : {array-like, sparse matrix, DataFrame} of shape (n_pool, n_features) or \
            ndarray of shape (n_pool,), dtype object
        Candidates.
    n_instances : int, default=1
        Rows to choose; all of a smaller pool.
    random_state : int, RandomState instance or None, default=None
        Seed of the draw. None is a seed made from the sizes of the query: the same call gives
        the same answer, so give replicates seeds of their own.

    Returns
    -------
    query_idx : ndarray of shape (min(n_instances, n_pool),), dtype intp
        Positions of the chosen rows.
    metrics : ndarray of the same shape
        Utility of each pick: 0, for none is better than another.

    Notes
    -----
    Time is O(n_pool).

    References
    ----------
    .. [1] K. Ghosh, M. Todorović, A. Vehtari and P. Rinke, "Active Learning of Molecular Data for
       Task-Specific Objectives", J. Chem. Phys. 162, 014103 (2025), doi:10.1063/5.0229834.

    Examples
    --------
    >>> import numpy as np
    >>> from skmolal.query_strategies import random_sampling
    >>> query_idx, metrics = random_sampling(None, np.zeros((8, 2)), 3, random_state=0)
    >>> query_idx
    array([6, 2, 1])
    """
    n_pool, n_picks = check_n_instances(X_pool, n_instances)
    stream = check_stream(random_state, n_pool, n_picks)
    return stream.permutation(n_pool)[:n_picks].astype(np.intp), np.zeros(n_picks)
