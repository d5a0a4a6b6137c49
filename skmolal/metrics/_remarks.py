"""What went wrong in a campaign's curves, in words."""

import numpy as np

from skmolal.metrics._savings import first_reach

__all__ = ["remark"]

_PLATEAU_GAIN, _PLATEAU_LABELS = 0.95, 0.5
_COST, _LEAST_COST = 1.25, 1.0  # ratio and difference of seconds that are worth a word


def remark(row, pairs, n_needed, interval):
    """Return sentences about one strategy and metric.

    `row` is one of ``compare_strategies``, `pairs` the curves of strategy and baseline in each
    repeat, `interval` a function from differences to mean, low, high and p-value.
    """
    remarks = []
    if row.verdict == "too few seeds":
        remarks.append(f"{row.n_repeats} of the {n_needed} seeds needed")
    else:
        remarks += _shape([ours for ours, _ in pairs], row.metric, interval)
    if row.verdict == "worse":
        remarks.insert(0, f"worse than {row.baseline}")
    if row.verdict in ("worse", "not distinguishable"):
        remarks += _cost(pairs)
    return "; ".join(remarks)


def _shape(curves, metric, interval):
    """Say whether a curve stays flat, falls, or has its gain early."""
    n_labelled = curves[0]["n_labelled"]
    first, last = n_labelled[0], n_labelled[-1]
    _, low, high, _ = interval([part[metric][-1] - part[metric][0] for part in curves])
    if high < 0:
        return [f"falls while the set grows: lower at {last:,} labels than at {first:,}"]
    if low <= 0:
        return [f"flat while the set grows: at {last:,} labels not distinguishable from {first:,}"]
    mean = np.mean(
        [np.interp(n_labelled, part["n_labelled"], part[metric]) for part in curves], axis=0
    )
    reached = first_reach(n_labelled, mean, mean[0] + _PLATEAU_GAIN * (mean[-1] - mean[0]))
    if reached <= _PLATEAU_LABELS * last:
        return [
            f"early plateau: {_PLATEAU_GAIN:.0%} of the gain with the first {round(reached):,} "
            f"of {last:,} labels"
        ]
    return []


def _cost(pairs):
    """Say whether the strategy takes clearly longer than the baseline."""
    if not pairs or "query_time" not in pairs[0][0] or "fit_time" not in pairs[0][0]:
        return []
    # Medians: the first campaign of a process also pays for compilation.
    ours, theirs = (
        np.median([part["query_time"].sum() + part["fit_time"].sum() for part in side])
        for side in zip(*pairs, strict=True)
    )
    if ours <= _COST * theirs or ours - theirs < _LEAST_COST:
        return []
    return [f"cost without gain: {ours:.3g} s a campaign against {theirs:.3g} s"]
