"""Scorers, ``scorer(estimator, X, y) -> float``, larger is better."""

import warnings
from functools import partial
from numbers import Integral, Real

import numpy as np
from scipy.integrate import trapezoid
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    matthews_corrcoef,
    precision_score,
    recall_score,
)
from sklearn.pipeline import Pipeline

__all__ = [
    "check_range",
    "make_discovery_scorer",
    "make_label_efficiency_scorer",
    "make_target_scorer",
    "needs_test_molecules",
]

_CLASSIFICATION = {
    "precision": partial(precision_score, zero_division=0.0),
    "recall": recall_score,
    "f1": partial(f1_score, zero_division=0.0),
    "accuracy": accuracy_score,
    "balanced_accuracy": balanced_accuracy_score,
    "matthews_corrcoef": matthews_corrcoef,
}


def check_range(low, high):
    """Return ``(low, high)`` as floats, or raise the error that says what a range is."""
    low, high = float(low), float(high)
    if np.isnan(low) or np.isnan(high) or low > high:
        raise ValueError(f"low must not be above high, got low={low}, high={high}")
    if np.isneginf(low) and np.isposinf(high):
        raise ValueError("a target range needs low or high, got neither")
    return low, high


class _RangeScorer:
    """What the scorers share: a target range, a repr and comparison by what they are."""

    def __init__(self, low, high):
        self.low, self.high = check_range(low, high)

    def in_range(self, y):
        """Membership of the closed range [low, high]."""
        y = np.asarray(y, dtype=float)
        return (self.low <= y) & (y <= self.high)

    def __repr__(self):
        arguments = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__.lstrip('_')}({arguments})"

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self):
        return hash(repr(self))


class _TargetScorer(_RangeScorer):
    def __init__(self, low, high, metric):
        super().__init__(low, high)
        if metric not in _CLASSIFICATION:
            raise ValueError(f"metric must be one of {sorted(_CLASSIFICATION)}, got {metric!r}")
        self.metric = metric

    def __call__(self, estimator, X, y):
        truth = self.in_range(y)
        if not truth.any() and self.metric in {"recall", "f1", "balanced_accuracy"}:
            warnings.warn(
                f"{self.metric} is undefined: no true value lies in the target range",
                UndefinedMetricWarning,
                stacklevel=2,
            )
            return np.nan
        return float(_CLASSIFICATION[self.metric](truth, self.in_range(estimator.predict(X))))


def make_target_scorer(low=-np.inf, high=np.inf, metric="f1"):
    """Make a scorer of how well molecules are told to lie in a target range.

    Compares the membership of the predicted value with that of the true value; the range is
    closed, ``low <= y <= high``.

    Parameters
    ----------
    low, high : float, default=-inf, inf
        The target range, in the unit of y. At least one must be given.
    metric : {"precision", "recall", "f1", "accuracy", "balanced_accuracy", \
"matthews_corrcoef"}, default="f1"
        The classification metric. Precision and f1 are 0 where nothing is predicted in range;
        recall, f1 and balanced accuracy are NaN, with a warning, where nothing truly is.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)``, for ``scoring=``.

    Raises
    ------
    ValueError
        If the range is empty or missing, or `metric` is unknown.

    Examples
    --------
    >>> from sklearn.dummy import DummyRegressor
    >>> from skmolal.metrics import make_target_scorer
    >>> model = DummyRegressor(strategy="constant", constant=1.0).fit([[0]], [1])
    >>> make_target_scorer(low=0.5, metric="precision")(model, [[0], [1]], [0.0, 2.0])
    0.5
    """
    return _TargetScorer(low, high, metric)


def needs_test_molecules(scorer):
    """Tell whether a scorer compares predictions with labels that were held out.

    What a function of the user's own needs is not known.
    """
    return isinstance(scorer, _TargetScorer) or type(scorer).__module__.startswith("sklearn.")


def _played(estimator):
    """Find the campaign in an estimator: itself, or the last step of a Pipeline."""
    final = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    if not (hasattr(final, "query_idx_") and hasattr(final, "y_")):
        raise TypeError(
            "this scorer needs an estimator with y_ and query_idx_, such as a fitted "
            f"ActiveLearningRegressor or a Pipeline that ends in one; got {type(final).__name__}"
        )
    return final


class _PoolScorer(_RangeScorer):
    """What is found in the pool, where `n_best` is given of no more than that."""

    def __init__(self, low, high, n_best):
        super().__init__(low, high)
        self.n_best = n_best
        if n_best is None:
            return
        is_share = isinstance(n_best, Real) and not isinstance(n_best, Integral)
        is_number = isinstance(n_best, Integral) and not isinstance(n_best, bool)
        if not (is_share and 0 < n_best < 1) and not (is_number and n_best >= 1):
            raise ValueError(
                "n_best must be None, an integer of at least 1 or a share between 0 and 1, got "
                f"{n_best!r}"
            )

    def found(self, hits, query_idx):
        """Share of the wanted molecules among the first labels, for each number of labels."""
        n_wanted = min(hits.sum(), count_best(self.n_best, len(hits)))
        return np.minimum(np.cumsum(hits[query_idx]), n_wanted) / n_wanted


