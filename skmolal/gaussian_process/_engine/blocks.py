"""The columns of samples that a kernel sees, block by block, on the device.

Leaves of a kernel that see the same columns share a block: its features, and so its distances and
inner products, are there once.
"""

import copy

import jax
import jax.numpy as jnp
import numpy as np
from scipy import sparse

from skmolal._columns import resolve_columns
from skmolal.gaussian_process._engine.column_kinds import confirm_constant
from skmolal.gaussian_process._engine.compilation import compiled
from skmolal.gaussian_process._engine.distances import Parts, make_features, needs_centre
from skmolal.gaussian_process._engine.kernels import (
    check_length_scales,
    scales_columns,
    sees_raw,
)
from skmolal.gaussian_process._engine.precision import DeviceState, put

__all__ = ["Blocks", "centre_blocks"]

_STEPS = 64  # numbers of constant columns that there may be
_FEW = 2**17  # numbers that are centred on the host, with no function for each shape


def _dense(X):
    return X.toarray() if sparse.issparse(X) else X


def _dense_rows(X, start, stop, n_rows):
    """Copy rows of `X`, dense or CSR, to a dense array of `n_rows` rows padded with zeros."""
    part = _dense(X[start:stop])
    if part.dtype not in (np.float32, np.float64):
        part = part.astype(np.float64)
    if len(part) == n_rows:
        return part
    padded = np.zeros((n_rows, part.shape[1]), dtype=part.dtype)
    padded[: len(part)] = part
    return padded


def _resolve_path(path, n_features):
    """Compose selections, each within the one before."""
    columns = np.arange(n_features)
    for selection in path:
        columns = columns[resolve_columns(selection, len(columns))]
    return resolve_columns(columns, n_features)


