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
from skmolal.gaussian_process._engine.compilation import compiled
from skmolal.gaussian_process._engine.distances import make_features, needs_centre
from skmolal.gaussian_process._engine.kernels import (
    check_length_scales,
    scales_columns,
    sees_raw,
)
from skmolal.gaussian_process._engine.precision import DeviceState, put

__all__ = ["Blocks", "centre_blocks", "constant_columns"]

_MANY = 2048  # samples from which on columns without products are looked for
_STEPS = 64  # numbers of such columns that there may be
_FEW = 2**17  # numbers that are centred on the host, with no function for each shape
_ROWS = 256  # compared at a time: few columns are left after the first


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


def constant_columns(X):
    """Find the columns in which all rows of `X` are the same.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_samples, n_features)
        Samples.

    Returns
    -------
    constant : ndarray of shape (n_features,), dtype bool, or None
        Of sparse samples, the columns without entries. None of anything but numbers, and of few
        samples: their products take less time than to compile those of other numbers of columns.
    """
    is_csr = sparse.issparse(X) and X.format == "csr"
    is_table = is_csr or (isinstance(X, np.ndarray) and X.ndim == 2)
    if not is_table or X.dtype == object or X.shape[0] < _MANY:
        return None
    return _confirm_constant(X, np.ones(X.shape[1], bool))


def _confirm_constant(X, constant):
    """Find those of some columns in which all rows of `X` are the same."""
    if sparse.issparse(X):
        return constant & (np.bincount(X.indices, minlength=X.shape[1]) == 0)
    columns = np.flatnonzero(constant)
    for start in range(0, X.shape[0], _ROWS):
        rows = np.take(X[start : start + _ROWS], columns, axis=1)
        columns = columns[(rows == X[0, columns]).all(axis=0)]
    constant = np.zeros(X.shape[1], bool)
    constant[columns] = True
    return constant


def _split(constant):
    """Number the columns that vary, and those that do not; None where one kind is few.

    Some that do not vary are among the first, so that a few numbers of columns are compiled.
    """
    step = -(-len(constant) // _STEPS)
    n_others = np.count_nonzero(constant) // step * step
    # Distances in few columns are not from products.
    if n_others == 0 or not needs_centre(len(constant) - n_others):
        return None
    others = np.flatnonzero(constant)[-n_others:]
    return np.setdiff1d(np.arange(len(constant)), others), others


def _centre(parts, centres, n_samples=None, xp=jnp):
    return tuple(
        make_features(part, centre, n_samples, others, others_centre, xp)
        for (part, others), (centre, others_centre) in zip(parts, centres, strict=True)
    )


@compiled
def centre_blocks(parts, centres, n_samples=None):
    """Make the features of each block; see :func:`make_features`."""
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
    constant : ndarray of shape (n_features,), dtype bool, default=None
        Columns in which all training samples, those to come too, are expected to be the same.

    Attributes
    ----------
    n_blocks : int
        Number of blocks.
    n_features : int
        Number of columns, those in several blocks counted in each.
    centres : tuple of (array of shape (n_block_features,), None)
        Of each block; of one that is split, of the columns in which training samples vary and of
        the others.

    Raises
    ------
    ValueError
        If columns of the kernel are not among the features, or not as many as length scales.
    """

    _device_attributes = ("centres",)

    def __init__(self, parsed, X, constant=None):
        all_columns = np.arange(X.shape[1])
        self._columns = [_resolve_path(path, X.shape[1]) for path in parsed.columns]
        sizes = [len(all_columns[columns]) for columns in self._columns]
        self.n_blocks, self.n_features = len(sizes), sum(sizes)
        check_length_scales(parsed.spec, sizes)
        centred = [
            needs_centre(size) and not sees_raw(parsed.spec, block)
            for block, size in enumerate(sizes)
        ]
        if constant is not None:
            constant = _confirm_constant(X, constant)
            first = _dense_rows(X, 0, 1, 1)[0]
        if any(centred):
            mean = np.asarray(X.mean(axis=0), dtype=np.float64).ravel()
            if constant is not None:
                mean[constant] = first[constant]  # the mean of equal numbers may be rounded
        self._others, centres = [], []
        for block, (columns, size) in enumerate(zip(self._columns, sizes, strict=True)):
            centre = mean[columns] if centred[block] else np.zeros(size)
            split = None
            if constant is not None and not scales_columns(parsed.spec, block):
                split = _split(constant[columns] & (first[columns] == centre))
            if split is None:
                self._others.append(None)
                centres.append((put(centre), None))
                continue
            varying, others = (all_columns[columns][part] for part in split)
            self._columns[block] = varying
            self._others.append(others)
            centres.append(put(tuple(centre[part] for part in split)))
        self.centres = tuple(centres)

    def covers(self, X):
        """Tell whether rows may be training samples: nothing is in the columns of no products."""
        for others, (_, centre) in zip(self._others, self.centres, strict=True):
            if others is not None and (_dense(X[:, others]) != np.asarray(centre)).any():
                return False
        return True

    def columns(self, n_features):
        """Return the columns in the products of the first block, of so many features."""
        return np.arange(n_features)[self._columns[0]]

    def without(self, dropped, n_features):
        """Copy of the only block without some columns, by their places in its products.

        Returns also the places of those that are kept, and what a zero is in the others.
        """
        columns, (centre, others) = self.columns(n_features), self.centres[0]
        kept, centre = np.setdiff1d(np.arange(len(columns)), dropped), np.asarray(centre)
        twin = copy.copy(self)
        twin._columns, twin.n_features = [columns[kept]], self.n_features - len(dropped)
        twin.centres = ((put(centre[kept]), others),)
        return twin, kept, -centre[dropped]

    def joined(self):
        """Copy, with all columns of each block in its products."""
        twin = copy.copy(self)
        pairs = list(zip(self._columns, self._others, strict=True))
        twin._columns = [a if b is None else np.concatenate([a, b]) for a, b in pairs]
        twin._others = [None] * self.n_blocks
        twin.centres = tuple(
            (a, None) if b is None else (jnp.concatenate([a, b]), None) for a, b in self.centres
        )
        return twin

    def take(self, X, start, stop, n_rows, training=False):
        """Put rows of `X` on the device as they are, padded to `n_rows`.

        A list with the two parts of each block; the second is None where there is none, and of
        training samples, for which it would be the centre.
        """
        return put(self._take(X, start, stop, n_rows, training))

    def _take(self, X, start, stop, n_rows, training):
        rows = _dense_rows(X, start, stop, n_rows)
        return [
            (_select(rows, columns), None if training or others is None else _select(rows, others))
            for columns, others in zip(self._columns, self._others, strict=True)
        ]

    def features(self, X, start, stop, n_rows, training=False):
        """Put rows of `X` on the device, centred, padded to `n_rows`: a tuple of Features."""
        parts = self._take(X, start, stop, n_rows, training)
        if n_rows * self.n_features <= _FEW:
            centres = jax.tree.map(np.asarray, self.centres)
            features = _centre(parts, centres, stop - start, np)
            # A call takes few numbers from the host in less time than it takes to put them there.
            return features if jax.default_backend() == "cpu" else put(features)
        return centre_blocks(put(parts), self.centres, stop - start)


def _select(rows, columns):
    """Copy columns: the rows may be the user's, who may change them."""
    if isinstance(columns, slice):
        return rows[:, columns].copy()
    return np.take(rows, columns, axis=1)
