"""Which differences between query strategies are real, over few and dependent seeds."""

import math

import numpy as np
import pandas as pd
from scipy.integrate import trapezoid
from scipy.stats import t as student

from skmolal.metrics._curves import check_strategy, read_curves, score_columns
from skmolal.metrics._remarks import remark
from skmolal.metrics._savings import first_reach

__all__ = ["compare_strategies"]


def compare_strategies(
    curve,
    baseline="random",
    metrics=None,
    *,
    confidence=0.95,
    label_scale="log",
    test_ratio=None,
):
    r"""Compare strategies with a baseline over seeds, and say which differences are real.

    For every strategy and metric, in each repeat: the *area*, which is the mean score along the
    learning curve, and the *savings at equal score*. Both are compared with the baseline's in the
    same repeat, which has the same test molecules and first labels.

    **Intervals.** Repeats redraw the same molecules, so they are not independent and the plain
    t interval is too narrow. With :math:`J` repeats the variance of the mean difference is
    estimated as :math:`(1/J + n_\mathrm{test}/n_\mathrm{pool})\,s^2` (Nadeau and Bengio [1]_),
    with :math:`s^2` the sample variance over repeats and :math:`J - 1` degrees of freedom.

    **Verdicts** follow from the difference of areas. Its p-values are corrected for the number of
    strategies and metrics compared by Holm's method [2]_: if nothing differs, the chance that
    anything is called different is at most ``1 - confidence``. The intervals are for each
    comparison by itself.

    **How many seeds.** Fewer than ``ceil(1 - log2(1 - confidence))`` repeats, 6 for 95%, give the
    verdict "too few seeds": the smallest two-sided p-value of a sign-flip test, which assumes
    nothing about the distribution of the differences, is ``2**(1 - J)``, so that with fewer
    repeats only the assumption of normality could make a difference significant.

    Parameters
    ----------
    curve : Bunch or DataFrame
        Result of :func:`~skmolal.model_selection.active_learning_curve`, or its ``frame``.
    baseline : str, default="random"
        Name of the strategy to compare all others with.
    metrics : str or sequence of str, default=None
        Columns of scores, larger is better; None is all.
    confidence : float, default=0.95
        Confidence of the intervals and of the verdicts, between 0.5 and 1.
    label_scale : {"log", "linear"}, default="log"
        Along what the area is taken. With ``"log"`` every doubling of the labels counts the
        same, as it does in the power-law schedules of the study; with ``"linear"`` every label
        does, so that the last of doubling rounds, where curves tend to meet, decides half of it.
    test_ratio : float, default=None
        Number of test molecules over number of pool molecules. None takes it from
        ``curve.settings``; a bare frame needs it.

    Returns
    -------
    comparison : DataFrame
        One row per strategy (without the baseline) and metric, with these columns.

        strategy, metric, baseline : str
            What is compared, by which score, with what.
        n_repeats : int
            Repeats in which the score of both is defined throughout.
        area, area_baseline : float
            Mean score along the curve, averaged over repeats, in the unit of the score. Both
            curves are followed linearly between rounds over the labels that both have.
        difference, difference_low, difference_high : float
            Difference of the areas, positive where the strategy is better, and its interval.
        p_value, p_adjusted : float
            Two-sided p-value of the difference, alone and after Holm's correction over all rows.
        savings, savings_low, savings_high : float
            Share of labels saved at equal score, ``1 - n_strategy / n_baseline``, and its
            interval. The score is the lower of the two curves' last, so that both reach it:
            where the strategy ends ahead that is what the baseline ends with, as in
            :func:`data_savings`; where it ends behind, savings are negative. The ratios are
            averaged as logarithms, in which twice and half the labels weigh the same.
        n_never_reached : int
            Repeats in which the strategy never reached the score the baseline ended with.
        verdict : str
            ``"better"``, ``"worse"``, ``"not distinguishable"`` or ``"too few seeds"``.
        remarks : str
            What went wrong, in sentences; empty if nothing did. Named are a strategy that is
            worse than the baseline; an early plateau (95% of the gain with at most half of the
            labels); a flat curve (the last score cannot be told from the first, or is below
            it); cost without gain (a strategy not shown to be better whose queries and fits
            take a quarter longer than the baseline's). Flat curves and plateaus are judged only
            with enough seeds.

    Raises
    ------
    ValueError
        If a parameter is out of range, a name is not in the curve, the strategies were not run
        with the same repeats, or two curves share no stretch of labels.

    See Also
    --------
    data_savings : Savings per repeat, at the level the baseline ends with.

    References
    ----------
    .. [1] C. Nadeau and Y. Bengio, Mach. Learn. 52, 239 (2003), doi:10.1023/A:1024068626366.
    .. [2] S. Holm, Scand. J. Stat. 6, 65 (1979), https://www.jstor.org/stable/4615733.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skmolal.metrics import compare_strategies
    >>> noise = np.random.RandomState(0).normal(scale=0.01, size=(2, 8, 3))
    >>> frame = pd.DataFrame([
    ...     {"strategy": name, "repeat": r, "n_labelled": n, "recall": slope * n + noise[k, r, i]}
    ...     for k, (name, slope) in enumerate([("random", 0.001), ("target", 0.002)])
    ...     for r in range(8) for i, n in enumerate([100, 200, 400])])
    >>> row = compare_strategies(frame, test_ratio=0.25).iloc[0]
    >>> row["verdict"], f"{row['savings']:.0%}"
    ('better', '50%')
    """
    frame = curve.get("frame", curve)
    check_strategy(frame, baseline, "baseline")
    metrics = _check_metrics(frame, metrics)
    if not 0.5 <= confidence < 1:
        raise ValueError(f"confidence must lie in [0.5, 1), got {confidence!r}")
    if label_scale not in ("log", "linear"):
        raise ValueError(f"label_scale must be 'log' or 'linear', got {label_scale!r}")
    ratio = _check_ratio(curve, test_ratio)
    n_needed = math.ceil(1 - math.log2(1 - confidence))
    times = [name for name in ("fit_time", "query_time") if name in frame.columns]
    curves = read_curves(frame, [*metrics, *times])
    theirs = curves[baseline]
    rows, paired = [], []
    for strategy in dict.fromkeys(frame["strategy"]):
        ours = curves[strategy]
        if strategy == baseline:
            continue
        if set(ours) != set(theirs):
            raise ValueError(
                f"{strategy!r} and {baseline!r} must have the same repeats, got {sorted(ours)} "
                f"and {sorted(theirs)}"
            )
        for metric in metrics:
            areas = np.array([_areas(ours[r], theirs[r], metric, label_scale) for r in ours])
            defined = [r for r, row in zip(ours, areas, strict=True) if not np.isnan(row).any()]
            pair = [(ours[r], theirs[r]) for r in defined]
            rows.append(
                {
                    "strategy": strategy,
                    "metric": metric,
                    "baseline": baseline,
                    "n_repeats": len(defined),
                    **_compare_areas(areas[~np.isnan(areas).any(axis=1)], ratio, confidence),
                    **_compare_labels(pair, metric, ratio, confidence),
                }
            )
            paired.append(pair)
    comparison = pd.DataFrame(rows)
    if comparison.empty:
        raise ValueError(f"the curve holds no strategy to compare with {baseline!r}")
    adjusted = _holm(comparison["p_value"].to_numpy())
    comparison.insert(comparison.columns.get_loc("p_value") + 1, "p_adjusted", adjusted)
    comparison["verdict"] = [
        _verdict(row, n_needed, 1 - confidence) for row in comparison.itertuples()
    ]
    comparison["remarks"] = [
        remark(row, pair, n_needed, lambda x: corrected_t(x, ratio, confidence))
        for row, pair in zip(comparison.itertuples(), paired, strict=True)
    ]
    return comparison


