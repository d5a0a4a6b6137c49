"""Recognise rows of a table by their content.

A row is four sums of its 32-bit words times random 64-bit keys, modulo 2^64. Two different rows
agree in one of them with probability at most 2^-33 over the keys (multilinear hashing [1]_), so
in all four with 2^-132: equal fingerprints mean equal rows.

References
----------
.. [1] D. Lemire and O. Kaser, "Strongly universal string hashing is fast", The Computer Journal
   57, 1624 (2014), doi:10.1093/comjnl/bxt070.
"""

import numpy as np
from scipy import sparse

from skmolal.gaussian_process._engine.host import split_among_threads

__all__ = ["RowIndex", "fingerprint_rows"]

_LANES = 4
_PART = 1024  # rows of a thread, at least


def fingerprint_rows(X):
    """Hash the rows of a dense or CSR matrix.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_rows, n_features)
        Numbers. Rows of different types (float32 and float64) have different fingerprints.

    Returns
    -------
    fingerprints : ndarray of shape (n_rows, 4), dtype uint64
        Of the rows.
    """
    from skmolal.gaussian_process._engine.loops import hash_csr, hash_dense

    values = X.data if sparse.issparse(X) else X
    if values.dtype.itemsize % 4:
        values = values.astype(np.float64)
    n_words = values.dtype.itemsize // 4
    # A fixed seed: the keys guard against chance, not against an adversary.
    keys = np.random.default_rng(20241).integers(
        2**64, size=(_LANES, n_words * X.shape[1]), dtype=np.uint64
    )
    words = np.ascontiguousarray(values).view(np.uint32)
    out = np.empty((X.shape[0], _LANES), dtype=np.uint64)
    if sparse.issparse(X):
        words = words.reshape(-1, n_words)

        def work(start, stop):
            hash_csr(X.indptr, X.indices, words, keys, start, stop, out)
    else:
        words = words.reshape(X.shape[0], keys.shape[1])

        def work(start, stop):
            hash_dense(words, keys, start, stop, out)

    split_among_threads(work, X.shape[0], _PART)
    return out


class RowIndex:
    """Find rows by their fingerprints.

    Parameters
    ----------
    fingerprints : ndarray of shape (n_rows, 4), dtype uint64
        Of the rows that are known.
    """

    def __init__(self, fingerprints):
        self.fingerprints = fingerprints
        self._order = np.argsort(fingerprints[:, 0], kind="stable")
        self._sorted = fingerprints[self._order, 0]

    def find(self, fingerprints):
        """Return the position of each row, -1 where it is unknown."""
        if len(self._sorted) == 0:
            return np.full(len(fingerprints), -1)
        place = np.searchsorted(self._sorted, fingerprints[:, 0])
        positions = self._order[np.minimum(place, len(self._sorted) - 1)]
        same = (self.fingerprints[positions] == fingerprints).all(axis=1)
        return np.where(same, positions, -1)
