"""Inner products of pool rows with training samples, where the host has a faster way than a device.

Kernels of fingerprints need inner products alone. Those of sparse rows cost as much as there are
entries, those of bits as much as there are words of 64 features, and a dense product, one for each
feature, six times as much in float32 and twelve in float64: ``benchmarks/bench_tanimoto.py``.
"""

from scipy import sparse

from skmolal.gaussian_process._engine.packed import PackedRows, PackedTiles, holds_bits, pack_rows
from skmolal.gaussian_process._engine.sparse import SparseRows, SparseTiles, read_sparse_rows

__all__ = ["ProductRows", "Products", "multiply_rows"]

ProductRows = (SparseRows, PackedRows)
_ENTRIES_PER_WORD = 2  # from which words are faster than entries: about 1.5


class Products:
    """Training samples as rows of a pool are multiplied with them.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_samples, n_features)
        Training samples.
    tile : int
        Samples of a tile.
    """

    def __init__(self, X, tile):
        self._X, self._tile = X, tile
        self._packs = None  # whether rows of bits are packed, once that is known
        self._tiles = {}  # type of rows -> the samples for them

    def __getstate__(self):
        return {"X": self._X, "tile": self._tile}

    def __setstate__(self, state):
        self.__init__(**state)

    def take(self, rows, n_rows):
        """Take pool rows, padded to `n_rows`; None where a dense product is faster."""
        if sparse.issparse(rows):
            rows = _without_repeats(rows)
        if self._packs is None:
            self._packs = self._pays_to_pack()
        packed = pack_rows(rows, n_rows) if self._packs else None
        if packed is None and sparse.issparse(rows) and sparse.issparse(self._X):
            return read_sparse_rows(rows, n_rows)
        return packed

    def _pays_to_pack(self):
        X = self._X
        if not sparse.issparse(X):
            return holds_bits(X)
        many = X.nnz > _ENTRIES_PER_WORD * X.shape[0] * X.shape[1] / 64
        return many and holds_bits(_without_repeats(X))

    def multiply(self, rows, j):
        """Multiply pool rows with tile `j`: float64, shape (n_rows, tile); padding gives zeros."""
        kind = type(rows)
        if kind not in self._tiles:
            make = SparseTiles if kind is SparseRows else PackedTiles
            X = _without_repeats(self._X) if sparse.issparse(self._X) else self._X
            self._tiles[kind] = make(X, self._tile)
        return self._tiles[kind].multiply(rows, j)


def multiply_rows(left, right):
    """Multiply pool rows with each other; both are of one kind."""
    if isinstance(left, PackedRows):
        return PackedTiles.of(right).multiply(left, 0)
    return SparseTiles(right.rows, len(right.squared_norms)).multiply(left, 0)


def _without_repeats(X):
    """Make one of several entries of one place, which count together."""
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X
