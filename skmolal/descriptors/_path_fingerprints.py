"""Fingerprints of pairs of atoms and of the paths between atoms as scikit-learn transformers."""

from numbers import Integral
from typing import ClassVar

from sklearn.utils._param_validation import Interval

from skmolal.descriptors._fingerprints import FingerprintTransformer


class AtomPairFingerprintTransformer(FingerprintTransformer):
    """Describe molecules by their pairs of atoms.

    Two atoms (element, number of heavy neighbours, pi electrons) and the number of bonds on the
    shortest path between them are hashed to one of `n_bits` columns [1]_, by RDKit. Takes SMILES
    or molecules, as :class:`MorganFingerprintTransformer` does. Needs the extra ``rdkit``.

    Parameters
    ----------
    max_distance : int, default=30
        Longest path in bonds.
    n_bits : int, default=2048
        Number of features.
    counts : bool, default=True
        Whether a feature counts the pairs. Otherwise it is 0 or 1; RDKit then keeps rough counts
        by four columns for one kind of pair (1, 2, 4 and 8 or more).
    include_chirality : bool, default=False
        Whether mirror images differ.
    sparse : bool, default=True
        Whether to return a CSR matrix. Choose False for steps that take dense arrays only, and
        for ``set_output(transform="pandas")``.
    dtype : {"float32", "float64"} or type, default="float32"
        Type of the features.
    n_jobs : int, default=None
        Number of worker processes. None means 1 unless in a :obj:`joblib.parallel_config`
        context, -1 all processors.
    verbose : bool, default=False
        Whether to show a progress bar.

    See Also
    --------
    MorganFingerprintTransformer : Neighbourhoods of atoms.

    Notes
    -----
    Hydrogens are left implicit: a molecule with a single heavy atom has no pair, and a row of
    zeros.

    References
    ----------
    .. [1] R. E. Carhart, D. H. Smith, R. Venkataraghavan, J. Chem. Inf. Comput. Sci. 25, 64
       (1985), doi:10.1021/ci00046a002.

    Examples
    --------
    >>> from skmolal.descriptors import AtomPairFingerprintTransformer
    >>> AtomPairFingerprintTransformer().fit_transform(["CO", "CCCC"]).sum(axis=1).tolist()
    [[1.0], [6.0]]
    """

    _parameter_constraints: ClassVar[dict] = {
        **FingerprintTransformer._parameter_constraints,
        "max_distance": [Interval(Integral, 1, None, closed="left")],
        "include_chirality": ["boolean"],
    }
    _prefix = "atom_pair"

    def __init__(
        self,
        max_distance=30,
        n_bits=2048,
        *,
        counts=True,
        include_chirality=False,
        sparse=True,
        dtype="float32",
        n_jobs=None,
        verbose=False,
    ):
        self.max_distance = max_distance
        self.n_bits = n_bits
        self.counts = counts
        self.include_chirality = include_chirality
        self.sparse = sparse
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _make_generator(self):
        from rdkit.Chem import rdFingerprintGenerator as rdkit

        return rdkit.GetAtomPairGenerator(
            maxDistance=self.max_distance,
            fpSize=self.n_bits,
            includeChirality=self.include_chirality,
        )


