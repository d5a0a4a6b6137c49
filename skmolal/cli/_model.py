"""The model of a run: the study's, MBTR and an exact Gaussian process."""

from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.pipeline import Pipeline

from skmolal.descriptors import MBTRTransformer
from skmolal.gaussian_process import GaussianProcessRegressor

__all__ = ["build_model"]


def build_model(molecules, noise=None):
    """Build the Pipeline of a run.

    Parameters
    ----------
    molecules : ndarray of shape (n_samples,), dtype object
        All molecules; only their elements are used, so that a rare one in the test set is known.
    noise : float, default=None
        Noise variance as a share of the variance of the labels; None learns it.

    Returns
    -------
    model : Pipeline
        MBTR (k2, the study's settings) and a Gaussian process on labels of unit variance, with
        the study's kernel: constant 20 times RBF of length 700, bounds a factor of 100 each way.
    """
    species = sorted({symbol for atoms in molecules for symbol in set(atoms.symbols)})
    kernel = ConstantKernel(20.0, (0.2, 2000.0)) * RBF(700.0, (7.0, 70_000.0))
    if noise is None:
        kernel += WhiteKernel(0.1, (1e-5, 1.0))
    regressor = GaussianProcessRegressor(
        kernel,
        alpha=1e-10 if noise is None else noise,
        n_restarts_optimizer=2,
        normalize_y=True,
    )
    return Pipeline([("mbtr", MBTRTransformer(species=species)), ("gpr", regressor)])
