"""What the experiments share: model, data, curves seed by seed, options and axes."""

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.gaussian_process.kernels import RBF, ConstantKernel
from sklearn.pipeline import make_pipeline

from skmolal import GaussianProcessRegressor, MBTRTransformer
from skmolal.datasets import fetch_oe62, load_amino_acids, load_qm9_sample
from skmolal.metrics import compare_strategies, make_discovery_scorer, make_target_scorer
from skmolal.model_selection import active_learning_curve

HERE = Path(__file__).parent
RESULTS = HERE / "results"
IMAGES = HERE.parent / "docs" / "images"
GUIDE = HERE.parent / "docs" / "guide"

ERRORS = {
    "neg_mae": "neg_mean_absolute_error",
    "neg_rmse": "neg_root_mean_squared_error",
}
SPECIES = {
    "amino acids": ["H", "C", "N", "O", "S", "Ca"],
    "qm9": ["H", "C", "N", "O", "F"],
    "oe62": "H Li B C N O F Si P S Cl As Se Br Te I".split(),
}
COLOURS = {  # Okabe and Ito
    "random": "#000000",
    "uncertainty": "#56B4E9",
    "cluster": "#009E73",
    "uncertainty_cluster": "#0072B2",
    "target": "#D55E00",
}


def load(name):
    """Return molecules, HOMO in eV, and the groups that conformers of one molecule form.

    Of OE62 a sample of 5,000; OSError where its file is not there (`fetch_oe62` gets it).
    """
    if name == "amino acids":
        bunch = load_amino_acids()
        return bunch.data, bunch.target, bunch.groups
    if name == "qm9":
        return *load_qm9_sample(return_X_y=True), None
    molecules, homo = fetch_oe62(download_if_missing=False, return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(homo))[:5000]
    return molecules[rows], homo[rows], None


def make_kernel():
    """Return the study's kernel: its start and its bounds."""
    return ConstantKernel(20.0, (0.2, 2000.0)) * RBF(700.0, (7.0, 70_000.0))


def make_mbtr(name):
    """Return the study's descriptor, with 100 grid points for its 200: 0.011 apart, below sigma."""
    return MBTRTransformer(
        k2={
            "geometry": {"function": "inverse_distance"},
            "grid": {"min": 0, "max": 1.1, "n": 100, "sigma": 0.02},
            "weighting": {"function": "exp", "scale": 0.5, "threshold": 1e-3},
        },
        species=SPECIES[name],
        drop_zero_features=True,
    )


def make_model(name, noise, n_learn=500, n_restarts=2):
    """Return the study's model; `noise` is a share of the variance of the labels.

    In each round the kernel is learned on `n_learn` labels at most, with the study's two restarts.
    """
    gpr = GaussianProcessRegressor(
        make_kernel(),
        alpha=noise,
        n_restarts_optimizer=n_restarts,
        normalize_y=True,
        max_optimizer_samples=n_learn,
        random_state=0,
    )
    return make_pipeline(make_mbtr(name), gpr)


def target_scorers(low, suffix=""):
    """Return scorers of a search for all molecules from `low` on."""
    return {
        f"discovery{suffix}": make_discovery_scorer(low),
        f"f1{suffix}": make_target_scorer(low, metric="f1"),
    }