class TopologicalTorsionFingerprintTransformer(FingerprintTransformer):
    """Describe molecules by their chains of four atoms.

    `n_atoms` atoms bonded in a row (element, number of heavy neighbours, pi electrons of each)
    are hashed to one of `n_bits` columns [1]_, by RDKit. Takes SMILES or molecules, as
    :class:`MorganFingerprintTransformer` does. Needs the extra ``rdkit``.

    Parameters
    ----------
    n_atoms : int, default=4
        Number of atoms in a chain.
    n_bits : int, default=2048
        Number of features.
    counts : bool, default=True
        Whether a feature counts the chains. Otherwise it is 0 or 1; RDKit then keeps rough
        counts by four columns for one kind of chain (1, 2, 4 and 8 or more).
    include_chirality : bool, default=False
        Whether mirror images differ.
    sparse : bool, default=True
        Whether to return a CSR matrix. Choose False for steps that take dense arrays only, and
        for ``set_output(transform="pandas")``.
    dtype : {"float32", "float64"} or type, default="float32"
        Type of the features.
    n_jobs : int, default=None
        Number of worker processes. None means 1 unless in a :obj:`joblib.parallel_config`
        context, -1 all processors.
    verbose : bool, default=False
        Whether to show a progress bar.

    See Also
    --------
    MorganFingerprintTransformer : Neighbourhoods of atoms.

    Notes
    -----
    Hydrogens are left implicit: a molecule with fewer heavy atoms than `n_atoms` has a row of
    zeros.

    References
    ----------
    .. [1] R. Nilakantan, N. Bauman, J. S. Dixon, R. Venkataraghavan, J. Chem. Inf. Comput. Sci.
       27, 82 (1987), doi:10.1021/ci00054a008.

    Examples
    --------
    >>> from skmolal.descriptors import TopologicalTorsionFingerprintTransformer
    >>> torsions = TopologicalTorsionFingerprintTransformer()
    >>> torsions.fit_transform(["CCCC", "CCCCC"]).sum(axis=1).tolist()
    [[1.0], [2.0]]
    """

    _parameter_constraints: ClassVar[dict] = {
        **FingerprintTransformer._parameter_constraints,
        "n_atoms": [Interval(Integral, 2, None, closed="left")],
        "include_chirality": ["boolean"],
    }
    _prefix = "torsion"

    def __init__(
        self,
        n_atoms=4,
        n_bits=2048,
        *,
        counts=True,
        include_chirality=False,
        sparse=True,
        dtype="float32",
        n_jobs=None,
        verbose=False,
    ):
        self.n_atoms = n_atoms
        self.n_bits = n_bits
        self.counts = counts
        self.include_chirality = include_chirality
        self.sparse = sparse
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _make_generator(self):
        from rdkit.Chem import rdFingerprintGenerator as rdkit

        return rdkit.GetTopologicalTorsionGenerator(
            torsionAtomCount=self.n_atoms,
            fpSize=self.n_bits,
            includeChirality=self.include_chirality,
        )


class RDKitFingerprintTransformer(FingerprintTransformer):
    """Describe molecules by their connected parts, as RDKit's own fingerprint does.

    All connected parts of the graph with `min_path` to `max_path` bonds, branched ones included,
    are hashed to two of `n_bits` columns each: Daylight's idea, in RDKit's form [1]_. Takes
    SMILES or molecules, as :class:`MorganFingerprintTransformer` does. Needs the extra ``rdkit``.

    Parameters
    ----------
    max_path : int, default=7
        Largest number of bonds of a part.
    n_bits : int, default=2048
        Number of features.
    min_path : int, default=1
        Smallest number of bonds of a part.
    counts : bool, default=True
        Whether a feature counts the parts or is 0 or 1.
    sparse : bool, default=True
        Whether to return a CSR matrix. Molecules like drugs fill a third of 2,048 features, so
        it saves little. Choose False for steps that take dense arrays only, and for
        ``set_output(transform="pandas")``.
    dtype : {"float32", "float64"} or type, default="float32"
        Type of the features.
    n_jobs : int, default=None
        Number of worker processes. None means 1 unless in a :obj:`joblib.parallel_config`
        context, -1 all processors.
    verbose : bool, default=False
        Whether to show a progress bar.

    See Also
    --------
    MorganFingerprintTransformer : Ten times as fast, and as good a start.

    Notes
    -----
    Hydrogens are left implicit: a molecule with a single heavy atom has a row of zeros.

    References
    ----------
    .. [1] G. Landrum et al., RDKit: open-source cheminformatics, doi:10.5281/zenodo.591637.

    Examples
    --------
    >>> from skmolal.descriptors import RDKitFingerprintTransformer
    >>> RDKitFingerprintTransformer().fit_transform(["CO", "CCC"]).sum(axis=1).tolist()
    [[2.0], [6.0]]
    """

    _parameter_constraints: ClassVar[dict] = {
        **FingerprintTransformer._parameter_constraints,
        "max_path": [Interval(Integral, 1, None, closed="left")],
        "min_path": [Interval(Integral, 1, None, closed="left")],
    }
    _prefix = "rdkit"

    def __init__(
        self,
        max_path=7,
        n_bits=2048,
        *,
        min_path=1,
        counts=True,
        sparse=True,
        dtype="float32",
        n_jobs=None,
        verbose=False,
    ):
        self.max_path = max_path
        self.n_bits = n_bits
        self.min_path = min_path
        self.counts = counts
        self.sparse = sparse
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _learn(self, records):
        if self.min_path > self.max_path:
            raise ValueError(
                f"min_path must be at most max_path={self.max_path}, got {self.min_path}"
            )

    def _make_generator(self):
        from rdkit.Chem import rdFingerprintGenerator as rdkit

        return rdkit.GetRDKitFPGenerator(
            minPath=self.min_path, maxPath=self.max_path, fpSize=self.n_bits
        )
