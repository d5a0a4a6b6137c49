"""Rows of a training set or a pool, whatever its container.

One place knows how to count, take and stack rows of NumPy arrays (1-D object arrays of
``ase.Atoms`` included), SciPy sparse matrices, pandas objects and lists. Rows are always meant by
position, never by a pandas label.
"""

import numpy as np
import scipy.sparse as sp

from skmolal.molecules import as_molecules


class LazyRows:
    """Base of tables whose rows lie elsewhere and are read when they are needed.

    A slice, or an array of positions, reads rows; :meth:`take` selects rows without reading them.
    A subclass has ``_read_slice(start, stop)`` and ``_read_rows(rows)``.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    dtype : dtype
        Of the rows read.
    is_sparse : bool
        Whether rows are read as CSR, or as ndarray.
    """

    ndim = 2

    def __init__(self, shape, dtype, is_sparse):
        self.shape, self.dtype, self.is_sparse = shape, dtype, is_sparse

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, key):
        if isinstance(key, slice):
            start, stop, step = key.indices(len(self))
            if step == 1:
                return self._read_slice(start, max(start, stop))
            key = np.arange(start, stop, step)
        return self._read_rows(_positions(key, len(self)))

    def take(self, rows):
        """Select rows without reading them."""
        return SelectedRows(self, _positions(rows, len(self)))


class SelectedRows(LazyRows):
    """Some rows of lazy rows, by position."""

    def __init__(self, source, rows):
        super().__init__((len(rows), source.shape[1]), source.dtype, source.is_sparse)
        self.source, self.rows = source, rows

    def _read_slice(self, start, stop):
        return self._read_rows(np.arange(start, stop))

    def _read_rows(self, rows):
        rows = self.rows[rows]
        # Most are read in long runs: once from the first to the last, where that is little more.
        if len(rows) and rows[-1] - rows[0] < 2 * len(rows) and (np.diff(rows) > 0).all():
            return self.source._read_slice(rows[0], rows[-1] + 1)[rows - rows[0]]
        return self.source._read_rows(rows)

    def take(self, rows):
        return SelectedRows(self.source, self.rows[_positions(rows, len(self))])


def _positions(rows, n_rows):
    rows = np.asarray(rows)
    if rows.dtype == bool:
        rows = np.flatnonzero(rows)
    rows = np.atleast_1d(rows).astype(np.intp)
    if rows.size and (rows.min() < -n_rows or rows.max() >= n_rows):
        raise IndexError(f"rows must be positions among {n_rows}, got {rows.min()} to {rows.max()}")
    return rows % n_rows if n_rows else rows


def read_all(X):
    """Read lazy rows; any other container is returned as it is."""
    return X[:] if isinstance(X, LazyRows) else X


def as_rows(X, name="X"):
    """Return molecules as a molecule array, and any other container with rows as it is."""
    if holds_molecules(X):
        return as_molecules(X)
    if not hasattr(X, "shape") and hasattr(X, "__array__"):
        X = np.asarray(X)
    has_rows = len(X.shape) > 0 if hasattr(X, "shape") else isinstance(X, (list, tuple))
    if not has_rows:
        raise TypeError(
            f"{name} must be an array, a sparse matrix, a DataFrame, a Series or a list with one "
            f"row per sample, got {type(X).__name__}"
        )
    return X


def n_rows(X):
    """Count the rows; ``len`` refuses sparse matrices."""
    return X.shape[0] if hasattr(X, "shape") else len(X)


def take_rows(X, idx):
    """Take rows by position.

    As in modAL, an integer takes the row itself (a Series of a DataFrame, a matrix of one row of a
    sparse matrix); an array of integers or a boolean mask takes rows in the container of `X`.
    """
    idx = np.asarray(idx)
    if idx.size == 0 and idx.dtype != bool:
        idx = idx.astype(np.intp)  # np.asarray([]) is an array of floats
    if isinstance(X, LazyRows):
        return X.take(idx)
    if sp.issparse(X):
        return X.tocsr()[np.atleast_1d(idx)]
    if hasattr(X, "iloc"):
        return X.iloc[idx if idx.ndim else int(idx)]
    if isinstance(X, (list, tuple)):
        if idx.ndim == 0:
            return X[int(idx)]
        return [X[i] for i in np.arange(len(X))[idx]]
    return X[idx]


