"""Conformers relaxed by GFN2-xTB, with tblite and ASE's optimiser."""

from io import StringIO

import numpy as np

from skmolal._optional import import_optional

__all__ = ["check_tblite", "relax_by_xtb"]

_FMAX = 0.1  # eV/angstrom
_STEPS = 200


def check_tblite():
    """Raise an ImportError that says what to install if tblite is not there."""
    import_optional("tblite.ase", "relax='gfn2-xtb'", "tblite")


def relax_by_xtb(numbers, positions, charge):
    """Relax one molecule, in the lowest spin that its electrons allow.

    Parameters
    ----------
    numbers, positions : ndarray of shape (n_atoms,) and (n_atoms, 3)
        The molecule, in angstrom.
    charge : int
        In elementary charges.

    Returns
    -------
    geometry : tuple of ndarray or None
        Numbers and relaxed positions; None if the electrons do not converge.
    remark : str or None
        What there is to say: why there is no geometry, or that the forces are still too large.
    """
    from ase import Atoms
    from ase.optimize import LBFGS
    from tblite.ase import TBLite

    atoms = Atoms(numbers, positions)
    multiplicity = 1 + (int(np.sum(numbers)) - charge) % 2
    atoms.calc = TBLite(method="GFN2-xTB", charge=charge, multiplicity=multiplicity, verbosity=0)
    try:
        # No log, but not None: ase 3.22 opens the null device for that, and never closes it.
        done = LBFGS(atoms, logfile=StringIO()).run(fmax=_FMAX, steps=_STEPS)
    except Exception as error:  # tblite raises its own kinds, and ASE's
        return None, f"cannot be relaxed: {' '.join(str(error).split())}"
    return (numbers, atoms.positions), None if done else "not converged"
