"""What a molecule array is, and how to read, make and check one.

Everything in skmolal that takes molecules passes them through :func:`as_molecules`, so a molecule
array is always the same thing: a 1-D object array of :class:`ase.Atoms` that is quickly pickled.
"""

from skmolal.molecules._conformers import molecules_from_smiles
from skmolal.molecules._gate import as_molecules
from skmolal.molecules._reading import read_molecules

__all__ = ["as_molecules", "molecules_from_smiles", "read_molecules"]
