"""Integrated variance reduction: what makes the model surer of everything else."""

from numbers import Integral

import numpy as np

from skmolal.query_strategies._machinery.joint import pool_joint
from skmolal.query_strategies._machinery.posterior import PoolView
from skmolal.query_strategies._machinery.selection import best, check_n_instances, check_stream

__all__ = [
    "check_variance_reduction_options",
    "reduce_variance",
    "variance_reduction_sampling",
]

# Covariance columns that are computed together: of the row chosen and of those likely to follow.
COLUMNS = 32


def check_variance_reduction_options(n_reference=1000, reference=None, weights=None):
    """Check the options of :func:`variance_reduction_sampling`."""
    if isinstance(n_reference, bool) or not isinstance(n_reference, Integral) or n_reference < 1:
        raise ValueError(f"n_reference must be an integer of at least 1, got {n_reference!r}")
    if weights is None:
        return
    if reference is None:
        raise ValueError("weights belong to the rows of reference: give both, got weights alone")
    n_rows = reference.shape[0] if hasattr(reference, "shape") else len(reference)
    weights = np.asarray(weights)
    if weights.shape != (n_rows,) or weights.dtype.kind not in "fiu":
        raise ValueError(
            f"weights must be one number per row of reference, shape ({n_rows},), got shape "
            f"{weights.shape}"
        )
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
        raise ValueError("weights must be finite, not negative and not all 0")


def variance_reduction_sampling(
    learner,
    X_pool,
    n_instances=1,
    *,
    n_reference=1000,
    reference=None,
    weights=None,
    random_state=None,
):
    """Choose rows of the pool one by one, each lowering the variance elsewhere the most.

    The utility of a row is by how much its label lowers the posterior variance, averaged over
    reference rows [1]_ [2]_, known as ALC and, in batches, as BAIT of a regression [3]_. Picks
    equal those of a Gaussian process refitted after each single pick, at the same
    hyperparameters.

    Parameters
    ----------
    learner : estimator or modAL learner
        Fitted, with ``predict(X, return_cov=True)``: a Gaussian process. The noise of a label is
        its ``alpha`` (of an array the mean) and any white noise of its kernel. Pools of more than
        5,000 rows need :class:`skmolal.GaussianProcessRegressor`.
    X_pool : {array-like, sparse matrix, DataFrame} of shape (n_pool, n_features) or \
            ndarray of shape (n_pool,), dtype object
        Candidates.
    n_instances : int, default=1
        Rows to choose; all of a smaller pool.
    n_reference : int, default=1000
        Reference rows drawn from the pool, if `reference` is None; all of a smaller pool.
    reference : array-like of shape (n_rows, ...), default=None
        Reference rows, of the same kind as `X_pool`: where the model shall be sure.
    weights : array-like of shape (n_rows,), default=None
        Importance of each row of `reference`; None is the same for all.
    random_state : int, RandomState instance or None, default=None
        Seed of the draw of reference rows. None is a seed made from the sizes of the query: the
        same call gives the same answer.

    Returns
    -------
    query_idx : ndarray of shape (min(n_instances, n_pool),), dtype intp
        Positions of the chosen rows, in order of choice; near ties (1e-10) by position.
    metrics : ndarray of the same shape
        Utility of each pick when it was chosen: the fall of the weighted mean of the variances of
        the reference rows, in squared units of y.

    Raises
    ------
    TypeError
        If the estimator has no joint posterior.
    ValueError
        If a size is not an integer of at least 1, the pool is empty, `weights` do not fit
        `reference`, or pool and reference together are more than 5,000 rows and the estimator
        computes only whole covariance matrices.

    Notes
    -----
    Memory is O(n_pool * (n_instances + n_reference)) beyond the joint posterior, whose
    partial solves are n_pool * n_labelled numbers; above 4 GiB they are not kept but computed
    anew when needed, which takes time. Otherwise time is O(n_pool * n_instances * (n_labelled +
    n_instances + n_reference)).

    References
    ----------
    .. [1] D. A. Cohn, Z. Ghahramani and M. I. Jordan, "Active learning with statistical models",
       J. Artif. Intell. Res. 4, 129, 1996, doi:10.1613/jair.295.
    .. [2] S. Seo, M. Wallat, T. Graepel and K. Obermayer, "Gaussian process regression: active
       data selection and test point rejection", IJCNN, 2000, doi:10.1109/IJCNN.2000.861310.
    .. [3] J. T. Ash, S. Goel, A. Krishnamurthy and S. Kakade, "Gone fishing: neural active
       learning with Fisher embeddings", NeurIPS 34, 2021, arXiv:2106.09675.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from skmolal.query_strategies import variance_reduction_sampling
    >>> learner = GaussianProcessRegressor(alpha=0.01, optimizer=None).fit([[0.0]], [0.0])
    >>> X_pool = np.array([[5.0], [5.5], [6.0], [20.0]])
    >>> query_idx, fall = variance_reduction_sampling(learner, X_pool, 2)
    >>> query_idx
    array([1, 3])
    """
    check_variance_reduction_options(n_reference, reference, weights)
    n_pool, n_picks = check_n_instances(X_pool, n_instances)
    stream = check_stream(random_state, n_pool, n_picks)
    view = PoolView(learner, X_pool)
    if reference is None:
        joint = pool_joint(view)
        rows = np.sort(stream.permutation(n_pool)[:n_reference])
    else:
        reference = view.beside(reference)
        joint = pool_joint(view, reference)
        rows = n_pool + np.arange(reference.n_pool)
    weights = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)
    return reduce_variance(joint, rows, weights / weights.sum(), n_pool, n_picks)


