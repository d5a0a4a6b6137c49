"""Experiment b: does the benefit of strategy D at pruning vanish at the best noise?

Random choice against the k-means of the uncertain half (the study's strategy D), on the amino acids
and on the shipped sample of QM9, with seven values of the noise (shares of the variance of the
labels), and with the noise chosen in each round by `GaussianProcessRegressorCV`. 100 labels at
first, 1,600 in the end, batches that double the training set, test sets of 1,000, ten seeds.

    python benchmarks/study_noise.py         # continues if killed
    python benchmarks/study_noise.py --draw  # figure and table alone, from the numbers

Writes results/study_noise.csv (every seed and round), results/study_noise_comparison.csv,
docs/images/study_noise.png and the table of the manual, docs/guide/study_noise.inc.
"""

import numpy as np
from sklearn.pipeline import make_pipeline
from study import (
    COLOURS,
    ERRORS,
    IMAGES,
    finish_axes,
    format_savings,
    load,
    make_kernel,
    make_mbtr,
    make_model,
    make_parser,
    read,
    run,
    write_table,
)

from skmolal.batch_sizes import power_law
from skmolal.gaussian_process import GaussianProcessRegressorCV

NAME = "study_noise"
NOISES = [1e-5, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3]
SETS = ["amino acids", "qm9"]
CHOSEN = "chosen"  # by leave-one-out errors


def make_cases():
    cases = []
    for name in SETS:
        molecules, homo, _ = load(name)
        chooser = GaussianProcessRegressorCV(
            NOISES,
            make_kernel(),
            n_restarts_optimizer=2,
            normalize_y=True,
            max_optimizer_samples=500,
            random_state=0,
        )
        models = {str(noise): make_model(name, noise) for noise in NOISES}
        models[CHOSEN] = make_pipeline(make_mbtr(name), chooser)
        for noise, model in models.items():
            arguments = {
                "estimator": model,
                "X": molecules,
                "y": homo,
                "query_strategies": ["random", "uncertainty_cluster"],
                "batch_sizes": power_law(n_initial=100, n_batches=4),
                "n_initial": 100,
                "test_size": 1000,
                "scoring": ERRORS,
            }
            cases.append(({"set": name, "noise": noise}, arguments))
    return cases


def draw(frame):
    """Draw the final error against the noise, and its difference from random, seed by seed."""
    import matplotlib.pyplot as plt

    last = frame[frame["n_labelled"] == frame["n_labelled"].max()]
    settings = [str(noise) for noise in NOISES] + [CHOSEN]
    figure, axes = plt.subplots(2, 2, figsize=(10, 6), sharex=True, layout="constrained")
    for column, name in zip(axes.T, SETS, strict=True):
        part = last[last["set"] == name].pivot(
            index=["noise", "repeat"], columns="strategy", values="neg_mae"
        )
        for k, noise in enumerate(settings):
            errors = -part.loc[noise]
            for shift, strategy in ((-0.08, "random"), (0.08, "uncertainty_cluster")):
                column[0].errorbar(
                    k + shift,
                    errors[strategy].mean(),
                    errors[strategy].std(),
                    fmt="o",
                    color=COLOURS[strategy],
                    label=strategy if k == 0 else None,
                )
            gain = errors["uncertainty_cluster"] - errors["random"]
            column[1].plot(np.full(len(gain), k), gain, "o", color="#0072B2", alpha=0.5, ms=4)
            column[1].plot(k, gain.mean(), "_", color="black", ms=16)
        column[0].set(title=name, ylabel="mean absolute error (eV)")
        column[1].axhline(0, color="black", lw=0.8)
        column[1].set_yscale("symlog", linthresh=0.02)
        column[1].set_ylim(-0.4, 0.4)
        ticks = [-0.2, -0.02, -0.01, 0, 0.01, 0.02, 0.2]
        column[1].set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        column[1].set(
            xticks=range(len(settings)),
            xticklabels=[f"{noise:.0e}" if noise < 0.01 else noise for noise in NOISES] + [CHOSEN],
            xlabel="noise (share of the variance of the labels)",
            ylabel="uncertainty_cluster\nagainst random (eV)",
        )
    finish_axes(axes)
    axes[0, 0].legend(frameon=False)
    figure.savefig(IMAGES / f"{NAME}.png", dpi=150)


def tabulate(frame, comparison):
    """Write the manual's table: errors in the end, and what D saves."""
    last = frame[frame["n_labelled"] == frame["n_labelled"].max()]
    errors = -last.groupby(["set", "noise", "strategy"])["neg_mae"].mean()
    compared = comparison[comparison["metric"] == "neg_mae"].set_index(["set", "noise"])
    rows = [("set", "noise", "error, random (eV)", "error, D (eV)", "labels saved", "p")]
    for name in SETS:
        for noise in [*map(str, NOISES), CHOSEN]:
            row = compared.loc[name, noise]
            pair = errors[name, noise]
            cells = [name, noise, f"{pair['random']:.3f}", f"{pair['uncertainty_cluster']:.3f}"]
            rows.append([*cells, format_savings(row), f"{row['p_value']:.2g}"])
    write_table(NAME, "16 12 18 16 28 10", rows)


def main():
    options = make_parser(__doc__).parse_args()
    if not options.draw:
        run(make_cases(), NAME, options)
    frame, comparison = (table.astype({"noise": str}) for table in read(NAME))
    draw(frame)
    tabulate(frame, comparison)


if __name__ == "__main__":
    main()
