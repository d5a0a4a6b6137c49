"""A Cholesky factor in square tiles, grown row by row.

Row block i of the factor of K is ``S_j = (K_ij - sum_l S_l L_jl^T) L_jj^-T`` for j < i and the
factor of ``K_ii - sum_l S_l S_l^T`` on the diagonal. The same recursion, applied to rows of
``K(X_pool, X_train)``, is the triangular solve that a predicted variance needs, so a fit is a
sequence of extensions and a prediction is an extension without the diagonal. All work beyond the
diagonal tiles is matrix products of one shape: nothing is compiled again when the training set
grows, and only the lower half is stored.

On 2 cores with AVX-512 XLA's products of 512 x 512 tiles ran at 430 (float32) and 215 (float64)
GFLOP/s, against 240 and 120 for OpenBLAS, 166 and 90 for LAPACK's Cholesky, and 105 and 57 for
XLA's own: hence products throughout, on every device. In a float32 factor the tiles beyond the
diagonal and their products are float32; sums, diagonal tiles and their inverses, whose condition
multiplies rounding errors, are float64.
"""

from functools import partial
from math import gcd

import jax
import jax.numpy as jnp
import numpy as np

from skmolal.gaussian_process._engine.compilation import compiled
from skmolal.gaussian_process._engine.distances import product
from skmolal.gaussian_process._engine.host import factor_block, single_threaded_blas
from skmolal.gaussian_process._engine.precision import DeviceState, put

__all__ = [
    "TiledCholesky",
    "choose_tile",
    "join_tiles",
    "pad_tiles",
    "split_tiles",
    "subtract_product",
    "subtract_products",
    "subtract_squares",
]

# Products per call: fewer passes over what they are subtracted from, still few temporaries. Two
# at a time save 5% of a prediction at n = 4,000, and are compiled for large tiles alone.
_GROUPS, _GROUPS_OF_SMALL = (4, 2, 1), (4, 1)
_LARGE = 8192  # samples of a factor
# Terms of a float32 sum on a CPU, in small and in large factors; such sums are added in float64. At
# n = 12,000 stds are off by 2.3e-5 of the prior std at most, by 3.8e-5 with sums of 512.
_LONG_SUM, _SHORT_SUM = 512, 256
# Large tiles: their products with a triangle are done by halves, a tenth of a prediction at
# n = 4,000.
_HALVED = 256
_SMALL = 64  # factored column by column
_SLOW_GROWTH = 2048  # samples up to which a factor is expected to grow by few at a time
_STEPS = (16, 128)  # heights of partial extensions, besides a whole tile


