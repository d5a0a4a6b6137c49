"""Experiment c: random choice against pruning (D) and search (E), at the best noise.

Small sets, ten seeds, 100 labels at first and 1,600 in the end, test sets of 1,000: the amino acids
(target: the bare molecules' peak) and the shipped sample of QM9 (targets: the highest 30.7%, as in
the study, and the highest 5.6%). A sample of OE62, with the targets of QM9, takes part where its
file is present (`fetch_oe62` gets it). The noise is the best of `study_noise.py` for random choice;
test sets and first labels here are others.

QM9 at full size with `--full`: 130,000 molecules, 10,000 of them for testing, 1,000 labels at
first, batches that double the training set, one seed to 32,000 labels and three to 16,000.

    python benchmarks/study_search.py          # the small sets; continues if killed
    python benchmarks/study_search.py --full   # QM9; a round at least is kept if killed
    python benchmarks/study_search.py --draw   # figures and tables alone, from the numbers

Writes results/study_search.csv and study_search_comparison.csv, results/study_qm9.csv (with the
seconds of each stage: descriptor, fit, prediction, all of the query), docs/images/study_search.png
and study_qm9.png, and the tables of the manual, docs/guide/study_search.inc,
study_search_pruning.inc and study_qm9.inc.
"""

import numpy as np
import pandas as pd
from study import (
    COLOURS,
    ERRORS,
    IMAGES,
    RESULTS,
    finish_axes,
    format_savings,
    load,
    make_model,
    make_parser,
    quantile,
    read,
    run,
    target_scorers,
    write,
    write_table,
)

from skmolal.batch_sizes import power_law
from skmolal.datasets import fetch_qm9, load_amino_acids
from skmolal.metrics import data_savings
from skmolal.model_selection import active_learning_curve
from skmolal.query_strategies import get_query_strategy

NAME, FULL = "study_search", "study_qm9"
SETS = ("amino acids", "qm9", "oe62")
# The best of study_noise.py for random choice; of OE62 and at full size the study's.
NOISE = {"amino acids": 1e-5, "qm9": 0.1, "oe62": 0.03, "qm9 full": 0.03}
SHARES = {"common": 0.307, "rare": 0.056}
N_MOLECULES, N_TEST = 130_000, 10_000
ROUNDS = (5, 4, 4)  # of each seed, after the first 1,000 labels
STYLES = {
    "random": (COLOURS["random"], "-"),
    "uncertainty_cluster": (COLOURS["uncertainty_cluster"], "-"),
    "target common": (COLOURS["target"], "-"),
    "target rare": (COLOURS["target"], ":"),
}


def search_strategies(limits):
    """Random choice, D, and E for each target."""
    search = {
        f"target {name}": get_query_strategy("target", low=low) for name, low in limits.items()
    }
    return {"random": "random", "uncertainty_cluster": "uncertainty_cluster"} | search


def search_scorers(limits):
    scorers = dict(ERRORS)
    for name, low in limits.items():
        scorers |= target_scorers(low, f" {name}")
    return scorers


def make_cases():
    cases = []
    for name in SETS:
        try:
            molecules, homo, _ = load(name)
        except OSError as error:  # of OE62, which is not shipped
            print(f"{name} is left out: {error}")
            continue
        if name == "amino acids":
            bare = load_amino_acids().frame["charge"].to_numpy() == 0
            limits = {"common": float((homo[bare].min() + homo[~bare].max()) / 2)}
        else:
            limits = {target: quantile(homo, share) for target, share in SHARES.items()}
        arguments = {
            "estimator": make_model(name, NOISE[name]),
            "X": molecules,
            "y": homo,
            "query_strategies": search_strategies(limits),
            "batch_sizes": power_law(n_initial=100, n_batches=4),
            "n_initial": 100,
            "test_size": 1000,
            "scoring": search_scorers(limits),
        }
        cases.append(({"set": name}, arguments))
    return cases


