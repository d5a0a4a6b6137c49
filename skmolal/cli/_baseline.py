"""What ``--baseline xtb`` needs before a model is made."""

import sys

import numpy as np
from ase import Atoms

from skmolal.active_learning._first import wants_large
from skmolal.cli._model import needs_coordinates
from skmolal.descriptors import XTBTransformer

__all__ = ["add_baseline", "check_baseline", "choose_initial"]

_PREFIX = "gfn2_"


def check_baseline(options):
    """Refuse, before anything is read, what has no baseline or is one itself.

    Parameters
    ----------
    options : argparse.Namespace
        ``baseline, descriptor, model, kernel`` and ``target``.
    """
    if options.baseline is None:
        return
    if not needs_coordinates(options.descriptor):
        raise ValueError(
            "--baseline xtb needs coordinates, and --descriptor "
            f"{options.descriptor} looks at the graph of bonds alone"
        )
    if options.model != "gpr" or options.kernel is not None:
        raise ValueError(
            "--baseline brings a kernel of its own, for --model gpr; leave --model and --kernel out"
        )
    if options.target is not None and options.target.startswith(_PREFIX):
        raise ValueError(
            f"--target {options.target} is what --baseline xtb calculates: nothing is to be learned"
        )


def add_baseline(data, options, cache):
    """Write into ``atoms.info`` what GFN2-xTB says, once for all fits and all later commands.

    Parameters
    ----------
    data : Data
        Molecules. What the ``info`` of one has already is not calculated. A label that equals a
        column is refused.
    options : argparse.Namespace
        ``n_jobs, quiet`` and ``strict``.
    cache : path
        File of results, for what may be killed.

    Returns
    -------
    data : Data
        Without the molecules on which the calculation fails; with ``strict``, that is an error.
    """
    xtb = XTBTransformer(
        cache=cache,
        on_error="nan",
        dtype="float64",
        n_jobs=options.n_jobs,
        verbose=not options.quiet and sys.stderr.isatty(),
    )
    columns = xtb.fit_transform(data.X, data.y)
    failed = np.isnan(columns).any(axis=1)
    data, columns = data.leave_out(failed, "GFN2-xTB fails", options.strict), columns[~failed]
    for atoms, row in zip(data.X, columns, strict=True):
        values = dict(zip(xtb.get_feature_names_out(), row.tolist(), strict=True))
        values[f"{_PREFIX}energy"] = values.pop(f"{_PREFIX}energy_per_atom") * len(atoms)
        atoms.info.update(values)
    return data


def choose_initial(options, strategy):
    """Return how a campaign begins, and the feature by which it does, or None."""
    columns = XTBTransformer().fit([Atoms("H")]).get_feature_names_out().tolist()
    column = f"{_PREFIX}{options.target}"
    known = options.baseline is not None and column in columns
    initial = options.initial
    if initial is None:
        initial = "strategy" if known and wants_large(strategy) is not None else "random"
    elif initial == "strategy" and not known:
        raise ValueError(
            "--initial strategy needs an estimate of the label: --baseline xtb, and a --target out "
            f"of {', '.join(name.removeprefix(_PREFIX) for name in columns)}; "
            f"got --baseline {options.baseline} and --target {options.target}"
        )
    return initial, column if initial == "strategy" else None
