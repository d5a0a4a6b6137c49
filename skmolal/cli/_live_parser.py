"""Options of the commands for campaigns whose labels do not exist yet."""

import argparse

from skmolal.cli._options import (
    DESCRIPTORS,
    STRUCTURES,
    add_model_options,
    add_target_options,
    positive,
    share,
)

__all__ = ["add_live_commands"]

_NEW = """\
examples:
  skmolal new hunt --data pool.csv --top-share 0.05
  skmolal new hunt --data pool.sdf --target gap --low 6.2
  skmolal new hunt --data library.csv --descriptor morgan --minimize --top-share 0.01
  skmolal new hunt --library library --descriptor morgan --minimize --top-share 0.001
"""
_DESCRIBE = """\
examples:
  skmolal describe library.smi.gz --out library
  skmolal describe part*.csv.gz --smiles-column smi --id code --descriptor atom_pair --out library
"""


def add_live_commands(commands):
    """Add ``new``, ``ask``, ``tell``, ``label``, ``release``, ``drop``, ``status``, ..."""
    _add_describe(commands)
    _add_new(commands)
    ask = _add(commands, "ask", "choose the next records to label and write them to a table")
    ask.add_argument("n_instances", nargs="?", type=positive, metavar="N", help="how many")
    ask.add_argument("--out", default="batch.csv", metavar="FILE", help="(%(default)s)")
    tell = _add(commands, "tell", "read labels back: numbers, 'failed', or nothing yet")
    tell.add_argument("table", metavar="FILE", help="a table of 'ask' with its labels filled in")
    _add_label(commands)
    release = _add(commands, "release", "put pending or dropped records back into the pool")
    release.add_argument("ids", nargs="*", metavar="ID", help="records (all that are pending)")
    release.add_argument(
        "--dropped", action="store_true", help="all that were dropped, also as calculations failed"
    )
    drop = _add(commands, "drop", "take records out of the pool for good")
    drop.add_argument("ids", nargs="+", metavar="ID", help="records")
    drop.add_argument("--reason", metavar="TEXT", help="why, for the report")
    status = _add(commands, "status", "say how far the campaign is")
    status.add_argument("--json", action="store_true", help="for programs")
    export = _add(commands, "export", "write all labels to a table")
    export.add_argument("--out", default="labels.csv", metavar="FILE", help="(%(default)s)")
    report = _add(commands, "report", "write a report for people")
    report.add_argument("--out", default="report.html", metavar="FILE", help="(%(default)s)")


def _add(commands, name, text, **options):
    parser = commands.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False, **options
    )
    parser.add_argument("campaign", metavar="CAMPAIGN", help="folder of the campaign")
    return parser


def _add_describe(commands):
    describe = commands.add_parser(
        "describe",
        help="describe SMILES files of any length once, for campaigns on them",
        description=(
            "Describe SMILES files of any length, once, for campaigns on them. Called again "
            "after an interruption it goes on."
        ),
        epilog=_DESCRIBE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    describe.add_argument(
        "files", nargs="+", metavar="FILE", help="SMILES files or tables, .gz or .xz or not"
    )
    describe.add_argument("--out", required=True, metavar="FOLDER", help="of the library")
    describe.add_argument(
        "--descriptor",
        choices=[name for name in DESCRIPTORS if name not in STRUCTURES],
        default="morgan",
        metavar="NAME",
        help="%(choices)s (%(default)s)",
    )
    describe.add_argument("--smiles-column", metavar="NAME", help="of a table (smiles)")
    describe.add_argument("--id", metavar="NAME", help="column of names (id, or name)")
    describe.add_argument("--n-jobs", type=int, default=-1, help="processes; -1 is all cores")
    describe.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_new(commands):
    new = _add(
        commands,
        "new",
        "begin a campaign on molecules of which few or none are labelled",
        epilog=_NEW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    data = new.add_argument_group("molecules")
    data.add_argument("--data", metavar="FILE", help="the pool; see skmolal run")
    data.add_argument(
        "--library",
        metavar="FOLDER",
        help="in place of --data: a library that skmolal describe has made, with its descriptor",
    )
    data.add_argument(
        "--target",
        metavar="KEY",
        help=(
            "the property: labels that the file has in this column are told at once; the key of "
            "an oracle's answer"
        ),
    )
    data.add_argument("--smiles-column", metavar="NAME", help="SMILES column of a table (smiles)")
    data.add_argument("--id", metavar="KEY", help="column that names a record (its number)")
    data.add_argument("--duplicates", choices=["first", "keep", "mean"], default="first")
    data.add_argument(
        "--strict", action="store_true", help="refuse a file of which a record is left out"
    )
    task = new.add_argument_group("search")
    task.add_argument("--low", type=float, metavar="Y", help="lower end of the target range")
    task.add_argument("--high", type=float, metavar="Y", help="upper end of the target range")
    add_target_options(task, default=0.05)
    task.add_argument(
        "--strategy", default="target", metavar="NAME", help="query strategy (%(default)s)"
    )
    task.add_argument(
        "--initial",
        choices=["random", "spread", "strategy"],
        help=(
            "what is asked for before there are labels; strategy: half of it the best by the "
            "baseline (strategy where a baseline has the target, else random)"
        ),
    )
    task.add_argument("--n-initial", type=positive, metavar="N", help="how many of those")
    task.add_argument("--batch-size", type=positive, default=10, metavar="N", help="(%(default)s)")
    task.add_argument("--random-state", type=int, default=0, help="seed (%(default)s)")
    add_model_options(new.add_argument_group("model"))
    out = new.add_argument_group("output")
    out.add_argument("--storage", metavar="URL", help="a database in place of CAMPAIGN/campaign.db")
    out.add_argument("--n-jobs", type=int, default=-1, help="processes; -1 is all cores")
    out.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_label(commands):
    label = _add(commands, "label", "let a program label records until there are enough labels")
    label.add_argument(
        "--oracle", metavar="NAME", help="xtb (GFN2-xTB), dft (PySCF) or module:function"
    )
    label.add_argument(
        "--command",
        dest="program",
        metavar="TEXT",
        help="any program: a shell command with {input} in it that writes output.json",
    )
    label.add_argument(
        "--target", metavar="KEY", help="key of the oracle's answer (the campaign's target)"
    )
    label.add_argument(
        "--n-labels",
        type=positive,
        required=True,
        metavar="N",
        help="labels in all, those known before included",
    )
    label.add_argument("--workers", type=positive, default=2, help="processes (%(default)s)")
    label.add_argument(
        "--timeout", type=float, metavar="S", help="seconds after which a calculation is killed"
    )
    label.add_argument("--retries", type=int, default=1, help="after a failure (%(default)s)")
    label.add_argument(
        "--max-failures",
        type=share,
        default=0.5,
        metavar="SHARE",
        help="share of recent failures at which the campaign stops (%(default)s)",
    )
    label.add_argument("--batch-size", type=positive, metavar="N", help="records asked for at once")
    label.add_argument(
        "--force",
        action="store_true",
        help="go on with another oracle or target than the labels have that are there",
    )
    label.add_argument("--report", metavar="FILE", help="a report, rewritten as labels come")
    label.add_argument("--quiet", action="store_true", help="no progress bar")