def corrected_t(differences, ratio, confidence):
    """Return mean, ends of the interval and p-value by the corrected t test."""
    n_repeats = len(differences)
    mean = float(np.mean(differences)) if n_repeats else math.nan
    if n_repeats < 2:
        return mean, math.nan, math.nan, math.nan
    # Nadeau and Bengio (2003), section 4.
    error = math.sqrt((1 / n_repeats + ratio) * np.var(differences, ddof=1))
    half = error * student.ppf((1 + confidence) / 2, n_repeats - 1)
    if error == 0:  # the same in all repeats
        return mean, mean, mean, 1.0 if mean == 0 else 0.0
    p_value = 2 * student.sf(abs(mean) / error, n_repeats - 1)
    return mean, float(mean - half), float(mean + half), float(p_value)


def _check_metrics(frame, metrics):
    known = score_columns(frame)
    metrics = known if metrics is None else [metrics] if isinstance(metrics, str) else list(metrics)
    unknown = [name for name in metrics if name not in known]
    if unknown or not metrics:
        raise ValueError(f"metrics must be among the columns {known}, got {unknown or metrics}")
    return metrics


def _check_ratio(curve, test_ratio):
    settings = curve.get("settings")
    if test_ratio is None:
        if settings is None:
            raise ValueError(
                "test_ratio must be given, n_test / n_pool, since the curve carries no settings"
            )
        test_ratio = settings["n_test"] / settings["n_pool"]
    if not (np.isfinite(test_ratio) and test_ratio >= 0):
        raise ValueError(f"test_ratio must be a number that is not negative, got {test_ratio!r}")
    return float(test_ratio)


