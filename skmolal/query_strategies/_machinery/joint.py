"""The joint posterior of a pool: variances, and covariance columns on demand."""

import inspect
import sys

import numpy as np

from skmolal._rows import n_rows, stack_rows, take_rows

__all__ = ["check_joint", "pool_joint"]

# Rows whose whole covariance matrix is computed, for estimators that know no other way: 200 MB.
MAX_COVARIANCE_ROWS = 5000
# Memory for the partial solves of a pool: 60,000 rows with 8,000 labels, in double precision.
MAX_SOLVED_BYTES = 2**32


def pool_joint(view, reference=None, otherwise="a strategy that needs only std or features"):
    """Build the joint posterior of a pool, and of reference rows after it.

    Parameters
    ----------
    view : PoolView
        The pool as the learner sees it.
    reference : PoolView, default=None
        More rows, that follow those of the pool.
    otherwise : str, default="a strategy that needs only std or features"
        What else to use where the estimator has no joint posterior.

    Returns
    -------
    joint : PosteriorColumns or CovarianceMatrix
        With ``variance``, ``noise``, ``block`` and ``columns``. The first for our own regressor,
        whatever the size of the pool; the second for any other.

    Raises
    ------
    TypeError
        If the estimator has no joint posterior.
    ValueError
        If the rows are too many for an estimator that computes only whole covariance matrices,
        or a prediction is not finite.
    """
    check_joint(view, otherwise)
    estimator = view.estimator
    rows = view.rows()
    if reference is not None:
        rows = stack_rows(rows, reference.rows())
    scale = float(np.mean(getattr(estimator, "_y_train_std", 1.0))) ** 2
    white = view.white_noise()
    # Of several noise variances none is that of a new row: their mean.
    noise = white + scale * float(np.mean(getattr(estimator, "alpha", 0.0)))
    # Not imported: that would load JAX for everybody else.
    ours = sys.modules.get("skmolal.gaussian_process")
    if ours is not None and isinstance(estimator, ours.GaussianProcessRegressor):
        posterior = ours.PosteriorCovariance(estimator, rows, max_bytes=MAX_SOLVED_BYTES)
        return PosteriorColumns(estimator, rows, posterior, white, noise)
    return CovarianceMatrix(_predict_covariance(estimator, rows), white, noise)


def check_joint(view, otherwise="a strategy that needs only std or features"):
    """Refuse an estimator without a joint posterior."""
    estimator = view.estimator
    if "return_cov" not in inspect.signature(estimator.predict).parameters:
        raise TypeError(
            "this query strategy needs the joint posterior of the pool, an estimator with "
            f"predict(X, return_cov=True), which {type(estimator).__name__} lacks: use "
            f"GaussianProcessRegressor, or {otherwise}"
        )


def _predict_covariance(estimator, rows):
    name = type(estimator).__name__
    size = n_rows(rows)
    if size > MAX_COVARIANCE_ROWS:
        raise ValueError(
            f"{name} computes only the whole covariance matrix, here for at most "
            f"{MAX_COVARIANCE_ROWS} rows, got {size}: use skmolal.GaussianProcessRegressor or "
            "query from a part of the pool"
        )
    mean, covariance = estimator.predict(rows, return_cov=True)
    covariance = np.asarray(covariance, dtype=np.float64)
    if covariance.shape != (size, size):
        raise ValueError(
            f"{name} must predict one covariance matrix, shape {(size, size)}, got "
            f"{covariance.shape}"
        )
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise ValueError(f"{name} predicted a mean or covariance that is not finite")
    variance = np.diagonal(covariance)
    if variance.min() < -1e-8 * np.abs(variance).max():
        raise ValueError(f"{name} predicted a negative variance, {variance.min()}")
    return covariance


class PosteriorColumns:
    """A joint posterior of many rows, a few columns at a time.

    Parameters
    ----------
    estimator : skmolal.GaussianProcessRegressor
        Fitted.
    rows : array-like of shape (n_rows, ...)
        What it predicts.
    posterior : skmolal.gaussian_process.PosteriorCovariance
        Of these rows.
    white : float
        White noise on the diagonal of the covariance.
    noise : float
        Noise variance of a label, white noise included.

    Attributes
    ----------
    variance : ndarray of shape (n_rows,)
        Posterior variance of each row, without noise.
    noise : float
        Noise variance of a label.
    """

    def __init__(self, estimator, rows, posterior, white, noise):
        self.estimator, self.rows, self.posterior, self.white = estimator, rows, posterior, white
        self.variance = np.maximum(posterior.variance - white, 0.0)
        self.noise = noise

    def block(self, idx):
        """Compute the covariance among some rows, shape (n_idx, n_idx)."""
        _, covariance = self.estimator.predict(take_rows(self.rows, idx), return_cov=True)
        covariance[np.diag_indices_from(covariance)] -= self.white
        return covariance

    def columns(self, idx):
        """Compute the covariance of all rows with some, shape (n_rows, n_idx)."""
        columns = self.posterior.columns(idx)
        columns[idx, np.arange(len(idx))] -= self.white
        return columns


class CovarianceMatrix:
    """A joint posterior of few rows, from its whole covariance matrix.

    Parameters
    ----------
    covariance : ndarray of shape (n_rows, n_rows)
        Posterior covariance, in squared units of y, with white noise on its diagonal.
    white : float
        That white noise.
    noise : float
        Noise variance of a label, white noise included.

    Attributes
    ----------
    variance : ndarray of shape (n_rows,)
        Posterior variance of each row, without noise.
    noise : float
        Noise variance of a label.
    """

    def __init__(self, covariance, white, noise):
        self.covariance = covariance.copy()
        np.fill_diagonal(self.covariance, np.maximum(np.diagonal(covariance) - white, 0.0))
        self.variance = np.diagonal(self.covariance).copy()
        self.noise = noise

    def block(self, idx):
        """Return the covariance among some rows, shape (n_idx, n_idx)."""
        return self.covariance[np.ix_(idx, idx)]

    def columns(self, idx):
        """Return the covariance of all rows with some, shape (n_rows, n_idx)."""
        return self.covariance[:, idx]
