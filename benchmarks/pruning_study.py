"""Do the strongest batch strategies beat random choice at pruning, and what do they save?

`strategy_table.py` compares many strategies at two tasks, on a small pool; this asks one question
with more power: twenty seeds, few strategies, three settings. Scores: mean absolute error, root
mean squared error, and the error that 99% of the molecules do not exceed.

- "qm9", an enumeration: a pool of 10,000 molecules, 200 labels at first and 1,600 in the end, 2,000
  test molecules. MBTR of pairs and triples reduced to 400 principal components of the pool; the
  Gaussian process learns its kernel and its noise on at most 500 labels in each round.
- "amino acids", a redundant set: 7,043 conformers of 40 molecules, 100 labels at first and 1,600 in
  the end, 1,000 test conformers; the study's model with the best noise of `study_noise.py`.
- "unseen molecules", the same with all conformers of six molecules for testing.

    python benchmarks/pruning_study.py         # continues if killed
    python benchmarks/pruning_study.py --draw  # figure and tables alone, from the numbers

Writes results/pruning_study.csv, pruning_study_comparison.csv beside it,
docs/images/pruning_study.png and the tables of the manual, docs/guide/pruning_study_*.inc.
"""

import warnings

import numpy as np
from descriptor_curves import K2_K3
from sklearn.decomposition import PCA
from sklearn.gaussian_process.kernels import WhiteKernel
from sklearn.metrics import make_scorer
from sklearn.pipeline import make_pipeline
from study import (
    ERRORS,
    IMAGES,
    finish_axes,
    format_savings,
    load,
    make_kernel,
    make_model,
    make_parser,
    read,
    run,
    write_table,
)

from skmolal import GaussianProcessRegressor
from skmolal.batch_sizes import power_law
from skmolal.datasets import fetch_qm9

NAME = "pruning_study"
STRATEGIES = ["random", "lcmd", "variance_reduction", "max_det", "uncertainty"]
STYLES = {
    "lcmd": "#009E73",
    "variance_reduction": "#0072B2",
    "max_det": "#E69F00",
    "uncertainty": "#56B4E9",
    "uncertainty_cluster": "#CC79A7",
}
METRICS = {
    "neg_mae": "mean absolute error",
    "neg_rmse": "root mean squared error",
    "neg_q99": "99% quantile of errors",
}


def error_quantile(y_true, y_pred):
    """Compute the error that 99% of the molecules do not exceed."""
    return np.quantile(np.abs(y_true - y_pred), 0.99)


def make_cases():
    scoring = ERRORS | {"neg_q99": make_scorer(error_quantile, greater_is_better=False)}
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
    enumeration = {
        "estimator": model,
        "X": K2_K3.fit_transform(qm9.data[rows]),  # learns nothing: grid and elements are given
        "y": qm9.target[rows],
        "query_strategies": STRATEGIES,
        "batch_sizes": power_law(n_initial=200, n_batches=3),
        "n_initial": 200,
        "test_size": 2000,
        "scoring": scoring,
    }
    conformers, homo, molecules = load("amino acids")
    redundant = {
        "estimator": make_model("amino acids", noise=1e-5),
        "X": conformers,
        "y": homo,
        "query_strategies": [*STRATEGIES, "uncertainty_cluster"],
        "batch_sizes": power_law(n_initial=100, n_batches=4),
        "n_initial": 100,
        "test_size": 1000,
        "scoring": scoring,
    }
    unseen = redundant | {"groups": molecules, "test_size": 6}
    return [
        ({"set": "qm9"}, enumeration),
        ({"set": "amino acids"}, redundant),
        ({"set": "unseen molecules"}, unseen),
    ]


def draw(frame):
    """Draw the difference from random at each size, a dot per seed."""
    import matplotlib.pyplot as plt

    sets = frame["set"].nunique()
    figure, axes = plt.subplots(sets, 3, figsize=(11, 3.2 * sets + 0.4), layout="constrained")
    for row, (name, of_set) in zip(axes, frame.groupby("set", sort=False), strict=True):
        sizes = sorted(of_set["n_labelled"].unique())[1:]
        for ax, (metric, label) in zip(row, METRICS.items(), strict=True):
            table = -of_set.pivot(index=["n_labelled", "repeat"], columns="strategy", values=metric)
            for k, (strategy, colour) in enumerate(STYLES.items()):
                if strategy not in table:
                    continue
                gain = table[strategy] / table["random"] - 1
                for place, size in enumerate(sizes):
                    x, gains = place + 0.16 * (k - 2), gain[size]
                    ax.plot(np.full(len(gains), x), gains, "o", ms=3, color=colour, alpha=0.3)
                    ax.plot(x, gains.mean(), "_", ms=11, mew=2.5, color=colour, label=strategy)
            ax.axhline(0, color="black", lw=0.8)
            ax.set_xticks(range(len(sizes)), [f"{size:,}" for size in sizes])
            ax.yaxis.set_major_formatter(lambda value, _: f"{value:+.0%}")
            ax.set(xlabel="labels", title=label)
        row[0].set_ylabel(f"{name}\nagainst random")
    finish_axes(axes)
    handles, labels = axes[1, 0].get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(unique.values(), unique, loc="outside lower center", ncols=5, frameon=False)
    figure.savefig(IMAGES / f"{NAME}.png", dpi=150)


def tabulate(comparison):
    """Write the manual's tables, one per set: labels saved by each kind of error."""
    for name, of_set in comparison.groupby("set"):
        compared = of_set.set_index(["strategy", "metric"])
        rows = [("strategy", *METRICS.values())]
        for strategy in compared.index.unique("strategy"):
            saved = (format_savings(compared.loc[strategy, metric]) for metric in METRICS)
            rows.append((f"``{strategy}``", *saved))
        write_table(f"{NAME}_{name.replace(' ', '_')}", "25 25 25 25", rows)


def main():
    options = make_parser(__doc__, n_seeds=20).parse_args()
    warnings.filterwarnings("ignore", message="The optimal value found")
    if not options.draw:
        run(make_cases(), NAME, options)
    frame, comparison = read(NAME)
    draw(frame)
    tabulate(comparison)


if __name__ == "__main__":
    main()
