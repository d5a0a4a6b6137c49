"""Does any strategy prune better than random choice when xTB is under the model?

The 5,000 shipped molecules of QM9, HOMO energies, `make_baseline_model` on features that are
computed once. What xTB leaves over is smoother and smaller than the label itself; the question is
whether it is worth choosing where to learn it. A pool of 4,000, 100 labels at first and 800 in the
end, 1,000 test molecules, ten seeds.

    python benchmarks/study_baseline_pruning.py         # a quarter of an hour; continues if killed
    python benchmarks/study_baseline_pruning.py --draw  # the table alone, from the numbers

Writes results/study_baseline_pruning.csv, study_baseline_pruning_comparison.csv beside it and the
table of the manual, docs/guide/study_baseline_pruning.inc.
"""

import warnings

from study import ERRORS, format_savings, make_parser, read, run, write_table

from skmolal import make_baseline_model
from skmolal.batch_sizes import power_law
from skmolal.datasets import load_qm9_sample

NAME = "study_baseline_pruning"
STRATEGIES = [
    "random",
    "uncertainty",
    "uncertainty_cluster",
    "cluster",
    "lcmd",
    "max_det",
    "variance_reduction",
]
METRICS = {"neg_mae": "mean absolute error", "neg_rmse": "root mean squared error"}


def make_cases():
    molecules, homo = load_qm9_sample(xtb=True, return_X_y=True)
    model = make_baseline_model(molecules, random_state=0)
    model["gpr"].set_params(warm_start=True, reoptimize_growth=1.5)
    case = {
        "estimator": model["gpr"],
        "X": model[:-1].fit_transform(molecules),  # sees no label
        "y": homo,
        "query_strategies": STRATEGIES,
        "batch_sizes": power_law(n_initial=100, n_batches=3),
        "n_initial": 100,
        "test_size": 1000,
        "scoring": ERRORS,
    }
    return [({"set": "qm9"}, case)]


def tabulate(comparison, frame):
    """Write the errors in the end and the labels saved."""
    compared = comparison.set_index(["strategy", "metric"])
    last = frame[frame["n_labelled"] == frame["n_labelled"].max()].groupby("strategy")
    errors = -1e3 * last[list(METRICS)].mean()
    header = ["strategy", *(f"{label} (meV)" for label in METRICS.values())]
    rows = [(*header, *(f"labels saved, {label}" for label in METRICS.values()))]
    for strategy in STRATEGIES:
        row = [f"``{strategy}``", *(f"{errors.loc[strategy, metric]:.0f}" for metric in METRICS)]
        for metric in METRICS:
            known = strategy != "random"
            row.append(format_savings(compared.loc[strategy, metric]) if known else "")
        rows.append(row)
    write_table(NAME, "22 16 16 23 23", rows)


def main():
    options = make_parser(__doc__, n_seeds=10).parse_args()
    warnings.filterwarnings("ignore", message="The optimal value found")
    if not options.draw:
        run(make_cases(), NAME, options)
    frame, comparison = read(NAME)
    tabulate(comparison, frame)


if __name__ == "__main__":
    main()
