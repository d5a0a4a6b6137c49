"""Active search: rows in a range, and rows that tell where more of them are."""

import numpy as np

from skmolal.acquisition import expected_hits, log_probability_in_range, margin_in_range
from skmolal.query_strategies._machinery.joint import pool_joint
from skmolal.query_strategies._machinery.options import check_count
from skmolal.query_strategies._machinery.posterior import PoolView
from skmolal.query_strategies._machinery.selection import best, check_n_instances
from skmolal.query_strategies._target import check_range_options, fill_by_probability

__all__ = ["active_search_sampling", "check_active_search_options"]

# Labels to come after each pick, where no budget is given.
AHEAD = 100


def check_active_search_options(low=-np.inf, high=np.inf, budget=None, n_candidates=500):
    """Check the options of :func:`active_search_sampling`."""
    check_range_options(low, high)
    check_count("n_candidates", n_candidates)
    if budget is not None:
        check_count("budget", budget)


def active_search_sampling(
    learner,
    X_pool,
    n_instances=1,
    *,
    low=-np.inf,
    high=np.inf,
    budget=None,
    n_candidates=500,
    random_state=None,
):
    """Choose rows of the pool one by one, with the hits in mind that later labels will find.

    A hit is a row whose property lies in the range. The utility of a row is the expected number
    of hits if it is labelled now and the most probable others, given its label, with the rest of
    the budget (efficient non-myopic search, ENS) [1]_. Unlike the most probable row, it may be
    one that tells much of others; near the end of the budget it is the most probable one. For a
    batch [2]_, a pick counts as labelled with its predicted mean: means stay, and covariances
    fall as they will with the true label. Picks equal those of a Gaussian process refitted with
    that label after each single pick, at the same hyperparameters and candidates.

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
    low : float, default=-inf
        Lower end of the target range, in units of y.
    high : float, default=inf
        Upper end of the target range, in units of y. One end must be given.
    budget : int, default=None
        Labels with which the campaign ends, those known included. None: 100 labels are always to
        come after a pick.
    n_candidates : int, default=500
        The most probable rows of the pool, `n_instances` at least, among which picks are made and
        later hits counted.
    random_state : int, RandomState instance or None, default=None
        Not used: nothing here is random. It is accepted so that all strategies are called alike.

    Returns
    -------
    query_idx : ndarray of shape (min(n_instances, n_pool),), dtype intp
        Positions of the chosen rows, in order of choice; near ties (1e-10, relative) by position.
        Where no hit is possible, by the distance of the mean from the range.
    metrics : ndarray of the same shape
        Utility of each pick when it was chosen: the expected number of hits, this and later ones.

    Raises
    ------
    TypeError
        If the estimator has no joint posterior.
    ValueError
        If the range is empty or has no end, a size is not an integer of at least 1, the pool is
        empty, a prediction is not finite, or a `budget` is given and no label is known.

    See Also
    --------
    target_sampling : The most probable rows, without a look ahead.
    skmolal.acquisition.expected_hits : The formula.

    Notes
    -----
    Memory is O(n_pool + n_candidates**2) beyond the joint posterior, time
    O(n_candidates**2 * (n_labelled + n_instances)), the latter with 12 normal probabilities for
    each pair of candidates.

    References
    ----------
    .. [1] S. Jiang, G. Malkomes, G. Converse, A. Shofner, B. Moseley and R. Garnett, "Efficient
       nonmyopic active search", ICML, PMLR 70, 1714, 2017.
    .. [2] S. Jiang, G. Malkomes, M. Abbott, B. Moseley and R. Garnett, "Efficient nonmyopic batch
       active search", NeurIPS 31, 2018.

    Examples
    --------
    The last two rows tell of each other:

    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from skmolal.query_strategies import active_search_sampling
    >>> learner = GaussianProcessRegressor(alpha=0.01, optimizer=None)
    >>> learner = learner.fit([[0.0], [2.0]], [0.0, 2.0])
    >>> X_pool = np.array([[-3.0], [5.0], [5.2]])
    >>> query_idx, hits = active_search_sampling(learner, X_pool, 1, low=1.5, budget=4)
    >>> query_idx
    array([1])
    """
    check_active_search_options(low, high, budget, n_candidates)
    n_pool, n_picks = check_n_instances(X_pool, n_instances)
    view = PoolView(learner, X_pool)
    joint = pool_joint(view)
    mean = view.mean()
    log_probability = log_probability_in_range(mean, np.sqrt(joint.variance), low, high)
    margin = margin_in_range(mean, low, high)
    n_candidates = min(max(n_candidates, n_picks), n_pool)
    nothing = np.empty(0, dtype=np.intp)
    candidates = np.sort(fill_by_probability(nothing, log_probability, margin, n_candidates))
    picks, metrics = _search(
        mean[candidates],
        joint.block(candidates),
        joint.noise,
        low,
        high,
        _labels_ahead(view, budget, n_picks),
    )
    query_idx = candidates[picks]
    # What is left is hopeless.
    query_idx = fill_by_probability(query_idx, log_probability, margin, n_picks)
    return query_idx, np.append(metrics, np.zeros(n_picks - len(metrics)))


def _labels_ahead(view, budget, n_picks):
    """List how many labels follow each pick."""
    if budget is None:
        return [AHEAD] * n_picks
    y = view.labels()
    if y is None:
        raise ValueError(
            "budget counts the labels known, y_train_ of a Gaussian process or y_training of a "
            f"learner, which {type(view.learner).__name__} lacks: use budget=None"
        )
    return [max(budget - len(y) - i - 1, 0) for i in range(n_picks)]


def _search(mean, covariance, noise, low, high, n_ahead):
    """Choose rows one by one; fewer where no hit is possible any more."""
    covariance = covariance.copy()
    diagonal = np.diag_indices_from(covariance)
    left = np.ones(len(mean), dtype=bool)
    picks, metrics = [], []
    for n in n_ahead:
        covariance[diagonal] = np.maximum(covariance[diagonal], 0.0)
        rows = np.flatnonzero(left)
        block = covariance[np.ix_(rows, rows)]
        utility = expected_hits(mean[rows], block, noise, low, high, n)
        if n >= len(rows) - 1:
            # All others are labelled later, whatever comes first: the surest.
            order = log_probability_in_range(mean[rows], np.sqrt(np.diagonal(block)), low, high)
            j = best(order, scale=1.0) if order.max() > -np.inf else None
        else:
            j = best(utility) if utility.max() > 0 else None
        if j is None:
            break
        pick = rows[j]
        picks.append(pick)
        metrics.append(utility[j])
        left[pick] = False
        pivot = covariance[pick, pick] + noise
        if pivot > 0:
            column = covariance[:, pick] / np.sqrt(pivot)
            covariance -= np.outer(column, column)
    return np.array(picks, dtype=np.intp), np.array(metrics)
