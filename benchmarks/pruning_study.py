"""Do the strongest batch strategies beat random choice at pruning, and what do they save?

`strategy_table.py` compares many strategies at two tasks, on a small pool; this asks one question
with more power: twenty seeds, few strategies, a pool of 10,000 QM9 molecules, 200 labels at first
and 1,600 in the end, 2,000 test molecules. MBTR of pairs and triples reduced to 400 principal
components of the pool; the Gaussian process learns its kernel and its noise on at most 500 labels
in each round. Scores: mean absolute error, root mean squared error, and the error that 99% of the
molecules do not exceed.

    python benchmarks/pruning_study.py         # continues if killed
    python benchmarks/pruning_study.py --draw  # the figure alone, from the numbers

Writes results/pruning_study.csv, results/pruning_study_comparison.csv and
docs/images/pruning_study.png.
"""

import warnings

import numpy as np
import pandas as pd
from descriptor_curves import K2_K3
from sklearn.decomposition import PCA
from sklearn.gaussian_process.kernels import WhiteKernel
from sklearn.metrics import make_scorer
from sklearn.pipeline import make_pipeline
from study import ERRORS, IMAGES, RESULTS, finish_axes, make_kernel, make_parser, run

from skmolal import GaussianProcessRegressor
from skmolal.batch_sizes import power_law
from skmolal.datasets import fetch_qm9

NAME = "pruning_study"
STRATEGIES = ["random", "lcmd", "variance_reduction", "max_det", "uncertainty"]
METRICS = {
    "neg_mae": "mean absolute error",
    "neg_rmse": "root mean squared error",
    "neg_q99": "99% of errors are below",
}


def error_quantile(y_true, y_pred):
    """Compute the error that 99% of the molecules do not exceed."""
    return np.quantile(np.abs(y_true - y_pred), 0.99)


def make_cases():
    qm9 = fetch_qm9()
    rows = np.random.default_rng(0).permutation(len(qm9.data))[:12_000]
    model = make_pipeline(
        PCA(400, svd_solver="randomized", random_state=0),
        GaussianProcessRegressor(
            make_kernel() + WhiteKernel(0.1, (1e-5, 1.0)),
            normalize_y=True,
            max_optimizer_samples=500,
            random_state=0,
        ),
    )
    arguments = {
        "estimator": model,
        "X": K2_K3.fit_transform(qm9.data[rows]),  # learns nothing: grid and elements are given
        "y": qm9.target[rows],
        "query_strategies": STRATEGIES,
        "batch_sizes": power_law(n_initial=200, n_batches=3),
        "n_initial": 200,
        "test_size": 2000,
        "scoring": ERRORS | {"neg_q99": make_scorer(error_quantile, greater_is_better=False)},
    }
    return [({"set": "qm9"}, arguments)]


def draw(frame):
    """Draw the difference from random at each size, a dot per seed."""
    import matplotlib.pyplot as plt

    colours = ["#009E73", "#0072B2", "#E69F00", "#56B4E9"]
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    sizes = sorted(frame["n_labelled"].unique())[1:]
    for ax, (metric, label) in zip(axes, METRICS.items(), strict=True):
        table = -frame.pivot(index=["n_labelled", "repeat"], columns="strategy", values=metric)
        for k, (name, colour) in enumerate(zip(STRATEGIES[1:], colours, strict=True)):
            gain = table[name] / table["random"] - 1
            for place, size in enumerate(sizes):
                x = place + 0.18 * (k - 1.5)
                ax.plot(np.full(len(gain[size]), x), gain[size], "o", ms=3, color=colour, alpha=0.3)
                ax.plot(
                    x,
                    gain[size].mean(),
                    "_",
                    ms=12,
                    mew=2.5,
                    color=colour,
                    label=name if place == 0 else None,
                )
        ax.axhline(0, color="black", lw=0.8)
        ax.set_xticks(range(len(sizes)), sizes)
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:+.0%}")
        ax.set(xlabel="labels", title=label)
    finish_axes(axes)
    axes[0].set_ylabel("against random")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(IMAGES / f"{NAME}.png", dpi=150)


def main():
    options = make_parser(__doc__, n_seeds=20).parse_args()
    warnings.filterwarnings("ignore", message="The optimal value found")
    if not options.draw:
        run(make_cases(), NAME, options)
    draw(pd.read_csv(RESULTS / f"{NAME}.csv"))


if __name__ == "__main__":
    main()
