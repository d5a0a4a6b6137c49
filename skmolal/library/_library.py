"""A described library, whose rows are read when they are needed."""

from functools import cached_property
from pathlib import Path

import numpy as np
from scipy import sparse

from skmolal._rows import LazyRows
from skmolal.library._store import Store, column_type

__all__ = ["Library"]


class Library(LazyRows):
    """Molecules of a library and their features, on disk.

    Made by :func:`describe_library`. It serves as the pool of a
    :class:`~skmolal.Campaign`, whose regressor reads rows when it needs them, so that libraries
    may be far larger than memory.

    Parameters
    ----------
    folder : path-like
        The folder that :func:`describe_library` has written.

    Attributes
    ----------
    shape : tuple of int
        Number of molecules, number of features.
    dtype : dtype
        float32, that of the features read.
    transformer : str
        The transformer that has described the molecules.
    n_read : int
        Records of the files; those that are no molecules of the library are
        :meth:`rejected`.

    Raises
    ------
    ValueError
        If there is no library, or its description was not finished.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skmolal.descriptors import MorganFingerprintTransformer
    >>> from skmolal.library import Library, describe_library
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "few.smi").write_text("CCO ethanol\\nCC ethane\\n")
    ...     _ = describe_library(f"{folder}/few.smi", MorganFingerprintTransformer(),
    ...                          f"{folder}/few.library")
    ...     library = Library(f"{folder}/few.library")
    ...     print(library.shape, library.names([1]), library[[0]].sum())
    (2, 2048) ['ethane'] 6.0
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        store = Store(self.folder)
        if store.header is None:
            raise ValueError(f"{folder}: there is no library, describe_library makes one")
        if not store.complete:
            raise ValueError(
                f"{folder}: the library is not complete, {store.last['n_read']:,} records are "
                "described; describe_library goes on"
            )
        self._store, self.transformer = store, store.header["transformer"]
        self.n_read = store.last["n_read"]
        shape = (store.last["n_rows"], store.header["n_features"])
        super().__init__(shape, np.dtype(np.float32), store.header["sparse"])

    def __getstate__(self):
        return {"folder": str(self.folder)}

    def __setstate__(self, state):
        self.__init__(state["folder"])

    def __repr__(self):
        return f"Library({str(self.folder)!r})"

    @property
    def digest(self):
        """A digest of all that the library holds."""
        return self._store.last["digest"]

    def smiles(self, rows):
        """Return the SMILES of some rows.

        Parameters
        ----------
        rows : array-like of int, or slice
            Positions in the library.

        Returns
        -------
        smiles : ndarray of shape (n_rows,), dtype object
            As in the files.
        """
        return self._fields(rows, 1)

    def names(self, rows):
        """Return the names of some rows.

        Parameters
        ----------
        rows : array-like of int, or slice
            Positions in the library.

        Returns
        -------
        names : ndarray of shape (n_rows,), dtype object
            Empty where a file has none.
        """
        return self._fields(rows, 2)

    def numbers(self, rows):
        """Return the numbers of the records of some rows.

        Parameters
        ----------
        rows : array-like of int, or slice
            Positions in the library.

        Returns
        -------
        numbers : ndarray of shape (n_rows,), dtype int64
            From 0, through all files.
        """
        return self._fields(rows, 0).astype(np.int64)

    def rejected(self):
        """Return the records that could not be described.

        Returns
        -------
        rejected : DataFrame
            Columns ``record``, ``smiles``, ``reason``.
        """
        import pandas as pd

        lines = self._store.path("rejected").read_text(encoding="utf-8").split("\n")[:-1]
        table = pd.DataFrame(
            [line.split("\t") for line in lines], columns=["record", "smiles", "reason"]
        )
        return table.astype({"record": np.int64})

    def _fields(self, rows, field):
        rows = np.arange(len(self))[rows] if isinstance(rows, slice) else np.asarray(rows)
        ends = self._map("offsets", np.int64)
        texts = np.empty(len(rows), dtype=object)
        with open(self._store.path("records"), "rb") as file:
            for k, row in enumerate(rows):
                begin = ends[row - 1] if row else 0
                file.seek(begin)
                line = file.read(int(ends[row] - begin)).decode("utf-8")
                texts[k] = line.rstrip("\n").split("\t")[field]
        return texts

    def _map(self, name, dtype):
        path = self._store.path(name)
        if path.stat().st_size == 0:
            return np.empty(0, dtype)
        return np.memmap(path, dtype=dtype, mode="r")

    @cached_property
    def _ends(self):
        return self._map("ends", np.int64)

    def _read(self, name, dtype, begin, end):
        """Read entries from the file: pages of a map would count as this process's memory."""
        dtype = np.dtype(dtype)
        offset = int(begin) * dtype.itemsize
        return np.fromfile(self._store.path(name), dtype, int(end - begin), offset=offset)

    def _read_slice(self, start, stop):
        """Read the features of consecutive rows."""
        n_rows, n_features = stop - start, self.shape[1]
        if self._store.packed:
            width = -(-n_features // 8)
            packed = self._read("bits", np.uint8, start * width, stop * width)
            return self._unpack(packed.reshape(n_rows, width))
        if not self.is_sparse:
            values = self._read("dense", np.float32, start * n_features, stop * n_features)
            return values.reshape(n_rows, n_features)
        ends = np.zeros(n_rows + 1, np.int64)
        ends[1:] = self._read("ends", np.int64, start, stop)
        ends[0] = self._read("ends", np.int64, start - 1, start)[0] if start else 0
        columns = self._read("columns", column_type(n_features), ends[0], ends[-1])
        counts = self._read("counts", np.uint8, ends[0], ends[-1])
        return _make_csr(ends - ends[0], columns, counts, n_features)

    def _read_rows(self, rows):
        """Read the features of any rows."""
        if self._store.packed:
            return self._unpack(self._map("bits", np.uint8).reshape(len(self), -1)[rows])
        if not self.is_sparse:
            dense = self._map("dense", np.float32).reshape(self.shape)
            return np.array(dense[rows])
        ends = self._ends
        begins = np.where(rows > 0, ends[np.maximum(rows - 1, 0)], 0)
        lengths = ends[rows] - begins
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        entries = np.arange(indptr[-1]) + np.repeat(begins - indptr[:-1], lengths)
        columns = self._map("columns", column_type(self.shape[1]))[entries]
        counts = self._map("counts", np.uint8)[entries]
        return _make_csr(indptr, columns, counts, self.shape[1])

    def _unpack(self, packed):
        n_features = self.shape[1]
        bits = np.unpackbits(packed, axis=1, count=n_features, bitorder="little")
        if not self.is_sparse:
            return bits.astype(np.float32)
        places = np.flatnonzero(bits.view(bool))
        ends = np.concatenate([[0], np.cumsum(np.count_nonzero(bits, axis=1))])
        data = np.ones(len(places), np.float32)
        return sparse.csr_matrix((data, places % n_features, ends), shape=bits.shape)


def _make_csr(indptr, columns, counts, n_features):
    rows = sparse.csr_matrix(
        (counts.astype(np.float32), columns.astype(np.int32), indptr.astype(np.int32)),
        shape=(len(indptr) - 1, n_features),
    )
    if (counts == 255).any():  # a larger count is several entries
        rows.sum_duplicates()
    return rows
