"""Selections of columns: a slice, integer indices or a boolean mask."""

from numbers import Integral

import numpy as np

__all__ = ["column_key", "format_columns", "resolve_columns"]


def _check_columns(columns):
    """Return a slice as it is, anything else as a 1-D array of int or bool."""
    if isinstance(columns, slice):
        limits = (columns.start, columns.stop, columns.step)
        if all(limit is None or isinstance(limit, Integral) for limit in limits):
            return columns
    elif not isinstance(columns, str) and np.ndim(columns) == 1:
        array = np.asarray(columns)
        if array.dtype.kind in "iub":
            return array
    raise ValueError(
        f"columns must be a slice, a list of integer indices or a boolean mask, got {columns!r}"
    )


def resolve_columns(columns, n_features):
    """Turn a selection into one that indexes an axis of `n_features`.

    Parameters
    ----------
    columns : slice or array-like of int or bool
        What is selected.
    n_features : int
        Number of columns.

    Returns
    -------
    columns : slice or ndarray of int
        A slice where one without step does.

    Raises
    ------
    ValueError
        If `columns` are no such selection, none at all, or not among the `n_features`.
    """
    checked = _check_columns(columns)
    if isinstance(checked, slice):
        indices = np.arange(n_features)[checked]
    elif checked.dtype.kind == "b":
        if len(checked) != n_features:
            raise ValueError(
                f"columns is a mask of {len(checked)} entries for {n_features} features"
            )
        indices = np.flatnonzero(checked)
    else:
        indices = checked.astype(np.int64)
        if np.any((indices < -n_features) | (indices >= n_features)):
            raise ValueError(
                f"columns must be among the {n_features} features, got {format_columns(columns)}"
            )
        indices = indices % n_features
    if len(indices) == 0:
        raise ValueError(
            f"columns={format_columns(columns)} selects none of the {n_features} features"
        )
    if np.all(np.diff(indices) == 1):
        return slice(int(indices[0]), int(indices[-1]) + 1)
    return indices


def column_key(columns):
    """Return what equal selections share: hashable, as slices are not before Python 3.12."""
    checked = _check_columns(columns)
    if isinstance(checked, slice):
        return ("slice", checked.start, checked.stop, checked.step)
    if checked.dtype.kind == "b":
        return ("mask", checked.tobytes())
    return ("indices", checked.astype(np.int64).tobytes())


def format_columns(columns):
    """Write a selection in full, in the fewest words that Python and NumPy have for it."""
    try:
        checked = _check_columns(columns)
    except ValueError:
        return repr(columns)
    if isinstance(checked, slice):
        limits = (checked.start, checked.stop, checked.step)
        return f"slice({', '.join(map(str, limits if limits[2] is not None else limits[:2]))})"
    is_mask = checked.dtype.kind == "b"
    indices = np.flatnonzero(checked) if is_mask else checked.astype(np.int64)
    if len(indices) == 0:
        return "[]"
    runs = np.split(indices, np.flatnonzero(np.diff(indices) != 1) + 1)
    return f"np.r_[{', '.join(_format_run(run) for run in runs)}]"


def _format_run(run):
    return str(run[0]) if len(run) == 1 else f"{run[0]}:{run[-1] + 1}"
