"""Models that are ready to use: Pipelines from molecules, or their SMILES, to a property."""

from sklearn.base import clone
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import StandardScaler

from skmolal.descriptors import MBTRTransformer, MorganFingerprintTransformer, XTBTransformer
from skmolal.gaussian_process import (
    ColumnKernel,
    GaussianProcessRegressor,
    TanimotoKernel,
    median_length_scale,
)
from skmolal.molecules import as_molecules

__all__ = ["make_baseline_model", "make_fingerprint_model"]

# What is known of no label better: a share of the variance of the labels. Without it the kernel
# matrix is singular where two molecules, mirror images for example, have the same fingerprint.
_LEAST_NOISE = 1e-3

# Pairs and triples of atoms, coarser than the transformer's own: what a cheap calculation leaves
# over is smooth.
_PAIRS = {
    "geometry": {"function": "inverse_distance"},
    "grid": {"min": 0, "max": None, "n": 100, "sigma": 0.05},
    "weighting": {"function": "exp", "scale": 0.5, "threshold": 1e-3},
}
_TRIPLES = {
    "geometry": {"function": "cosine"},
    "grid": {"min": -1, "max": 1, "n": 50, "sigma": 0.05},
    "weighting": {"function": "exp", "scale": 0.5, "threshold": 1e-3},
}
_QM9_LENGTH_SCALE = 158.0  # the median distance of QM9's molecules in these terms
_SAMPLE = 500  # molecules from which a length scale is guessed


def make_baseline_model(
    molecules=None,
    *,
    baseline=None,
    descriptor=None,
    dtype="float64",
    n_jobs=None,
    random_state=None,
):
    """Make a Gaussian process with a cheap calculation under it.

    The mean is a line through what GFN2-xTB says of a molecule, its orbital energies above all,
    with uncertain coefficients; a smooth function of the MBTR and of xTB's columns describes what
    is left over. Labels, such as orbital energies by density functional theory, must belong to the
    geometries that the model sees: with other conformers most of the gain is lost.

    Parameters
    ----------
    molecules : sequence of ase.Atoms, default=None
        All that the model will see, test molecules too: only their elements and, for a length
        scale to start from, the descriptor of at most 500 of them are looked at. None: the
        elements are learned in `fit`, and the search for the length scale begins at that of QM9.
    baseline : XTBTransformer, default=None
        What calculates the columns; None is :class:`~skmolal.descriptors.XTBTransformer` with its
        defaults. One with ``cache`` calculates no molecule twice, however often it is fitted.
    descriptor : transformer, default=None
        Of molecules, in place of the MBTR of pairs and triples; it needs `molecules`.
    dtype : {"float64", "float32"}, default="float64"
        The arithmetic of the regressor.
    n_jobs : int, default=None
        Number of workers of the default `baseline` and `descriptor`.
    random_state : int, RandomState instance or None, default=None
        Seeds the regressor.

    Returns
    -------
    model : Pipeline
        Steps ``"features"``, a FeatureUnion of ``"baseline"`` (standardised) and ``"descriptor"``,
        and ``"gpr"``, a :class:`~skmolal.GaussianProcessRegressor` with ``normalize_y=True``.

    Raises
    ------
    ValueError
        If `descriptor` is given without `molecules`, `n_jobs` with both parts, which have their
        own, or `baseline` is no XTBTransformer with valid `features`.

    See Also
    --------
    skmolal.delta.DeltaRegressor : The same idea for models without kernels.
    skmolal.gaussian_process.ColumnKernel : What the kernel is made of.

    Notes
    -----
    The kernel is ``constant * RBF(descriptor) * RBF(baseline) + constant * DotProduct(baseline) +
    white``, each on its columns, those of the baseline first: what the line leaves over is alike
    where both are. On training molecules of QM9 a sum in place of the product had a lower
    evidence; one more term helped little and made fits twice as long.

    tblite is not needed where ``atoms.info`` has the numbers, see
    :class:`~skmolal.descriptors.XTBTransformer`.

    Examples
    --------
    >>> from skmolal import make_baseline_model
    >>> from skmolal.datasets import load_qm9_sample
    >>> molecules, homo = load_qm9_sample(xtb=True, return_X_y=True)
    >>> model = make_baseline_model(molecules, random_state=0)
    >>> model = model.fit(molecules[:200], homo[:200])
    >>> mean, std = model.predict(molecules[200:400], return_std=True)
    >>> bool(abs(mean - homo[200:400]).mean() < 0.2)  # eV
    True
    """
    if n_jobs is not None and baseline is not None and descriptor is not None:
        raise ValueError(
            f"n_jobs={n_jobs!r} is for the default baseline and descriptor; set it on those given"
        )
    if baseline is None:
        baseline = XTBTransformer(n_jobs=n_jobs)
    elif not isinstance(baseline, XTBTransformer):
        raise ValueError(f"baseline must be an XTBTransformer, got {baseline!r}")
    if molecules is not None:
        molecules = as_molecules(molecules)
    if descriptor is None:
        # A rare element may be in the test set alone.
        species = None
        if molecules is not None:
            species = sorted({symbol for atoms in molecules for symbol in set(atoms.symbols)})
        descriptor = MBTRTransformer(k2=_PAIRS, k3=_TRIPLES, species=species, n_jobs=n_jobs)
    elif molecules is None:
        raise ValueError("descriptor needs molecules, to find a length scale to start from")
    scale = _QM9_LENGTH_SCALE
    if molecules is not None:
        features = clone(descriptor).fit(molecules).transform(molecules[:_SAMPLE])
        scale = median_length_scale(features, random_state=0)
    parts = [
        ("baseline", Pipeline([("xtb", baseline), ("scaler", StandardScaler())])),
        ("descriptor", descriptor),
    ]
    regressor = GaussianProcessRegressor(
        _make_baseline_kernel(_count_columns(baseline), scale),
        alpha=1e-4,  # a hundredth of the labels' spread
        normalize_y=True,
        dtype=dtype,
        random_state=random_state,
    )
    return Pipeline([("features", FeatureUnion(parts)), ("gpr", regressor)])


