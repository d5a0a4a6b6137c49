"""From a program's atomic units to the properties that every oracle gives."""

import numpy as np

from skmolal.oracles._errors import OracleError

# CODATA 2018
HARTREE_IN_EV = 27.211386245988
BOHR_IN_ANGSTROM = 0.529177210903
ATOMIC_DIPOLE_IN_DEBYE = 2.541746473

PROPERTIES = ("energy", "homo", "lumo", "gap", "dipole")


def molecular_properties(atoms, charge, energy, orbitals, n_occupied, dipole):
    """Make the dict of properties from a program's results in atomic units.

    Parameters
    ----------
    atoms : ase.Atoms
        The molecule.
    charge : int
        Its charge.
    energy : float
        Total energy, hartree.
    orbitals : list of two ndarrays
        Energies of the orbitals of either spin in ascending order, hartree.
    n_occupied : tuple of two ints
        How many of them are occupied.
    dipole : ndarray of shape (3,)
        Dipole moment about the origin of the coordinates, atomic units.
    """
    homo, lumo = frontier_orbitals(orbitals, n_occupied)
    if homo is None or lumo is None:
        raise OracleError(f"there is no {'occupied' if homo is None else 'empty'} orbital")
    return {
        "energy": energy * HARTREE_IN_EV,
        "homo": homo * HARTREE_IN_EV,
        "lumo": lumo * HARTREE_IN_EV,
        "gap": (lumo - homo) * HARTREE_IN_EV,
        "dipole": dipole_norm(atoms, charge, dipole),
    }


def frontier_orbitals(orbitals, n_occupied, further=0):
    """Return the highest occupied and the lowest empty orbital of either spin.

    With `further`, those that lie so many places below and above; None where there is none.
    """
    occupied, empty = [], []
    for energies, n in zip(orbitals, n_occupied, strict=True):
        if n > further:
            occupied.append(energies[n - 1 - further])
        if n + further < len(energies):
            empty.append(energies[n + further])
    return max(occupied, default=None), min(empty, default=None)


def dipole_norm(atoms, charge, dipole):
    """Return the norm in debye; an ion's is taken about the centre of mass."""
    from ase.data import atomic_masses

    masses = atomic_masses[atoms.numbers]
    centre = masses @ atoms.positions / masses.sum() / BOHR_IN_ANGSTROM
    return float(np.linalg.norm(dipole - charge * centre)) * ATOMIC_DIPOLE_IN_DEBYE
