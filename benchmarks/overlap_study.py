"""What decides the labels a targeted search saves: the share of the targets, or their overlap?

Plays "random" against "target" on the shipped QM9 molecules (HOMO energy; MBTR; Gaussian process
with fixed noise) at tasks of `make_overlap_task`: windows of five shares moved from the mode to
the top of the property, and gaps of growing width opened around a window at the top and around
one near the mode; some windows of the LUMO energy check what the others say. Writes one row per
task and seed to `results/overlap_study.csv` and draws `docs/images/overlap_study.png`.

Savings are `data_savings` at the level random ends with: of "discovery", the share of all targets
found in the pool, and of "f1", the classification of test molecules. Overlap is
`distribution_overlap` under the model's own root mean squared error on that task, at the end of
random. Found:

- A window saves the less, the more it overlaps: from 80% at the top to 30% at the mode, nearly
  the same at every share up to 10%. Larger shares save less, because to find as much as random
  does with 800 of 4,000 labels takes a fifth of the targets.
- A gap saves nothing more. At the top it lowers the overlap; near the mode hardly, because the
  model's error grows with it. What the descriptor must tell apart stays the same: overlap says
  where in the distribution a target lies, and is not the cause.

    python benchmarks/overlap_study.py         # twelve minutes on one core; continues if killed
    python benchmarks/overlap_study.py --draw  # the figure alone, from the numbers
"""

import argparse
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

from skmolal import GaussianProcessRegressor, MBTRTransformer
from skmolal.datasets import load_qm9_sample, make_overlap_task
from skmolal.metrics import (
    data_savings,
    distribution_overlap,
    make_discovery_scorer,
    make_target_scorer,
)
from skmolal.model_selection import active_learning_curve
from skmolal.query_strategies import get_query_strategy

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "overlap_study.csv"
FIGURE = HERE.parent / "docs" / "images" / "overlap_study.png"

SHARES = (0.02, 0.05, 0.1, 0.2, 0.3)
POSITIONS = (0.5, 0.7, 0.85, 0.95, 1.0)
CHECK_POSITIONS = (0.5, 0.85, 1.0)
GAP_POSITIONS, GAPS = (0.7, 1.0), (0.5, 1.0, 2.0)  # eV
N_INITIAL, BATCHES, N_TEST, N_SEEDS = 100, [100, 200, 400], 1000, 8
NOISE = 0.03  # of the variance of the labels, as in the study
METRICS = ("discovery", "f1")
RMSE = "neg_root_mean_squared_error"


def make_regressor(X, y):
    """Learn the kernel once from 500 random molecules, and keep it in all campaigns of a task."""
    kernel = ConstantKernel(20.0, (0.2, 2000.0)) * RBF(700.0, (7.0, 70_000.0))
    rows = np.random.RandomState(0).permutation(len(y))[:500]
    learned = GaussianProcessRegressor(kernel, alpha=NOISE, normalize_y=True)
    learned.fit(X[rows], y[rows])
    return GaussianProcessRegressor(learned.kernel_, alpha=NOISE, normalize_y=True, optimizer=None)


def play(X, tasks, checkpoint_dir):
    """Play tasks that share one property; return a row per task and seed."""
    y = tasks[0].target
    strategies, scoring = {"random": "random"}, {RMSE: RMSE}
    for k, task in enumerate(tasks):
        ends = {"low": task.low, "high": task.high}
        strategies[f"target {k}"] = get_query_strategy("target", **ends)
        scoring[f"discovery {k}"] = make_discovery_scorer(**ends)
        scoring[f"f1 {k}"] = make_target_scorer(**ends, metric="f1")
    curve = active_learning_curve(
        make_regressor(X, y),
        X,
        y,
        query_strategies=strategies,
        batch_sizes=BATCHES,
        n_initial=N_INITIAL,
        test_size=N_TEST,
        n_repeats=N_SEEDS,
        scoring=scoring,
        n_jobs=1,
        random_state=0,
        checkpoint_dir=checkpoint_dir,
        verbose=True,
    )
    last = curve.frame[curve.frame["n_labelled"] == N_INITIAL + sum(BATCHES)]
    last = last.set_index(["strategy", "repeat"])
    error = -last.loc["random", RMSE].mean()
    rows = []
    for k, task in enumerate(tasks):
        overlap = distribution_overlap(y, task.low, task.high, scale=error)
        saved = {m: data_savings(curve, f"target {k}", metric=f"{m} {k}") for m in METRICS}
        for repeat in range(N_SEEDS):
            row = {**task.settings, "low": task.low, "high": task.high, "error": error}
            row |= {"overlap": overlap, "repeat": repeat}
            for metric, result in saved.items():
                for name, strategy in (("random", "random"), ("target", f"target {k}")):
                    row[f"{metric}_{name}"] = last.loc[(strategy, repeat), f"{metric} {k}"]
                row[f"{metric}_savings"] = result.savings[repeat]
            rows.append(row)
    return rows


