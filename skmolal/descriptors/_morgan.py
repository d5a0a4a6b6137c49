"""Morgan fingerprints as a scikit-learn transformer."""

from numbers import Integral
from typing import ClassVar

from sklearn.utils._param_validation import Interval

from skmolal.descriptors._fingerprints import FingerprintTransformer


class MorganFingerprintTransformer(FingerprintTransformer):
    """Describe molecules by Morgan fingerprints, also called ECFP.

    Each atom with its bonded neighbours up to `radius` bonds away is hashed to one of `n_bits`
    columns [1]_, by RDKit. Takes SMILES, or molecules: the graph of bonds is that of the SMILES
    in ``atoms.info["smiles"]``; where there is none, bonds are perceived from the coordinates
    [2]_ for a molecule of charge ``atoms.info["charge"]``, zero if left out.

    Parameters
    ----------
    radius : int, default=2
        Largest number of bonds from the centre; 2 makes ECFP4.
    n_bits : int, default=2048
        Number of features.
    counts : bool, default=True
        Whether a feature counts the atoms with that neighbourhood or is 0 or 1; bits cannot tell
        octane from decane.
    use_features : bool, default=False
        Whether atoms are told apart by their role (donor, acceptor, aromatic, halogen, acid,
        base) in place of element and bonds: FCFP.
    include_chirality : bool, default=False
        Whether mirror images differ.
    sparse : bool, default=True
        Whether to return a CSR matrix: some 50 of 2,048 features are not zero, so a dense array
        of a large library is twenty times as large. Choose False for steps that take dense
        arrays only, and for ``set_output(transform="pandas")``.
    dtype : {"float32", "float64"} or type, default="float32"
        Type of the features.
    n_jobs : int, default=None
        Number of worker processes. None means 1 unless in a :obj:`joblib.parallel_config`
        context, -1 all processors.
    verbose : bool, default=False
        Whether to show a progress bar.

    See Also
    --------
    AtomPairFingerprintTransformer : Sees the whole molecule.
    RDKitDescriptorsTransformer : Physico-chemical descriptors of the same graphs.
    skmolal.make_fingerprint_model : A regressor for these features.

    Notes
    -----
    Nothing is learned from the molecules. Hydrogens are left implicit, so SMILES and perceived
    bonds give the same features, but for a chirality that the SMILES leaves open: perceived
    bonds have that of the coordinates. Perceived bonds reach up to 1.15 sums of covalent radii,
    or 1.3 where that would leave pieces. SMILES are parsed in `transform` only; all that RDKit
    cannot parse are named in one error.

    References
    ----------
    .. [1] D. Rogers, M. Hahn, J. Chem. Inf. Model. 50, 742 (2010), doi:10.1021/ci100050t.
    .. [2] Y. Kim, W. Y. Kim, Bull. Korean Chem. Soc. 36, 1769 (2015), doi:10.1002/bkcs.10334.

    Examples
    --------
    >>> from skmolal.descriptors import MorganFingerprintTransformer
    >>> fingerprints = MorganFingerprintTransformer().fit_transform(["CO", "C", "CCCC"])
    >>> fingerprints.shape, fingerprints.sum(axis=1).tolist()
    ((3, 2048), [[3.0], [1.0], [9.0]])
    """

    _parameter_constraints: ClassVar[dict] = {
        **FingerprintTransformer._parameter_constraints,
        "radius": [Interval(Integral, 0, None, closed="left")],
        "use_features": ["boolean"],
        "include_chirality": ["boolean"],
    }
    _prefix = "morgan"

    def __init__(
        self,
        radius=2,
        n_bits=2048,
        *,
        counts=True,
        use_features=False,
        include_chirality=False,
        sparse=True,
        dtype="float32",
        n_jobs=None,
        verbose=False,
    ):
        self.radius = radius
        self.n_bits = n_bits
        self.counts = counts
        self.use_features = use_features
        self.include_chirality = include_chirality
        self.sparse = sparse
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _make_generator(self):
        from rdkit.Chem import rdFingerprintGenerator as rdkit

        settings = {"radius": self.radius, "fpSize": self.n_bits}
        if self.use_features:
            settings["atomInvariantsGenerator"] = rdkit.GetMorganFeatureAtomInvGen()
        return rdkit.GetMorganGenerator(**settings, includeChirality=self.include_chirality)
