"""What a run leaves: the table, the picture and the summary."""

import os

import numpy as np

from skmolal.metrics import compare_strategies, data_savings

__all__ = [
    "draw_curves",
    "draw_found",
    "format_table",
    "format_verdicts",
    "summarize",
    "write_atomically",
]

_WORDS = {"neg_mean_absolute_error": "MAE", "discovery": "share found", "f1": "f1"}


def write_atomically(path, write):
    """Call ``write(beside)`` and rename what it wrote, so that no file is half-written."""
    beside = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        write(beside)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def summarize(frame, picks, in_range, strategies, task, n_best=np.inf):
    """Return the summary's ``tasks``: means over seeds at the last training size.

    Parameters
    ----------
    frame, picks : DataFrame
        Of :func:`~skmolal.model_selection.active_learning_curve`.
    in_range : ndarray of bool, shape (n_samples,)
        Whether each molecule lies in the target range.
    strategies : sequence of str
        Names, in order.
    task : {"pruning", "search", "both"}
        Which tasks were run.
    n_best : int, default=inf
        How many of the molecules in range are wanted; what is found beyond them does not count.

    Returns
    -------
    tasks : dict
        Keys ``pruning`` and ``search``, each a dict from strategy to figures; undefined is None.
    """
    last = frame.loc[frame.groupby(["strategy", "repeat"])["n_labelled"].idxmax()]
    tasks = {}
    if task != "search":
        tasks["pruning"] = {}
        for name in strategies:
            rows = last[last["strategy"] == name]
            mae = -rows["neg_mean_absolute_error"].to_numpy()
            tasks["pruning"][name] = {
                "n_labelled": int(rows["n_labelled"].max()),
                "mae": _figure(mae.mean()),
                "mae_std": _std(mae),
            }
    if task != "pruning":
        tasks["search"] = {}
        for name in strategies:
            rows = last[last["strategy"] == name]
            ours = picks[picks["strategy"] == name]
            hits = in_range[ours["position"].to_numpy()]
            found = np.array([hits[ours["repeat"] == r].sum() for r in ours["repeat"].unique()])
            found = np.minimum(found, n_best)
            savings = None
            if name != "random" and "random" in strategies:
                savings = _figure(data_savings(frame, name, metric="discovery").mean)
            tasks["search"][name] = {
                "n_labelled": int(rows["n_labelled"].max()),
                "found": _figure(found.mean()),
                "recall": _figure(rows["discovery"].mean()),
                "recall_std": _std(rows["discovery"].to_numpy()),
                "f1": _figure(rows["f1"].mean()) if "f1" in rows else None,
                "savings": savings,
            }
    return tasks


def _figure(value):
    return None if np.isnan(value) else round(float(value), 6)


def _std(values):
    return _figure(np.std(values, ddof=1)) if len(values) > 1 else None