def stack_rows(first, second):
    """Stack the rows of `second` below those of `first`, in the container of `first`.

    Two DataFrames must have the same columns; columns are matched by label and the index is kept.
    A Series below a DataFrame is one row, labelled like its columns. A Series and something that
    is neither become an array.
    """
    if sp.issparse(first) or sp.issparse(second):
        return sp.vstack([first, second], format="csr")
    if _is_frame(first) and hasattr(second, "iloc") and not _is_frame(second):
        second = _as_row_of(first, second)
    if _is_frame(first) or _is_frame(second):
        return _stack_frames(first, second)
    if hasattr(first, "iloc") and hasattr(second, "iloc"):
        import pandas as pd

        return pd.concat([first, second])
    first, second = (X.to_numpy() if hasattr(X, "iloc") else X for X in (first, second))
    if isinstance(first, (list, tuple)):
        return [*first, *(second if _is_1d_object(second) else _as_list(second))]
    if _is_1d_object(first):
        second = _object_array(second)
    return np.concatenate([first, second])


def stack_columns(blocks):
    """Stack blocks with the same rows side by side."""
    if len(blocks) == 1:
        return blocks[0]
    if any(sp.issparse(block) for block in blocks):
        return sp.hstack(blocks, format="csr")
    if all(_is_frame(block) for block in blocks):
        import pandas as pd

        return pd.concat(blocks, axis=1)
    return np.hstack(blocks)


def holds_molecules(X):
    """Tell by its first row whether a container holds ``ase.Atoms``."""
    if isinstance(X, np.ndarray) or hasattr(X, "iloc"):
        # A frame of molecules has one column; the dtype of any other says nothing about its cells.
        if _is_frame(X):
            if X.shape[1] != 1:
                return False
            X = X.iloc[:, 0]
        if X.dtype != object or X.size == 0:
            return False
        first = X.iloc[0] if hasattr(X, "iloc") else X.flat[0]
    elif isinstance(X, (list, tuple)):
        if not X:
            return False
        first = X[0]
    else:
        first = X  # as_molecules explains what to do with a single Atoms
    from ase import Atoms

    return isinstance(first, Atoms)


def _is_frame(X):
    return hasattr(X, "iloc") and X.ndim == 2


def _is_1d_object(X):
    return isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype == object


def _as_list(X):
    return X.tolist() if isinstance(X, np.ndarray) else list(X)


def _object_array(X):
    # Element by element: np.array would unfold molecules of equal size into a 2-D array of atoms.
    if isinstance(X, np.ndarray):
        return X
    rows = np.empty(len(X), dtype=object)
    for i, row in enumerate(X):
        rows[i] = row
    return rows


def _as_row_of(frame, row):
    """Turn a row that was taken out of a DataFrame into a DataFrame again."""
    import pandas as pd

    # In a row of several types all cells became objects.
    row = row.to_frame().T.infer_objects()
    known = {
        label: dtype
        for label, dtype in frame.dtypes.items()
        if isinstance(dtype, pd.CategoricalDtype)
        and label in row
        and row[label].isin(dtype.categories).all()
    }
    return row.astype(known)


def _stack_frames(first, second):
    import pandas as pd

    if not (_is_frame(first) and _is_frame(second)):
        raise TypeError(
            "rows of a DataFrame can only be stacked with those of a DataFrame, got "
            f"{type(first).__name__} and {type(second).__name__}"
        )
    if len(first.columns) != len(second.columns) or set(first.columns) != set(second.columns):
        raise ValueError(
            "DataFrames must have the same columns to be stacked, got "
            f"{list(first.columns)} and {list(second.columns)}"
        )
    return pd.concat([first, second])