def _split(constant, rare):
    """Number the columns of each kind; None where one kind is few.

    Some that do not vary are among the first, so that a few numbers of columns are compiled.
    """
    step = -(-len(constant) // _STEPS)
    others, rare = np.flatnonzero(constant), np.flatnonzero(rare)
    others = others[len(others) % step :]
    # Distances in few columns are not from products.
    if not needs_centre(len(constant) - len(others)):
        others = others[:0]
    if not needs_centre(len(constant) - len(others) - len(rare)):
        rare = rare[:0]
    values = np.setdiff1d(np.arange(len(constant)), np.concatenate([others, rare]))
    return Parts(values, *(part if len(part) else None for part in (others, rare)))


def _centre(parts, centres, n_samples=None, xp=jnp):
    return tuple(
        make_features(block, centre, n_samples, xp)
        for block, centre in zip(parts, centres, strict=True)
    )


@compiled
def centre_blocks(parts, centres, n_samples=None):
    """Make the features of each block from its Parts; see :func:`make_features`."""
    return _centre(parts, centres, n_samples)


class Blocks(DeviceState):
    """Where the blocks of a kernel lie, and what is subtracted from each.

    Distances by products keep most digits around the mean of the training samples; differences,
    and inner products, are those of the features as they are.

    Parameters
    ----------
    parsed : ParsedKernel
        A compiled kernel.
    X : ndarray or CSR of shape (n_samples, n_features)
        Training samples. Their mean becomes the centre.
    kinds : ColumnKinds, default=None
        Columns that need no products, or few.

    Attributes
    ----------
    n_blocks : int
        Number of blocks.
    n_features : int
        Number of columns, those in several blocks counted in each.
    centres : tuple of Parts
        Of each block.

    Raises
    ------
    ValueError
        If columns of the kernel are not among the features, or not as many as length scales.
    """

    _device_attributes = ("centres",)

    def __init__(self, parsed, X, kinds=None):
        all_columns = np.arange(X.shape[1])
        columns = [_resolve_path(path, X.shape[1]) for path in parsed.columns]
        sizes = [len(all_columns[block]) for block in columns]
        self.n_blocks, self.n_features = len(sizes), sum(sizes)
        check_length_scales(parsed.spec, sizes)
        centred = [
            needs_centre(size) and not sees_raw(parsed.spec, block)
            for block, size in enumerate(sizes)
        ]
        if kinds is not None:
            constant = confirm_constant(X, kinds.constant)
            first = _dense_rows(X, 0, 1, 1)[0]
        if any(centred):
            mean = np.asarray(X.mean(axis=0), dtype=np.float64).ravel()
            if kinds is not None:
                mean[constant] = first[constant]  # the mean of equal numbers may be rounded
                mean[kinds.rare] = kinds.usual[kinds.rare]
        self._columns, centres = [Parts(block) for block in columns], []
        for block, (selected, size) in enumerate(zip(columns, sizes, strict=True)):
            centre = mean[selected] if centred[block] else np.zeros(size)
            centres.append(Parts(put(centre)))
            if kinds is None or scales_columns(parsed.spec, block):
                continue
            split = _split(
                constant[selected] & (first[selected] == centre),
                kinds.rare[selected] & (kinds.usual[selected] == centre),
            )
            if len(split.values) < size:
                selected = all_columns[selected]
                self._columns[block] = jax.tree.map(selected.__getitem__, split)
                centres[block] = put(jax.tree.map(centre.__getitem__, split))
        self.centres = tuple(centres)

    def covers(self, X):
        """Tell whether rows may be training samples: nothing is in the columns of no products."""
        return not any(
            (_dense(X[:, columns.others]) != np.asarray(centre.others)).any()
            for columns, centre in zip(self._columns, self.centres, strict=True)
            if columns.others is not None
        )

    @property
    def splits_rare(self):
        """Whether some columns are apart that are the same in most samples."""
        return any(columns.rare is not None for columns in self._columns)

    def has_rare(self, X):
        """Tell which rows of a table differ from what is usual in rare columns."""
        found = np.zeros(len(X), bool)
        for columns, centre in zip(self._columns, self.centres, strict=True):
            if columns.rare is not None:
                rare = np.take(X, columns.rare, axis=1)
                found |= (rare != np.asarray(centre.rare)).any(axis=1)
        return found

    def joined(self):
        """Copy, with the constant columns of each block in its products."""
        twin = copy.copy(self)
        twin._columns = [_join(columns, np) for columns in self._columns]
        twin.centres = tuple(_join(centre, jnp) for centre in self.centres)
        return twin

    def take(self, X, start, stop, n_rows, training=False):
        """Put rows of `X` on the device as they are, padded to `n_rows`.

        A list with the Parts of each block; of training samples without the others, which would
        be the centre.
        """
        return put(self._take(X, start, stop, n_rows, training))

    def _take(self, X, start, stop, n_rows, training):
        rows, parts = _dense_rows(X, start, stop, n_rows), []
        for columns in self._columns:
            if training:
                columns = columns._replace(others=None)
            parts.append(Parts(*(None if c is None else _select(rows, c) for c in columns)))
        return parts

    def features(self, X, start, stop, n_rows, training=False):
        """Put rows of `X` on the device, centred, padded to `n_rows`: a tuple of Features."""
        parts = self._take(X, start, stop, n_rows, training)
        if n_rows * self.n_features <= _FEW:
            centres = jax.tree.map(np.asarray, self.centres)
            features = _centre(parts, centres, stop - start, np)
            # A call takes few numbers from the host in less time than it takes to put them there.
            return features if jax.default_backend() == "cpu" else put(features)
        return centre_blocks(put(parts), self.centres, stop - start)


def _join(parts, xp):
    """Make those of `others` a part of the values."""
    if parts.others is None:
        return parts
    return Parts(xp.concatenate([parts.values, parts.others]), None, parts.rare)


def _select(rows, columns):
    """Copy columns: the rows may be the user's, who may change them."""
    if isinstance(columns, slice):
        return rows[:, columns].copy()
    return np.take(rows, columns, axis=1)