def _areas(ours, theirs, metric, label_scale):
    """Return the mean scores of two curves along the labels that both have."""
    change = np.log2 if label_scale == "log" else np.asarray
    axes = [change(part["n_labelled"]) for part in (ours, theirs)]
    start, stop = max(x[0] for x in axes), min(x[-1] for x in axes)
    if not start < stop:
        raise ValueError(
            "the curves of a repeat must share a stretch of labels, of two rounds at least; got "
            f"{ours['n_labelled'].tolist()} and {theirs['n_labelled'].tolist()}"
        )
    areas = []
    for x, part in zip(axes, (ours, theirs), strict=True):
        grid = np.concatenate([[start], x[(x > start) & (x < stop)], [stop]])
        areas.append(trapezoid(np.interp(grid, x, part[metric]), grid) / (stop - start))
    return areas


def _compare_areas(areas, ratio, confidence):
    areas = areas.reshape(-1, 2)
    mean, low, high, p_value = corrected_t(areas[:, 0] - areas[:, 1], ratio, confidence)
    ours, theirs = areas.mean(axis=0) if len(areas) else (math.nan, math.nan)
    return {
        "area": ours,
        "area_baseline": theirs,
        "difference": mean,
        "difference_low": low,
        "difference_high": high,
        "p_value": p_value,
    }


def _compare_labels(pairs, metric, ratio, confidence):
    """Compare the labels that both need for the lower of the two last scores."""
    ratios, n_never_reached = [], 0
    for ours, theirs in pairs:
        n_never_reached += int(ours[metric].max() < theirs[metric][-1])
        level = min(ours[metric][-1], theirs[metric][-1])
        needed = [first_reach(part["n_labelled"], part[metric], level) for part in (ours, theirs)]
        ratios.append(np.log2(needed[0] / needed[1]))
    # More labels are less savings, so that the ends of the interval change places.
    mean, low, high = (1 - 2**value for value in corrected_t(ratios, ratio, confidence)[:3])
    return {
        "savings": mean,
        "savings_low": high,
        "savings_high": low,
        "n_never_reached": n_never_reached,
    }


def _holm(p_values):
    """Adjust p-values for their number by Holm's step-down method; NaN stay and do not count."""
    adjusted = np.full(len(p_values), np.nan)
    order = np.argsort(p_values)[: np.sum(~np.isnan(p_values))]  # NaN are sorted last
    steps = p_values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def _verdict(row, n_needed, level):
    if row.n_repeats < n_needed:
        return "too few seeds"
    if row.p_adjusted >= level:
        return "not distinguishable"
    return "better" if row.difference > 0 else "worse"
