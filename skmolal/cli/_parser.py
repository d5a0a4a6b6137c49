"""The commands and their options."""

import argparse

import skmolal
from skmolal.cli._live_parser import add_live_commands
from skmolal.cli._options import add_model_options, add_target_options, positive, share, size

__all__ = ["make_parser"]

_EPILOG = """\
examples:
  skmolal run --out results
  skmolal run --data pool.extxyz --target homo --low -5.5 --out results
  skmolal run --data pool.csv --target solubility --task search --low-quantile 0.9
  skmolal run --data library.csv.gz --target score --minimize --top-share 0.01 --descriptor morgan
      --task search --test-size 0 --n-initial 0.01 --batches 0.01 0.01 0.01 0.01 0.01
"""


def _test_size(text):
    return 0 if text.strip() in ("0", "0.0") else size(text)


def make_parser():
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="skmolal", description="Active learning on molecules.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"skmolal {skmolal.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    _add_run(commands)
    add_live_commands(commands)
    return parser


def _add_run(commands):
    run = commands.add_parser(
        "run",
        help="simulate campaigns and compare query strategies",
        description=(
            "Simulate active-learning campaigns on labelled molecules and compare query "
            "strategies at two tasks: a compact training set (pruning), and finding all "
            "molecules whose property lies in a target range (search)."
        ),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    data = run.add_argument_group("molecules")
    data.add_argument(
        "--dataset",
        default="qm9_sample",
        choices=["qm9_sample", "qm9", "aa", "oe62", "enamine10k"],
        help=(
            "data set to use; all but the shipped qm9_sample may be downloaded; of enamine10k, "
            "SMILES with docking scores, the lowest are the best: give --minimize and a "
            "--descriptor of graphs (%(default)s)"
        ),
    )
    data.add_argument(
        "--data",
        metavar="FILE",
        help=(
            "your own molecules instead: CSV, TSV, Excel or Parquet with SMILES, SMILES file, SDF, "
            "or what ASE reads; text may be .gz or .xz"
        ),
    )
    data.add_argument(
        "--target",
        metavar="KEY",
        help=(
            "the property: a column, a field, a key of atoms.info (of a data set: homo, of "
            "enamine10k: score)"
        ),
    )
    data.add_argument("--smiles-column", metavar="NAME", help="SMILES column of a table (smiles)")
    data.add_argument(
        "--id",
        metavar="KEY",
        help="key or column that names a record in picks.csv (its number in the file, from 0)",
    )
    data.add_argument(
        "--duplicates",
        choices=["first", "keep", "mean"],
        default="first",
        help=(
            "records of one molecule (equal canonical SMILES): take the first, the first with "
            "the mean of the labels, or keep all, together in pool or test (%(default)s)"
        ),
    )
    data.add_argument(
        "--strict", action="store_true", help="refuse a file of which a record is left out"
    )
    task = run.add_argument_group("task")
    task.add_argument("--task", choices=["pruning", "search", "both"], default="both")
    low = task.add_mutually_exclusive_group()
    low.add_argument("--low", type=float, metavar="Y", help="lower end of the target range")
    low.add_argument(
        "--low-quantile", type=share, metavar="Q", help="the same as a quantile (0.944)"
    )
    high = task.add_mutually_exclusive_group()
    high.add_argument("--high", type=float, metavar="Y", help="upper end of the target range")
    high.add_argument("--high-quantile", type=share, metavar="Q", help="the same as a quantile")
    add_target_options(task)
    task.add_argument(
        "--strategies",
        nargs="+",
        metavar="NAME",
        help=(
            "query strategies (the paper's five; for --task search with --top-share random, greedy "
            "and target)"
        ),
    )
    task.add_argument(
        "--n-initial",
        type=size,
        metavar="N",
        help="first labels, a number or a share of the pool (100, or fewer of few molecules)",
    )
    task.add_argument(
        "--batches",
        nargs="+",
        type=size,
        metavar="N",
        help="labels of each further round, likewise (100 200 400, or fewer of few molecules)",
    )
    task.add_argument(
        "--test-size",
        type=_test_size,
        default=0.2,
        help=(
            "number or share of the molecules held out for testing; 0, for --task search, makes "
            "all of them the pool (%(default)s)"
        ),
    )
    task.add_argument("--seeds", type=positive, help="number of repeats (3, or 6 of few molecules)")
    task.add_argument("--random-state", type=int, default=0, help="seed (%(default)s)")
    model = run.add_argument_group("model")
    add_model_options(model)
    model.add_argument(
        "--compare-with",
        metavar="NAME",
        help=(
            "another model on the same features, asked greedily, as one more line of the table: "
            "a name as for --model, or none (forest for --task search with --top-share and a "
            "descriptor of graphs, else none)"
        ),
    )
    out = run.add_argument_group("output")
    out.add_argument("--out", default="results", metavar="FOLDER", help="(%(default)s)")
    out.add_argument(
        "--resume", action="store_true", help="continue an interrupted run in the same folder"
    )
    out.add_argument("--n-jobs", type=int, default=-1, help="processes; -1 is all cores")
    out.add_argument("--quiet", action="store_true", help="no progress bar and no table")
