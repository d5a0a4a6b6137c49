"""Options that several commands share, and how their values are read."""

import argparse

__all__ = ["add_model_options", "add_target_options", "noise", "positive", "share", "size"]

# Repeated where models are built; there everything is imported, here nothing.
DESCRIPTORS = (
    "mbtr", "coulomb", "soap", "acsf", "lmbtr",
    "morgan", "feature_morgan", "atom_pair", "topological_torsion", "rdkit_path", "rdkit",
)  # fmt: skip
STRUCTURES = ("mbtr", "coulomb", "soap", "acsf", "lmbtr")  # need coordinates
KERNELS = ("rbf", "matern", "tanimoto", "linear")


def positive(text):
    """Read a positive integer."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be a positive integer, got {text}")
    return value


def share(text):
    """Read a share, between 0 and 1."""
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"must lie between 0 and 1, got {text}")
    return value


def size(text):
    """Read a positive number of molecules, or with a point in it a share of them."""
    return share(text) if "." in text else positive(text)


def noise(text):
    """Read a positive number."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a positive number, got {text}")
    return value


def add_model_options(group):
    """Add what names a descriptor and a model."""
    group.add_argument(
        "--descriptor",
        choices=DESCRIPTORS,
        default="mbtr",
        help=(
            "%(choices)s; those from morgan on look at the graph of bonds alone, so nothing is "
            "embedded (%(default)s)"
        ),
        metavar="NAME",
    )
    group.add_argument(
        "--model",
        default="gpr",
        metavar="NAME",
        help=(
            "gpr (Gaussian process), forest, ensemble (of networks), or module:function that "
            "returns a regressor (%(default)s)"
        ),
    )
    group.add_argument(
        "--kernel",
        choices=KERNELS,
        metavar="NAME",
        help="of gpr: %(choices)s (the study's for mbtr, tanimoto for fingerprints, else rbf)",
    )
    group.add_argument(
        "--noise",
        type=noise,
        metavar="SHARE",
        help="noise variance as a share of the labels' variance (learned from the labels)",
    )
    group.add_argument(
        "--baseline",
        choices=["xtb"],
        help=(
            "a cheap calculation under the model: xtb, GFN2-xTB at each molecule's geometry (extra "
            "xtb), for properties of electrons labelled at the same geometry"
        ),
    )


def add_target_options(group, default=None):
    """Add which end of the property is wanted, and how much of it."""
    group.add_argument(
        "--top-share",
        type=share,
        metavar="SHARE",
        help="search the best share of all molecules, wherever its threshold lies"
        + (f" ({default} where no range is given)" if default else ""),
    )
    ends = group.add_mutually_exclusive_group()
    ends.add_argument(
        "--maximize",
        dest="maximize",
        action="store_true",
        default=True,
        help="the best are the largest (default)",
    )
    ends.add_argument(
        "--minimize", dest="maximize", action="store_false", help="the best are the smallest"
    )
