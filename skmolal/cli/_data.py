"""Molecules, property and record names of a run."""

from pathlib import Path

import numpy as np

from skmolal import datasets
from skmolal.molecules import read_molecules

__all__ = ["load_data"]

_LOADERS = {
    "qm9_sample": "load_qm9_sample",
    "qm9": "fetch_qm9",
    "aa": "fetch_aa",
    "oe62": "fetch_oe62",
}


def load_data(options):
    """Return ``(name, molecules, y, ids, target)`` for the command's options."""
    if options.data is None:
        target = options.target or "homo"
        bunch = getattr(datasets, _LOADERS[options.dataset])(target_column=target)
        ids = np.arange(len(bunch.data))
        if options.id is not None:
            ids = _collect(bunch.data, options.id, options.dataset)
        return options.dataset, bunch.data, bunch.target, ids, target
    path = Path(options.data)
    if options.target is None:
        raise ValueError("--data needs --target: the key of atoms.info or the column to learn")
    # A fixed seed for conformers, so that a run of the same file is the same run.
    molecules = read_molecules(path, smiles_column=options.smiles_column, random_state=0)
    y = np.empty(len(molecules))
    for record, value in enumerate(_collect(molecules, options.target, path)):
        try:
            y[record] = float(value)
        except (TypeError, ValueError):
            y[record] = np.nan
        if not np.isfinite(y[record]):
            raise ValueError(
                f"{path}: record {record} has {options.target}={value!r}; a finite number is needed"
            )
    ids = np.arange(len(molecules))
    if options.id is not None:
        ids = np.array(_collect(molecules, options.id, path))
    return str(path), molecules, y, ids, options.target


def _collect(molecules, key, source):
    """Read one key of every record: of ``atoms.info``, else of the stored calculator."""
    values = []
    for record, atoms in enumerate(molecules):
        # ASE moves names it knows, such as energy, from an extxyz header to a calculator.
        results = atoms.calc.results if atoms.calc is not None else {}
        if key not in atoms.info and key not in results:
            raise ValueError(
                f"{source}: record {record} has no {key!r}; it has "
                f"{sorted(map(str, [*atoms.info, *results]))}"
            )
        values.append(atoms.info.get(key, results.get(key)))
    return values
