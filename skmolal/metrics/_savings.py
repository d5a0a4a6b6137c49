"""How many labels a strategy saves against a baseline, along a learning curve."""

import numpy as np
from sklearn.utils import Bunch

from skmolal.metrics._curves import check_strategy, read_curves, score_columns

__all__ = ["data_savings", "first_reach"]


def data_savings(curve, strategy, baseline="random", metric="discovery"):
    """Compute the share of labels a strategy saves against a baseline.

    In each repeat the level is the score that the baseline ends with. Both curves are followed,
    by linear interpolation between rounds, to the first point where they reach it, and the
    savings are ``1 - n_strategy / n_baseline``.

    Parameters
    ----------
    curve : Bunch or DataFrame
        Result of :func:`~skmolal.model_selection.active_learning_curve`, or its ``frame``.
    strategy : str
        Name of the strategy, as in the column ``strategy``.
    baseline : str, default="random"
        Name of the strategy to compare with.
    metric : str, default="discovery"
        Column of scores, larger is better.

    Returns
    -------
    result : Bunch
        ``savings`` (ndarray of shape (n_repeats,), NaN where the strategy never reaches the
        level or a score is undefined), ``mean`` (over the repeats that are not NaN; NaN if
        there is none), ``n_never_reached`` (number of NaN), ``n_strategy`` and ``n_baseline``
        (labels needed, shape (n_repeats,)).

    Raises
    ------
    ValueError
        If a strategy or the metric is not in the curve, or the two strategies were not run
        with the same repeats.

    References
    ----------
    .. [1] K. Ghosh et al., J. Chem. Phys. 162, 014103 (2025), arXiv:2408.11191.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmolal.metrics import data_savings
    >>> frame = pd.DataFrame({
    ...     "strategy": ["random"] * 2 + ["target"] * 2, "repeat": 0,
    ...     "n_labelled": [100, 500] * 2, "recall": [0.1, 0.5, 0.1, 0.9]})
    >>> float(data_savings(frame, "target", metric="recall").mean)
    0.4
    """
    frame = curve.get("frame", curve)
    if metric not in frame.columns:
        raise ValueError(
            f"metric must be one of the columns {score_columns(frame)}, got {metric!r}"
        )
    check_strategy(frame, strategy, "strategy")
    check_strategy(frame, baseline, "baseline")
    curves = read_curves(frame, [metric])
    ours, theirs = curves[strategy], curves[baseline]
    if set(ours) != set(theirs):
        raise ValueError(
            f"{strategy!r} and {baseline!r} must have the same repeats, got {sorted(ours)} and "
            f"{sorted(theirs)}"
        )
    needed = {"n_strategy": [], "n_baseline": []}
    for repeat in sorted(ours):
        level = theirs[repeat][metric][-1]
        for name, part in (("n_strategy", ours[repeat]), ("n_baseline", theirs[repeat])):
            needed[name].append(first_reach(part["n_labelled"], part[metric], level))
    needed = {name: np.array(values) for name, values in needed.items()}
    savings = 1.0 - needed["n_strategy"] / needed["n_baseline"]
    reached = savings[~np.isnan(savings)]
    return Bunch(
        savings=savings,
        mean=float(reached.mean()) if len(reached) else np.nan,
        n_never_reached=int(np.isnan(savings).sum()),
        **needed,
    )


def first_reach(n_labelled, score, level):
    """Labels at which a piecewise linear curve first reaches `level`; NaN if it never does."""
    reached = np.flatnonzero(score >= level)
    if len(reached) == 0:
        return np.nan
    k = reached[0]
    if k == 0 or np.isnan(score[k - 1]):
        return float(n_labelled[k])
    share = (level - score[k - 1]) / (score[k] - score[k - 1])
    return float(n_labelled[k - 1] + share * (n_labelled[k] - n_labelled[k - 1]))
