"""Whether to go on: what is searched for, and how many finds are still to be expected."""

import copy
from dataclasses import dataclass

import numpy as np

from skmolal._rows import LazyRows, take_rows
from skmolal.acquisition import probability_in_range, threshold_of_top
from skmolal.query_strategies import QueryStrategy
from skmolal.query_strategies._machinery.posterior import PoolView
from skmolal.query_strategies._target import PART

__all__ = ["Aim", "look_ahead"]

_LONGEST_GAIN = 100_000  # labels that a report looks ahead


@dataclass(frozen=True)
class Aim:
    """What a strategy searches for.

    Attributes
    ----------
    low, high : float
        The target range; infinite where there is no end.
    top : float or None
        Share of all records, in place of a range.
    maximize : bool
        Whether the largest labels are the best.
    """

    low: float = -np.inf
    high: float = np.inf
    top: float | None = None
    maximize: bool = True

    @classmethod
    def of(cls, strategy):
        """Read the options of a strategy."""
        if not isinstance(strategy, QueryStrategy):
            return cls()
        options = strategy.get_params(deep=False)
        low, high = options.get("low", -np.inf), options.get("high", np.inf)
        has_range = np.isfinite(low) or np.isfinite(high)
        maximize = bool(np.isfinite(low)) if has_range else bool(options.get("maximize", True))
        return cls(float(low), float(high), options.get("top"), maximize)

    @property
    def has_target(self):
        """Whether a label is a find or is not."""
        return self.top is not None or np.isfinite(self.low) or np.isfinite(self.high)

    def ends(self, threshold=None):
        """Return the range's ends; those of `top` follow from a threshold, None without it."""
        if self.top is None:
            return (self.low, self.high) if self.has_target else None
        if threshold is None:
            return None
        return (threshold, np.inf) if self.maximize else (-np.inf, threshold)

    def probability(self, mean, std, threshold=None):
        """Compute the probability to be a find, None where that is no question."""
        ends = self.ends(threshold)
        return None if ends is None else probability_in_range(mean, std, *ends)


def look_ahead(campaign, aim):
    """Estimate what further labels would find.

    Parameters
    ----------
    campaign : Campaign
        It is left as it is: where labels have come since its model was fitted, a copy is fitted
        to them, a Gaussian process at the hyperparameters that it has.
    aim : Aim
        What is searched for.

    Returns
    -------
    outlook : dict or None
        None while no label is known. ``n`` records have no label yet. ``mean_std`` is None of a
        model without std. Where there is a target, too: ``ends``; ``found``, labels in it;
        ``expected``, the sum of the probabilities of the others; ``low`` and ``high``, 1.96
        standard deviations of that sum around it, as whole numbers; ``gain``, the sums over the
        most likely records, in order.
    """
    state = campaign._state
    if not state.labels:
        return None
    mean, std = _predict_rest(campaign)
    n_rest = len(state.free) + len(state.pending)
    outlook = {"n": n_rest, "ends": None, "mean_std": None}
    if std is None:
        return outlook
    outlook["mean_std"] = float(np.mean(std)) if len(std) else 0.0
    threshold = None
    if aim.top is not None:
        threshold = threshold_of_top(state.y, mean, std, aim.top, aim.maximize, n_rest)
    ends = aim.ends(threshold)
    if ends is None:
        return outlook
    probability = np.sort(aim.probability(mean, std, threshold))[::-1]
    weight = n_rest / max(1, len(probability))  # of a library a part stands for all
    expected = weight * float(probability.sum())
    # Each label is a find or not: a sum of Bernoulli variables, independent given the model.
    width = 1.96 * float(np.sqrt(weight * np.sum(probability * (1.0 - probability))))
    return outlook | {
        "ends": tuple(map(float, ends)),
        "found": int(np.sum((state.y >= ends[0]) & (state.y <= ends[1]))),
        "expected": expected,
        "low": max(int(np.floor(expected - width)), 0),
        "high": min(int(np.ceil(expected + width)), n_rest),
        "gain": np.cumsum(np.repeat(probability, round(weight)))[:_LONGEST_GAIN].tolist(),
    }


def _predict_rest(campaign):
    """Return mean and std of all records without label that are not dropped, or None, None.

    Of a library evenly spaced records stand for all.
    """
    state, model = campaign._state, campaign._model
    if model.fitted_version != state.version:
        model = copy.copy(model)
        model.regressor = copy.deepcopy(model.regressor)
        model.fit(state, model.hyperparameters)
    try:
        parts = [(np.empty(0), np.empty(0))]
        if isinstance(model.features, LazyRows):
            part = state.free[:: max(1, len(state.free) // PART)]
            parts.append(PoolView(model.regressor, take_rows(model.features, part)).posterior())
        elif len(state.free):
            parts.append(model.learner(state).predict_pool())
        if len(state.pending):
            rows = take_rows(model.features, state.awaited)
            parts.append(PoolView(model.regressor, rows).posterior())
    except TypeError:  # a model without std
        return None, None
    return tuple(np.concatenate(values) for values in zip(*parts, strict=True))
