"""The joint posterior over a pool, for strategies that choose batches."""

import copy
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import cholesky, solve_triangular
from sklearn.utils.validation import check_is_fitted

from skmolal.gaussian_process._engine.exact import blocks
from skmolal.gaussian_process._engine.factor import subtract_products, subtract_squares
from skmolal.gaussian_process._engine.precision import numerics

__all__ = ["PosteriorCovariance"]

_GROUP = 4  # tiles of partial solves that are kept as one array
_MERGE = 16  # conditioned columns are kept in at most this many parts


@jax.jit
def _join(tiles):
    return jnp.concatenate(tiles, axis=1)


def _join_groups(tiles, dtype):
    """Join tiles, as far as there are groups of them.

    Allocators give arrays from 32 MiB on pages of their own, and tiles, 8 MiB each, places with
    gaps between them: half as much memory again. Sums of float32 products stay short.
    """
    if dtype != np.float64:
        return tiles
    whole = len(tiles) - len(tiles) % _GROUP
    joined = [_join(tiles[k : k + _GROUP]) for k in range(0, whole, _GROUP)]
    return joined + tiles[whole:]


class PosteriorCovariance:
    """Joint posterior covariance of the pool under a fitted regressor.

    The covariance of a pool is too large to hold; this gives any of its columns, and what it
    becomes once labels of some rows are known. A Gaussian posterior's covariance does not depend
    on the values of labels, so batches can be planned before any is measured.

    Parameters
    ----------
    regressor : GaussianProcessRegressor
        Fitted to one target.
    X : array-like or CSR of shape (n_pool, n_features) or list of object
        Pool.
    max_bytes : int, default=2**31
        Memory for the partial solves of the pool, one number per pool row and training sample.
        Above it they are computed anew for each call of :meth:`columns`.

    Attributes
    ----------
    variance : ndarray of shape (n_pool,)
        Posterior variance of each row: the square of the std that the regressor predicts.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If `regressor` is not fitted.
    ValueError
        If `regressor` was fitted to several targets.

    Examples
    --------
    Choose the two rows that together say most about the pool, greedily:

    >>> import numpy as np
    >>> from sklearn.gaussian_process.kernels import RBF
    >>> from skmolal import GaussianProcessRegressor
    >>> from skmolal.gaussian_process import PosteriorCovariance
    >>> X = np.linspace(0, 10, 11)[:, None]
    >>> gpr = GaussianProcessRegressor(RBF(2.0), alpha=0.01, optimizer=None).fit(X[:1], [0.0])
    >>> posterior = PosteriorCovariance(gpr, X)
    >>> first = int(np.argmax(posterior.variance))
    >>> second = int(np.argmax(posterior.condition([first]).variance))
    >>> first, second
    (10, 5)
    """

    def __init__(self, regressor, X, max_bytes=2**31):
        check_is_fitted(regressor, "X_train_")
        if regressor.y_train_.ndim > 1 and regressor.y_train_.shape[1] > 1:
            raise ValueError(
                "regressor must be fitted to one target, got "
                f"{regressor.y_train_.shape[1]}: fit one regressor per target"
            )
        posterior = regressor._fitted("PosteriorCovariance")
        # Copies, which a warm start of the regressor does not extend.
        self._gram, self._factor = copy.copy(posterior.gram), copy.copy(posterior.factor)
        self._X = regressor._check_pool(X)
        self._scale = float(np.ravel(regressor._y_train_std)[0]) ** 2
        self._noise = float(np.mean(posterior.gram.host_noise))
        n_pool = self._X.shape[0] if hasattr(self._X, "shape") else len(self._X)
        factor = self._factor
        n_bytes = n_pool * factor.n_tiles * factor.tile * factor.dtype.itemsize
        self._parts = []
        self._solved = [] if n_bytes <= max_bytes else None
        with numerics():
            self._variance = np.empty(n_pool)
            for start, stop, rows in blocks(self._gram, factor, self._X):
                solved = self._solve(rows)
                if self._solved is not None:
                    self._solved.append(solved)
                block = self._gram.diagonal(rows)
                for part in solved:
                    block = subtract_squares(block, part)
                self._variance[start:stop] = np.asarray(block)[: stop - start]

    def _solve(self, rows):
        """Compute the partial solves of a block of the pool."""
        solved = list(self._factor.solve_rows(partial(self._gram.cross_tile, rows)))
        return _join_groups(solved, self._factor.dtype)

    def _blocks(self):
        """Yield (start, stop, rows, partial solves) for blocks of the pool."""
        for k, block in enumerate(blocks(self._gram, self._factor, self._X)):
            yield *block, self._solve(block[-1]) if self._solved is None else self._solved[k]

    @property
    def variance(self):
        """Posterior variance of each row, shape (n_pool,)."""
        return np.maximum(self._variance, 0.0) * self._scale

    def columns(self, idx):
        """Compute columns of the posterior covariance.

        Parameters
        ----------
        idx : array-like of int, shape (n_columns,)
            Pool rows.

        Returns
        -------
        columns : ndarray of shape (n_pool, n_columns)
            Covariance of every pool row with each of these. As in ``predict(return_cov=True)``,
            the diagonal includes the level of a ``WhiteKernel``.
        """
        idx = self._check_idx(idx)
        columns, white = self._latent_columns(idx)
        columns[idx, np.arange(len(idx))] += white
        return columns * self._scale

    def condition(self, idx):
        """Suppose that labels of some rows were known.

        Parameters
        ----------
        idx : array-like of int, shape (n_rows,)
            Pool rows. Their labels have the noise of the regressor, `alpha` (its mean where it is
            an array) and that of a ``WhiteKernel``.

        Returns
        -------
        conditioned : PosteriorCovariance
            The posterior with these rows in the training set; this object is not changed.

        Raises
        ------
        ValueError
            If `idx` are not different rows of the pool.
        numpy.linalg.LinAlgError
            If without noise their labels follow from each other or from known ones.
        """
        idx = self._check_idx(idx)
        columns, white = self._latent_columns(idx)
        # The Schur complement of K(idx, idx) + noise in the posterior covariance.
        block = columns[idx] + np.diag(white + self._noise)
        block = (block + block.T) / 2
        try:
            factor = cholesky(block, lower=True)
            # A pivot that is rounding error is zero.
            singular = np.any(np.diag(factor) ** 2 <= 1e-14 * np.diag(block))
        except np.linalg.LinAlgError:
            singular = True
        if singular:
            raise np.linalg.LinAlgError(
                "the rows of idx, or their labels, are known already or equal each other, which "
                "without noise says nothing new: raise alpha of the regressor or leave them out"
            )
        part = solve_triangular(factor, columns.T, lower=True).T
        conditioned = object.__new__(PosteriorCovariance)
        conditioned.__dict__.update(self.__dict__)
        conditioned._parts = [*self._parts, part]
        if len(conditioned._parts) > _MERGE:
            conditioned._parts = [np.hstack(conditioned._parts)]
        conditioned._variance = self._variance - np.einsum("ij,ij->i", part, part)
        return conditioned

    def _check_idx(self, idx):
        idx = np.asarray(idx)
        n_pool = len(self._variance)
        if idx.ndim != 1 or idx.dtype.kind not in "iu" or len(idx) == 0:
            raise ValueError(f"idx must be one or more row numbers in a 1-D array, got {idx!r}")
        if idx.min() < -n_pool or idx.max() >= n_pool:
            raise ValueError(f"idx must be rows of a pool of {n_pool}, got {idx!r}")
        idx = idx % n_pool
        if len(np.unique(idx)) != len(idx):
            raise ValueError(f"idx must not repeat a row, got {idx!r}")
        return idx

    def _latent_columns(self, idx):
        """Covariance columns of the function without white noise, and that noise at `idx`."""
        gram = self._gram
        height = max(16, 1 << (len(idx) - 1).bit_length())
        chosen = self._X[idx] if hasattr(self._X, "shape") else [self._X[i] for i in idx]
        n_pool = len(self._variance)
        columns = np.empty((n_pool, len(idx)))
        with numerics():
            rows = gram.rows(chosen, 0, len(idx), height)
            right = self._solve(rows)
            for start, stop, block_rows, left in self._blocks():
                # No row of one side is the other's: white noise stays out.
                prior = gram.self_tile(block_rows, rows, n_pool + height)
                block = subtract_products(prior, left, right, self._factor.max_terms)
                columns[start:stop] = np.asarray(block)[: stop - start, : len(idx)]
            with_noise = np.diagonal(gram.self_tile(rows, rows, 0))
            without = np.diagonal(gram.self_tile(rows, rows, n_pool + height))
            white = (with_noise - without)[: len(idx)].astype(np.float64)
        for part in self._parts:
            columns -= part @ part[idx].T
        return columns, white
