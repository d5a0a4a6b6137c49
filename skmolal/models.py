"""Models that are ready to use: Pipelines from molecules, or their SMILES, to a property."""

from sklearn.gaussian_process.kernels import ConstantKernel, WhiteKernel
from sklearn.pipeline import Pipeline

from skmolal.descriptors import MorganFingerprintTransformer
from skmolal.gaussian_process import GaussianProcessRegressor, TanimotoKernel

__all__ = ["make_fingerprint_model"]

# What is known of no label better: a share of the variance of the labels. Without it the kernel
# matrix is singular where two molecules, mirror images for example, have the same fingerprint.
_LEAST_NOISE = 1e-3


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
