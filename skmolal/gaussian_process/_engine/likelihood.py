"""The log marginal likelihood of a Gaussian process, and its gradient."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import cho_solve, cholesky

from skmolal.gaussian_process._engine.blocks import Blocks
from skmolal.gaussian_process._engine.distances import product
from skmolal.gaussian_process._engine.factor import TiledCholesky, choose_tile, split_tiles
from skmolal.gaussian_process._engine.kernels import evaluate, statistics

__all__ = ["CompiledLikelihood", "host_likelihood"]


@partial(jax.jit, static_argnames="spec")
def _statistics(spec, left, right, row, column):
    rows = (row + jnp.arange(left[0].values.shape[0]))[:, None]
    columns = (column + jnp.arange(right[0].values.shape[0]))[None, :]
    return statistics(spec, left, right, rows == columns)


@partial(jax.jit, static_argnames="spec")
def _matrix_tile(spec, values, stats, noise, n_rows, n_columns):
    tile = evaluate(spec, values, stats)
    inside = (jnp.arange(tile.shape[0]) < n_rows)[:, None] & (
        jnp.arange(tile.shape[1]) < n_columns
    )[None, :]
    return jnp.where(inside, tile, 0.0) + jnp.where(stats.eye, noise[:, None], 0.0)


@partial(jax.jit, static_argnames="spec")
def _tile_gradient(spec, values, stats, left_alpha, right_alpha, inverse, n_rows, n_columns):
    n_targets = left_alpha.shape[1]
    weights = product(left_alpha, right_alpha) - n_targets * inverse
    inside = (jnp.arange(weights.shape[0]) < n_rows)[:, None] & (
        jnp.arange(weights.shape[1]) < n_columns
    )[None, :]
    _, pull_back = jax.vjp(lambda v: evaluate(spec, v, stats), values)
    return pull_back(jnp.where(inside, weights, 0.0))[0]


@jax.jit
def _add_product(acc, left, right):
    return acc + jnp.matmul(left.T, right, precision="highest")


class CompiledLikelihood:
    """Log marginal likelihood of one training set as a function of the hyperparameters.

    Squared distances and inner products are computed here, once. Always float64: an optimiser
    cannot follow the rounding errors of float32.

    Parameters
    ----------
    parsed : ParsedKernel
        Its hyperparameters do not matter.
    X : ndarray or CSR of shape (n_samples, n_features)
        Training samples.
    y : ndarray of shape (n_samples, n_targets)
        Targets, normalised.
    noise : ndarray of shape (n_samples,)
        Added to the diagonal of the kernel matrix.
    """

    def __init__(self, parsed, X, y, noise):
        self.spec = spec = parsed.spec
        self.n_samples, self.n_targets = y.shape
        self.tile = tile = choose_tile(self.n_samples)
        self.y = split_tiles(y, tile, np.float64)
        self.noise = split_tiles(noise, tile, np.float64, fill=1.0)
        blocks = Blocks(parsed, X)
        features = [
            blocks.features(X, start, min(start + tile, self.n_samples), tile)
            for start in range(0, self.n_samples, tile)
        ]
        self.statistics = [
            [_statistics(spec, features[i], features[j], i * tile, j * tile) for j in range(i + 1)]
            for i in range(len(features))
        ]

    def _size(self, i):
        return self.n_samples - i * self.tile

    def __call__(self, values, eval_gradient):
        """Evaluate at hyperparameters `values`.

        Parameters
        ----------
        values : ndarray of shape (n_values,)
            As :func:`parse_kernel` returns them.
        eval_gradient : bool
            Whether to compute the gradient.

        Returns
        -------
        likelihood : float
            Summed over targets; -inf where the kernel matrix is not positive definite.
        gradient : ndarray of shape (n_values,) or None
            With respect to the logarithms of `values`.
        """
        values = jnp.asarray(values, dtype=jnp.float64)

        def kernel_tile(i, offset, height, j):
            return _matrix_tile(
                self.spec,
                values,
                self.statistics[i][j],
                self.noise[i],
                self._size(i),
                self._size(j),
            )

        factor = TiledCholesky(self.tile, np.float64)
        try:
            factor.extend(kernel_tile, self.n_samples)
        except np.linalg.LinAlgError:
            return -np.inf, np.zeros(len(values)) if eval_gradient else None
        whitened = factor.solve_forward(self.y)
        likelihood = factor.log_likelihood(whitened)
        if not eval_gradient:
            return likelihood, None
        alpha = factor.solve_backward(whitened)
        inverse_rows = [factor.inverse_rows(i) for i in range(factor.n_tiles)]
        gradient = jnp.zeros_like(values)
        for i in range(factor.n_tiles):
            for j in range(i + 1):
                # K^-1 = L^-T L^-1; row block i of L^-T starts at tile i.
                inverse = jnp.zeros((self.tile, self.tile))
                for left, right in zip(inverse_rows[i], inverse_rows[j][i - j :], strict=True):
                    inverse = _add_product(inverse, left.T, right.T)
                # Eq. 5.9, p. 114: 0.5 tr((alpha alpha^T - K^-1) dK), off-diagonal tiles twice
                gradient = gradient + (0.5 if i == j else 1.0) * _tile_gradient(
                    self.spec,
                    values,
                    self.statistics[i][j],
                    alpha[i],
                    alpha[j],
                    inverse,
                    self._size(i),
                    self._size(j),
                )
        return likelihood, np.asarray(gradient * values)


def host_likelihood(kernel, X, y, noise, eval_gradient):
    """Evaluate the log marginal likelihood through the kernel's own ``__call__``.

    Parameters
    ----------
    kernel : kernel instance
        With its hyperparameters.
    X : array-like or list of object
        Training samples.
    y : ndarray of shape (n_samples, n_targets)
        Targets, normalised.
    noise : ndarray of shape (n_samples,)
        Added to the diagonal of the kernel matrix.
    eval_gradient : bool
        Whether to compute the gradient.

    Returns
    -------
    likelihood : float
        Summed over targets; -inf where the kernel matrix is not positive definite.
    gradient : ndarray of shape (n_dims,) or None
        With respect to ``kernel.theta``.
    """
    if eval_gradient:
        K, K_gradient = kernel(X, eval_gradient=True)
    else:
        K = kernel(X)
    K = np.array(K, dtype=np.float64)
    K[np.diag_indices_from(K)] += noise
    try:
        L = cholesky(K, lower=True, check_finite=False)
    except np.linalg.LinAlgError:
        return -np.inf, np.zeros_like(kernel.theta) if eval_gradient else None
    alpha = cho_solve((L, True), y, check_finite=False)
    n_samples, n_targets = y.shape
    likelihood = -0.5 * np.sum(y * alpha) - n_targets * (
        np.log(np.diag(L)).sum() + 0.5 * n_samples * np.log(2 * np.pi)
    )
    if not eval_gradient:
        return likelihood, None
    weights = alpha @ alpha.T - n_targets * cho_solve((L, True), np.eye(n_samples))
    return likelihood, 0.5 * np.einsum("ij,ijk->k", weights, K_gradient)
