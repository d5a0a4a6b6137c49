"""Rows of features by dscribe, molecule by molecule."""

import warnings

import numpy as np

from skmolal.descriptors._dscribe import _ONE_AT_A_TIME, _as_atoms


def fill_rows(structures, block, describe):
    """Write ``describe(atoms)`` into the row of each molecule that has atoms."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        # dscribe 2.1.2 asks ASE for the calculator by its old name
        warnings.filterwarnings("ignore", "Please use atoms.calc")
        for i in np.flatnonzero(np.diff(structures.offsets)):
            block[i] = describe(_as_atoms(structures, i))
