"""Inner products of sparse pool rows with dense training samples, for fingerprints.

A fingerprint has some 50 of 2,048 features. Products of 2,048 such rows with a tile of 512
training samples took 5 ms of one core with counts in 16 bits, 8 ms in float32, and RDKit's bulk
similarity of counts 2,000; ``benchmarks/bench_tanimoto.py`` has bits. So rows of a pool never
become dense.
"""

from typing import NamedTuple

import numpy as np

from skmolal.gaussian_process._engine.host import split_among_threads

__all__ = ["SparseRows", "SparseTiles", "read_sparse_rows"]

_EXACT = 1 << 16  # integers up to here are exact in 16 bits
_PART = 128  # rows of a thread, at least


class SparseRows(NamedTuple):
    """Some pool rows."""

    rows: object  # CSR of shape (n, n_features)
    squared_norms: np.ndarray  # (n_rows,), padded by zeros


def read_sparse_rows(rows, n_rows):
    """Take the rows of a CSR without repeated entries, padded to `n_rows`."""
    norms = np.zeros(n_rows)
    norms[: rows.shape[0]] = _squared_norms(rows)
    return SparseRows(rows, norms)


class SparseTiles:
    """Training samples, tile by tile, as sparse rows are multiplied with them.

    Parameters
    ----------
    X : CSR of shape (n_samples, n_features)
        Training samples, without repeated entries.
    tile : int
        Samples of a tile.
    """

    def __init__(self, X, tile):
        self.tile = tile
        self._X = X
        self._counts = _holds_counts(X)
        self._largest = float(np.max(_squared_norms(X), initial=0.0))
        self._transposed = {}  # tile and type -> samples as columns

    def multiply(self, rows, j):
        """Multiply sparse rows with tile `j`.

        Returns
        -------
        inner : ndarray of shape (n_rows, tile), dtype float64
            Rows that are padding are zero. For counts all numbers are exact.
        """
        from skmolal.gaussian_process._engine.loops import multiply_sparse

        part = rows.rows
        small = self._counts and _holds_counts(part)
        # Cauchy and Schwarz: no sum is above the product of the norms.
        small &= self._largest * float(np.max(rows.squared_norms, initial=0.0)) < _EXACT**2
        dtype = np.uint16 if small else np.float64
        right, data = self._columns(j, dtype), part.data.astype(dtype)
        out = np.zeros((len(rows.squared_norms), self.tile))

        def work(start, stop):
            multiply_sparse(part.indptr, part.indices, data, start, stop, right, out)

        split_among_threads(work, part.shape[0], _PART)
        return out

    def _columns(self, j, dtype):
        if (j, dtype) not in self._transposed:
            samples = self._X[j * self.tile : (j + 1) * self.tile].toarray()
            columns = np.zeros((samples.shape[1], self.tile), dtype)
            columns[:, : len(samples)] = samples.T
            self._transposed[j, dtype] = columns
        return self._transposed[j, dtype]


def _holds_counts(X):
    """Tell whether all entries are integers from 0 on that 16 bits hold."""
    data = X.data
    if data.size == 0:
        return True
    if data.dtype.kind not in "ui" and not np.array_equal(data, np.rint(data)):
        return False
    return data.min() >= 0 and data.max() < _EXACT


def _squared_norms(X):
    return np.asarray(X.astype(np.float64).power(2).sum(axis=1)).ravel()