def _count_columns(baseline):
    """How many columns an XTBTransformer makes; nothing is calculated."""
    from ase import Atoms

    return len(clone(baseline).fit([Atoms("H")]).get_feature_names_out())


def _make_baseline_kernel(n_columns, scale):
    """A line in the first columns, and a function of all for what it leaves over."""
    first, rest = slice(0, n_columns), slice(n_columns, None)
    width = (2 * n_columns) ** 0.5  # the distance of standardised columns
    # The bounds lie where the likelihood is flat: a baseline may be useless, or say everything.
    alike = ColumnKernel(RBF(scale, (scale / 1e3, scale * 1e5)), rest)
    alike *= ColumnKernel(RBF(width, (width / 1e3, width * 1e8)), first)
    line = ColumnKernel(DotProduct(1.0, "fixed"), first)
    left_over = ConstantKernel(1.0, (1e-10, 1e12)) * alike
    return left_over + ConstantKernel(1.0, (1e-14, 1e6)) * line + WhiteKernel(0.1, (1e-14, 1e4))


def make_fingerprint_model(fingerprint=None, *, dtype="float64", n_jobs=None, random_state=None):
    """Make a Gaussian process on fingerprints: the model to start with for SMILES.

    Counts of Morgan fingerprints are compared by the Tanimoto kernel; its scale and the noise of
    the labels are learned. No coordinates are needed, nothing is embedded.

    Parameters
    ----------
    fingerprint : transformer, default=None
        Takes SMILES or molecules and makes features, none negative. None is
        :class:`~skmolal.descriptors.MorganFingerprintTransformer` with its defaults: counts,
        radius 2, 2,048 columns.
    dtype : {"float64", "float32"}, default="float64"
        The arithmetic of the regressor.
    n_jobs : int, default=None
        Number of worker processes of the default `fingerprint`.
    random_state : int, RandomState instance or None, default=None
        Seeds the regressor.

    Returns
    -------
    model : Pipeline
        Steps ``"fingerprint"`` and ``"gpr"``, a :class:`~skmolal.GaussianProcessRegressor` with
        ``normalize_y=True`` and the kernel ``ConstantKernel() * TanimotoKernel() +
        WhiteKernel()``.

    Raises
    ------
    ValueError
        If `n_jobs` is given with a `fingerprint` of your own, which has its own.

    See Also
    --------
    skmolal.descriptors.AtomPairFingerprintTransformer : As good on docking scores.
    skmolal.ensemble.EnsembleRegressor : Forests and networks with a standard deviation.
    make_baseline_model : For molecules with coordinates.

    Notes
    -----
    Labels are scaled to unit variance. Count kernels tell nearly all molecules apart, so the
    likelihood often prefers no noise at all: the bounds of both hyperparameters, 1e-10 to 1e4,
    lie beyond where it becomes flat. A fixed ``alpha=1e-3``, the noise of labels rounded to a
    tenth of their spread, keeps the kernel matrix regular.

    Examples
    --------
    >>> from skmolal import Campaign, make_fingerprint_model
    >>> smiles = ["C", "CC", "CCC", "CCCC", "CCO", "CCCO", "CCCCO", "OCCO"]
    >>> boiling_point = dict(zip(smiles, [-162, -89, -42, -1, 78, 97, 118, 197]))  # deg C
    >>> campaign = Campaign(make_fingerprint_model(), smiles, ids=smiles,
    ...                     query_strategy="expected_improvement", random_state=0)
    >>> for _ in range(3):
    ...     asked = campaign.ask(2)
    ...     campaign = campaign.tell(asked, [boiling_point[text] for text in asked])
    >>> len(campaign.labelled), float(campaign.y.max())
    (6, 197.0)
    """
    if fingerprint is None:
        fingerprint = MorganFingerprintTransformer(n_jobs=n_jobs)
    elif n_jobs is not None:
        raise ValueError(
            f"n_jobs={n_jobs!r} is for the default fingerprint; set it on the one that is given"
        )
    kernel = ConstantKernel(1.0, (1e-10, 1e4)) * TanimotoKernel() + WhiteKernel(0.1, (1e-10, 1e4))
    regressor = GaussianProcessRegressor(
        kernel, alpha=_LEAST_NOISE, normalize_y=True, dtype=dtype, random_state=random_state
    )
    return Pipeline([("fingerprint", fingerprint), ("gpr", regressor)])
