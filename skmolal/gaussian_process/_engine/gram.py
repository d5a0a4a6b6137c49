"""The kernel matrix of training and pool samples, tile by tile.

Two providers with the same methods: :class:`CompiledGram` for the kernels that
:mod:`skmolal.gaussian_process._engine.kernels` knows, :class:`HostGram` for every other one, which
calls the kernel object itself. All tiles are float64. Neither holds a kernel matrix.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.base import clone

from skmolal.gaussian_process._engine.blocks import Blocks, centre_blocks
from skmolal.gaussian_process._engine.compilation import compiled
from skmolal.gaussian_process._engine.distances import Features, Parts
from skmolal.gaussian_process._engine.factor import split_tiles
from skmolal.gaussian_process._engine.kernels import (
    BlockStatistics,
    Statistics,
    evaluate,
    evaluate_diagonal,
    needs_products_alone,
    parse_kernel,
    statistics,
)
from skmolal.gaussian_process._engine.precision import DeviceState, put
from skmolal.gaussian_process._engine.products import ProductRows, Products, multiply_rows

__all__ = ["CompiledGram", "HostGram", "make_gram"]


def _slice(features, offset, height):
    return jax.tree.map(lambda array: jax.lax.dynamic_slice_in_dim(array, offset, height), features)


def _n_rows(features):
    return features[0].values.shape[0]


@partial(compiled, static_argnames=("spec", "height"))
def _training_tile(spec, height, values, left, right, noise, offset, row, column, n_samples):
    left = _slice(left, offset, height)
    noise = jax.lax.dynamic_slice_in_dim(noise, offset, height)
    rows = (row + offset + jnp.arange(height))[:, None]
    columns = (column + jnp.arange(_n_rows(right)))[None, :]
    eye = rows == columns
    tile = evaluate(spec, values, statistics(spec, left, right, eye))
    inside = (rows < n_samples) & (columns < n_samples)
    return jnp.where(inside, tile, 0.0) + jnp.where(eye, noise[:, None], 0.0)


@partial(compiled, static_argnames=("spec",))
def _cross_tile(spec, values, left, right, n_columns):
    shape = (_n_rows(left), _n_rows(right))
    tile = evaluate(spec, values, statistics(spec, left, right, jnp.zeros(shape, bool)))
    return jnp.where((jnp.arange(shape[1]) < n_columns)[None, :], tile, 0.0)


def _evaluate_products(spec, values, inner, left_norms, right_norms, eye):
    block = BlockStatistics(None, inner, left_norms[:, None] + right_norms[None, :], None, None)
    return evaluate(spec, values, Statistics((block,), eye))


@partial(compiled, static_argnames=("spec",))
def _cross_tile_of_products(spec, values, inner, left_norms, right_norms, n_columns):
    eye = jnp.zeros(inner.shape, bool)
    tile = _evaluate_products(spec, values, inner, left_norms, right_norms, eye)
    return jnp.where((jnp.arange(inner.shape[1]) < n_columns)[None, :], tile, 0.0)


def _centre_kept(kept, centres):
    """Make the features of each block from what :meth:`CompiledGram.keep` flattened."""
    arrays = iter(kept)
    if kept[0].dtype == jnp.float64:
        blocks = [
            Features(
                next(arrays),
                next(arrays),
                None if block.others is None else next(arrays),
                *((None, None) if block.rare is None else (next(arrays), next(arrays))),
            )
            for block in centres
        ]
        return tuple(blocks)
    parts = [Parts(*(None if c is None else next(arrays) for c in block)) for block in centres]
    return centre_blocks(parts, centres)


@partial(compiled, static_argnames=("spec", "height"))
def _cross_rows(spec, height, values, kept, train, centres, offset, n_columns):
    train = _slice(train, offset, height)
    inside = (offset + jnp.arange(height) < n_columns)[None, :]
    # A block at once: in parts that the processor's cache holds it takes twice the time.
    left = _centre_kept(kept, centres)
    eye = jnp.zeros((_n_rows(left), height), bool)
    return jnp.where(inside, evaluate(spec, values, statistics(spec, left, train, eye)), 0.0)


def _same(n_rows, n_columns, offset):
    return jnp.arange(n_rows)[:, None] == offset + jnp.arange(n_columns)[None, :]


@partial(compiled, static_argnames=("spec",))
def _self_tile(spec, values, left, right, offset):
    eye = _same(_n_rows(left), _n_rows(right), offset)
    return evaluate(spec, values, statistics(spec, left, right, eye))


@partial(compiled, static_argnames=("spec",))
def _self_tile_of_products(spec, values, inner, left_norms, right_norms, offset):
    eye = _same(*inner.shape, offset)
    return _evaluate_products(spec, values, inner, left_norms, right_norms, eye)


_diagonal = compiled(evaluate_diagonal, static_argnames=("spec",))


class CompiledGram(DeviceState):
    """Kernel matrix of a compiled kernel.

    Parameters
    ----------
    parsed : ParsedKernel
        The kernel, with its hyperparameters.
    X : ndarray or CSR of shape (n_samples, n_features)
        Training samples. Their mean becomes the centre of all features.
    noise : ndarray of shape (n_samples,)
        Added to the diagonal.
    tile : int
        Side of a tile.
    kinds : ColumnKinds, default=None
        Columns that need no products, or few.
    """

    _device_attributes = ("features", "noise", "values")

    def __init__(self, parsed, X, noise, tile, kinds=None):
        self.spec = parsed.spec
        self.values = put(parsed.values)
        self.tile = tile
        self.n_samples = 0
        self.features = []
        self.noise = []
        self.blocks = Blocks(parsed, X, kinds)
        self.n_features = max(X.shape[1], self.blocks.n_features)
        self.n_blocks = self.blocks.n_blocks
        self.only_products = needs_products_alone(parsed) and jax.default_backend() == "cpu"
        self.extend(X, noise)

    def extend(self, X, noise):
        """Replace the training samples by `X`, whose first rows are the present ones."""
        if self.n_samples and not self.blocks.covers(X[self.n_samples :]):
            self.blocks, self.n_samples = self.blocks.joined(), 0
        first = self.n_samples // self.tile
        self.products = Products(X, self.tile) if self.only_products else None
        self.X, self.host_noise, self.n_samples = X, noise, X.shape[0]
        # New lists: a shallow copy of this object stays what it is.
        self.features, self.noise = self.features[:first], self.noise[:first]
        for start in range(first * self.tile, self.n_samples, self.tile):
            stop = min(start + self.tile, self.n_samples)
            self.features.append(self.blocks.features(X, start, stop, self.tile, training=True))
            self.noise += split_tiles(noise[start:stop], self.tile, np.float64, fill=1.0)

    @property
    def splits_rare(self):
        """Whether rows of a pool take less time without what is rare."""
        return self.blocks.splits_rare

    def has_rare(self, X):
        """Tell which rows of a pool need the products of rare columns."""
        return self.blocks.has_rare(X)

    def training_tile(self, i, offset, height, j):
        """Rows of tile (i, j) of the training matrix, noise included, padded by the identity."""
        return _training_tile(
            self.spec,
            height,
            self.values,
            self.features[i],
            self.features[j],
            self.noise[i],
            offset,
            i * self.tile,
            j * self.tile,
            self.n_samples,
        )

    def rows(self, X, start, stop, n_rows):
        """Take rows of a pool, padded to `n_rows`: onto the device, or for products on the host."""
        part = X[start:stop]
        rows = None if self.products is None else self.products.take(part, n_rows)
        return self.blocks.features(part, 0, stop - start, n_rows) if rows is None else rows

    def cross_tile(self, rows, j):
        """Compute the kernel between pool rows and tile j of the training samples."""
        n_columns = self.n_samples - j * self.tile
        if isinstance(rows, ProductRows):
            return _cross_tile_of_products(
                self.spec,
                self.values,
                put(self.products.multiply(rows, j)),
                rows.squared_norms,
                self.features[j][0].squared_norms,
                n_columns,
            )
        return _cross_tile(self.spec, self.values, rows, self.features[j], n_columns)

    def keep(self, X, n_rows, wide):
        """Put samples on the device, padded to `n_rows`, to be kept: a list of arrays.

        If `wide`, or float64 as they are, they are float64 and centred: a few new columns then
        cost a third of the time.
        """
        kept = self.blocks.take(X, 0, X.shape[0], n_rows)
        if wide or kept[0][0].dtype == np.float64:
            kept = centre_blocks(kept, self.blocks.centres)
        return jax.tree.leaves(kept)

    def take_kept(self, kept, rows):
        """Select rows of kept samples."""
        return [array[rows] for array in kept]

    def kept_rows(self, kept):
        """Turn kept samples into what :meth:`rows` returns."""
        return _centre_kept(kept, self.blocks.centres)

    def kept_columns(self, kept, i, offset, height):
        """Compute the kernel between kept samples and some training samples of tile i."""
        return _cross_rows(
            self.spec,
            height,
            self.values,
            kept,
            self.features[i],
            self.blocks.centres,
            offset,
            self.n_samples - i * self.tile,
        )

    def diagonal(self, rows):
        """Compute the prior variance of pool rows."""
        blocks = (rows,) if isinstance(rows, ProductRows) else rows
        norms = tuple(Features(None, block.squared_norms) for block in blocks)
        return _diagonal(self.spec, self.values, norms)

    def self_tile(self, left, right, offset):
        """Compute the kernel between pool rows; row i and row ``offset + i`` are the same."""
        if type(left) is not type(right):  # some blocks of a pool are bits, others are not
            left, right = self._on_device(left), self._on_device(right)
        if isinstance(left, ProductRows):
            return _self_tile_of_products(
                self.spec,
                self.values,
                put(multiply_rows(left, right)),
                left.squared_norms,
                right.squared_norms,
                offset,
            )
        return _self_tile(self.spec, self.values, left, right, offset)

    def _on_device(self, rows):
        if not isinstance(rows, ProductRows):
            return rows
        return self.blocks.features(rows.rows, 0, rows.rows.shape[0], len(rows.squared_norms))


class HostGram:
    """Kernel matrix of any scikit-learn kernel, through its own ``__call__``.

    Parameters
    ----------
    kernel : kernel instance
        With its hyperparameters.
    X : array-like or list of object
        Training samples.
    noise : ndarray of shape (n_samples,)
        Added to the diagonal.
    tile : int
        Side of a tile.
    """

    splits_rare = False

    def __init__(self, kernel, X, noise, tile):
        self.kernel = kernel
        self.tile = tile
        self.blocks = None
        self.n_features = X.shape[1] if getattr(X, "ndim", 1) == 2 else 0
        self.n_blocks = 1
        self.extend(X, noise)

    def extend(self, X, noise):
        """Replace the training samples by `X`, whose first rows are the present ones."""
        self.X = X
        self.host_noise = noise
        self.n_samples = len(X)

    def _pad(self, block, n_rows, n_columns):
        padded = np.zeros((n_rows, n_columns))
        padded[: block.shape[0], : block.shape[1]] = block
        return padded

    def training_tile(self, i, offset, height, j):
        """Rows of tile (i, j) of the training matrix, noise included, padded by the identity."""
        start = i * self.tile
        columns = self.X[j * self.tile : (j + 1) * self.tile]
        rows = self.X[start + offset : start + offset + height]
        if i == j:
            # Not kernel(rows, columns): white noise lives where only one argument is given.
            block = self.kernel(columns)[offset : offset + height]
        else:
            block = self.kernel(rows, columns)
        padded = self._pad(block, height, self.tile)
        if i == j:
            noise = np.ones(height)
            noise[: len(rows)] = self.host_noise[start + offset : start + offset + len(rows)]
            padded[np.arange(height), offset + np.arange(height)] += noise
        return put(padded)

    def rows(self, X, start, stop, n_rows):
        """Remember rows of a pool, to be padded to `n_rows`."""
        return X[start:stop], n_rows

    def cross_tile(self, rows, j):
        """Compute the kernel between pool rows and tile j of the training samples."""
        samples, n_rows = rows
        block = self.kernel(samples, self.X[j * self.tile : (j + 1) * self.tile])
        return put(self._pad(block, n_rows, self.tile))

    def keep(self, X, n_rows, wide):
        """Remember samples, to be padded to `n_rows`."""
        return X, n_rows

    def take_kept(self, kept, rows):
        """Select rows of kept samples."""
        return kept[0][rows], len(rows)

    def kept_rows(self, kept):
        """Turn kept samples into what :meth:`rows` returns."""
        return kept

    def kept_columns(self, kept, i, offset, height):
        """Compute the kernel between kept samples and some training samples of tile i."""
        samples, n_rows = kept
        start = i * self.tile + offset
        block = self.kernel(samples, self.X[start : start + height])
        return put(self._pad(block, n_rows, height))

    def diagonal(self, rows):
        """Compute the prior variance of pool rows."""
        samples, n_rows = rows
        diagonal = np.zeros(n_rows)
        diagonal[: len(samples)] = self.kernel.diag(samples)
        return put(diagonal)

    def self_tile(self, left, right, offset):
        """Compute the kernel between pool rows; row i and row ``offset + i`` are the same."""
        (a, n_rows), (b, n_columns) = left, right
        block = self.kernel(a) if offset == 0 else self.kernel(a, b)
        return put(self._pad(block, n_rows, n_columns))


def make_gram(kernel, X, noise, tile, kinds=None):
    """Choose the provider for a kernel object and samples; see :class:`CompiledGram`."""
    parsed = parse_kernel(kernel)
    if parsed.spec is None or getattr(X, "ndim", 1) != 2:
        return HostGram(clone(kernel), X, noise, tile)
    return CompiledGram(parsed, X, noise, tile, kinds)
