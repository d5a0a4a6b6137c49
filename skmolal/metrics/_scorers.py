"""Scorers, ``scorer(estimator, X, y) -> float``, larger is better."""

import warnings
from functools import partial

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


def _played(estimator):
    """Find the campaign in an estimator: itself, or the last step of a Pipeline."""
    final = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    if not (hasattr(final, "query_idx_") and hasattr(final, "y_")):
        raise TypeError(
            "this scorer needs an estimator with y_ and query_idx_, such as a fitted "
            f"ActiveLearningRegressor or a Pipeline that ends in one; got {type(final).__name__}"
        )
    return final


class _DiscoveryScorer(_RangeScorer):
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
        return float(hits[played.query_idx_].sum() / hits.sum())


def make_discovery_scorer(low=-np.inf, high=np.inf):
    """Make a scorer of the share of wanted molecules that a campaign has labelled.

    Needs an estimator with ``y_`` and ``query_idx_``, such as
    :class:`~skmolal.ActiveLearningRegressor`, or a Pipeline that ends in one. The molecules
    passed to the scorer (the test fold of a grid search) are ignored: discovery is a property of
    the pool.

    Parameters
    ----------
    low, high : float, default=-inf, inf
        The closed target range, in the unit of y. At least one must be given.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)``, for ``scoring=``. Between 0 and 1; NaN, with a warning,
        where the pool holds no molecule in range.

    Raises
    ------
    ValueError
        If the range is empty or missing.

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
    """
    return _DiscoveryScorer(low, high)


class _LabelEfficiencyScorer(_RangeScorer):
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
        found = np.cumsum(hits[played.query_idx_])[n_labelled - 1] / hits.sum()
        return float(trapezoid(found, n_labelled) / (n_labelled[-1] - n_labelled[0]))


def make_label_efficiency_scorer(low=-np.inf, high=np.inf):
    """Make a scorer of how early a campaign has found the wanted molecules.

    The area under the share of in-range molecules found against the number of labels, over the
    rounds in ``history_``, divided by the labels spent: the mean share found along the way. Two
    campaigns that end with the same discovery differ in it.

    Parameters
    ----------
    low, high : float, default=-inf, inf
        The closed target range, in the unit of y. At least one must be given.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)``, for ``scoring=``. Between 0 and 1; NaN, with a warning,
        where the pool holds no molecule in range or only one round was played.

    Raises
    ------
    ValueError
        If the range is empty or missing.

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
    return _LabelEfficiencyScorer(low, high)
