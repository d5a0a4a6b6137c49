"""``skmolal run``: campaigns on labelled molecules, and the files they leave."""

import json
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile
from time import perf_counter
from typing import NamedTuple

import numpy as np

from skmolal import __version__
from skmolal.cli._baseline import add_baseline, check_baseline
from skmolal.cli._compared import check_compared, choose_compared, join_curves
from skmolal.cli._data import load_data
from skmolal.cli._estimate import estimate_seconds, say_seconds
from skmolal.cli._model import build_model, needs_coordinates
from skmolal.cli._report import (
    draw_curves,
    draw_found,
    format_table,
    format_verdicts,
    summarize,
    write_atomically,
)
from skmolal.cli._sizes import choose_sizes
from skmolal.cli._strategies import check_strategies, configure_strategy
from skmolal.metrics import make_discovery_scorer, make_target_scorer
from skmolal.metrics._scorers import check_range, count_best
from skmolal.model_selection import active_learning_curve
from skmolal.query_strategies._machinery.needs import check_needs

__all__ = ["run"]

_PAPER_STRATEGIES = ("random", "uncertainty", "cluster", "uncertainty_cluster", "target")
_STRATEGIES_FOR_THE_BEST = ("random", "greedy", "target")
_DEFAULT_QUANTILE = 0.944
_PACKAGES = ("numpy", "scipy", "scikit-learn", "jax", "dscribe", "ase", "modAL-python")


def run(options):
    """Play what the options say and write ``curves.csv``, ``picks.csv``, ... to ``--out``."""
    start = perf_counter()
    for_the_best = options.task == "search" and options.top_share is not None
    usual = _STRATEGIES_FOR_THE_BEST if for_the_best else _PAPER_STRATEGIES
    strategies = list(dict.fromkeys(options.strategies or usual))
    check_strategies(strategies)
    check_baseline(options)
    if options.test_size == 0 and options.task != "search":
        raise ValueError(
            "--test-size 0 leaves no molecules on which the error of a model is measured, as "
            f"--task {options.task} does: give --task search, or another --test-size"
        )
    out = _check_folder(options.out)
    data = load_data(options, conformers=needs_coordinates(options.descriptor))
    _write_rejected(data, out, options.quiet or options.baseline is not None)
    plan = _make_plan(options, data, strategies)
    checkpoint = out / "checkpoint"
    if not options.resume:
        shutil.rmtree(checkpoint, ignore_errors=True)
    if options.baseline is not None:
        checkpoint.mkdir(exist_ok=True)
        data = add_baseline(data, options, checkpoint / "xtb.db")
        _write_rejected(data, out, options.quiet)
        plan = _make_plan(options, data, strategies)  # of those that are left
    y, target = data.y, data.target
    low, high, in_range, sizes = plan.low, plan.high, plan.in_range, plan.sizes
    scoring, campaigns, strategies = plan.scoring, plan.campaigns, plan.strategies
    model = campaigns[0][0]
    if not options.quiet:
        n_test = f"{sizes.n_test:,}" if sizes.n_test else "none"
        counted = ""
        if options.top_share is not None:
            n_best = count_best(options.top_share, len(y) - sizes.n_test)
            counted = f", of which {n_best:,} are wanted"
        print(
            f"{len(y):,} molecules of {data.source}, {n_test} for testing; target "
            f"{low:.6g} <= {target} <= {high:.6g}: {in_range.sum():,} molecules"
            f"{counted}\n"
            f"{sizes.n_initial} first labels, then {' + '.join(map(str, sizes.batches))}; "
            f"{sizes.seeds} seeds",
            flush=True,
        )
        seconds = sum(
            estimate_seconds(estimator, data.X, y, sizes, len(named), options.n_jobs)
            for estimator, named in campaigns
        )
        print(f"this will take {say_seconds(seconds)}", flush=True)
    # The same seed: the same test molecules and first labels for both models.
    curve, *others = (
        active_learning_curve(
            estimator,
            data.X,
            y,
            query_strategies=named,
            batch_sizes=sizes.batches,
            n_initial=sizes.n_initial,
            test_size=sizes.test_size,
            n_repeats=sizes.seeds,
            scoring=scoring,
            groups=data.groups,
            n_jobs=options.n_jobs,
            random_state=options.random_state,
            checkpoint_dir=checkpoint if estimator is model else checkpoint / "compared",
            verbose=not options.quiet and sys.stderr.isatty(),
        )
        for estimator, named in campaigns
    )
    for other in others:
        curve = join_curves(curve, other)
    n_best = count_best(options.top_share, curve.settings["n_pool"])
    tasks = summarize(curve.frame, curve.picks, in_range, strategies, options.task, n_best)
    places = curve.picks["position"].to_numpy()
    picks = curve.picks.assign(
        id=data.ids[places], smiles=data.smiles[places], name=data.names[places]
    )
    picks = picks[["id", "round", "strategy", "repeat", "predicted", "label", "smiles", "name"]]
    unit = "eV" if options.data is None and options.dataset != "enamine10k" else ""
    summary = {
        "dataset": data.source,
        "n_molecules": len(y),
        "settings": {
            "target": target,
            "low": _finite(low),
            "high": _finite(high),
            "n_in_range": int(in_range.sum()),
            "strategies": strategies,
            "seeds": sizes.seeds,
            "random_state": options.random_state,
            "n_initial": sizes.n_initial,
            "batch_sizes": sizes.batches,
            "test_size": curve.settings["n_test"],
            "top_share": options.top_share,
            "n_best": n_best if options.top_share is not None else None,
            "maximize": options.maximize,
            "descriptor": options.descriptor,
            "noise": options.noise,
            "baseline": options.baseline,
            "model": _say(model),
            "compared_with": None if len(campaigns) == 1 else _say(campaigns[1][0]),
            "versions": {"skmolal": __version__, **{name: version(name) for name in _PACKAGES}},
        },
        "tasks": tasks,
        "seconds": round(perf_counter() - start, 1),
    }
    write_atomically(out / "curves.csv", lambda path: curve.frame.to_csv(path, index=False))
    write_atomically(out / "picks.csv", lambda path: picks.to_csv(path, index=False))
    draw_curves(curve.frame, tasks, out / "curves.png", unit)
    drawn = options.task != "pruning" and draw_found(
        curve.picks, in_range, data.smiles, tasks["search"], out / "found.png", unit
    )
    text = json.dumps(summary, indent=2, allow_nan=False) + "\n"
    write_atomically(out / "summary.json", lambda path: path.write_text(text, encoding="utf-8"))
    shutil.rmtree(checkpoint, ignore_errors=True)
    if not options.quiet:
        print(f"\n{format_table(tasks, unit)}\n")
        print(f"mean ± standard deviation over {sizes.seeds} seeds; {summary['seconds']:.0f} s")
        verdicts = format_verdicts(curve)
        if verdicts:
            print(verdicts)
        written = ["curves.csv", "curves.png", "picks.csv", "summary.json"]
        written += ["found.png"] if drawn else []
        written += ["rejected.csv"] if len(data.rejected) else []
        print(f"written to {out}: {', '.join(written)}")


