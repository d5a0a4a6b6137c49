"""Inner products of samples of bits, packed: the number of bits that two samples share.

A word holds 64 features, so a product of 2,048 rows with a tile of 512 training samples takes the
same time however many bits are set; that of sparse rows takes as much with some fifty.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from skmolal.gaussian_process._engine.host import split_among_threads

__all__ = ["PackedRows", "PackedTiles", "holds_bits", "pack_rows"]

_WORD = 64
_PART = 128  # rows of a thread, at least
_TYPES = [np.dtype(name) for name in ("bool", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")]
_TYPES += [np.dtype(np.float32), np.dtype(np.float64)]


class PackedRows(NamedTuple):
    """Some pool rows."""

    rows: object  # ndarray or CSR of shape (n, n_features)
    words: np.ndarray  # (n, n_words), dtype uint64
    squared_norms: np.ndarray  # (n_rows,), padded by zeros


def holds_bits(X):
    """Tell whether all features of `X`, dense or CSR without repeated entries, are 0 or 1."""
    values = X.data if sparse.issparse(X) else X
    if values.dtype == bool:
        return True
    return values.dtype.kind in "uif" and bool(((values == 0) | (values == 1)).all())


def pack_rows(rows, n_rows):
    """Pack rows, dense or CSR without repeated entries, padded to `n_rows`; None if not bits."""
    words = _pack(rows)
    if words is None:
        return None
    norms = np.zeros(n_rows)
    norms[: len(words)] = np.asarray(rows.sum(axis=1, dtype=np.float64)).ravel()
    return PackedRows(rows, words, norms)


def _pack(rows):
    from skmolal.gaussian_process._engine.loops import pack_csr, pack_dense

    n_rows, n_features = rows.shape
    words = np.zeros((n_rows, -(-n_features // _WORD)), np.uint64)
    if sparse.issparse(rows):
        if not holds_bits(rows):
            return None

        def work(start, stop):
            pack_csr(rows.indptr, rows.indices, rows.data, start, stop, words)
    else:
        if rows.dtype.kind not in "buif":
            return None
        if rows.dtype not in _TYPES:  # half precision, or bytes of another order
            rows = rows.astype(np.float64)
        are_bits = np.ones(n_rows, bool)

        def work(start, stop):
            pack_dense(rows, start, stop, words, are_bits)

    split_among_threads(work, n_rows, _PART)
    return words if sparse.issparse(rows) or are_bits.all() else None


class PackedTiles:
    """Training samples, tile by tile, as packed rows are multiplied with them.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_samples, n_features)
        Training samples, bits.
    tile : int
        Samples of a tile.
    """

    def __init__(self, X, tile):
        self._words, self.tile = _pack(X), tile
        self._columns = {}

    @classmethod
    def of(cls, rows):
        """Make one tile of packed rows."""
        tiles = object.__new__(cls)
        tiles._words, tiles.tile, tiles._columns = rows.words, len(rows.squared_norms), {}
        return tiles

    def multiply(self, rows, j):
        """Multiply packed rows with tile `j`.

        Returns
        -------
        inner : ndarray of shape (n_rows, tile), dtype float64
            Exact. Rows that are padding are zero.
        """
        from skmolal.gaussian_process._engine.loops import multiply_packed

        if j not in self._columns:
            words = self._words[j * self.tile : (j + 1) * self.tile]
            columns = np.zeros((words.shape[1], self.tile), np.uint64)
            columns[:, : len(words)] = words.T
            self._columns[j] = columns  # whole, as another thread may ask for it
        right, out = self._columns[j], np.zeros((len(rows.squared_norms), self.tile))

        def work(start, stop):
            multiply_packed(rows.words, start, stop, right, out)

        split_among_threads(work, len(rows.words), _PART)
        return out
