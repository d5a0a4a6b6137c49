"""scikit-learn's kernel objects as pure functions of matrix products.

:func:`parse_kernel` turns a kernel object into a `spec`, a nested tuple that JAX can hash, and a
flat vector with the values of all its hyperparameters. Only exact types are recognised: a
subclass may override anything. What depends on the features alone (squared distances, inner
products) is separated from what depends on the hyperparameters, so that an optimiser computes the
first once and only repeats the second.

Samples are seen in blocks of columns: one of all, and one for each selection of a
:class:`ColumnKernel`, as far as they are used. A leaf of `spec` names its block, so both halves
are functions of a tuple with one entry for each.

All arithmetic here is float64, also where the factor is float32: rounded to float32, the kernel
matrix of 4,000 molecules (QM9, MBTR) costs the predicted mean 9e-4 eV.
"""

import math
from functools import partial
from numbers import Real
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.gaussian_process import kernels as sk

from skmolal._columns import column_key
from skmolal.gaussian_process._columns import ColumnKernel
from skmolal.gaussian_process._engine.distances import (
    Features,
    inner_products,
    scaled_squared_distances,
    squared_distances,
)
from skmolal.gaussian_process._tanimoto import TanimotoKernel

__all__ = [
    "BlockStatistics",
    "ParsedKernel",
    "Statistics",
    "check_length_scales",
    "evaluate",
    "evaluate_diagonal",
    "needs_products_alone",
    "parse_kernel",
    "scales_columns",
    "sees_raw",
    "statistics",
]

_MATERN_NU = (0.5, 1.5, 2.5)


class ParsedKernel(NamedTuple):
    """A kernel object, taken apart.

    Attributes
    ----------
    spec : tuple or None
        Nested tuples; None where the kernel, or a part of it, is not known.
    columns : tuple of tuple
        The columns of each block: selections, each within the one before; none means all.
    values : ndarray of shape (n_values,)
        All hyperparameters, the fixed ones included, in the order of ``kernel.theta``.
    free : ndarray of shape (n_values,), dtype bool
        Which of `values` are in ``kernel.theta``.
    """

    spec: tuple | None
    columns: tuple
    values: np.ndarray
    free: np.ndarray


class BlockStatistics(NamedTuple):
    """What leaves need to know of two sets of samples in one block of columns."""

    distances: jax.Array | None  # squared Euclidean, for isotropic kernels
    inner: jax.Array | None  # inner products, for DotProduct and TanimotoKernel
    sizes: jax.Array | None  # sums of two squared norms, for TanimotoKernel
    left: Features | None  # the features themselves, for anisotropic kernels
    right: Features | None


class Statistics(NamedTuple):
    """What a kernel needs to know of two sets of samples, free of hyperparameters."""

    blocks: tuple  # of BlockStatistics
    eye: jax.Array  # True where both sides are the same sample


# --- parsing ------------------------------------------------------------------------------------


def parse_kernel(kernel):
    """Take a scikit-learn kernel apart.

    Parameters
    ----------
    kernel : kernel instance
        Any kernel.

    Returns
    -------
    parsed : ParsedKernel
        Its `spec` is None where the kernel is not compiled.
    """
    parser = _Parser()
    spec = parser.parse(kernel, ())
    if not parser.columns:  # one block tells how many samples there are
        parser.block(())
    values, free = np.asarray(parser.values, np.float64), np.asarray(parser.free, bool)
    return ParsedKernel(spec, tuple(parser.columns.values()), values, free)


class _Parser:
    """Collects hyperparameters and blocks on the way through a kernel object."""

    def __init__(self):
        self.values, self.free = [], []
        self.columns = {}  # by what equal selections share

    def block(self, path):
        """Return the number of the block with the columns `path`."""
        key = tuple(column_key(columns) for columns in path)
        self.columns.setdefault(key, path)
        return list(self.columns).index(key)

    def parse(self, kernel, path):
        """Return the spec of a kernel that sees the columns `path`."""
        kind = type(kernel)
        if kind is ColumnKernel:
            return self.parse(kernel.kernel, (*path, kernel.columns))
        if kind in (sk.Sum, sk.Product):
            left, right = self.parse(kernel.k1, path), self.parse(kernel.k2, path)
            return None if left is None or right is None else (kind.__name__, left, right)
        if kind is sk.Exponentiation:
            base = self.parse(kernel.kernel, path)
            if base is None or not isinstance(kernel.exponent, Real):
                return None
            return ("Exponentiation", base, float(kernel.exponent))
        return self._parse_leaf(kernel, path) if kind in _EVALUATE else None

    def _parse_leaf(self, kernel, path):
        kind, where = type(kernel), []
        # In alphabetical order, as in Kernel.theta. Only RBF and Matern know vectors.
        for hyperparameter in kernel.hyperparameters:
            value = np.atleast_1d(getattr(kernel, hyperparameter.name))
            is_vector = value.ndim != 1 or value.size > 1
            if (is_vector and kind not in (sk.RBF, sk.Matern)) or value.ndim != 1:
                return None
            if value.dtype.kind in "OUS":
                return None
            where.append((len(self.values), value.size))
            self.values.extend(value.astype(np.float64).tolist())
            self.free.extend([not hyperparameter.fixed] * value.size)
        name, options = kind.__name__, ()
        if kind is sk.Matern and kernel.nu == np.inf:
            name = "RBF"
        elif kind is sk.Matern:
            if kernel.nu not in _MATERN_NU:
                return None
            options = (float(kernel.nu),)
        block = None if kind in (sk.ConstantKernel, sk.WhiteKernel) else self.block(path)
        return (name, block, *where, *options)


