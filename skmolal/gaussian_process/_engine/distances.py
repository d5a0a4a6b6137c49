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
the MBTR of 4,000 molecules (QM9, 1,500 features) 284 columns are the same in all, and 368 more in
nine tenths of them: those are added where a block of samples has any of it.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

__all__ = [
    "Features",
    "Parts",
    "inner_products",
    "make_features",
    "needs_centre",
    "product",
    "scaled_squared_distances",
    "squared_distances",
]

_MAX_DIRECT_FEATURES = 16
_CLOSE = 1e-8  # squared distance, relative to the squared norms
_N_COLUMNS = 8  # neighbours in one row that are computed together


class Parts(NamedTuple):
    """The columns of some samples, by what products need of them; None where there are none."""

    values: jax.Array  # (n, n_features)
    others: jax.Array | None = None  # (n, n_others), the same in all training samples
    rare: jax.Array | None = None  # (n, n_rare), the same in most samples


class Features(NamedTuple):
    """Centred features of some samples, with what every distance needs of them."""

    values: jax.Array  # (n, n_features)
    squared_norms: jax.Array  # (n,), of all columns
    others: jax.Array | None = None  # (n, n_others); None where all are zero
    rare: jax.Array | None = None  # (n, n_rare)
    has_rare: jax.Array | None = None  # (n,), whether any of `rare` is not zero


def product(left, right):
    """Multiply ``left @ right.T`` in full precision (GPUs would round float32 to TF32)."""
    return jax.lax.dot_general(left, right, (((1,), (1,)), ((), ())), precision="highest")


def needs_centre(n_features):
    """Tell whether distances keep more digits on centred features."""
    return n_features > _MAX_DIRECT_FEATURES


def inner_products(left, right):
    """Compute all inner products of two sets of samples, centred alike."""
    inner = product(left.values, right.values)
    if left.rare is not None:
        # What is added to a row without any is zero: it is the same whatever rows are beside it.
        inner = jax.lax.cond(
            jnp.any(left.has_rare),
            lambda: inner + product(left.rare, right.rare),
            lambda: inner,
        )
    if left.others is None or right.others is None:
        return inner
    return inner + product(left.others, right.others)


def make_features(parts, centres, n_samples=None, xp=jnp):
    """Centre samples in float64; those from `n_samples` on are padding, set to zero.

    Padding at the centre is close to no sample, so nothing is summed again for it.

    Parameters
    ----------
    parts : Parts
        Rows.
    centres : Parts
        What is subtracted from each of them.
    n_samples : int, default=None
        None, if there is no padding.
    xp : module, default=jax.numpy
        Or numpy, for arrays of the host.

    Returns
    -------
    features : Features
        Of the rows.
    """

    def shift(rows, centre):
        values = rows.astype(xp.float64) - centre[None, :]
        if n_samples is not None:
            values = xp.where((xp.arange(rows.shape[0]) < n_samples)[:, None], values, 0.0)
        return values

    shifted = [
        None if part is None else shift(part, centre)
        for part, centre in zip(parts, centres, strict=True)
    ]
    norms = sum(xp.sum(part * part, axis=1) for part in shifted if part is not None)
    values, others, rare = shifted
    return Features(values, norms, others, rare, None if rare is None else (rare != 0).any(axis=1))


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

    def add(sums, row, start, near):
        differences = _row_differences(left.values, right.values, row, start, len(near))
        share = jnp.where(near, _window(weights, row, start, len(near)), 0.0)
        return sums + share @ (differences / length_scale) ** 2

    return -2.0 * _visit(close, add, sums) / length_scale, None, None, None


scaled_squared_distances.defvjp(_forward, _backward)


def _differences(left, right, k, length_scale):
    differences = left.values[:, k][:, None] - right.values[:, k][None, :]
    return differences if length_scale is None else differences / length_scale[k]


def _row_differences(left, right, row, start, width):
    """Subtract one row of the left from some neighbours of the right: (width, n_features)."""
    rows = jax.lax.dynamic_slice_in_dim(right, start, width)
    return rows - jax.lax.dynamic_slice_in_dim(left, row, 1)


def _window(tile, row, start, width):
    return jax.lax.dynamic_slice(tile, (row, start), (1, width))[0]


def _sum_others(left, right, row, start, width):
    """Sum the squared differences of further columns; None is zero."""
    total = 0.0
    for a, b in ((left.others, right.others), (left.rare, right.rare)):
        if a is None and b is None:
            continue
        if b is None:
            differences = jax.lax.dynamic_slice_in_dim(a, row, 1)
        elif a is None:
            differences = jax.lax.dynamic_slice_in_dim(b, start, width)
        else:
            differences = _row_differences(a, b, row, start, width)
        total += jnp.sum(differences**2, axis=1)
    return total


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

    def replace(squares, row, start, near):
        differences = _row_differences(left.values, right.values, row, start, len(near))
        if length_scale is not None:
            differences /= length_scale
        summed = jnp.sum(differences**2, axis=1)
        summed += _sum_others(left, right, row, start, len(near))
        new = jnp.where(near, summed, _window(squares, row, start, len(near)))
        return jax.lax.dynamic_update_slice(squares, new[None], (row, start))

    return _visit(close, replace, jnp.where(same, 0.0, squares)), close


def _scale(features, length_scale):
    values = features.values / length_scale
    return Features(values, jnp.sum(values * values, axis=1))


def _visit(close, update, state):
    """Fold ``update(state, row, start, near)`` over the True entries of `close`, some at a time.

    `near` tells which columns of that row, from `start` on, are meant. In most tiles there are
    none, and then nothing is done. Most of the time to compile a kernel goes into this loop, for
    each of its steps is compiled by itself: indices without a sign save one for each.
    """
    n_rows, n_columns = close.shape
    width = min(_N_COLUMNS, n_columns)
    columns = jnp.arange(n_columns, dtype=jnp.uint32)

    def step(loop):
        row, nexts, state = loop
        first = jax.lax.dynamic_index_in_dim(nexts, row, keepdims=False)
        start = jnp.minimum(first, jnp.uint32(n_columns - width))
        near = _window(close, row, start, width) & (start + columns[:width] >= first)
        rest = jax.lax.dynamic_index_in_dim(close, row, keepdims=False)
        later = _first(rest & (columns >= start + width))
        nexts = jax.lax.dynamic_update_slice(nexts, later[None], (row,))
        return _first(nexts < n_columns), nexts, update(state, row, start, near)

    nexts = _first(close)  # of each row the next column
    start = (_first(nexts < n_columns), nexts, state)
    return jax.lax.while_loop(lambda loop: loop[0] < n_rows, step, start)[2]


def _first(marks):
    """Find the first True of each row, beyond the last where there is none."""
    end = jnp.ones((*marks.shape[:-1], 1), bool)
    return jax.lax.argmax(jnp.concatenate([marks, end], axis=-1), marks.ndim - 1, jnp.uint32)
