"""Morgan fingerprints as a scikit-learn transformer."""

from functools import partial
from numbers import Integral
from typing import ClassVar

from sklearn.utils._param_validation import Interval

from skmolal.descriptors._base import MoleculeTransformer
from skmolal.descriptors._graphs import read_graphs


class MorganFingerprintTransformer(MoleculeTransformer):
    """Describe molecules by Morgan fingerprints, also called ECFP.

    Each atom with its bonded neighbours up to `radius` bonds away is hashed to one of `n_bits`
    columns [1]_, by RDKit. The graph of bonds is that of the SMILES in ``atoms.info["smiles"]``;
    where there is none, bonds are perceived from the coordinates [2]_ for a molecule of charge
    ``atoms.info["charge"]``, zero if left out.

    Parameters
    ----------
    radius : int, default=2
        Largest number of bonds from the centre; 2 makes ECFP4.
    n_bits : int, default=2048
        Number of features.
    counts : bool, default=False
        Whether a feature counts the atoms with that neighbourhood or is 0 or 1.
    include_chirality : bool, default=False
        Whether mirror images differ.
    sparse : bool, default=False
        Whether to return a CSR matrix.
    dtype : {"float32", "float64"} or type, default="float32"
        Type of the features.
    n_jobs : int, default=None
        Number of worker processes. None means 1 unless in a :obj:`joblib.parallel_config`
        context, -1 all processors.
    verbose : bool, default=False
        Whether to show a progress bar.

    See Also
    --------
    RDKitDescriptorsTransformer : Physico-chemical descriptors of the same graphs.

    Notes
    -----
    Nothing is learned from the molecules. Hydrogens are left implicit, so SMILES and perceived
    bonds give the same features, but for a chirality that the SMILES leaves open: perceived
    bonds have that of the coordinates. Perceived bonds reach up to 1.15 sums of covalent radii,
    or 1.3 where that would leave pieces.

    References
    ----------
    .. [1] D. Rogers, M. Hahn, J. Chem. Inf. Model. 50, 742 (2010), doi:10.1021/ci100050t.
    .. [2] Y. Kim, W. Y. Kim, Bull. Korean Chem. Soc. 36, 1769 (2015), doi:10.1002/bkcs.10334.

    Examples
    --------
    >>> from ase.build import molecule
    >>> from skmolal.descriptors import MorganFingerprintTransformer
    >>> molecules = [molecule("CH3OH"), molecule("CH4")]
    >>> fingerprints = MorganFingerprintTransformer().fit_transform(molecules)
    >>> fingerprints.shape, fingerprints.sum(axis=1).tolist()
    ((2, 2048), [3.0, 1.0])
    """

    _parameter_constraints: ClassVar[dict] = {
        **MoleculeTransformer._parameter_constraints,
        "radius": [Interval(Integral, 0, None, closed="left")],
        "n_bits": [Interval(Integral, 1, None, closed="left")],
        "counts": ["boolean"],
        "include_chirality": ["boolean"],
    }

    def __init__(
        self,
        radius=2,
        n_bits=2048,
        *,
        counts=False,
        include_chirality=False,
        sparse=False,
        dtype="float32",
        n_jobs=None,
        verbose=False,
    ):
        self.radius = radius
        self.n_bits = n_bits
        self.counts = counts
        self.include_chirality = include_chirality
        self.sparse = sparse
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _read(self, X):
        return read_graphs(X)

    def _learn(self, records):
        """Learn nothing: settings are checked, and molecules when read."""

    def _make_fill(self):
        return partial(
            _fill_fingerprints,
            counts=self.counts,
            radius=self.radius,
            fpSize=self.n_bits,
            includeChirality=self.include_chirality,
        )

    def _feature_names(self):
        return [f"morgan_{i}" for i in range(self.n_bits)]


def _fill_fingerprints(graphs, block, *, counts, **settings):
    from rdkit.Chem import rdFingerprintGenerator

    generator = rdFingerprintGenerator.GetMorganGenerator(**settings)
    describe = generator.GetCountFingerprintAsNumPy if counts else generator.GetFingerprintAsNumPy
    for i in range(len(graphs)):
        block[i] = describe(graphs.make_mol(i))
