"""Greedy sampling: the largest predictions."""

from skmolal.query_strategies._machinery.options import check_flag
from skmolal.query_strategies._machinery.posterior import PoolView
from skmolal.query_strategies._machinery.selection import check_n_instances, top_n

__all__ = ["check_greedy_options", "greedy_sampling"]


def check_greedy_options(maximize=True):
    """Check the options of :func:`greedy_sampling`."""
    check_flag("maximize", maximize)


def greedy_sampling(learner, X_pool, n_instances=1, *, maximize=True, random_state=None):
    """Choose the rows of the pool with the largest predicted means.

    Pure exploitation, for any regressor [1]_: what the model is unsure of does not count, and a
    batch may be alike.

    Parameters
    ----------
    learner : estimator or modAL learner
        Fitted, with ``predict(X)``, of which the mean alone is used: any regressor.
    X_pool : {array-like, sparse matrix, DataFrame} of shape (n_pool, n_features) or \
            ndarray of shape (n_pool,), dtype object
        Candidates.
    n_instances : int, default=1
        Rows to choose; all of a smaller pool.
    maximize : bool, default=True
        Whether large values are sought, or small ones.
    random_state : int, RandomState instance or None, default=None
        Not used: nothing here is random. It is accepted so that all strategies are called alike.

    Returns
    -------
    query_idx : ndarray of shape (min(n_instances, n_pool),), dtype intp
        Positions of the chosen rows, best first; near ties (1e-10 of the largest mean) by
        position.
    metrics : ndarray of the same shape
        Predicted mean of each pick, in units of y, with the sign turned to minimise.

    Raises
    ------
    ValueError
        If `n_instances` is not an integer of at least 1, `maximize` is no bool, the pool is
        empty, or a prediction is not finite.

    See Also
    --------
    upper_confidence_bound_sampling : The same with ``kappa=0`` and ``update_variance=False``.

    Notes
    -----
    Time is O(n_pool * log(n_pool)) beyond the prediction.

    References
    ----------
    .. [1] D. E. Graff, E. I. Shakhnovich and C. W. Coley, "Accelerating high-throughput virtual
       screening through molecular pool-based active learning", Chem. Sci. 12, 7866, 2021,
       doi:10.1039/D0SC06805E.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skmolal.query_strategies import greedy_sampling
    >>> learner = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    >>> query_idx, mean = greedy_sampling(learner, np.array([[0.1], [3.0], [0.5]]), 2)
    >>> query_idx
    array([1, 2])
    """
    check_greedy_options(maximize)
    _, n_picks = check_n_instances(X_pool, n_instances)
    mean = PoolView(learner, X_pool).mean()
    utility = mean if maximize else -mean
    query_idx = top_n(utility, n_picks)
    return query_idx, utility[query_idx]