def format_table(tasks, unit):
    """Return the last table of a run as text."""
    header = ["strategy", "labels"]
    if "pruning" in tasks:
        header.append(f"MAE ({unit})" if unit else "MAE")
    if "search" in tasks:
        # Without test molecules there is no f1.
        scored = any(figures["f1"] is not None for figures in tasks["search"].values())
        header += ["found", "share found", *(["f1"] if scored else []), "labels saved"]
    rows = [header]
    for name in next(iter(tasks.values())):
        row = [name, f"{next(iter(tasks.values()))[name]['n_labelled']:,}"]
        if "pruning" in tasks:
            figures = tasks["pruning"][name]
            row.append(_plus_minus(figures["mae"], figures["mae_std"], "{:.4f}"))
        if "search" in tasks:
            figures = tasks["search"][name]
            row += [
                f"{figures['found']:.0f}",
                _plus_minus(figures["recall"], figures["recall_std"], "{:.1%}"),
                *([_text(figures["f1"], "{:.2f}")] if scored else []),
                _text(figures["savings"], "{:.0%}"),
            ]
        rows.append(row)
    widths = [max(len(row[k]) for row in rows) for k in range(len(header))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells))
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def format_verdicts(curve):
    """Return lines that say which differences from random are real, and what went wrong.

    Parameters
    ----------
    curve : Bunch
        Of :func:`~skmolal.model_selection.active_learning_curve`.

    Returns
    -------
    text : str
        Empty where there is nothing to compare.
    """
    names = set(curve.frame["strategy"])
    rounds = curve.frame.groupby(["strategy", "repeat"])["n_labelled"].count()
    if "random" not in names or len(names) == 1 or rounds.min() < 2:
        return ""
    table = compare_strategies(curve)
    if (table["verdict"] == "too few seeds").all():
        most = table.loc[table["n_repeats"].idxmax(), "remarks"]
        return f"against random: too few seeds to tell a difference from chance: {most}"
    lines = ["against random, along the whole curve (95%, corrected for several comparisons):"]
    costs = {}
    for metric, rows in table.groupby("metric", sort=False):
        parts = []
        for verdict in ("better", "worse", "not distinguishable", "too few seeds"):
            those = rows.loc[rows["verdict"] == verdict, "strategy"]
            if len(those):
                parts.append(f"{verdict}: {', '.join(those)}")
        lines.append(f"  {_WORDS[metric]}: {'; '.join(parts)}")
        said = {}
        for row in rows.itertuples():
            for sentence in filter(None, row.remarks.split("; ")):
                if sentence.startswith("cost"):
                    costs.setdefault(row.strategy, sentence)
                elif row.verdict != "too few seeds" and not sentence.startswith("worse"):
                    said.setdefault(sentence, []).append(row.strategy)
        lines += [f"    {', '.join(those)}: {sentence}" for sentence, those in said.items()]
    # A strategy that is better at one thing has not cost in vain.
    useful = set(table.loc[table["verdict"] == "better", "strategy"])
    lines += [f"  {name}: {text}" for name, text in costs.items() if name not in useful]
    return "\n".join(lines)


def _text(value, form):
    return "-" if value is None else form.format(value)


def _plus_minus(mean, std, form):
    return _text(mean, form) + ("" if std is None else f" ± {form.format(std)}")


def draw_curves(frame, tasks, path, unit):
    """Draw error and share found against labels, one panel each."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from skmolal.plotting import ActiveLearningCurveDisplay

    panels = []
    if "pruning" in tasks:
        name = "mean absolute error" + (f" ({unit})" if unit else "")
        panels.append(("neg_mean_absolute_error", True, name, "error on test molecules"))
    if "search" in tasks:
        panels.append(("discovery", False, "share of targets found", "targets found in the pool"))
    # A figure of its own canvas: pyplot's state and backend stay as the user's program has them.
    figure = Figure(figsize=(5.2 * len(panels), 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, (metric, negate, label, title) in zip(axes, panels, strict=True):
        ActiveLearningCurveDisplay.from_results(
            frame, metric, negate_score=negate, score_name=label, ax=ax, log_scale=True
        )
        ax.set_title(title, fontsize=11)
        if metric == "discovery":
            ax.set_ylim(0, 1.02)
            ax.yaxis.set_major_formatter("{x:.0%}")
        if ax is not axes[-1]:
            ax.get_legend().remove()
    write_atomically(path, lambda beside: figure.savefig(beside, dpi=150))


_N_DRAWN = 20


def draw_found(picks, in_range, smiles, figures, path, unit):
    """Draw the targets that the best search found first, in the first repeat.

    Returns
    -------
    drawn : bool
        Whether there was one with a SMILES; an older picture goes if not.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from skmolal.plotting import MoleculesDisplay

    best = max(figures, key=lambda name: figures[name]["found"] or 0)
    ours = picks[(picks["strategy"] == best) & (picks["repeat"] == 0)]
    ours = ours[in_range[ours["position"].to_numpy()]]
    ours = ours[[smiles[p] is not None for p in ours["position"]]][:_N_DRAWN]
    if len(ours) == 0:
        path.unlink(missing_ok=True)
        return False
    legends = [f"round {row.round}: {row.label:#.4g} {unit}".rstrip() for row in ours.itertuples()]
    display = MoleculesDisplay(smiles=[smiles[p] for p in ours["position"]], legends=legends)
    n_columns = min(5, len(ours))
    figure = Figure(figsize=(1.9 * n_columns, 1.9 * -(-len(ours) // n_columns)))
    FigureCanvasAgg(figure)
    display.plot(figure.add_axes((0, 0, 1, 1)), n_columns=n_columns)
    write_atomically(path, lambda beside: figure.savefig(beside, dpi=150))
    return True
