"""What does a cheap calculation under the model save, on what, and at what price?

Learning curves of `make_baseline_model` and of the same model without GFN2-xTB's columns ("plain"),
random labels, 1,000 molecules for testing:

- "QM9": all 130,831 molecules at QM9's geometries, which are those of the labels' own method; HOMO,
  LUMO and gap, and two properties that xTB's orbital energies say little of, the heat capacity and
  the electronic spatial extent. Three seeds, up to 16,000 labels.
- "own geometries": `load_dft_sample`, conformers of SMILES relaxed by GFN2-xTB and labelled there,
  which is what a campaign has; ten seeds, for testing all but 1,000 molecules, 300 at most.

Hyperparameters are learned on 2,000 of the training labels at most. From the curves follows how
many plain labels have the error of the model with xTB, seed by seed, by interpolation of
logarithms, with a 95% interval of Student's t over the seeds; and what is saved of the cost if a
label costs 10, 100 or 1,000 times the calculation, which all molecules of the set have first.

    python benchmarks/make_qm9_xtb.py --full --n-jobs 2           # once, into the data folder
    python benchmarks/study_baseline_savings.py --cache PATH      # an hour; continues if killed
    python benchmarks/study_baseline_savings.py --draw            # table and figure alone

Expected on QM9: at most 0.110 eV for the HOMO with 4,000 labels and 0.085 eV with 16,000. Writes
results/study_baseline_savings.csv, docs/images/study_baseline_savings.png and the tables of the
manual, docs/guide/study_baseline_*.inc.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from study import IMAGES, RESULTS, finish_axes, write_table
from study_baseline import make_models

from skmolal.datasets import fetch_qm9, get_data_home, load_dft_sample
from skmolal.descriptors import XTBTransformer

PATH = RESULTS / "study_baseline_savings.csv"
KEYS = ["set", "target", "model", "seed", "n_labelled"]
MAX_LEARNED = 2000  # labels from which hyperparameters are learned
COSTS = (10, 100, 1000)  # of a label, in calculations by xTB
ORBITALS = ("homo", "lumo", "gap")
OWN_SIZES = (10, 20, 30, 60, 125, 250, 500, 1000)
PLAIN_SIZES = (250, 1000)  # at which is told what xTB saves
SETS = ("QM9", "own geometries")
UNITS = {"homo": "eV", "lumo": "eV", "gap": "eV", "cv": "cal/(mol K)", "r2": "bohr²"}
NAMES = {"homo": "HOMO", "lumo": "LUMO", "gap": "gap", "cv": "heat capacity", "r2": "extent"}
BOUNDS = {4000: 0.110, 16000: 0.085}  # eV, HOMO of QM9


def load_sets(cache, names):
    """Return of each set: molecules, labels by target, sizes by target, test size, seeds."""
    if "QM9" in names:
        yield _load_qm9(cache)
    if "own geometries" in names:
        yield _load_own()


def _load_qm9(cache):
    qm9 = fetch_qm9(as_frame=True)
    sizes = (250, 1000, 4000)
    return (
        "QM9",
        qm9.data["molecule"].to_numpy(),
        {target: qm9.frame[target].to_numpy() for target in UNITS},
        {t: (250, 500, 1000, 2000, 4000, 8000, 16000) if t == "homo" else sizes for t in UNITS},
        1000,
        3,
        XTBTransformer(cache=cache, n_jobs=2),
    )


def _load_own():
    sample = load_dft_sample(as_frame=True)
    n_test = min(300, max(100, len(sample.frame) - 1000))
    n_train = len(sample.frame) - n_test
    return (
        "own geometries",
        sample.data["molecule"].to_numpy(),
        {target: sample.frame[target].to_numpy() for target in ORBITALS},
        {key: [n for n in OWN_SIZES if n <= n_train] for key in ORBITALS},
        n_test,
        10,
        XTBTransformer(),
    )


def read():
    """Return the rows, properties in the order in which they are shown."""
    if not PATH.exists():
        return pd.DataFrame(columns=[*KEYS, "mae", "seconds"])
    table = pd.read_csv(PATH)
    return table.sort_values(["set", "target"], kind="stable", key=_place)


def _place(column):
    return column.map({name: place for place, name in enumerate(("QM9", *UNITS))}).fillna(-1)


def add_row(*values):
    row = pd.DataFrame([values], columns=[*KEYS, "mae", "seconds"])
    print(row.to_string(header=False, index=False), flush=True)
    frame = pd.concat([read(), row]) if PATH.exists() else row
    frame.to_csv(PATH.with_suffix(".part"), index=False, float_format="%.5g")
    PATH.with_suffix(".part").replace(PATH)


def play(cache, names):
    """Play what is missing, seed by seed: descriptors of few thousand molecules at a time."""
    for name, molecules, labels, sizes, n_test, n_seeds, xtb in load_sets(cache, names):
        table = read()
        done = set(table[table["set"] == name][KEYS[1:]].itertuples(index=False, name=None))
        for seed in range(n_seeds):
            missing = [
                (target, model, seed, n)
                for target in labels
                for model in ("plain", "baseline")
                for n in sizes[target]
                if (target, model, seed, n) not in done
            ]
            if not missing:
                continue
            rows = np.random.RandomState(seed).permutation(len(molecules))
            rows = rows[: n_test + max(case[3] for case in missing)]
            models = make_models(molecules[rows], baseline=xtb, max_optimizer_samples=MAX_LEARNED)
            # Neither descriptor nor scaler sees a label: of training and test molecules alike.
            for model in ("plain", "baseline"):
                X = models[model][:-1].fit_transform(molecules[rows])
                for target, _, _, n in (case for case in missing if case[1] == model):
                    y = labels[target][rows]
                    start = time.perf_counter()
                    gpr = models[model]["gpr"].fit(X[n_test:][:n], y[n_test:][:n])
                    error = np.abs(gpr.predict(X[:n_test]) - y[:n_test]).mean()
                    add_row(name, target, model, seed, n, error, time.perf_counter() - start)


def plain_labels(plain, error):
    """Number of plain labels that have this error, and whether it is only a lower bound."""
    plain = plain.sort_values("n_labelled")
    errors = np.minimum.accumulate(plain["mae"].to_numpy())  # falls
    sizes = plain["n_labelled"].to_numpy()
    if error < errors[-1]:
        return float(sizes[-1]), True
    place = np.interp(-np.log(error), -np.log(errors), np.log(sizes))
    return float(np.exp(place)), False


def savings(table):
    """Return one row for each set, target and size: ratios of labels with an interval, costs."""
    rows = []
    n_molecules = {"QM9": 130_831, "own geometries": len(load_dft_sample().data)}
    for (name, target), part in table.groupby(["set", "target"], sort=False):
        pairs = part.pivot(index="n_labelled", columns=["model", "seed"], values="mae")
        for n in pairs.index:
            seeds = pairs["baseline"].loc[n].dropna()
            found = [
                plain_labels(part[(part["model"] == "plain") & (part["seed"] == seed)], seeds[seed])
                for seed in seeds.index
            ]
            ratios = np.log([count / n for count, _ in found])
            half = stats.sem(ratios) * stats.t.ppf(0.975, len(ratios) - 1)
            ratio = np.exp(ratios.mean())
            row = {
                "set": name,
                "target": target,
                "n_labelled": n,
                "plain": pairs["plain"].loc[n].mean(),
                "baseline": seeds.mean(),
                "ratio": ratio,
                "low": np.exp(ratios.mean() - half),
                "high": np.exp(ratios.mean() + half),
                "at_least": any(is_bound for _, is_bound in found),
            }
            for cost in COSTS:
                row[f"saved_{cost}"] = 1 - (n * cost + n_molecules[name]) / (ratio * n * cost)
            rows.append(row)
    return pd.DataFrame(rows)


def saved_labels(table):
    """Return how many labels with xTB have the error of so many without, on own geometries."""
    rows = []
    own = table[table["set"] == "own geometries"]
    for target, part in own.groupby("target", sort=False):
        for n in PLAIN_SIZES:
            plain = part[(part["model"] == "plain") & (part["n_labelled"] == n)]
            needed = []
            for seed, error in zip(plain["seed"], plain["mae"], strict=True):
                curve = part[(part["model"] == "baseline") & (part["seed"] == seed)]
                needed.append(plain_labels(curve, error)[0])
            logs = np.log(needed)
            half = stats.sem(logs) * stats.t.ppf(0.975, len(logs) - 1)
            few, low, high = np.exp([logs.mean(), logs.mean() - half, logs.mean() + half])
            rows.append(
                [
                    f"{NAMES[target]} ({UNITS[target]})",
                    f"{n:,}",
                    f"{plain['mae'].mean():.3f}",
                    f"{few:.0f} ({low:.0f} to {high:.0f})",
                    f"{1 - few / n:.0%} ({1 - high / n:.0%} to {1 - low / n:.0%})",
                ]
            )
    return rows


def format_ratio(row):
    """Return the ratio with its interval; a bound where the plain curve ends above the error."""
    if row["at_least"]:
        return "" if row["ratio"] <= 1 else f"more than {row['ratio']:.0f}"
    return f"{row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f})"


def format_saved(value, at_least):
    if value <= 0:
        return "" if at_least else "none"
    return f"{'> ' if at_least else ''}{value:.0%}"


def draw():
    """Print and write the tables, and draw the curves."""
    import matplotlib.pyplot as plt

    table = read()
    summary = savings(table)
    print(summary.to_string(index=False, float_format="%.4f"))
    homo = summary[(summary["set"] == "QM9") & (summary["target"] == "homo")]
    for n, bound in BOUNDS.items():
        for value in homo.loc[homo["n_labelled"] == n, "baseline"]:
            print(f"QM9, HOMO, {n:,} labels: {value:.4f} eV, bound {bound}: {value <= bound}")
    for name, part in summary.groupby("set", sort=False):
        header = ["property", "labels", "plain", "with xTB", "plain labels for one with xTB"]
        header += [f"cost saved, label {cost:,}" for cost in COSTS]
        rows = [header]
        for row in part.to_dict("records"):
            digits = 3 if row["target"] in ORBITALS else 2
            unit = UNITS[row["target"]]
            rows.append(
                [
                    f"{NAMES[row['target']]} ({unit})",
                    f"{row['n_labelled']:,}",
                    f"{row['plain']:.{digits}f}",
                    f"{row['baseline']:.{digits}f}",
                    format_ratio(row),
                    *(format_saved(row[f"saved_{cost}"], row["at_least"]) for cost in COSTS),
                ]
            )
        file = {"QM9": "study_baseline_qm9", "own geometries": "study_baseline_own"}[name]
        write_table(file, "16 10 10 10 20 11 11 12", rows)
    header = ["property", "plain labels", "error", "labels with xTB", "labels saved"]
    rows = [header, *saved_labels(table)]
    print("\n".join("  ".join(row) for row in rows))
    write_table("study_baseline_own_saved", "20 14 12 26 28", rows)
    shown = list(table.groupby(["set", "target"], sort=False))
    n_rows = -(-len(shown) // 3)
    figure, axes = plt.subplots(n_rows, 3, figsize=(9, 2.8 * n_rows), layout="constrained")
    for ax in axes.flat[len(shown) :]:
        ax.set_axis_off()
    for ax, ((name, target), part) in zip(axes.flat, shown, strict=False):
        for model, colour, label in (
            ("plain", "#555555", "plain"),
            ("baseline", "#0072B2", "with xTB under it"),
        ):
            curve = part[part["model"] == model]
            ax.plot(curve["n_labelled"], curve["mae"], ".", color=colour, alpha=0.4)
            mean = curve.groupby("n_labelled")["mae"].mean()
            ax.plot(mean.index, mean, color=colour, label=label)
        ax.set(title=f"{NAMES[target]}, {name}", ylabel=f"error ({UNITS[target]})", ylim=(0, None))
        finish_axes([ax], sorted(part["n_labelled"].unique())[:: 2 if len(part) > 40 else 1])
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(IMAGES / "study_baseline_savings.png", dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, help="of make_qm9_xtb.py --full")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--draw", action="store_true")
    options = parser.parse_args()
    if not options.draw:
        play(options.cache or Path(get_data_home()) / "qm9_gfn2.sqlite", options.sets)
    draw()


if __name__ == "__main__":
    main()
