"""Experiment a: the study's five strategies on the amino acids, two kinds of batches and splits.

8,043 conformers (`load_amino_acids`), HOMO energy by GFN2-xTB; the study's descriptor, kernel and
noise (0.03). 125 labels at first, 2,000 in the end: five equal batches, or batches that double the
training set. Test sets of 1,000 conformers drawn at random, whose molecules the pool holds too, or
all conformers of six of the 40 molecules. The target is the upper of the two peaks of the HOMO
energy, the bare molecules. Ten seeds.

    python benchmarks/study_amino_acids.py         # continues if killed
    python benchmarks/study_amino_acids.py --draw  # figure and table alone, from the numbers

Writes results/study_amino_acids.csv (every seed and round), study_amino_acids_comparison.csv beside
it (differences from random, savings, verdicts), docs/images/study_amino_acids.png and the table of
the manual, docs/guide/study_amino_acids.inc.
"""

from study import (
    COLOURS,
    ERRORS,
    IMAGES,
    finish_axes,
    format_savings,
    load,
    make_model,
    make_parser,
    read,
    run,
    target_scorers,
    write_table,
)

from skmolal.batch_sizes import constant, power_law
from skmolal.datasets import load_amino_acids
from skmolal.query_strategies import get_query_strategy

NAME = "study_amino_acids"
SCHEDULES = {
    "constant": constant(total=1875, size=375),
    "power law": power_law(n_initial=125, n_batches=4),
}


def make_cases():
    molecules, homo, groups = load("amino acids")
    bare = load_amino_acids().frame["charge"].to_numpy() == 0
    low = float((homo[bare].min() + homo[~bare].max()) / 2)
    print(f"target: HOMO above {low:.2f} eV, {(homo >= low).mean():.1%}; bare: {bare.mean():.1%}")
    cases = []
    for split, held_out in {
        "conformers": {"test_size": 1000},
        "molecules": {"test_size": 6, "groups": groups},
    }.items():
        for schedule, batch_sizes in SCHEDULES.items():
            arguments = {
                "estimator": make_model("amino acids", noise=0.03),
                "X": molecules,
                "y": homo,
                "query_strategies": {
                    "random": "random",
                    "uncertainty": "uncertainty",
                    "cluster": "cluster",
                    "uncertainty_cluster": "uncertainty_cluster",
                    "target": get_query_strategy("target", low=low),
                },
                "batch_sizes": batch_sizes,
                "n_initial": 125,
                "scoring": ERRORS | target_scorers(low),
                **held_out,
            }
            cases.append(({"split": split, "batches": schedule}, arguments))
    return cases


def draw(frame):
    """Draw error and share of targets found against labels, for both splits and schedules."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(9, 6.8), layout="constrained")
    metrics = {"neg_mae": ("mean absolute error (eV)", -1), "discovery": ("targets found", 1)}
    for row, (split, of_split) in zip(axes, frame.groupby("split"), strict=True):
        for ax, (metric, (label, sign)) in zip(row, metrics.items(), strict=True):
            for batches, line in (("power law", "-"), ("constant", ":")):
                part = of_split[of_split["batches"] == batches]
                for strategy, colour in COLOURS.items():
                    runs = part[part["strategy"] == strategy].groupby("n_labelled")[metric]
                    ax.plot(sign * runs.mean(), line, color=colour, marker=".", label=strategy)
            ax.set(ylabel=label, title=f"test set of unseen {split}")
    finish_axes(axes, [125, 250, 500, 1000, 2000])
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(
        handles[: len(COLOURS)],
        labels[: len(COLOURS)],
        loc="outside lower center",
        ncols=len(COLOURS),
        frameon=False,
        title="solid: batches double the labels; dotted: equal batches",
    )
    figure.savefig(IMAGES / f"{NAME}.png", dpi=150)


def tabulate(frame, comparison):
    """Write the manual's table: scores in the end, and labels that doubling batches save."""
    last = frame[frame["n_labelled"] == frame["n_labelled"].max()]
    scores = last.groupby(["split", "batches", "strategy"]).mean(numeric_only=True)
    compared = comparison.set_index(["split", "batches", "strategy", "metric"])
    rows = [("test set", "strategy", "error (eV)", "labels saved, error", "found", "saved, found")]
    for split in ("conformers", "molecules"):
        for strategy in COLOURS:
            cells = [f"unseen {split}", f"``{strategy}``"]
            for metric, form in (("neg_mae", "{:.3f} / {:.3f}"), ("discovery", "{:.0%} / {:.0%}")):
                pair = [abs(scores.loc[split, b, strategy][metric]) for b in reversed(SCHEDULES)]
                cells.append(form.format(*pair))
                row = (split, "power law", strategy, metric)
                cells.append("--" if strategy == "random" else format_savings(compared.loc[row]))
            rows.append(cells)
    write_table(NAME, "18 22 16 24 14 20", rows)


def main():
    options = make_parser(__doc__).parse_args()
    if not options.draw:
        run(make_cases(), NAME, options)
    frame, comparison = read(NAME)
    draw(frame)
    tabulate(frame, comparison)


if __name__ == "__main__":
    main()