def count_best(n_best, n_pool):
    """Return how many molecules of a pool a number, a share or None (all of it) stand for."""
    if n_best is None:
        return n_pool
    return n_best if isinstance(n_best, Integral) else max(1, round(n_best * n_pool))


class _DiscoveryScorer(_PoolScorer):
    def __call__(self, estimator, X=None, y=None):
        played = _played(estimator)
        hits = self.in_range(played.y_)
        if not hits.any():
            warnings.warn(
                "discovery is undefined: no molecule of the pool lies in the target range",
                UndefinedMetricWarning,
                stacklevel=2,
            )
            return np.nan
        return float(self.found(hits, played.query_idx_)[-1])


def make_discovery_scorer(low=-np.inf, high=np.inf, *, n_best=None):
    """Make a scorer of the share of wanted molecules that a campaign has labelled.

    Needs an estimator with ``y_`` and ``query_idx_``, such as
    :class:`~skmolal.ActiveLearningRegressor`, or a Pipeline that ends in one. The molecules
    passed to the scorer (the test fold of a grid search) are ignored: discovery is a property of
    the pool.

    Parameters
    ----------
    low, high : float, default=-inf, inf
        The closed target range, in the unit of y. At least one must be given.
    n_best : int or float, default=None
        How many molecules of the pool are wanted, or which share of it: the share found is
        ``min(found, n_best) / n_best``. Labels are often rounded, so that more molecules lie at
        the threshold of "the best 100" than are wanted; any of them will do. If fewer are in
        range, or with None, all in range are wanted.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)``, for ``scoring=``. Between 0 and 1; NaN, with a warning,
        where the pool holds no molecule in range.

    Raises
    ------
    ValueError
        If the range is empty or missing, or `n_best` is neither a number nor a share.

    Examples
    --------
    >>> import numpy as np
    >>> from skmolal import ActiveLearningRegressor
    >>> from skmolal.metrics import make_discovery_scorer
    >>> from sklearn.linear_model import BayesianRidge
    >>> X = np.arange(100.0).reshape(-1, 1)
    >>> learner = ActiveLearningRegressor(
    ...     BayesianRidge(), "target", query_options={"low": 90.0}, n_initial=5,
    ...     batch_sizes=[10], random_state=0).fit(X, X.ravel())
    >>> make_discovery_scorer(low=90.0)(learner, None, None)
    1.0

    Of ten molecules that share the best label five were labelled, all that were wanted:

    >>> y = np.repeat([0.0, 1.0], [90, 10])
    >>> learner = ActiveLearningRegressor(
    ...     BayesianRidge(), "target", query_options={"low": 1.0}, n_initial=50, batch_sizes=[],
    ...     random_state=0).fit(X, y)
    >>> int(y[learner.query_idx_].sum())
    5
    >>> make_discovery_scorer(low=1.0)(learner), make_discovery_scorer(low=1.0, n_best=5)(learner)
    (0.5, 1.0)
    """
    return _DiscoveryScorer(low, high, n_best)


class _LabelEfficiencyScorer(_PoolScorer):
    def __call__(self, estimator, X=None, y=None):
        played = _played(estimator)
        hits = self.in_range(played.y_)
        n_labelled = np.array([step["n_labelled"] for step in played.history_])
        if not hits.any() or len(n_labelled) < 2:
            warnings.warn(
                "label efficiency is undefined: it needs two rounds and a molecule of the pool "
                "in the target range",
                UndefinedMetricWarning,
                stacklevel=2,
            )
            return np.nan
        found = self.found(hits, played.query_idx_)[n_labelled - 1]
        return float(trapezoid(found, n_labelled) / (n_labelled[-1] - n_labelled[0]))


def make_label_efficiency_scorer(low=-np.inf, high=np.inf, *, n_best=None):
    """Make a scorer of how early a campaign has found the wanted molecules.

    The area under the share of in-range molecules found against the number of labels, over the
    rounds in ``history_``, divided by the labels spent: the mean share found along the way. Two
    campaigns that end with the same discovery differ in it.

    Parameters
    ----------
    low, high : float, default=-inf, inf
        The closed target range, in the unit of y. At least one must be given.
    n_best : int or float, default=None
        How many molecules of the pool are wanted, or which share of it, as for
        :func:`make_discovery_scorer`; with None all in range.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)``, for ``scoring=``. Between 0 and 1; NaN, with a warning,
        where the pool holds no molecule in range or only one round was played.

    Raises
    ------
    ValueError
        If the range is empty or missing, or `n_best` is neither a number nor a share.

    See Also
    --------
    make_discovery_scorer : The share found at the end.

    Examples
    --------
    >>> import numpy as np
    >>> from skmolal import ActiveLearningRegressor
    >>> from skmolal.metrics import make_label_efficiency_scorer
    >>> from sklearn.linear_model import BayesianRidge
    >>> X = np.arange(100.0).reshape(-1, 1)
    >>> learner = ActiveLearningRegressor(
    ...     BayesianRidge(), "target", query_options={"low": 90.0}, n_initial=5,
    ...     batch_sizes=[10], random_state=0).fit(X, X.ravel())
    >>> score = make_label_efficiency_scorer(low=90.0)(learner, None, None)
    >>> 0.5 <= score <= 1.0
    True
    """
    return _LabelEfficiencyScorer(low, high, n_best)
