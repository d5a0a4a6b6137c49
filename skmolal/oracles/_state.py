"""Charge, spin and solvent of a molecule, as ``atoms.info`` gives them."""

from typing import NamedTuple

import numpy as np

from skmolal.oracles._errors import OracleError


class MolecularState(NamedTuple):
    """What a calculation has to know of a molecule besides atoms and positions."""

    charge: int
    spin: int | None  # number of unpaired electrons, None for the lowest possible
    solvent: str | None

    def n_unpaired(self, n_electrons):
        """Return the number of unpaired electrons out of `n_electrons`."""
        return n_electrons % 2 if self.spin is None else self.spin


def read_state(atoms):
    """Read charge, number of unpaired electrons and solvent from ``atoms.info``."""
    charge = _integer(atoms.info.get("charge"), "charge")
    spin = _integer(atoms.info.get("spin"), "spin")
    if spin is not None and spin < 0:
        raise OracleError(f"info['spin'] must be the number of unpaired electrons, got {spin}")
    solvent = atoms.info.get("solvent")
    if solvent is not None and not (isinstance(solvent, str) and solvent.strip()):
        raise OracleError(f"info['solvent'] must be the name of a solvent or None, got {solvent!r}")
    return MolecularState(charge or 0, spin, solvent)


def check_molecule(atoms):
    """Refuse what no program can calculate: no atoms, dummies, coordinates that are not finite."""
    from ase import Atoms

    if not isinstance(atoms, Atoms):
        raise TypeError(f"an oracle takes one ase.Atoms, got {type(atoms).__name__}")
    if len(atoms) == 0:
        raise OracleError("the molecule has no atoms")
    if (atoms.numbers < 1).any():
        raise OracleError(f"unknown element: atom {np.argmax(atoms.numbers < 1)} is a dummy (X)")
    if not np.isfinite(atoms.positions).all():
        bad = np.argmin(np.isfinite(atoms.positions).all(axis=1))
        raise OracleError(f"the coordinates of atom {bad} are not finite")


def check_not_periodic(atoms):
    """Refuse a crystal where a molecule is calculated."""
    if atoms.pbc.any():
        raise OracleError("the structure is periodic, and molecules only are calculated")


def count_electrons(atoms, charge):
    """Count all electrons."""
    return int(atoms.numbers.sum()) - charge


def _integer(value, name):
    if value is None:
        return None
    try:
        is_whole = not isinstance(value, (str, bytes)) and int(value) == value
    except (TypeError, ValueError, OverflowError):
        is_whole = False
    if not is_whole:
        raise OracleError(f"info[{name!r}] must be an integer or None, got {value!r}")
    return int(value)
