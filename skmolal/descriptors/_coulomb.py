"""The Coulomb matrix as a scikit-learn transformer."""

from functools import partial
from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skmolal._docstrings import share_docs
from skmolal.descriptors._base import MoleculeTransformer
from skmolal.descriptors._docs import SHARED
from skmolal.descriptors._dscribe import fill_rows

# Rows whose norms agree to this relative precision keep the order of their atoms, so that
# rounding, in a molecule that was rotated, does not change it.
_TIE_DIGITS = 10


@share_docs(**SHARED)
class CoulombMatrixTransformer(MoleculeTransformer):
    """Describe molecules by their Coulomb matrix.

    The entry of two atoms is ``Z_i * Z_j / d_ij`` (d in angstrom), that of one is
    ``0.5 * Z**2.4`` [1]_; smaller molecules are filled up with zeros. The numbers are those of
    dscribe [2]_.

    Parameters
    ----------
    permutation : {"sorted_l2", "eigenspectrum", "none"}, default="sorted_l2"
        How the order of atoms is removed: rows and columns descend by their Euclidean norm; the
        eigenvalues stand for the matrix, descending by magnitude; or not at all.
    n_atoms_max : int, default=None
        Number of atoms of the largest molecule that may occur. None: that of the molecules
        given to `fit`.
    %(sparse)s
    dtype : {"float32", "float64"} or type, default="float32"
        Type of the features.
    %(workers)s

    Attributes
    ----------
    n_atoms_max_ : int
        Number of atoms of the largest molecule that can be described.

    See Also
    --------
    MBTRTransformer : Does not depend on the order of atoms, and is smooth.

    Notes
    -----
    Where rows have the same norm, which means atoms that symmetry maps onto each other, sorting
    leaves them in the order they came: the sorted matrix of a symmetric molecule may still
    depend on the order of its atoms. The eigenvalues never do.

    References
    ----------
    .. [1] M. Rupp, A. Tkatchenko, K.-R. Müller, O. A. von Lilienfeld, Phys. Rev. Lett. 108,
       058301 (2012), doi:10.1103/PhysRevLett.108.058301.
    .. [2] L. Himanen et al., Comput. Phys. Commun. 247, 106949 (2020),
       doi:10.1016/j.cpc.2019.106949.

    Examples
    --------
    >>> from ase.build import molecule
    >>> from skmolal.descriptors import CoulombMatrixTransformer
    >>> molecules = [molecule("H2O"), molecule("CH4")]
    >>> CoulombMatrixTransformer("eigenspectrum").fit_transform(molecules).shape
    (2, 5)
    """

    _parameter_constraints: ClassVar[dict] = {
        **MoleculeTransformer._parameter_constraints,
        "permutation": [StrOptions({"sorted_l2", "eigenspectrum", "none"})],
        "n_atoms_max": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        permutation="sorted_l2",
        *,
        n_atoms_max=None,
        sparse=False,
        dtype="float32",
        n_jobs=None,
        verbose=False,
    ):
        self.permutation = permutation
        self.n_atoms_max = n_atoms_max
        self.sparse = sparse
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _learn(self, records):
        largest = int(np.diff(records.offsets).max())
        self.n_atoms_max_ = largest if self.n_atoms_max is None else self.n_atoms_max
        self._check(records)

    def _check(self, records):
        sizes = np.diff(records.offsets)
        too_large = sizes > self.n_atoms_max_
        if too_large.any():
            raise ValueError(
                f"molecules[{np.argmax(too_large)}] has {sizes[np.argmax(too_large)]} atoms, more "
                f"than n_atoms_max_={self.n_atoms_max_}: pass n_atoms_max={sizes.max()}, or fit "
                "on all molecules that may be met"
            )
        return records

    def _make_fill(self):
        return partial(_fill_coulomb, n_atoms_max=self.n_atoms_max_, permutation=self.permutation)

    def _feature_names(self):
        places = range(self.n_atoms_max_)
        if self.permutation == "eigenspectrum":
            return [f"coulomb_{i}" for i in places]
        return [f"coulomb_{i}-{j}" for i in places for j in places]


def _fill_coulomb(structures, block, *, n_atoms_max, permutation):
    from dscribe.descriptors import CoulombMatrix

    eigenvalues = permutation == "eigenspectrum"
    coulomb = CoulombMatrix(n_atoms_max, permutation="eigenspectrum" if eigenvalues else "none")

    def describe(atoms):
        row = coulomb.create(atoms)
        if permutation == "sorted_l2":
            return _sort(row.reshape(n_atoms_max, n_atoms_max)).ravel()
        return row

    fill_rows(structures, block, describe)


def _sort(matrix):
    """Sort rows and columns by descending norm; the zeros that fill the matrix come last."""
    norms = np.linalg.norm(matrix, axis=1)
    order = np.argsort(-np.round(norms / (norms.max() or 1.0), _TIE_DIGITS), kind="stable")
    return matrix[np.ix_(order, order)]