def play_full(seeds):
    """Play QM9 at full size, one campaign after the other; all cores work on each."""
    qm9 = fetch_qm9()
    rows = np.random.default_rng(0).permutation(len(qm9.data))[:N_MOLECULES]
    molecules, homo = qm9.data[rows], qm9.target[rows]
    limits = {target: quantile(homo, share) for target, share in SHARES.items()}
    for seed in seeds:
        for name, strategy in search_strategies(limits).items():
            curve = active_learning_curve(
                make_model("qm9", NOISE["qm9 full"], n_learn=1000, n_restarts=0),
                molecules,
                homo,
                query_strategies={name: strategy},
                batch_sizes=power_law(n_initial=1000, n_batches=ROUNDS[seed]),
                n_initial=1000,
                test_size=N_TEST,
                n_repeats=1,
                scoring=search_scorers(limits),
                random_state=seed,
                checkpoint_dir=RESULTS / "checkpoints" / FULL / str(seed),
            )
            frame = curve.frame.assign(repeat=seed)
            path = RESULTS / f"{FULL}.csv"
            if path.exists():  # other seeds and strategies, and this one as it was
                table = pd.read_csv(path)
                same = (table["repeat"] == seed) & (table["strategy"] == name)
                frame = pd.concat([table[~same], frame])
            write(frame, FULL)
            print(curve.frame.round(4).to_string(), flush=True)


def draw_full(frame):
    """Draw error and shares of targets found on QM9 at full size, a line per seed."""
    import matplotlib.pyplot as plt

    panels = {
        "neg_mae": ("mean absolute error (eV)", -1),
        "discovery common": ("highest 30.7%: found", 1),
        "discovery rare": ("highest 5.6%: found", 1),
    }
    figure, axes = plt.subplots(1, 3, figsize=(12.5, 3.9), layout="constrained")
    for ax, (metric, (label, sign)) in zip(axes, panels.items(), strict=True):
        for strategy, (colour, line) in STYLES.items():
            for k, (_, curve) in enumerate(frame[frame["strategy"] == strategy].groupby("repeat")):
                ax.plot(
                    curve["n_labelled"],
                    sign * curve[metric],
                    line,
                    color=colour,
                    marker=".",
                    label=strategy if k == 0 else None,
                )
        ax.set_ylabel(label)
    finish_axes(axes, [1000, 2000, 4000, 8000, 16_000, 32_000])
    axes[1].legend(frameon=False)
    figure.savefig(IMAGES / f"{FULL}.png", dpi=150)