def make_parser(doc, n_seeds=10):
    """Return the options that all experiments have."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=n_seeds)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument(
        "--draw", action="store_true", help="figure and table alone, from the numbers"
    )
    return parser


def run(cases, name, options, random_state=0):
    """Play what is missing of an experiment, and write and print what the cases say."""
    curves = play(cases, name, options.seeds, options.n_jobs, random_state)
    table = write_comparison(cases, curves, name)
    columns = [*cases[0][0], "strategy", "metric", "difference", "p_value"]
    columns += ["savings", "savings_low", "savings_high", "verdict"]
    print(table[columns].to_string(index=False, float_format="%.4f"))


def play(cases, name, n_seeds, n_jobs, random_state=0):
    """Play cases seed by seed, and write all rows so far after each.

    Parameters
    ----------
    cases : list of (dict, dict)
        What tells a case apart, as columns of the table, and what
        :func:`active_learning_curve` needs.
    name : str
        Of the file in results/, and of the folder of checkpoints.
    n_seeds : int
        Number of seeds.
    n_jobs : int
        Campaigns at once.
    random_state : int, default=0
        Draws test sets and first labels.

    Returns
    -------
    curves : list of Bunch
        One per case.
    """
    curves = [None] * len(cases)
    for seed in range(1, n_seeds + 1):
        for k, (labels, arguments) in enumerate(cases):
            folder = "_".join(str(value).replace(" ", "-") for value in labels.values())
            curves[k] = active_learning_curve(
                **arguments,
                n_repeats=seed,
                n_jobs=n_jobs,
                random_state=random_state,
                checkpoint_dir=RESULTS / "checkpoints" / name / folder,
            )
            write_rows(cases, curves, name)
        print(f"{name}: seed {seed} of {n_seeds} done", flush=True)
    return curves


def write_rows(cases, curves, name):
    """Write the rounds of all cases so far to one table."""
    frames = []
    for (labels, _), curve in zip(cases, curves, strict=True):
        if curve is not None:
            frame = curve.frame.copy()
            for place, (column, value) in enumerate(labels.items()):
                frame.insert(place, column, value)
            frames.append(frame)
    write(pd.concat(frames), name)


def write(frame, name):
    """Replace a table in one step, unless it holds more, as where a study continues."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.csv"
    if path.exists() and len(pd.read_csv(path)) > len(frame):
        return
    frame.round(6).to_csv(path.with_suffix(".part"), index=False)
    os.replace(path.with_suffix(".part"), path)


def write_comparison(cases, curves, name):
    """Write what :func:`compare_strategies` says of each case alone, and return it."""
    tables = []
    for (labels, _), curve in zip(cases, curves, strict=True):
        table = compare_strategies(curve)
        for place, (column, value) in enumerate(labels.items()):
            table.insert(place, column, value)
        tables.append(table)
    table = pd.concat(tables)
    table.to_csv(RESULTS / f"{name}_comparison.csv", index=False, float_format="%.5g")
    return table


def read(name):
    """Return the rounds of an experiment and its comparison with random choice."""
    return (pd.read_csv(RESULTS / f"{file}.csv") for file in (name, f"{name}_comparison"))


def quantile(y, share):
    """Return the limit above which that share of `y` lies."""
    return float(np.quantile(y, 1 - share))


def format_savings(row):
    """Return labels saved with the interval, and what is shown of the whole curve.

    Bold: better than random choice; marked: worse, which labels saved in the end may hide.
    """
    saved, low, high = row[["savings", "savings_low", "savings_high"]]
    text = f"{saved:.0%} ({low:.0%} to {high:.0%})"
    return {"better": f"**{text}**", "worse": f"{text} *worse*"}.get(row["verdict"], text)


def write_table(name, widths, rows):
    """Write a table of the manual, docs/guide/`name`.inc; the first of the rows is the header."""
    header, *body = (", ".join(f'"{cell}"' for cell in row) for row in rows)
    lines = [".. csv-table::", f"   :header: {header}", f"   :widths: {', '.join(widths.split())}"]
    lines += ["", *(f"   {row}" for row in body)]
    (GUIDE / f"{name}.inc").write_text("\n".join(lines) + "\n")


def finish_axes(axes, labels=None):
    """Take away the frames; numbers of labels, on a logarithmic axis, get these ticks."""
    for ax in np.ravel(axes):
        ax.spines[["top", "right"]].set_visible(False)
        if labels is not None:
            ax.set(xscale="log", xlabel="labels")
            ax.set_xticks(labels, [f"{n:,}" for n in labels])
            ax.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
