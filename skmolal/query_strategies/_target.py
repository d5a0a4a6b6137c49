"""Strategy E: rows whose property lies in a range."""

from numbers import Real

import numpy as np

from skmolal.acquisition import log_probability_in_range, margin_in_range, threshold_of_top
from skmolal.query_strategies._machinery.clustering import cluster_rows, reduce_features
from skmolal.query_strategies._machinery.contest import hold_contest
from skmolal.query_strategies._machinery.one_by_one import Utility
from skmolal.query_strategies._machinery.posterior import PoolView
from skmolal.query_strategies._machinery.selection import (
    check_n_instances,
    check_stream,
    first_best,
    top_n,
)

__all__ = [
    "check_range_options",
    "check_target_options",
    "estimate_threshold",
    "fill_by_probability",
    "target_sampling",
]

# Rows of a larger pool from which the threshold of a share is estimated: of a share of 1% that
# makes an error of 0.03 std.
PART = 20_000

RULES = ("probability", "mean", "uncertain", "optimistic", "random", "cluster")


def check_target_options(low=-np.inf, high=np.inf, rule="probability", top=None, maximize=True):
    """Check the options of :func:`target_sampling`."""
    if top is None:
        check_range_options(low, high)
    elif low != -np.inf or high != np.inf:
        raise ValueError(
            f"top stands in place of low and high: give one or the other, got top={top!r}, "
            f"low={low!r} and high={high!r}"
        )
    elif isinstance(top, bool) or not isinstance(top, Real) or not 0 < top < 1:
        raise ValueError(f"top must be a share between 0 and 1, got {top!r}")
    if not isinstance(maximize, (bool, np.bool_)):
        raise ValueError(f"maximize must be True or False, got {maximize!r}")
    if rule not in RULES:
        raise ValueError(f"rule must be one of {', '.join(map(repr, RULES))}, got {rule!r}")


def check_range_options(low=-np.inf, high=np.inf):
    """Check the target range of a query."""
    for name, value in (("low", low), ("high", high)):
        if isinstance(value, bool) or not isinstance(value, Real) or np.isnan(value):
            raise ValueError(f"{name} must be a number, got {value!r}")
    if low == -np.inf and high == np.inf:
        raise ValueError("the target range needs an end: give low, high or both")
    if low > high or low == np.inf or high == -np.inf:
        raise ValueError(
            f"the target range low <= y <= high must not be empty, got low={low} and high={high}"
        )


def target_sampling(
    learner,
    X_pool,
    n_instances=1,
    *,
    low=-np.inf,
    high=np.inf,
    rule="probability",
    top=None,
    maximize=True,
    random_state=None,
):
    """Choose rows of the pool whose property is predicted to lie in a range.

    The target is ``low <= y <= high``, or with `top` the best share of all records, wherever it
    lies: strategy E of the study [1]_, whose rules are all but
    "probability" and "mean". Where a rule has fewer candidates than the batch has
    rows, the rest are the rows most likely to lie in the range, so that every batch is full.

    Parameters
    ----------
    learner : estimator or modAL learner
        Fitted, with ``predict(X, return_std=True)``.
    X_pool : {array-like, sparse matrix, DataFrame} of shape (n_pool, n_features) or \
            ndarray of shape (n_pool,), dtype object
        Candidates; for the rule "cluster" numeric unless the learner holds a Pipeline.
    n_instances : int, default=1
        Rows to choose; all of a smaller pool.
    low : float, default=-inf
        Lower end of the target range, in units of y.
    high : float, default=inf
        Upper end of the target range, in units of y. At least one end must be given, or `top`.
    rule : {"probability", "mean", "uncertain", "optimistic", "random", "cluster"}, \
            default="probability"
        How rows are chosen.

        - "probability": the largest probability of lying in the range.
        - "mean": the predicted mean lies in the range, by the largest margin to its ends.
        - "uncertain": the predicted mean lies in the range, the largest standard deviation.
        - "optimistic": the interval mean +- standard deviation touches the range, at random.
        - "random": the predicted mean lies in the range, at random.
        - "cluster": the predicted mean lies in the range; these rows are split into as many
          k-means clusters as the batch has rows, and of each the most uncertain is chosen, then,
          where duplicates leave clusters empty, the next most uncertain.
    top : float, default=None
        In place of `low` and `high`: the share of all records, labelled or not, that is wanted,
        such as 0.05. Each query estimates the threshold anew,
        see :func:`skmolal.acquisition.threshold_of_top`, of a pool of more than 20,000 rows
        from 20,000 evenly spaced ones.
    maximize : bool, default=True
        With `top`, whether the largest values are wanted. Without it nothing depends on it.
    random_state : int, RandomState instance or None, default=None
        Seed of the rules "optimistic", "random" and "cluster". None is a seed made from the
        sizes of the query: the same call gives the same answer.

    Returns
    -------
    query_idx : ndarray of shape (min(n_instances, n_pool),), dtype intp
        Positions of the chosen rows: first those the rule chose, in its order, then those that
        fill, by probability. Near ties (1e-10, relative) are in order of position. Where
        probabilities are too small for floating point, their logarithms still decide.
    metrics : ndarray of the same shape
        Utility of each pick, for each rule: its probability of lying in the range.

    Raises
    ------
    TypeError
        If the estimator cannot predict a standard deviation.
    ValueError
        If the range is empty or has no end, `top` is no share or comes with an end, the labels
        that `top` needs are not known, `rule` is unknown, `n_instances` is not an integer of
        at least 1, the pool is empty, or a prediction is not finite.

    See Also
    --------
    cluster_sampling : How the time of k-means is bounded.
    skmolal.acquisition.probability_in_range : The probability.

    Notes
    -----
    Time is O(n_pool * log(n_pool)) beyond the prediction, and for the rule "cluster" that of
    :func:`cluster_sampling`.

    References
    ----------
    .. [1] K. Ghosh, M. Todorović, A. Vehtari and P. Rinke, "Active Learning of Molecular Data for
       Task-Specific Objectives", J. Chem. Phys. 162, 014103 (2025), doi:10.1063/5.0229834.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from skmolal.query_strategies import target_sampling
    >>> learner = GaussianProcessRegressor(optimizer=None).fit([[0.0], [2.0]], [0.0, 2.0])
    >>> query_idx, probability = target_sampling(
    ...     learner, np.array([[0.1], [1.9], [1.5]]), 2, low=1.2)
    >>> query_idx
    array([1, 2])
    """
    check_target_options(low, high, rule, top, maximize)
    n_pool, n_picks = check_n_instances(X_pool, n_instances)
    stream = check_stream(random_state, n_pool, n_picks)
    view = PoolView(learner, X_pool)
    posterior = None
    if top is not None:
        threshold, posterior = estimate_threshold(view, top, maximize)
        low, high = (threshold, np.inf) if maximize else (-np.inf, threshold)
    if rule == "probability" and posterior is None:
        contest = hold_contest(view, n_picks, lambda mean: _InRange(mean, low, high), latent=False)
        if contest is not None:
            values = log_probability_in_range(contest.mean, contest.std, low, high)
            picks = top_n(values, n_picks, contest.scale)
            return contest.rows[picks], np.exp(values[picks])
    mean, std = view.posterior() if posterior is None else posterior
    log_probability = log_probability_in_range(mean, std, low, high)
    margin = margin_in_range(mean, low, high)
    if rule == "probability":
        picks = np.empty(0, dtype=np.intp)
    elif rule == "optimistic":
        candidates = np.flatnonzero((mean + std >= low) & (mean - std <= high))
        picks = stream.permutation(candidates)[:n_picks]
    else:
        candidates = np.flatnonzero((mean >= low) & (mean <= high))
        n_candidates = min(n_picks, len(candidates))
        if rule == "mean":
            picks = candidates[top_n(margin[candidates], n_candidates)]
        elif rule == "uncertain":
            picks = candidates[top_n(std[candidates], n_candidates)]
        elif rule == "random":
            picks = stream.permutation(candidates)[:n_picks]
        else:
            picks = _most_uncertain_of_clusters(view, candidates, std, n_candidates, stream)
    query_idx = fill_by_probability(picks, log_probability, margin, n_picks)
    return query_idx, np.exp(log_probability[query_idx])