def _leaves(spec):
    if spec[0] in ("Sum", "Product"):
        return _leaves(spec[1]) + _leaves(spec[2])
    if spec[0] == "Exponentiation":
        return _leaves(spec[1])
    return [spec]


def _is_anisotropic(leaf):
    return leaf[0] in ("RBF", "Matern") and leaf[2][1] > 1


def check_length_scales(spec, sizes):
    """Refuse vectors of length scales that are not as long as their blocks have columns."""
    for leaf in filter(_is_anisotropic, _leaves(spec)):
        if leaf[2][1] != sizes[leaf[1]]:
            raise ValueError(
                "Anisotropic kernel must have the same number of dimensions as data "
                f"({leaf[2][1]}!={sizes[leaf[1]]})"
            )


def sees_raw(spec, block):
    """Tell whether a leaf in `block` knows where zero is, so that its features are not shifted."""
    raw = ("DotProduct", "TanimotoKernel")
    return any(leaf[0] in raw and leaf[1] == block for leaf in _leaves(spec))


def scales_columns(spec, block):
    """Tell whether a leaf in `block` has a length scale for each column."""
    return any(leaf[1] == block for leaf in filter(_is_anisotropic, _leaves(spec)))


def needs_products_alone(parsed):
    """Tell whether inner products of all features are all that a kernel needs of samples."""
    known = ("ConstantKernel", "WhiteKernel", "DotProduct", "TanimotoKernel")
    whole = len(parsed.columns) == 1 and not parsed.columns[0]
    return whole and all(leaf[0] in known for leaf in _leaves(parsed.spec))


# --- what depends on the features ---------------------------------------------------------------


def statistics(spec, left, right, eye):
    """Compute what the kernel `spec` needs to know of two sets of samples.

    Parameters
    ----------
    spec : tuple
        Of a :class:`ParsedKernel`.
    left, right : tuple of Features of shape (n_left, ...) and (n_right, ...)
        The two sets in each block, centred alike.
    eye : array of shape (n_left, n_right), dtype bool
        True where both sides are the same sample: there distances are zero and white noise
        enters.

    Returns
    -------
    statistics : Statistics
        Only what `spec` uses is computed.
    """
    leaves = _leaves(spec)
    blocks = tuple(
        _block_statistics([leaf for leaf in leaves if leaf[1] == block], *sides, eye)
        for block, sides in enumerate(zip(left, right, strict=True))
    )
    return Statistics(blocks, eye)


def _block_statistics(leaves, left, right, eye):
    anisotropic = any(_is_anisotropic(leaf) for leaf in leaves)
    isotropic = any(
        leaf[0] in ("RBF", "Matern", "RationalQuadratic", "ExpSineSquared")
        and not _is_anisotropic(leaf)
        for leaf in leaves
    )
    inner = sizes = None
    if any(leaf[0] in ("DotProduct", "TanimotoKernel") for leaf in leaves):
        inner = inner_products(left, right)
    if any(leaf[0] == "TanimotoKernel" for leaf in leaves):
        sizes = left.squared_norms[:, None] + right.squared_norms[None, :]
    return BlockStatistics(
        squared_distances(left, right, eye) if isotropic else None,
        inner,
        sizes,
        left if anisotropic else None,
        right if anisotropic else None,
    )


# --- what depends on the hyperparameters --------------------------------------------------------


def evaluate(spec, values, stats):
    """Evaluate the kernel `spec` with hyperparameters `values` on `stats`."""
    if spec[0] == "Sum":
        return evaluate(spec[1], values, stats) + evaluate(spec[2], values, stats)
    if spec[0] == "Product":
        return evaluate(spec[1], values, stats) * evaluate(spec[2], values, stats)
    if spec[0] == "Exponentiation":
        return _power(evaluate(spec[1], values, stats), spec[2])
    return _BY_NAME[spec[0]](spec, values, stats)


