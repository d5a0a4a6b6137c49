"""The exact posterior of a Gaussian process: Algorithm 2.1 of Rasmussen and Williams."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
from sklearn import get_config

from skmolal.gaussian_process._engine.column_kinds import rare_first
from skmolal.gaussian_process._engine.compilation import compiled
from skmolal.gaussian_process._engine.factor import (
    TiledCholesky,
    join_tiles,
    split_tiles,
    subtract_products,
    subtract_squares,
)
from skmolal.gaussian_process._engine.precision import DeviceState
from skmolal.gaussian_process._engine.refine import narrow, refine, remember_tiles

__all__ = [
    "ExactPosterior",
    "block_rows",
    "blocks",
    "compute_blocks",
    "make_posterior",
]

# More rows a block no longer make the products faster.
_MAX_BLOCK = {"cpu": 2048}
_MAX_BLOCK_ACCELERATOR = 8192
# Of a covariance matrix half is computed, tile by tile: what the diagonal and the last tiles have
# too much is less where tiles are small.
_MAX_SQUARE = {"cpu": 1024}


# Training samples up to which a float32 factor is computed in float64. Refined it takes 0.074 in
# place of 0.056 s at n = 1,000, 0.85 in place of 0.80 at 4,000, but 3.9 in place of 4.0 at 8,000.
_MAX_ROUNDED = 4096


def _pays_to_round(n_samples):
    """Tell whether a float32 factor is to be had from one in float64, the sooner."""
    return jax.default_backend() == "cpu" and n_samples <= _MAX_ROUNDED


@compiled
def _add_mean(mean, tile, alpha):
    return mean + jnp.matmul(tile, alpha, precision="highest")


def block_rows(gram, factor, n_rows):
    """Choose how many of `n_rows` pool rows go into a block within scikit-learn's memory."""
    # Each further block of columns has distances of its own.
    n_columns = (factor.n_tiles + 4 + 2 * gram.n_blocks) * factor.tile
    row_bytes = 24 * gram.n_features + 8 * n_columns  # features of two blocks, one prepared
    fitting = max(int(get_config()["working_memory"] * 2**20 // row_bytes), 16)
    limit = _MAX_BLOCK.get(jax.default_backend(), _MAX_BLOCK_ACCELERATOR)
    wanted = 1 << (max(n_rows, 16) - 1).bit_length()
    return min(limit, wanted, 1 << (fitting.bit_length() - 1))


def blocks(gram, factor, X, limit=None):
    """Yield (start, stop, padded device rows) for blocks of `X`, of `limit` rows at most."""
    n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
    height = block_rows(gram, factor, n_rows)
    if limit is not None:
        height = min(height, limit)
    for start in range(0, n_rows, height):
        stop = min(start + height, n_rows)
        yield start, stop, gram.rows(X, start, stop, height)


def _blocks_in_any_order(gram, factor, X):
    """Yield (places in the pool, their number, padded device rows)."""
    height = block_rows(gram, factor, X.shape[0] if hasattr(X, "shape") else len(X))
    for places in rare_first(gram, X, height):
        part = X[places]
        n_rows = part.shape[0] if hasattr(part, "shape") else len(part)
        yield places, n_rows, gram.rows(part, 0, n_rows, height)


def compute_blocks(gram, factor, X, compute):
    """Yield (places in the pool, host arrays) of blocks, from ``compute(device rows)``.

    While the device computes a block, the host prepares the rows of the next.
    """
    uploaded = _blocks_in_any_order(gram, factor, X)
    block = next(uploaded, None)
    while block is not None:
        places, n_rows, rows = block
        computed = compute(rows)
        del rows, block
        block = next(uploaded, None)
        yield places, [np.asarray(array)[:n_rows] for array in computed]


class ExactPosterior(DeviceState):
    """Cholesky factor and dual weights of a training set.

    Parameters
    ----------
    gram : CompiledGram or HostGram
        The kernel matrix of the training samples.
    y : ndarray of shape (n_samples, n_targets)
        Targets, normalised.
    dtype : dtype
        Of the factor. Kernel, dual weights and means are float64 in any case.
    cache : PoolCache, default=None
        Keeps what is known of pool rows.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the kernel matrix is not positive definite to the working precision, or a float32
        factor of it too inaccurate.
    """

    _device_attributes = ("whitened", "weights")

    def __init__(self, gram, y, dtype, cache=None):
        self.gram = gram
        self.fallback = None  # why a float32 factor was not good enough
        self.cache = cache
        self.factor = TiledCholesky(gram.tile, dtype)
        self.whitened = []
        self.extend(y)

    def extend(self, y):
        """Take up the samples that `gram` has gained, and new targets for all of them."""
        exact = self.factor.dtype == np.float64
        round_later = (
            not exact and self.factor.n_samples == 0 and _pays_to_round(self.gram.n_samples)
        )
        factor = TiledCholesky(self.gram.tile, np.float64) if round_later else self.factor
        by_solution = exact or round_later
        training_tile = self.gram.training_tile if by_solution else remember_tiles(self.gram)
        # Alg. 2.1, page 19, line 2 -> L = cholesky(K + sigma^2 I)
        factor.extend(training_tile, self.gram.n_samples)
        # line 3 -> alpha = L^T \ (L \ y)
        old = self.whitened
        if by_solution:
            self.whitened = factor.solve_forward(split_tiles(y, self.gram.tile, np.float64))
            self.weights = factor.solve_backward(self.whitened)
        else:
            self.weights = refine(self, y, training_tile)
        if round_later:
            self.factor = narrow(self.gram, factor)
        if not exact:
            self.whitened = self.factor.whiten(self.weights)
        # A tile that did not change stays the same object: the cache has nothing to do for it.
        for j, tile in enumerate(old[: len(self.whitened)]):
            if np.array_equal(tile, self.whitened[j]):
                self.whitened[j] = tile

    def fork(self):
        """Copy, so that the copy can be extended and this one stays what it is."""
        twin = copy.copy(self)
        # Their lists are replaced when they grow, never appended to.
        twin.gram, twin.factor = copy.copy(self.gram), copy.copy(self.factor)
        twin.cache = None if self.cache is None else self.cache.fork()
        return twin

    def log_likelihood(self):
        """Compute the log marginal likelihood of the targets."""
        return self.factor.log_likelihood(self.whitened)

    @property
    def alpha(self):
        """Dual weights on the host, shape (n_samples, n_targets)."""
        return join_tiles(self.weights, self.gram.n_samples)

    def predict(self, X, return_var):
        """Predict mean and, if asked, variance.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or list of object
            Pool.
        return_var : bool
            Whether to compute the variance.

        Returns
        -------
        mean : ndarray of shape (n_rows, n_targets), dtype float64
            Posterior mean, on the scale of the normalised targets.
        variance : ndarray of shape (n_rows,), dtype float64, or None
            Posterior variance of a normalised target. Rounding may leave it below zero.
        """
        n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
        mean = np.empty((n_rows, self.weights[0].shape[1]))
        variance = np.empty(n_rows) if return_var else None
        wanted = [mean, variance] if return_var else [mean]

        def compute(rows):
            return self.predict_block(rows, return_var)[: len(wanted)]

        for places, computed in compute_blocks(self.gram, self.factor, X, compute):
            for whole, part in zip(wanted, computed, strict=True):
                whole[places] = part
        return mean, variance

    def predict_block(self, rows, return_var, solved=None):
        """Predict for one block of device rows; append its partial solves to `solved`."""
        mean = np.zeros(())

        def kernel_tile(j):
            # Alg. 2.1, page 19, line 4 -> f*_bar = K(X_test, X_train) . alpha
            nonlocal mean
            tile = self.gram.cross_tile(rows, j)
            mean = _add_mean(mean, tile, self.weights[j])
            return tile

        if not return_var:
            for j in range(self.factor.n_tiles):
                kernel_tile(j)
            return mean, None
        # lines 5 and 6 -> v = L \ K(X_test, X_train)^T, variance = k(x, x) - v^T v
        variance = self.gram.diagonal(rows)
        for part in self.factor.solve_rows(kernel_tile):
            variance = subtract_squares(variance, part)
            if solved is not None:
                solved.append(part)
        return mean, variance

    def covariance(self, X):
        """Compute mean, shape (n_rows, n_targets), and covariance, shape (n_rows, n_rows)."""
        n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
        mean = np.empty((n_rows, self.weights[0].shape[1]))
        covariance = np.empty((n_rows, n_rows))
        limit, done = _MAX_SQUARE.get(jax.default_backend()), []
        for start, stop, rows in blocks(self.gram, self.factor, X, limit):
            solved = []
            block_mean = np.asarray(self.predict_block(rows, True, solved)[0])
            mean[start:stop] = block_mean[: stop - start]
            done.append((start, stop, rows, solved))
            for other_start, other_stop, other_rows, other in done:
                block = self.gram.self_tile(other_rows, rows, start - other_start)
                block = subtract_products(block, other, solved, self.factor.max_terms)
                block = np.asarray(block)[: other_stop - other_start, : stop - start]
                covariance[other_start:other_stop, start:stop] = block
                covariance[start:stop, other_start:other_stop] = block.T
        return mean, covariance


def make_posterior(kernel, gram, y, dtype, cache):
    """Fit with a factor in `dtype`, or in float64 where float32 is not accurate enough.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the kernel matrix is not positive definite in float64 either.
    """
    reason = None
    try:
        if dtype != "float64":
            try:
                return ExactPosterior(gram, y, dtype, cache)
            except np.linalg.LinAlgError as error:
                reason = str(error)
        posterior = ExactPosterior(gram, y, np.float64, cache)
    except np.linalg.LinAlgError as error:
        raise np.linalg.LinAlgError(
            f"The kernel, {kernel}, is not returning a positive definite matrix. Try gradually "
            "increasing the 'alpha' parameter of your GaussianProcessRegressor estimator. "
            f"({error})"
        ) from error
    posterior.fallback = reason
    return posterior