class _InRange(Utility):
    """Probability of lying in a range, as a logarithm."""

    def __init__(self, mean, low, high):
        super().__init__(mean)
        self.low, self.high = low, high

    def values(self, rows, std):
        return log_probability_in_range(self.mean[rows], std, self.low, self.high)

    def ceiling(self, rows, std):
        # Beyond one end, both ends given, the probability of the half line is larger, and grows
        # with the std; inside the range it can come close to 1.
        mean = self.mean[rows]
        ceiling = np.zeros(len(rows))
        below, above = mean < self.low, mean > self.high
        ceiling[below] = log_probability_in_range(mean[below], std[below], self.low, np.inf)
        ceiling[above] = log_probability_in_range(mean[above], std[above], -np.inf, self.high)
        return ceiling


def estimate_threshold(view, top, maximize):
    """Estimate where the best share of all records begins; of a large pool from a part of it.

    Parameters
    ----------
    view : PoolView
        The pool as the learner sees it.
    top : float
        The share.
    maximize : bool
        Whether the largest are the best.

    Returns
    -------
    threshold : float
        See :func:`skmolal.acquisition.threshold_of_top`.
    posterior : tuple of ndarray or None
        Mean and std of the pool, where they had to be predicted.
    """
    view.check_std()
    y = view.labels()
    if y is None:
        raise ValueError("top needs the labels: the learner must have y_training or y_train_")
    n_rest = view.n_pool
    posterior = None
    if n_rest <= PART:
        posterior = view.posterior()
        threshold = threshold_of_top(y, *posterior, top, maximize)
    else:
        part = view.part(np.linspace(0, n_rest - 1, PART).astype(int))
        threshold = threshold_of_top(y, *part.posterior(), top, maximize, n_rest=n_rest)
    view.remember(threshold=threshold)
    return threshold, posterior


def _most_uncertain_of_clusters(view, candidates, std, n_picks, stream):
    if n_picks == 0:
        return candidates
    features = reduce_features(view.features(candidates), stream)
    labels, _ = cluster_rows(features, n_picks, stream)
    std = std[candidates]
    picks = np.sort(first_best(labels, n_picks, std))
    picks = picks[top_n(std[picks], len(picks))]
    if len(picks) < n_picks:
        rest = np.setdiff1d(np.arange(len(candidates)), picks)
        rest = rest[top_n(std[rest], n_picks - len(picks))]
        picks = np.concatenate([picks, rest])
    return candidates[picks]


def fill_by_probability(picks, log_probability, margin, n_picks):
    """Append the rows most likely in range, and where that is impossible the nearest to it."""
    left = np.ones(len(margin), dtype=bool)
    left[picks] = False
    possible = np.flatnonzero(left & (log_probability > -np.inf))
    n_fill = min(n_picks - len(picks), len(possible))
    # In logarithms a difference of 1e-10 is a relative one of the probability.
    fill = possible[top_n(log_probability[possible], n_fill, scale=1.0)]
    impossible = np.flatnonzero(left & (log_probability == -np.inf))
    n_rest = n_picks - len(picks) - n_fill
    rest = impossible[top_n(margin[impossible], n_rest)]
    return np.concatenate([picks, fill, rest]).astype(np.intp)