def choose_tile(n_samples, dtype="float64", grows=False):
    """Choose the side of a tile for `n_samples` training samples, or at least twice as many.

    Tiles of 1,024 save 7% of a float64 fit to 12,000 samples, and cost 9% of a float32 one. Below,
    tiles of 576 save 5% of a float64 prediction at n = 4,000 with AVX2, and cost what they pad.
    Few samples more are computed with all columns of the last tile: tiles of 256 save 10% of a loop
    from 500 to 1,000.
    """
    if grows:
        n_samples = max(2 * n_samples, 512)
    if jax.default_backend() != "cpu":
        largest = 2048
    elif grows and n_samples <= _SLOW_GROWTH:
        largest = 256
    elif dtype == "float64" and n_samples > _LARGE:
        largest = 1024
    elif dtype == "float64" and n_samples > 512:
        return min((576, 512), key=lambda side: -(-n_samples // side) * side)
    else:
        largest = 512
    return int(min(largest, max(16, 1 << (max(n_samples, 1) - 1).bit_length())))


def pad_tiles(array, tile, dtype, fill=0.0):
    """Cut a host array of shape (n, ...) into tiles of `tile` rows, padded by `fill`."""
    tiles = []
    for start in range(0, len(array), tile):
        part = array[start : start + tile]
        padded = np.full((tile, *array.shape[1:]), fill, dtype=dtype)
        padded[: len(part)] = part
        tiles.append(padded)
    return tiles


def split_tiles(array, tile, dtype, fill=0.0):
    """Put tiles on the device; see :func:`pad_tiles`."""
    return put(pad_tiles(array, tile, dtype, fill))


def join_tiles(tiles, n_samples):
    """Undo :func:`split_tiles`: one host array without the padding."""
    return np.concatenate([np.asarray(tile) for tile in tiles])[:n_samples]


_matmul = partial(jnp.matmul, precision="highest")


def subtract_product(acc, left, right, max_terms=_LONG_SUM):
    """Compute ``acc - left @ right.T``, float32 sums of `max_terms` at most; to be compiled."""
    n_terms = left.shape[1]
    exact = left.dtype == jnp.float64 or jax.default_backend() != "cpu"
    step = n_terms if exact else min(n_terms, max_terms)
    for start in range(0, n_terms, step):
        acc = acc - product(left[:, start : start + step], right[:, start : start + step])
    return acc


@partial(compiled, static_argnames=("max_terms",))
def _subtract(acc, lefts, rights, max_terms):
    for left, right in zip(lefts, rights, strict=True):
        acc = subtract_product(acc, left, right, max_terms)
    return acc


def subtract_products(acc, lefts, rights, max_terms):
    """Compute ``acc - sum(left @ right.T)`` over pairs of tiles, `max_terms` of their factor."""
    groups = _GROUPS if acc.shape[1] >= _HALVED else _GROUPS_OF_SMALL
    start = 0
    while start < len(lefts):
        stop = start + next(size for size in groups if size <= len(lefts) - start)
        acc = _subtract(acc, lefts[start:stop], rights[start:stop], max_terms)
        start = stop
    return acc


@compiled
def subtract_squares(variance, solved):
    """Compute ``variance - sum(solved**2)`` over columns, in the type of `variance`."""
    solved = solved.astype(variance.dtype)
    return variance - jnp.sum(solved * solved, axis=1)


@partial(compiled, static_argnames=("dtype",))
def _solve(acc, inverse, dtype):
    """Compute ``acc @ inverse.T`` for a lower triangular `inverse`."""
    tile = inverse.shape[0]
    if tile < _HALVED:
        return product(acc, inverse).astype(dtype)
    half = tile // 2
    first = product(acc[:, :half], inverse[:half, :half])  # the rest of these rows is zero
    return jnp.concatenate([first, product(acc, inverse[half:])], axis=1).astype(dtype)


@compiled
def _set_rows(tile, rows, start):
    return jax.lax.dynamic_update_slice(tile, rows, (start, 0))


def _factor_small(matrix):
    """Cholesky factor and its inverse, column by column; NaN where it does not exist.

    LAPACK is no faster at this size, and its threads and XLA's wait for each other: up to 0.1 s a
    call where other processes compute.
    """
    index = jnp.arange(matrix.shape[0])

    def column(k, state):
        factor, inverse = state
        rest = matrix[:, k] - _matmul(factor, factor[k])
        pivot = jnp.sqrt(rest[k])
        row = (jnp.where(index == k, 1.0, 0.0) - _matmul(factor[k], inverse)) / pivot
        return (
            factor.at[:, k].set(jnp.where(index >= k, rest / pivot, 0.0)),
            inverse.at[k].set(row.astype(matrix.dtype)),
        )

    zeros = jnp.zeros_like(matrix)
    return jax.lax.fori_loop(0, len(matrix), column, (zeros, zeros))


@compiled
def _append_diagonal(diagonal, inverse, rows, start):
    """Factor the rows of a diagonal tile from `start` on; rows before are factored already."""
    tile = rows.shape[1]
    step = gcd(rows.shape[0], _SMALL)
    fine = True
    for offset in range(0, rows.shape[0], step):
        first = start + offset
        part = rows[offset : offset + step]
        before = (jnp.arange(tile) < first)[None, :]
        known = jnp.where(before, product(jnp.where(before, part, 0.0), inverse), 0.0)
        block = jax.lax.dynamic_slice(part, (0, first), (step, step)) - product(known, known)
        new, new_inverse = _factor_small(block)
        left = -_matmul(new_inverse, _matmul(known, inverse))
        place = partial(jax.lax.dynamic_update_slice, start_indices=(0, first))
        diagonal = _set_rows(diagonal, place(known, new), first)
        inverse = _set_rows(inverse, place(left, new_inverse), first)
        fine &= jnp.all(jnp.isfinite(new_inverse))
    return diagonal, inverse, fine


def _factor_by_lapack(matrix):
    """Factor a whole diagonal tile on the host: 512 rows in 5 ms, by :func:`_append_diagonal` 40.

    Called while no compiled function runs: threads of BLAS and of XLA would wait for each other.
    """
    try:
        with single_threaded_blas():
            factor, inverse = factor_block(np.asarray(matrix))
    except np.linalg.LinAlgError:
        return None, None, False
    return *put((factor, inverse)), True


@compiled
def _subtract_forward(acc, tile, x):
    return acc - _matmul(tile, x)


def _multiply_transposed(tile, x):
    """Compute ``tile.T @ x``; of one column as written XLA makes ten times the time."""
    return jax.lax.dot_general(x, tile, (((0,), (0,)), ((), ())), precision="highest").T


@compiled
def _subtract_backward(acc, tile, x):
    return acc - _multiply_transposed(tile, x)


@compiled
def _forward(inverse, acc):
    return _matmul(inverse, acc)


@compiled
def _backward(inverse, acc):
    return _multiply_transposed(inverse, acc)


def _max_terms(dtype, n_samples):
    return _SHORT_SUM if dtype == np.float32 and n_samples > _LARGE else _LONG_SUM


def partial_steps(start, stop, tile):
    """Cut the rows ``start`` to ``stop`` into (row block, offset, height) of few fixed heights.

    A cut may begin before `start`, near the end of a tile, or end after `stop`.
    """
    while start < stop:
        block, offset = divmod(start, tile)
        wanted = min(stop - start, tile - offset)
        height = next((step for step in _STEPS if wanted <= step <= tile), tile)
        yield block, min(offset, tile - height), height
        start += wanted


class TiledCholesky(DeviceState):
    """Lower Cholesky factor of a matrix that is asked for tile by tile.

    Parameters
    ----------
    tile : int
        Side of a tile, a power of two or a multiple of 16.
    dtype : dtype
        Of the factor.

    Attributes
    ----------
    n_samples : int
        Order of the factor. The last tiles are padded with the identity.
    rows : list of list of array of shape (tile, tile)
        ``rows[i][j]`` is tile (i, j) of the factor, j <= i.
    inverses : list of array of shape (tile, tile)
        Inverses of the diagonal tiles.
    """

    _device_attributes = ("rows", "inverses")

    def __init__(self, tile, dtype):
        self.tile = tile
        self.dtype = np.dtype(dtype)
        self.n_samples = 0
        self.rows = []
        self.inverses = []

    def extend(self, kernel_tile, n_samples):
        """Grow the factor to order `n_samples`.

        Parameters
        ----------
        kernel_tile : callable
            ``kernel_tile(i, offset, height, j)`` gives `height` rows, from `offset` on, of tile
            (i, j) of the matrix; the identity where row or column reaches beyond `n_samples`.
        n_samples : int
            The new order.

        Raises
        ------
        numpy.linalg.LinAlgError
            If the matrix is not positive definite to working precision. The factor is then
            unchanged.
        """
        rows, inverses = [list(row) for row in self.rows], list(self.inverses)
        max_terms = _max_terms(self.dtype, n_samples)
        for i, offset, height in partial_steps(self.n_samples, n_samples, self.tile):
            if i == len(rows):
                identity = np.eye(self.tile)
                zeros = np.zeros((self.tile, self.tile), self.dtype)
                rows.append([zeros] * i + [identity])
                inverses.append(identity)
            solved = []
            for j in range(i):
                acc = kernel_tile(i, offset, height, j)
                acc = subtract_products(acc, solved, rows[j][:j], max_terms)
                solved.append(_solve(acc, inverses[j], self.dtype))
                rows[i][j] = (
                    solved[j] if height == self.tile else _set_rows(rows[i][j], solved[j], offset)
                )
            acc = kernel_tile(i, offset, height, i)
            acc = subtract_products(acc, solved, rows[i][:i], max_terms)
            if height == self.tile and jax.default_backend() == "cpu":
                rows[i][i], inverses[i], fine = _factor_by_lapack(acc)
            else:
                rows[i][i], inverses[i], fine = _append_diagonal(
                    rows[i][i], inverses[i], acc, offset
                )
            if not fine:
                raise np.linalg.LinAlgError(
                    f"the matrix is not positive definite near row {i * self.tile + offset}"
                )
        self.rows, self.inverses, self.n_samples = rows, inverses, n_samples

    def rounded(self, dtype):
        """Return the factor with tiles beyond the diagonal in another type."""
        twin = TiledCholesky(self.tile, dtype)
        twin.n_samples, twin.inverses = self.n_samples, self.inverses
        twin.rows = [[*(tile.astype(dtype) for tile in row[:-1]), row[-1]] for row in self.rows]
        return twin

    @property
    def n_tiles(self):
        """Number of row blocks."""
        return len(self.rows)

    @property
    def max_terms(self):
        """Terms of a float32 sum."""
        return _max_terms(self.dtype, self.n_samples)

    def solve_rows(self, kernel_tile):
        """Yield the tiles of ``K L^-T`` for a block of rows of K, in order.

        Parameters
        ----------
        kernel_tile : callable
            ``kernel_tile(j)`` gives the columns of tile j, shape (n_rows, tile).
        """
        solved = []
        for j in range(self.n_tiles):
            solved.append(self.solve_next(kernel_tile(j), solved))
            yield solved[j]

    def solve_next(self, kernel_tile, solved):
        """Compute the tile of ``K L^-T`` that follows those `solved`, from that of K."""
        j = len(solved)
        acc = subtract_products(kernel_tile, solved, self.rows[j][:j], self.max_terms)
        return _solve(acc, self.inverses[j], self.dtype)

    def solve_forward(self, y):
        """Solve ``L w = y`` for tiles `y` of shape (tile, n_targets)."""
        w = []
        for i in range(self.n_tiles):
            acc = y[i]
            for j in range(i):
                acc = _subtract_forward(acc, self.rows[i][j], w[j])
            w.append(_forward(self.inverses[i], acc))
        return w

    def solve_backward(self, w):
        """Solve ``L^T alpha = w`` for tiles `w` of shape (tile, n_targets)."""
        alpha = [None] * self.n_tiles
        for i in reversed(range(self.n_tiles)):
            acc = w[i]
            for j in range(i + 1, self.n_tiles):
                acc = _subtract_backward(acc, self.rows[j][i], alpha[j])
            alpha[i] = _backward(self.inverses[i], acc)
        return alpha

    def whiten(self, alpha):
        """Compute ``L^T alpha`` for float64 tiles `alpha`, in float64."""
        whitened = []
        for i in range(self.n_tiles):
            acc = jnp.zeros_like(alpha[i])
            for j in range(i, self.n_tiles):
                acc = _subtract_backward(acc, self.rows[j][i].astype(jnp.float64), alpha[j])
            whitened.append(-acc)
        return whitened

    def inverse_rows(self, i):
        """Compute row block i of ``L^-T``: a list of tiles i, i+1, ..., all before are zero."""
        solved = [self.inverses[i].T.astype(self.dtype)]
        for j in range(i + 1, self.n_tiles):
            acc = jnp.zeros(solved[0].shape)
            acc = subtract_products(acc, solved, self.rows[j][i:j], self.max_terms)
            solved.append(_solve(acc, self.inverses[j], self.dtype))
        return solved

    def log_likelihood(self, whitened):
        """Compute the log marginal likelihood of the targets from :meth:`solve_forward`."""
        # Alg. 2.1, page 19, line 7, with y^T alpha = |L^-1 y|^2
        squares = sum(np.vdot(w, w) for w in map(np.asarray, whitened))
        half_determinant = sum(
            np.log(np.diagonal(row[-1]), dtype=np.float64).sum() for row in self.rows
        )
        constant = half_determinant + 0.5 * self.n_samples * np.log(2 * np.pi)
        return -0.5 * squares - whitened[0].shape[1] * constant

    def to_dense(self):
        """Assemble the factor as one host array of shape (n_samples, n_samples)."""
        dense = np.zeros((self.n_samples, self.n_samples), dtype=self.dtype)
        for i, row in enumerate(self.rows):
            a = i * self.tile
            for j, tile in enumerate(row):
                b = j * self.tile
                part = dense[a : a + self.tile, b : b + self.tile]
                part[...] = np.asarray(tile)[: part.shape[0], : part.shape[1]]
        return dense