def draw(frame):
    """Draw error and share of targets found on the small sets, mean and spread over seeds."""
    import matplotlib.pyplot as plt

    panels = {
        "neg_mae": ("mean absolute error (eV)", -1),
        "discovery common": ("highest 30.7%: found", 1),
        "discovery rare": ("highest 5.6%: found", 1),
    }
    sets = [name for name in SETS if name in set(frame["set"])]
    figure, axes = plt.subplots(
        len(sets), 3, figsize=(10.5, 3.1 * len(sets) + 0.3), squeeze=False, layout="constrained"
    )
    for row, name in zip(axes, sets, strict=True):
        of_set = frame[frame["set"] == name]
        for ax, (metric, (label, sign)) in zip(row, panels.items(), strict=True):
            if of_set[metric].isna().all():  # the amino acids have one target
                ax.axis("off")
                continue
            for strategy, (colour, line) in STYLES.items():
                runs = of_set[of_set["strategy"] == strategy].groupby("n_labelled")[metric]
                mean, std = sign * runs.mean(), runs.std()
                if len(mean):
                    ax.plot(mean, line, color=colour, marker=".", label=strategy)
                    low, high = mean - std, mean + std
                    ax.fill_between(mean.index, low, high, color=colour, alpha=0.15, lw=0)
            if name == "amino acids":
                label = label.replace("highest 30.7%", "bare molecules")
            ax.set(ylabel=label, title=name)
    finish_axes(axes, [100, 200, 400, 800, 1600])
    handles, labels = axes[-1, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.savefig(IMAGES / f"{NAME}.png", dpi=150)


def tabulate(frame, comparison):
    """Write the manual's tables: labels saved at both tasks on the small sets."""
    last = frame[frame["n_labelled"] == frame["n_labelled"].max()]
    scores = last.groupby(["set", "strategy"]).mean(numeric_only=True)
    compared = comparison.set_index(["set", "strategy", "metric"]).sort_index()
    pruning = [("set", "error, random (eV)", "error, D (eV)", "labels saved by D", "p")]
    search = [("set, target", "found, random", "D", "E", "labels saved by E", "F1, random", "E")]
    for name in (name for name in SETS if name in scores.index):
        error, d = -scores.loc[name]["neg_mae"], compared.loc[name, "uncertainty_cluster"]
        pruning.append(
            [
                name,
                f"{error['random']:.3f}",
                f"{error['uncertainty_cluster']:.3f}",
                format_savings(d.loc["neg_mae"]),
                f"{d.loc['neg_mae', 'p_value']:.2g}",
            ]
        )
        for target in SHARES:
            e, discovery, f1 = f"target {target}", f"discovery {target}", f"f1 {target}"
            if (name, e) in scores.index:  # the amino acids have one target
                found, score = scores.loc[name][discovery], scores.loc[name][f1]
                strategies = ("random", "uncertainty_cluster", e)
                search.append(
                    [
                        f"{name}, {'bare' if name == 'amino acids' else target}",
                        *(f"{found[strategy]:.0%}" for strategy in strategies),
                        format_savings(compared.loc[name, e, discovery]),
                        f"{score['random']:.2f}",
                        f"{score[e]:.2f}",
                    ]
                )
    write_table(f"{NAME}_pruning", "20 20 18 30 12", pruning)
    write_table(NAME, "26 14 8 8 24 12 8", search)


def tabulate_full(frame):
    """Write the manual's table of QM9 at full size: ranges over the seeds."""
    quantities = [("error (eV)", "neg_mae", ".3f")]
    for target, share in SHARES.items():
        quantities += [
            (f"highest {share:.1%}: found", f"discovery {target}", ".1%"),
            ("labels saved", f"discovery {target}", ".0%"),
            ("F1 of test molecules", f"f1 {target}", ".2f"),
        ]
    rows = [("labels", "", "random", "D", "E for 30.7%", "E for 5.6%")]
    for n_labelled in (16_000, 32_000):
        part = frame[frame["n_labelled"] <= n_labelled]
        reach = part.groupby("repeat")["n_labelled"].max() == n_labelled
        part = part[part["repeat"].isin(reach.index[reach])]
        last = part[part["n_labelled"] == n_labelled].set_index("strategy")
        for label, metric, form in quantities:
            cells = []
            for strategy in STYLES:
                values = last.loc[[strategy], metric].abs()
                if label == "labels saved":
                    values = data_savings(part, strategy, metric=metric).savings
                cells.append(format_range(values, form))
            rows.append((f"{n_labelled:,}", label, *cells))
    write_table(FULL, "9 27 16 16 16 16", rows)


def format_range(values, form):
    """Return the smallest and the largest value, or the one value."""
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low} to {high}"


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--full", nargs="*", type=int, help="seeds of QM9 at full size; none: all")
    options = parser.parse_args()
    if options.full is not None:
        play_full(options.full or range(len(ROUNDS)))
    elif not options.draw:
        run(make_cases(), NAME, options, random_state=1)
    if (RESULTS / f"{NAME}.csv").exists():
        frame, comparison = read(NAME)
        draw(frame)
        tabulate(frame, comparison)
    if (RESULTS / f"{FULL}.csv").exists():
        frame = pd.read_csv(RESULTS / f"{FULL}.csv")
        draw_full(frame)
        tabulate_full(frame)


if __name__ == "__main__":
    main()
