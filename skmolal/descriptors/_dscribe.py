"""MBTR rows by dscribe, which defines the numbers."""

import threading
import warnings
from copy import deepcopy

import numpy as np
from ase import Atoms
from ase.geometry import complete_cell

# `warnings.catch_warnings` is not safe between threads, and dscribe holds the interpreter lock
# all the same: one thread at a time loses nothing.
_ONE_AT_A_TIME = threading.Lock()


def fill_with_dscribe(
    structures, block, *, terms, species, normalization, normalize_gaussians, periodic
):
    """Write MBTR rows into a block of zeros; a molecule left without atoms keeps its zeros.

    The settings are those of :class:`skmolal.MBTRTransformer`: complete terms in the order of
    the columns, atomic numbers as species.
    """
    from dscribe.descriptors import MBTR

    filled = np.flatnonzero(np.diff(structures.offsets))
    molecules = [_as_atoms(structures, i) for i in filled]
    start = 0
    for term in terms.values():
        mbtr = MBTR(
            **deepcopy(term),
            species=species.tolist(),
            # dscribe would divide the zeros of a lone atom, which has no pair, by their norm
            normalization="none" if normalization == "l2" else normalization,
            normalize_gaussians=normalize_gaussians,
            periodic=periodic,
            dtype="float64",
        )
        columns = slice(start, start + mbtr.get_number_of_features())
        with _ONE_AT_A_TIME, warnings.catch_warnings():
            # dscribe 2.1.2 asks ASE for the calculator by its old name
            warnings.filterwarnings("ignore", "Please use atoms.calc")
            for i, atoms in zip(filled, molecules, strict=True):
                row = mbtr.create(atoms)
                norm = np.linalg.norm(row) if normalization == "l2" else 1.0
                block[i, columns] = row / norm if norm > 0 else row
        start = columns.stop


def _as_atoms(structures, i):
    """Build plain atoms: no calculator, and a cell only where it counts."""
    one = structures.take(slice(i, i + 1))
    if one.cells is None:
        return Atoms(one.numbers, one.positions)
    # dscribe divides by the lengths of all cell vectors, also along directions without images
    return Atoms(one.numbers, one.positions, cell=complete_cell(one.cells[0]), pbc=one.pbc[0])