def run(checkpoint_dir):
    """Play all tasks and write the table."""
    molecules, homo = load_qm9_sample(return_X_y=True)
    lumo = load_qm9_sample(target_column="lumo", return_X_y=True)[1]
    X = MBTRTransformer().fit_transform(molecules)

    def make(name, share, position, gap=0.0):
        y = {"homo": homo, "lumo": lumo}[name]
        task = make_overlap_task(y, share, position=position, gap=gap)
        task.settings = {"property": name, "share": share, "position": position, "gap": gap}
        return task

    windows = [make("homo", *ends) for ends in product(SHARES, POSITIONS)]
    rows = play(X, windows, checkpoint_dir / "windows")
    for share, position, gap in product(SHARES, GAP_POSITIONS, GAPS):
        folder = checkpoint_dir / f"gap_{share}_{position}_{gap}"
        rows += play(X, [make("homo", share, position, gap)], folder)
    windows = [make("lumo", *ends) for ends in product(SHARES, CHECK_POSITIONS)]
    rows += play(X, windows, checkpoint_dir / "lumo")
    RESULTS.parent.mkdir(exist_ok=True)
    pd.DataFrame(rows).round(4).to_csv(RESULTS, index=False)


def draw():
    """Draw savings of discovery over share and overlap."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.lines import Line2D

    rows = pd.read_csv(RESULTS).query("property == 'homo'")
    keys = ["share", "position", "gap"]
    table = (
        rows.groupby(keys)
        .agg(overlap=("overlap", "first"), mean=("discovery_savings", "mean"))
        .reset_index()
    )
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.4), layout="constrained")
    kinds = {
        "window, from the mode to the top": (table["gap"] == 0, "o"),
        "gap opened, window at the top": ((table["gap"] > 0) & (table["position"] == 1), "s"),
        "gap opened, window near the mode": ((table["gap"] > 0) & (table["position"] < 1), "D"),
    }
    scale = {"cmap": "viridis", "vmin": 0.2, "vmax": 0.9}
    for rows_of_kind, marker in kinds.values():
        part = table[rows_of_kind]
        points = left.scatter(
            part["share"], part["overlap"], c=part["mean"], marker=marker, s=60, **scale
        )
    left.set_xscale("log")
    left.set_xticks(SHARES, [f"{share:.0%}" for share in SHARES])
    left.minorticks_off()
    left.set(xlabel="share of targets", ylabel="overlap under the model's error", ylim=(0, None))
    figure.legend(
        handles=[
            Line2D([], [], marker=marker, ls="", color="grey", markersize=7, label=name)
            for name, (_, marker) in kinds.items()
        ],
        frameon=False,
        loc="outside upper center",
        ncols=3,
    )
    figure.colorbar(points, ax=left, format="{x:.0%}", label="labels saved against random")
    for share, color in zip(SHARES, plt.colormaps["plasma"](np.linspace(0, 0.85, 5)), strict=True):
        part = table[table["share"] == share]
        window = part[part["gap"] == 0].sort_values("position")
        right.plot(window["overlap"], window["mean"], "o-", color=color, label=f"{share:.0%}")
        for position, marker in ((1.0, "s"), (0.7, "D")):
            opened = part[part["position"] == position].sort_values("gap")
            right.plot(
                *(opened["overlap"], opened["mean"]),
                *(":",),
                color=color,
                lw=1.2,
                marker=marker,
                markersize=4,
                markerfacecolor="white",
                zorder=1.5,
            )
    right.set(xlabel="overlap under the model's error", ylabel="labels saved against random")
    right.set(xlim=(0, 0.72), ylim=(0.2, 0.9))
    right.yaxis.set_major_formatter("{x:.0%}")
    right.legend(title="share of targets", frameon=False, fontsize="small", loc="upper right")
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(FIGURE, dpi=130)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draw", action="store_true", help="only draw the figure")
    parser.add_argument("--checkpoints", type=Path, default=HERE.parent / "results/overlap_study")
    options = parser.parse_args()
    if not options.draw:
        run(options.checkpoints)
    draw()