def evaluate_diagonal(spec, values, features):
    """Evaluate the diagonal of the kernel matrix of samples, a tuple of Features."""
    if spec[0] in ("Sum", "Product"):
        left = evaluate_diagonal(spec[1], values, features)
        right = evaluate_diagonal(spec[2], values, features)
        return left + right if spec[0] == "Sum" else left * right
    if spec[0] == "Exponentiation":
        return _power(evaluate_diagonal(spec[1], values, features), spec[2])
    ones = jnp.ones_like(features[0].squared_norms)
    if spec[0] in ("ConstantKernel", "WhiteKernel"):
        return values[spec[2][0]] * ones
    if spec[0] == "DotProduct":
        return features[spec[1]].squared_norms + values[spec[2][0]] ** 2 * ones
    return ones


def _power(base, exponent):
    # An integer power keeps its sign and its gradient where the base is negative or zero.
    return base ** int(exponent) if exponent == int(exponent) else base**exponent


def _scaled_distances(leaf, values, stats):
    """Squared distances divided by the square of the length scale."""
    (start, size), block = leaf[2], stats.blocks[leaf[1]]
    if size == 1:
        return block.distances / values[start] ** 2
    length_scale = values[start : start + size]
    return scaled_squared_distances(length_scale, block.left, block.right, stats.eye)


def _constant(leaf, values, stats):
    return jnp.full(stats.eye.shape, 1.0, values.dtype) * values[leaf[2][0]]


def _white(leaf, values, stats):
    return stats.eye.astype(values.dtype) * values[leaf[2][0]]


def _rbf(leaf, values, stats):
    return jnp.exp(-0.5 * _scaled_distances(leaf, values, stats))


def _matern(leaf, values, stats):
    return _matern_of_squares(_scaled_distances(leaf, values, stats), leaf[3])


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _matern_of_squares(squares, nu):
    # Rasmussen and Williams, eq. 4.17
    r = jnp.sqrt(2.0 * nu * squares)
    if nu == 0.5:
        return jnp.exp(-r)
    if nu == 1.5:
        return (1.0 + r) * jnp.exp(-r)
    return (1.0 + r + r * r / 3.0) * jnp.exp(-r)


@_matern_of_squares.defjvp
def _matern_slope(nu, squares, change):
    """Differentiate by the squared distance: what would cancel for small ones is gone."""
    (squares,), (change,) = squares, change
    r = jnp.sqrt(2.0 * nu * squares)
    if nu == 0.5:
        # The change of a zero distance is zero, and vanishes faster than the slope grows.
        positive = r > 0
        slope = jnp.where(positive, -0.5 * jnp.exp(-r) / jnp.where(positive, r, 1.0), 0.0)
    elif nu == 1.5:
        slope = -1.5 * jnp.exp(-r)
    else:
        slope = -5.0 / 6.0 * (1.0 + r) * jnp.exp(-r)
    return _matern_of_squares(squares, nu), slope * change


def _rational_quadratic(leaf, values, stats):
    alpha, length_scale = values[leaf[2][0]], values[leaf[3][0]]
    distances = stats.blocks[leaf[1]].distances
    return jnp.exp(-alpha * jnp.log1p(distances / (2.0 * alpha * length_scale**2)))


def _exp_sine_squared(leaf, values, stats):
    length_scale, periodicity = values[leaf[2][0]], values[leaf[3][0]]
    wave = jnp.sin(math.pi * jnp.sqrt(stats.blocks[leaf[1]].distances) / periodicity)
    return jnp.exp(-2.0 * (wave / length_scale) ** 2)


def _dot_product(leaf, values, stats):
    return stats.blocks[leaf[1]].inner + values[leaf[2][0]] ** 2


def _tanimoto(leaf, values, stats):
    inner = stats.blocks[leaf[1]].inner
    union = stats.blocks[leaf[1]].sizes - inner
    return jnp.where(union > 0, inner / jnp.where(union > 0, union, 1.0), 1.0)


_EVALUATE = {
    sk.ConstantKernel: _constant,
    sk.WhiteKernel: _white,
    sk.RBF: _rbf,
    sk.Matern: _matern,
    sk.RationalQuadratic: _rational_quadratic,
    sk.ExpSineSquared: _exp_sine_squared,
    sk.DotProduct: _dot_product,
    TanimotoKernel: _tanimoto,
}
_BY_NAME = {kind.__name__: function for kind, function in _EVALUATE.items()}
