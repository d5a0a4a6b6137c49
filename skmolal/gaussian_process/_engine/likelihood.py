"""The log marginal likelihood of a Gaussian process, and its gradient."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

from skmolal.gaussian_process._engine.blocks import Blocks
from skmolal.gaussian_process._engine.compilation import compiled
from skmolal.gaussian_process._engine.distances import product
from skmolal.gaussian_process._engine.factor import TiledCholesky, pad_tiles, split_tiles
from skmolal.gaussian_process._engine.host import HostCholesky, single_threaded_blas
from skmolal.gaussian_process._engine.kernels import evaluate, statistics

__all__ = ["CompiledLikelihood", "HostLikelihood"]

_TILE = 512


@partial(compiled, static_argnames=("spec",))
def _statistics(spec, left, right, row, column):
    rows = (row + jnp.arange(left[0].values.shape[0]))[:, None]
    columns = (column + jnp.arange(right[0].values.shape[0]))[None, :]
    return statistics(spec, left, right, rows == columns)


@partial(compiled, static_argnames=("spec",))
def _matrix_tile(spec, values, stats, noise, n_rows, n_columns):
    tile = evaluate(spec, values, stats)
    inside = (jnp.arange(tile.shape[0]) < n_rows)[:, None] & (
        jnp.arange(tile.shape[1]) < n_columns
    )[None, :]
    return jnp.where(inside, tile, 0.0) + jnp.where(stats.eye, noise[:, None], 0.0)


@partial(compiled, static_argnames=("spec",))
def _tile_gradient(spec, values, stats, left_alpha, right_alpha, inverse, below, n_rows):
    """Sum ``(alpha alpha^T - K^-1) dK`` over the lower half of a tile, diagonal entries halved.

    `below` is the first row of the tile in the matrix less its first column; rows from `n_rows` on
    are padding.
    """
    n_targets = left_alpha.shape[1]
    weights = product(left_alpha, right_alpha) - n_targets * inverse
    rows, columns = jnp.arange(weights.shape[0])[:, None], jnp.arange(weights.shape[1])[None, :]
    share = jnp.where(rows + below > columns, 1.0, jnp.where(stats.eye, 0.5, 0.0))
    _, pull_back = jax.vjp(lambda v: evaluate(spec, v, stats), values)
    return pull_back(jnp.where((share > 0) & (rows < n_rows), share * weights, 0.0))[0]


def choose_side(n_samples):
    """Choose the side of the tiles of a likelihood of `n_samples` training samples.

    One tile, or two beside each other up to 1,024 samples, are as high as the samples, rounded up
    by an eighth at most, so that a training set that grows label by label is compiled for a few
    sizes alone. The upper one of four tiles is not computed: 7% of a search at n = 1,000.
    """
    if n_samples > 2 * _TILE:
        return _TILE
    n_rows = n_samples if n_samples <= _TILE else -(-n_samples // 2)
    step = max(16, 1 << max((n_rows - 1).bit_length() - 4, 0))
    return -(-n_rows // step) * step


class CompiledLikelihood:
    """Log marginal likelihood of one training set as a function of the hyperparameters.

    Squared distances and inner products are computed here, once; an evaluation is the kernel,
    tile by tile, and one Cholesky factorisation and inverse. Always float64: an optimiser cannot
    follow the rounding errors of float32.

    Parameters
    ----------
    parsed : ParsedKernel
        Values of its fixed hyperparameters are kept.
    X : ndarray or CSR of shape (n_samples, n_features)
        Training samples.
    y : ndarray of shape (n_samples, n_targets)
        Targets, normalised.
    noise : ndarray of shape (n_samples,)
        Added to the diagonal of the kernel matrix.
    """

    def __init__(self, parsed, X, y, noise):
        self.spec, self._values, self._free = parsed.spec, parsed.values, parsed.free
        self.n_samples = len(y)
        self.y = y
        self.tile = tile = choose_side(self.n_samples)
        self.noise = split_tiles(noise, tile, np.float64, fill=1.0)
        blocks = Blocks(parsed, X)
        features = [
            blocks.features(X, start, min(start + tile, self.n_samples), tile)
            for start in range(0, self.n_samples, tile)
        ]
        self.statistics = [
            [
                _statistics(self.spec, features[i], features[j], i * tile, j * tile)
                for j in range(i + 1)
            ]
            for i in range(len(features))
        ]
        self._matrix = None  # on the host, the same memory for all evaluations

    def _size(self, i):
        return self.n_samples - i * self.tile

    def _kernel_tile(self, values, i, j):
        return _matrix_tile(
            self.spec, values, self.statistics[i][j], self.noise[i], self._size(i), self._size(j)
        )

    def __call__(self, theta, eval_gradient):
        """Evaluate at hyperparameters `theta`.

        Parameters
        ----------
        theta : ndarray of shape (n_hyperparameters,)
            As ``kernel.theta``: logarithms of those that are not fixed.
        eval_gradient : bool
            Whether to compute the gradient.

        Returns
        -------
        likelihood : float
            Summed over targets; -inf where the kernel matrix is not positive definite.
        gradient : ndarray of shape (n_hyperparameters,) or None
            With respect to `theta`.
        """
        values = self._values.copy()
        values[self._free] = np.exp(theta)
        factor = _factor_on_host if jax.default_backend() == "cpu" else _factor_on_device
        try:
            likelihood, alpha, inverse_tile = factor(self, values, eval_gradient)
        except np.linalg.LinAlgError:
            return -np.inf, np.zeros(len(theta)) if eval_gradient else None
        if not eval_gradient:
            return likelihood, None
        parts = [
            _tile_gradient(
                self.spec,
                values,
                self.statistics[i][j],
                alpha[i],
                alpha[j],
                inverse_tile(i, j),
                (i - j) * self.tile,
                self._size(i),
            )
            for i in range(len(self.noise))
            for j in range(i + 1)
        ]
        # Eq. 5.9, p. 114: 0.5 tr((alpha alpha^T - K^-1) dK), by symmetry the sum of the lower half.
        gradient = sum(np.asarray(part) for part in parts) * np.asarray(values)
        return likelihood, gradient[self._free]


def _factor_on_host(problem, values, invert):
    """Factor and invert on the cores of a CPU.

    With its gradient an evaluation takes 20 ms at n = 1,000 and 0.73 s at 4,000; by products of
    tiles, as :func:`_factor_on_device`, 1.05 s at 4,000, and 0.66 s with AVX-512.
    """
    if problem._matrix is None:
        problem._matrix = np.empty((problem.n_samples, problem.n_samples))
    tile, matrix = problem.tile, problem._matrix
    for i in range(len(problem.noise)):
        for j in range(i + 1):
            block = np.asarray(problem._kernel_tile(values, i, j))
            part = matrix[i * tile : (i + 1) * tile, j * tile : (j + 1) * tile]
            part[...] = block[: part.shape[0], : part.shape[1]]
    with single_threaded_blas() as n_threads:
        factor = HostCholesky(matrix, n_threads)
        half = factor.half_log_determinant()
        likelihood = _log_likelihood(factor.whiten(problem.y), half)
        if not np.isfinite(likelihood):
            raise np.linalg.LinAlgError("the matrix is singular to working precision")
        if not invert:
            return likelihood, None, None
        alpha = factor.invert(problem.y)

    def inverse_tile(i, j):
        part = matrix[i * tile : (i + 1) * tile, j * tile : (j + 1) * tile]
        padded = np.zeros((tile, tile))
        padded[: part.shape[0], : part.shape[1]] = part
        return padded

    return likelihood, pad_tiles(alpha, tile, np.float64), inverse_tile


def _factor_on_device(problem, values, invert):
    """Factor and invert by matrix products of tiles, as a graphics processor likes them."""
    factor = TiledCholesky(problem.tile, np.float64)
    factor.extend(
        lambda i, offset, height, j: problem._kernel_tile(values, i, j), problem.n_samples
    )
    whitened = factor.solve_forward(split_tiles(problem.y, problem.tile, np.float64))
    likelihood = factor.log_likelihood(whitened)
    if not invert:
        return likelihood, None, None
    inverse_rows = [factor.inverse_rows(i) for i in range(factor.n_tiles)]

    def inverse_tile(i, j):
        # K^-1 = L^-T L^-1; row block i of L^-T starts at tile i.
        inverse = jnp.zeros((problem.tile, problem.tile))
        for left, right in zip(inverse_rows[i], inverse_rows[j][i - j :], strict=True):
            inverse = inverse + product(left, right)
        return inverse

    return likelihood, factor.solve_backward(whitened), inverse_tile


def _log_likelihood(whitened, half_log_determinant):
    """Compute the log marginal likelihood from the targets in units of the factor."""
    n_samples, n_targets = whitened.shape
    constant = half_log_determinant + 0.5 * n_samples * np.log(2 * np.pi)
    return -0.5 * np.sum(whitened**2) - n_targets * constant


class HostLikelihood:
    """Log marginal likelihood of one training set through the kernel's own ``__call__``.

    Parameters
    ----------
    kernel : kernel instance
        Cloned for each evaluation.
    X : array-like or list of object
        Training samples.
    y : ndarray of shape (n_samples, n_targets)
        Targets, normalised.
    noise : ndarray of shape (n_samples,)
        Added to the diagonal of the kernel matrix.
    """

    def __init__(self, kernel, X, y, noise):
        self.kernel, self.X, self.y, self.noise = kernel, X, y, noise

    def __call__(self, theta, eval_gradient):
        """Evaluate at hyperparameters `theta`; see :class:`CompiledLikelihood`."""
        kernel = self.kernel.clone_with_theta(theta)
        if eval_gradient:
            K, K_gradient = kernel(self.X, eval_gradient=True)
        else:
            K = kernel(self.X)
        K = np.array(K, dtype=np.float64)
        K[np.diag_indices_from(K)] += self.noise
        try:
            L = cholesky(K, lower=True, check_finite=False)
        except np.linalg.LinAlgError:
            return -np.inf, np.zeros(len(theta)) if eval_gradient else None
        whitened = solve_triangular(L, self.y, lower=True, check_finite=False)
        likelihood = _log_likelihood(whitened, np.log(np.diag(L)).sum())
        if not eval_gradient:
            return likelihood, None
        alpha = cho_solve((L, True), self.y, check_finite=False)
        inverse = cho_solve((L, True), np.eye(len(L)))
        weights = alpha @ alpha.T - self.y.shape[1] * inverse
        return likelihood, 0.5 * np.einsum("ij,ijk->k", weights, K_gradient)
