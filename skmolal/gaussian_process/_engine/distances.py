"""Squared distances whose zeros are exact and whose small values are right.

Kernels with a kink (Matern, ``nu=0.5``) and small noise amplify the error of a small distance
without limit, so a distance between equal rows has to be exactly zero, and one between nearly
equal rows right to a few digits. Only differences of features give that: scaled before they are
subtracted, equal features may differ, because compilers contract a product and a subtraction
into one operation that rounds once.

Up to 16 features all distances are summed from differences: relative to the distance, the error
is a few rounding errors. Beyond, ``|a|^2 + |b|^2 - 2 a.b`` costs one matrix product. Its absolute
error is a few rounding errors of ``|a|^2 + |b|^2``, whatever the distance, so pairs nearer than
1e-4 of their norms (1e-8 in squares) are summed from differences again. What is left has a
relative error of about 1e-8 in the worst case and of 1e-15 between unrelated samples; a distance
itself, not squared, is off by at most about 1e-12 of the norms. Features are centred for that
product, which costs them a rounding error of their norm.

Columns in which one side is zero throughout add nothing to that product. Descriptors have many: of
the MBTR of 4,000 molecules (QM9, 1,500 features) 284 columns are the same in all.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

__all__ = [
    "Features",
    "inner_products",
    "make_features",
    "needs_centre",
    "product",
    "scaled_squared_distances",
    "squared_distances",
]

_MAX_DIRECT_FEATURES = 16
_CLOSE = 1e-8  # squared distance, relative to the squared norms
_N_COLUMNS = 8  # close pairs of one row that are computed together


class Features(NamedTuple):
    """Centred features of some samples, with what every distance needs of them."""

    values: jax.Array  # (n, n_features)
    squared_norms: jax.Array  # (n,), of values and others
    others: jax.Array | None = None  # (n, n_others), further columns; None where all are zero


def product(left, right):
    """Multiply ``left @ right.T`` in full precision (GPUs would round float32 to TF32)."""
    return jax.lax.dot_general(left, right, (((1,), (1,)), ((), ())), precision="highest")


def needs_centre(n_features):
    """Tell whether distances keep more digits on centred features."""
    return n_features > _MAX_DIRECT_FEATURES


def inner_products(left, right):
    """Compute all inner products of two sets of samples, centred alike."""
    inner = product(left.values, right.values)
    if left.others is None or right.others is None:
        return inner
    return inner + product(left.others, right.others)


@jax.jit
def make_features(X, centre, n_samples=None, others=None, others_centre=None):
    """Centre the rows of `X` in float64; those from `n_samples` on are padding, set to zero.

    Padding at the centre is close to no sample, so nothing is summed again for it.
    """

    def shift(rows, centre):
        values = rows.astype(jnp.float64) - centre[None, :]
        if n_samples is not None:
            values = jnp.where((jnp.arange(X.shape[0]) < n_samples)[:, None], values, 0.0)
        return values, jnp.sum(values * values, axis=1)

    values, norms = shift(X, centre)
    if others is None:
        return Features(values, norms)
    others, rest = shift(others, others_centre)
    return Features(values, norms + rest, others)


def squared_distances(left, right, same):
    """Compute all squared distances between two sets of samples.

    Parameters
    ----------
    left, right : Features of shape (n_left, n_features) and (n_right, n_features)
        The two sets, centred alike.
    same : array of shape (n_left, n_right), dtype bool
        True where both sides are the same sample.

    Returns
    -------
    squares : array of shape (n_left, n_right)
        Zero for equal rows.
    """
    return _compute(left, right, same, None)[0]


@jax.custom_vjp
def scaled_squared_distances(length_scale, left, right, same):
    """Compute all squared distances with every feature divided by a length scale of its own.

    Parameters
    ----------
    length_scale : array of shape (n_features,)
        The only argument that has a gradient.
    left, right, same
        As for :func:`squared_distances`.

    Returns
    -------
    squares : array of shape (n_left, n_right)
        Zero for equal rows.
    """
    return _compute(left, right, same, length_scale)[0]


def _forward(length_scale, left, right, same):
    squares, close = _compute(left, right, same, length_scale)
    return squares, (length_scale, left, right, same, close)


def _backward(residuals, weights):
    """Sum ``weights_ij ((x_ik - x_jk) / l_k)**2`` over pairs: ``-l_k / 2`` times the gradient."""
    length_scale, left, right, same, close = residuals
    if not needs_centre(len(length_scale)):
        sums = jnp.stack(
            [
                jnp.sum(weights * _differences(left, right, k, length_scale) ** 2)
                for k in range(len(length_scale))
            ]
        )
        return -2.0 * sums / length_scale, None, None, None
    a, b = left.values / length_scale, right.values / length_scale
    far = jnp.where(same | close, 0.0, weights)
    sums = jnp.sum(far, axis=1) @ (a * a) + jnp.sum(far, axis=0) @ (b * b)
    sums -= 2.0 * jnp.sum(a * jnp.matmul(far, b, precision="highest"), axis=0)

    def add(sums, row, columns):
        near = weights[row].at[columns].get(mode="fill", fill_value=0.0)
        differences = _row_differences(left.values, right.values, row, columns)
        return sums + near @ (differences / length_scale) ** 2

    return -2.0 * _visit(close, add, sums) / length_scale, None, None, None


scaled_squared_distances.defvjp(_forward, _backward)


def _differences(left, right, k, length_scale):
    differences = left.values[:, k][:, None] - right.values[:, k][None, :]
    return differences if length_scale is None else differences / length_scale[k]


def _row_differences(left, right, row, columns):
    return left[row] - right.at[columns].get(mode="clip")


def _sum_others(left, right, row, columns):
    """Sum the squared differences of further columns; None is zero."""
    if left.others is None and right.others is None:
        return 0.0
    if right.others is None:
        return jnp.sum(left.others[row] ** 2)
    if left.others is None:
        return jnp.sum(right.others.at[columns].get(mode="clip") ** 2, axis=1)
    return jnp.sum(_row_differences(left.others, right.others, row, columns) ** 2, axis=1)


def _compute(left, right, same, length_scale):
    """Compute squared distances, and which of them had to be summed from differences."""
    n_features = left.values.shape[1]
    if not needs_centre(n_features):
        squares = jnp.zeros(same.shape, left.values.dtype)
        for k in range(n_features):
            squares += _differences(left, right, k, length_scale) ** 2
        return squares, None
    if length_scale is None:
        a, b = left, right
    else:
        a, b = (_scale(side, length_scale) for side in (left, right))
    size = a.squared_norms[:, None] + b.squared_norms[None, :]
    squares = size - 2.0 * inner_products(a, b)
    close = ~same & (squares < _CLOSE * size)

    def replace(squares, row, columns):
        differences = _row_differences(left.values, right.values, row, columns)
        if length_scale is not None:
            differences /= length_scale
        summed = jnp.sum(differences**2, axis=1) + _sum_others(left, right, row, columns)
        return squares.at[row, columns].set(summed, mode="drop")

    return _visit(close, replace, jnp.where(same, 0.0, squares)), close


def _scale(features, length_scale):
    values = features.values / length_scale
    return Features(values, jnp.sum(values * values, axis=1))


def _visit(close, update, state):
    """Fold ``update(state, row, columns)`` over the True entries of `close`, a few at a time.

    There are none in most tiles, and then nothing is done. Surplus `columns` are out of range.
    """
    n_columns = close.shape[1]
    rank = n_columns - jnp.arange(n_columns)

    def step(state):
        rows, close, result = state
        row = jnp.argmax(rows)
        # Not nonzero, which took half of the time to compile a whole kernel.
        first, _ = jax.lax.top_k(jnp.where(close[row], rank, 0), min(_N_COLUMNS, n_columns))
        columns = n_columns - first
        close = close.at[row, columns].set(False, mode="drop")
        return rows.at[row].set(jnp.any(close[row])), close, update(result, row, columns)

    start = (jnp.any(close, axis=1), close, state)
    return jax.lax.while_loop(lambda state: jnp.any(state[0]), step, start)[2]
