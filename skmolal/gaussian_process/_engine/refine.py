"""Make a float32 factor safe: solve in float64 with it, and check it.

On a CPU, where products in float64 are fast, the factor of up to some thousand samples is computed
in float64 and rounded: that takes less time than to refine what a float32 factor has found.

Otherwise the factor serves as preconditioner of conjugate gradients on the float64 kernel matrix,
which is computed tile by tile [1]_. The solution for the targets gives the dual weights; those for
a few training samples give reference variances, against which the factor's own are checked.

References
----------
.. [1] Y. Saad, "Iterative Methods for Sparse Linear Systems", 2nd ed., SIAM (2003), alg. 9.1,
   doi:10.1137/1.9780898718003.
"""

from functools import partial

import jax.numpy as jnp
import numpy as np
from sklearn import get_config

from skmolal.gaussian_process._engine.compilation import compiled
from skmolal.gaussian_process._engine.factor import split_tiles, subtract_squares

__all__ = ["PrecisionError", "narrow", "refine", "remember_tiles"]

_TOLERANCE = 1e-6  # of the residual, relative to the right-hand side
_MAX_ITERATIONS = 12
_N_PROBES = 16
_STD_TOLERANCE = 1e-4  # of a std, relative to the prior std


class PrecisionError(np.linalg.LinAlgError):
    """The float32 factor is not accurate enough."""


@compiled
def _multiply(acc, tile, x):
    return acc + jnp.matmul(tile, x, precision="highest")


@compiled
def _multiply_transposed(acc, tile, x):
    return acc + jnp.matmul(tile.T, x, precision="highest")


@compiled
def _column_dot(left, right):
    return sum(jnp.sum(a * b, axis=0) for a, b in zip(left, right, strict=True))


def remember_tiles(gram):
    """Make ``gram.training_tile`` keep whole tiles, as many as fit into scikit-learn's memory.

    The factor and the products of the refinement ask for the same tiles: at n = 4,000 computing
    them once saves a quarter of a fit.
    """
    n_left = int(get_config()["working_memory"] * 2**20 // (8 * gram.tile**2))
    kept = {}

    def training_tile(i, offset, height, j):
        if height < gram.tile:
            return gram.training_tile(i, offset, height, j)
        if (i, j) in kept:
            return kept[i, j]
        matrix = gram.training_tile(i, offset, height, j)
        if len(kept) < n_left:
            kept[i, j] = matrix
        return matrix

    return training_tile


def _multiply_matrix(training_tile, tile, x):
    """Multiply the training matrix in float64 with tiles of columns."""
    result = [jnp.zeros_like(part) for part in x]
    for i in range(len(x)):
        for j in range(i + 1):
            matrix = training_tile(i, 0, tile, j)
            result[i] = _multiply(result[i], matrix, x[j])
            if j < i:
                result[j] = _multiply_transposed(result[j], matrix, x[i])
    return result


def refine(posterior, y, training_tile):
    """Solve for the dual weights in float64 and check the factor.

    Parameters
    ----------
    posterior : ExactPosterior
        With a float32 factor.
    y : ndarray of shape (n_samples, n_targets)
        Targets, normalised.
    training_tile : callable
        As :func:`remember_tiles` returns it.

    Returns
    -------
    weights : list of array of shape (tile, n_targets), dtype float64
        Dual weights.

    Raises
    ------
    PrecisionError
        If the residual cannot be made small, or if predicted stds of training samples are off by
        more than 1e-4 of the prior std.
    """
    gram, factor = posterior.gram, posterior.factor
    rows = _probes(gram)
    columns = [gram.cross_tile(rows, j).T for j in range(factor.n_tiles)]
    right = [
        jnp.concatenate([a, b], axis=1)
        for a, b in zip(split_tiles(y, gram.tile, np.float64), columns, strict=True)
    ]
    multiply = partial(_multiply_matrix, training_tile, gram.tile)
    solution = _conjugate_gradients(multiply, factor, right)
    n_targets = y.shape[1]
    explained = _column_dot(columns, [part[:, n_targets:] for part in solution])
    _check_stds(gram, factor, rows, gram.diagonal(rows) - explained)
    return [part[:, :n_targets] for part in solution]


def narrow(gram, wide):
    """Round a float64 factor to float32, and check what is left of it.

    Parameters
    ----------
    gram : CompiledGram or HostGram
        The kernel matrix of the training samples.
    wide : TiledCholesky
        Its factor.

    Returns
    -------
    factor : TiledCholesky
        The same in float32.

    Raises
    ------
    PrecisionError
        If predicted stds of training samples are off by more than 1e-4 of the prior std.
    """
    factor, rows = wide.rounded(np.float32), _probes(gram)
    _check_stds(gram, factor, rows, _variance(gram, wide, rows))
    return factor


def _probes(gram):
    """Take a few training samples as rows of a pool."""
    n_probes = min(_N_PROBES, gram.n_samples)
    probes = np.unique(np.linspace(0, gram.n_samples - 1, n_probes).astype(int))
    return gram.rows(gram.X[probes], 0, len(probes), len(probes))


def _variance(gram, factor, rows):
    variance = gram.diagonal(rows)
    for part in factor.solve_rows(partial(gram.cross_tile, rows)):
        variance = subtract_squares(variance, part)
    return variance


def _check_stds(gram, factor, rows, expected):
    prior = np.sqrt(np.asarray(gram.diagonal(rows)))
    found, expected = (
        np.sqrt(np.clip(np.asarray(variance), 0, None))
        for variance in (_variance(gram, factor, rows), expected)
    )
    if not np.all(abs(found - expected) <= _STD_TOLERANCE * prior):
        raise PrecisionError(
            f"predicted stds are off by up to {np.nanmax(abs(found - expected) / prior):.1e} of "
            "the prior std"
        )


def _conjugate_gradients(multiply, factor, right):
    def precondition(x):
        return factor.solve_backward(factor.solve_forward(x))

    scale = jnp.maximum(_column_dot(right, right), np.finfo(np.float64).tiny)
    solution = [jnp.zeros_like(part) for part in right]
    residual, direction, old = right, None, None
    for _ in range(_MAX_ITERATIONS):
        preconditioned = precondition(residual)
        new = _column_dot(residual, preconditioned)
        if direction is None:
            direction = preconditioned
        else:
            ratio = jnp.where(old > 0, new / jnp.where(old > 0, old, 1.0), 0.0)
            direction = [
                z + ratio[None, :] * p for z, p in zip(preconditioned, direction, strict=True)
            ]
        image = multiply(direction)
        curvature = _column_dot(direction, image)
        step = jnp.where(curvature > 0, new / jnp.where(curvature > 0, curvature, 1.0), 0.0)
        solution = [x + step[None, :] * p for x, p in zip(solution, direction, strict=True)]
        residual = [r - step[None, :] * q for r, q in zip(residual, image, strict=True)]
        old = new
        worst = float(jnp.max(_column_dot(residual, residual) / scale)) ** 0.5
        if worst <= _TOLERANCE:
            return solution
    raise PrecisionError(f"the residual of the dual weights stays at {worst:.1e}")