class _Plan(NamedTuple):
    """What a run plays, and what it counts."""

    low: float
    high: float
    in_range: np.ndarray
    sizes: object
    scoring: dict
    campaigns: list  # of (estimator, strategies by name)
    strategies: list


def _make_plan(options, data, strategies):
    """Decide what to play on these molecules, and refuse what cannot be."""
    y, target = data.y, data.target
    low, high = _target_range(options, y)
    compared = choose_compared(options)
    check_compared(compared, options, low, high)
    in_range = (low <= y) & (y <= high)
    if options.task != "pruning" and not in_range.any():
        raise ValueError(
            f"no molecule has {target} in [{low}, {high}]; it runs from {y.min()} to {y.max()}"
        )
    sizes = choose_sizes(
        len(y),
        groups=data.groups,
        n_initial=options.n_initial,
        batches=options.batches,
        seeds=options.seeds,
        test_size=options.test_size,
    )
    scoring = {}
    if options.task != "search":
        scoring["neg_mean_absolute_error"] = "neg_mean_absolute_error"
    if options.task != "pruning":
        scoring["discovery"] = make_discovery_scorer(low, high, n_best=options.top_share)
    if options.task != "pruning" and sizes.n_test:
        scoring["f1"] = make_target_scorer(low, high, "f1")
    model = build_model(
        data.X,
        options.descriptor,
        options.model,
        options.kernel,
        options.noise,
        baseline=options.baseline,
    )
    wanted = {"low": low, "high": high, "top": options.top_share, "maximize": options.maximize}
    campaigns = [(model, {name: configure_strategy(name, **wanted) for name in strategies})]
    if compared is not None:
        other = build_model(data.X, options.descriptor, compared)
        label = f"{compared} (greedy)"
        campaigns.append((other, {label: configure_strategy("greedy", **wanted)}))
        strategies = [*strategies, label]
    for estimator, named in campaigns:  # before the time of a run is estimated
        for strategy in named.values():
            check_needs(strategy, estimator)
    return _Plan(low, high, in_range, sizes, scoring, campaigns, strategies)


def _write_rejected(data, out, quiet):
    """Say what was left out, and leave a table of it; an older one goes."""
    path = out / "rejected.csv"
    if not len(data.rejected):
        path.unlink(missing_ok=True)
        return
    write_atomically(path, lambda beside: data.rejected.to_csv(beside, index=False))
    if not quiet:
        print(data.describe_rejected(), flush=True)


def _check_folder(folder):
    """Create the output folder and make sure it can be written to, before anything is computed."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(f"--out: cannot write to {folder}: {error.strerror}") from error
    return folder


def _target_range(options, y):
    """Return the target range in the unit of the property.

    Without ends it is the share of the best, by the true labels: what is scored, and what those
    strategies are told that cannot find the threshold of a share out themselves.
    """
    low, high = options.low, options.high
    ends = (low, high, options.low_quantile, options.high_quantile)
    if options.top_share is not None:
        if any(end is not None for end in ends):
            raise ValueError(
                "--top-share stands in place of --low, --high and their quantiles: give one or "
                "the other"
            )
        best = np.sort(-y if options.maximize else y)[count_best(options.top_share, len(y)) - 1]
        low, high = (-best, None) if options.maximize else (None, best)
    share = 1 - _DEFAULT_QUANTILE
    if options.low_quantile is not None:
        low = float(np.quantile(y, options.low_quantile))
    if options.high_quantile is not None:
        high = float(np.quantile(y, options.high_quantile))
    if low is None and high is None and options.maximize:
        low = float(np.quantile(y, 1 - share))
    elif low is None and high is None:
        high = float(np.quantile(y, share))
    return check_range(-np.inf if low is None else low, np.inf if high is None else high)


def _say(model):
    return " ".join(model.__repr__(N_CHAR_MAX=10**6).split())


def _finite(value):
    return value if np.isfinite(value) else None
