"""Many molecules in a few flat arrays, checked once for what no descriptor can take."""

from dataclasses import dataclass, field

import numpy as np

from skmolal.descriptors._kernels import pair_extremes
from skmolal.molecules import as_molecules
from skmolal.molecules._smiles import holds_smiles

# Nearer than any two nuclei of a molecule; it catches atoms that were written twice.
COINCIDENT = 1e-3  # angstrom


@dataclass(frozen=True)
class Structures:
    """Molecules as flat arrays: atoms ``offsets[i]:offsets[i + 1]`` belong to molecule i."""

    numbers: np.ndarray  # (n_atoms,) atomic numbers
    positions: np.ndarray  # (n_atoms, 3) in angstrom
    offsets: np.ndarray  # (n_molecules + 1,)
    cells: np.ndarray | None = field(default=None)  # (n_molecules, 3, 3), if periodic
    pbc: np.ndarray | None = field(default=None)  # (n_molecules, 3), if periodic

    def __len__(self):
        return len(self.offsets) - 1

    def take(self, rows):
        """Return the molecules of a slice of consecutive rows, as views."""
        atoms = slice(self.offsets[rows.start], self.offsets[rows.stop])
        return Structures(
            self.numbers[atoms],
            self.positions[atoms],
            self.offsets[rows.start : rows.stop + 1] - self.offsets[rows.start],
            None if self.cells is None else self.cells[rows],
            None if self.pbc is None else self.pbc[rows],
        )

    def owner(self, atom):
        """Return the index of the molecule that an atom belongs to, and its place there."""
        i = int(np.searchsorted(self.offsets, atom, side="right")) - 1
        return i, int(atom - self.offsets[i])


def refuse_smiles(X):
    """Say what to do with SMILES where coordinates are needed."""
    if holds_smiles(X):
        raise TypeError(
            "molecules must be ase.Atoms, with coordinates, got SMILES: embed them with "
            "skmolal.molecules_from_smiles, or choose a descriptor of graphs, such as "
            "MorganFingerprintTransformer"
        )


def flatten_molecules(X, periodic=False):
    """Turn molecules into checked :class:`Structures`.

    Parameters
    ----------
    X : iterable of ase.Atoms
        What :func:`skmolal.as_molecules` takes.
    periodic : bool, default=False
        Whether cells and boundary conditions are read.

    Returns
    -------
    structures : Structures
        The molecules, none empty, all coordinates finite, no two atoms at the same place.
    """
    refuse_smiles(X)
    molecules = as_molecules(X)
    sizes = np.fromiter((len(atoms) for atoms in molecules), dtype=np.int64, count=len(molecules))
    if not sizes.all():
        raise ValueError(f"molecules[{np.argmin(sizes)}] is empty: it has no atoms")
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    numbers = np.empty(offsets[-1], dtype=np.int64)
    positions = np.empty((offsets[-1], 3))
    for atoms, start, stop in zip(molecules, offsets, offsets[1:], strict=False):
        numbers[start:stop] = atoms.numbers
        positions[start:stop] = atoms.positions
    cells = pbc = None
    if periodic:
        cells = np.array([atoms.cell.array for atoms in molecules]).reshape(-1, 3, 3)
        pbc = np.array([atoms.pbc for atoms in molecules], dtype=bool).reshape(-1, 3)
    structures = Structures(numbers, positions, offsets, cells, pbc)
    _check_finite(structures)
    _check_distinct(structures)
    return structures


def distance_range(structures, cutoff=None):
    """Return the shortest and longest distance of two atoms of one molecule.

    In angstrom, periodic images within `cutoff` included; NaN where there is no pair of atoms.
    Where `cutoff` is given, the longest distance is at most that.
    """
    shortest, longest, _, _ = pair_extremes(structures.positions, structures.offsets)
    low, high = np.nanmin(shortest, initial=np.inf), np.nanmax(longest, initial=-np.inf)
    if structures.pbc is not None and structures.pbc.any():
        for i in np.flatnonzero(structures.pbc.any(axis=1)):
            distances = _image_pairs(structures, i, cutoff)[2]
            low = np.min(distances, initial=low)
            high = np.max(distances, initial=high)
    if cutoff is not None:
        high = min(high, cutoff)
    return (low, high) if np.isfinite(low) and low <= high else (np.nan, np.nan)


def _check_finite(structures):
    finite = np.isfinite(structures.positions).all(axis=1)
    if not finite.all():
        i, atom = structures.owner(np.argmin(finite))
        position = structures.positions[np.argmin(finite)].tolist()
        raise ValueError(
            f"molecules[{i}] has coordinates that are not finite: atom {atom} is at {position}"
        )


def _check_distinct(structures):
    shortest, _, first, second = pair_extremes(structures.positions, structures.offsets)
    near = shortest < COINCIDENT  # False for NaN, a molecule of one atom
    if near.any():
        i = int(np.argmax(near))
        _raise_coincident(i, first[i], second[i], shortest[i])
    if structures.pbc is not None:
        for i in np.flatnonzero(structures.pbc.any(axis=1)):
            first, second, distances = _image_pairs(structures, i, COINCIDENT)
            if len(distances):
                _raise_coincident(i, first[0], second[0], distances[0])


def _raise_coincident(i, first, second, distance):
    raise ValueError(
        f"molecules[{i}] has coincident atoms: atoms {first} and {second} are {distance:.2g} "
        f"angstrom apart, at least {COINCIDENT} is needed"
    )


def _image_pairs(structures, i, cutoff):
    from ase import Atoms
    from ase.neighborlist import neighbor_list

    one = structures.take(slice(i, i + 1))
    atoms = Atoms(one.numbers, one.positions, cell=one.cells[0], pbc=one.pbc[0])
    return neighbor_list("ijd", atoms, cutoff)
