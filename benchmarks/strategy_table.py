"""Every query strategy at both tasks on the QM9 sample: is it better than random choice?

Ten seeds, 4,000 molecules in the pool, 1,000 for testing, 100 labels at first, batches of 100, 200
and 400. Pruning: mean absolute error and root mean squared error of the HOMO. Search: share found
of the molecules above the 94.4% quantile. Resumable: each seed is stored as it finishes.

    python benchmarks/strategy_table.py            # plays what is missing, then writes the table
    python benchmarks/strategy_table.py --seeds 3  # a first look

Writes results/strategy_table.csv (every seed and round), results/strategy_comparison.csv (the
intervals and verdicts of ``compare_strategies``), docs/images/strategy_table.png and the table of
the manual, docs/guide/strategy_table.inc.
"""

import argparse
import warnings

import numpy as np
from sklearn.gaussian_process.kernels import WhiteKernel
from sklearn.pipeline import make_pipeline
from study import IMAGES, RESULTS, format_savings, make_kernel, write_table

from skmolal import GaussianProcessRegressor, MBTRTransformer
from skmolal.datasets import load_qm9_sample
from skmolal.metrics import compare_strategies, make_discovery_scorer
from skmolal.model_selection import active_learning_curve
from skmolal.query_strategies import get_query_strategy, get_query_strategy_names

SCORES = {
    "neg_mean_absolute_error": "neg_mean_absolute_error",
    "neg_root_mean_squared_error": "neg_root_mean_squared_error",
}


def configure(name, low):
    """Return a strategy with the options it needs for the search, by what it takes."""
    options = {
        "target": {"low": low},
        "straddle": {"threshold": low},
        "target_variance_reduction": {"low": low},
        "active_search": {"low": low},
    }
    return get_query_strategy(name, **options.get(name, {}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--strategies", nargs="+", default=get_query_strategy_names())
    options = parser.parse_args()
    molecules, homo = load_qm9_sample(return_X_y=True)
    low = float(np.quantile(homo, 0.944))
    model = make_pipeline(
        MBTRTransformer(species=["C", "F", "H", "N", "O"]),
        GaussianProcessRegressor(
            make_kernel() + WhiteKernel(0.1, (1e-5, 1.0)),
            normalize_y=True,
            warm_start=True,
            max_optimizer_samples=400,
        ),
    )
    warnings.filterwarnings("ignore", message="The optimal value found")
    curve = active_learning_curve(
        model,
        molecules,
        homo,
        query_strategies={name: configure(name, low) for name in options.strategies},
        batch_sizes=[100, 200, 400],
        n_initial=100,
        test_size=1000,
        n_repeats=options.seeds,
        scoring=SCORES | {"discovery": make_discovery_scorer(low)},
        n_jobs=options.n_jobs,
        random_state=0,
        checkpoint_dir=RESULTS / "checkpoints" / "strategy_table",
        verbose=True,
    )
    RESULTS.mkdir(exist_ok=True)
    curve.frame.round(6).to_csv(RESULTS / "strategy_table.csv", index=False)
    comparison = compare_strategies(curve)
    comparison.to_csv(RESULTS / "strategy_comparison.csv", index=False, float_format="%.5g")
    tabulate(curve.frame, comparison)
    draw(curve.frame)


def tabulate(frame, comparison):
    """Write the manual's table: scores at 800 labels, labels saved with intervals, verdicts."""
    last = frame[frame["n_labelled"] == frame["n_labelled"].max()]
    scores = last.groupby("strategy").mean(numeric_only=True)
    compared = comparison.set_index(["strategy", "metric"])
    rows = [
        ("strategy", "error (eV)", "labels saved, error", "found", "saved, found", "last query (s)")
    ]
    for name, score in scores.sort_values("discovery", ascending=False).iterrows():
        cells = [f"``{name}``"]
        for metric, value in (
            ("neg_mean_absolute_error", f"{-score['neg_mean_absolute_error']:.3f}"),
            ("discovery", f"{score['discovery']:.0%}"),
        ):
            cells.append(value)
            cells.append("--" if name == "random" else format_savings(compared.loc[name, metric]))
        rows.append([*cells, f"{score['query_time']:.1f}"])
    write_table("strategy_table", "28 10 24 9 22 7", rows)


def draw(frame):
    """Draw the difference from random at 800 labels, one dot per seed and strategy."""
    import matplotlib.pyplot as plt

    last = frame[frame["n_labelled"] == frame["n_labelled"].max()]
    panels = {
        "neg_mean_absolute_error": ("mean absolute error\nagainst random (eV)", -1.0),
        "neg_root_mean_squared_error": ("root mean squared error\nagainst random (eV)", -1.0),
        "discovery": ("share of targets found\nagainst random", 1.0),
    }
    order = last.groupby("strategy")["neg_mean_absolute_error"].mean().sort_values().index
    order = [name for name in order if name != "random"]
    figure, axes = plt.subplots(1, 3, figsize=(11, 0.32 * len(order) + 1.4), sharey=True)
    for ax, (metric, (label, sign)) in zip(axes, panels.items(), strict=True):
        table = last.pivot(index="repeat", columns="strategy", values=metric) * sign
        for row, name in enumerate(order):
            difference = table[name] - table["random"]
            ax.plot(
                difference, np.full(len(difference), row), "o", ms=3.5, color="#0072B2", alpha=0.4
            )
            ax.plot(difference.mean(), row, "|", ms=15, mew=2.5, color="#D55E00")
        ax.axvline(0, color="black", lw=0.8)
        ax.set_xlabel(label)
        ax.set_yticks(range(len(order)), order)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="x", alpha=0.3)
    figure.tight_layout()
    figure.savefig(IMAGES / "strategy_table.png", dpi=130)


if __name__ == "__main__":
    main()