def reduce_variance(joint, rows, weights, n_pool, n_picks):
    """Choose greedily what lowers the weighted sum of variances the most.

    Parameters
    ----------
    joint : PosteriorColumns or CovarianceMatrix
        Joint posterior of the pool and, after it, of further reference rows.
    rows : ndarray of shape (n_reference,), dtype int
        Reference rows in it.
    weights : ndarray of shape (n_reference,)
        Their weights, not negative.
    n_pool, n_picks : int
        Sizes of the query.

    Returns
    -------
    query_idx : ndarray of shape (n_picks,), dtype intp
        Positions of the chosen rows, in order of choice.
    metrics : ndarray of shape (n_picks,)
        By how much each lowered the weighted sum.
    """
    cross = joint.columns(rows)[:n_pool]  # covariance of pool and reference rows
    variance = joint.variance[:n_pool].copy()
    solved = np.empty((n_pool, n_picks), order="F")  # rows of the Cholesky factor of the picks
    solved_reference = np.empty((len(rows), n_picks), order="F")
    # Weighted sum of the squared covariances with the reference rows, given the picks.
    gain = np.einsum("ij,ij,j->i", cross, cross, weights)
    left = np.ones(n_pool, dtype=bool)
    columns = _Columns(joint, n_pool)
    query_idx, metrics = np.empty(n_picks, dtype=np.intp), np.empty(n_picks)
    for i in range(n_picks):
        pivot = variance + joint.noise
        utility = np.divide(gain, pivot, out=np.zeros(n_pool), where=pivot > 0)
        utility[~left] = -np.inf
        pick = query_idx[i] = best(utility)
        metrics[i] = utility[pick]
        left[pick] = False
        column = columns.get(pick, utility)
        if not pivot[pick] > 0:  # known exactly, and teaches nothing
            solved[:, i] = solved_reference[:, i] = 0.0
            continue
        scale = np.sqrt(pivot[pick])
        new = (cross[pick] - solved_reference[:, :i] @ solved[pick, :i]) / scale
        weighted = weights * new
        # One pass over what is solved for both: the column given the picks, and the overlap.
        both = solved[:, :i] @ np.column_stack(
            [solved[pick, :i], solved_reference[:, :i].T @ weighted]
        )
        solved[:, i] = (column - both[:, 0]) / scale
        solved_reference[:, i] = new
        overlap = cross @ weighted - both[:, 1]
        # The squares of (covariance - new * solved), summed over the reference rows.
        gain += solved[:, i] * (solved[:, i] * (new @ weighted) - 2.0 * overlap)
        np.maximum(gain, 0.0, out=gain)
        variance = np.maximum(variance - solved[:, i] ** 2, 0.0)
    return query_idx, metrics


class _Columns:
    """Covariance columns of the pool, computed in blocks with those likely to be asked next."""

    def __init__(self, joint, n_pool):
        self.joint, self.n_pool = joint, n_pool
        self.kept = {}

    def get(self, row, utility):
        if row not in self.kept:
            n_more = min(COLUMNS, self.n_pool) - 1
            likely = np.argpartition(-utility, n_more)[: n_more + 1]
            likely = np.array([row, *likely[(likely != row) & np.isfinite(utility[likely])]])
            block = self.joint.columns(likely)[: self.n_pool]
            self.kept = {int(i): block[:, j] for j, i in enumerate(likely)}
        return self.kept[row]
