"""The records of a campaign: the names a user gave them, and their positions in the pool."""

import numpy as np

__all__ = ["Records"]


class Records:
    """Names of records; without any, a record is named by its position.

    Parameters
    ----------
    ids : array-like of shape (n_samples,) or None
        Unique integers or strings.
    n_samples : int
        Number of records.
    """

    def __init__(self, ids, n_samples):
        self.n_samples = n_samples
        self._ids = None if ids is None else _check_ids(ids, n_samples)
        self._position = None  # id -> position, made when first needed

    def name(self, position):
        """Return the name of one record."""
        return int(position) if self._ids is None else self._ids[position].item()

    def names(self, positions):
        """Return the names of some records."""
        return np.array(positions, dtype=np.intp) if self._ids is None else self._ids[positions]

    def positions(self, ids):
        """Return the positions of records by name, or raise the error that says which is wrong."""
        ids = np.asarray(ids)
        if ids.ndim != 1:
            raise ValueError(f"ids must be 1-D, got shape {ids.shape}")
        if self._position is None and self._ids is not None:
            self._position = {name: k for k, name in enumerate(self._ids.tolist())}
        positions = []
        for name in ids.tolist():
            if self._ids is not None:
                position = self._position.get(name)
            else:
                known = isinstance(name, int) and 0 <= name < self.n_samples
                position = name if known else None
            if position is None:
                raise ValueError(f"unknown id {name!r}")
            positions.append(position)
        if len(set(positions)) != len(positions):
            raise ValueError("ids must be distinct, got a record twice")
        return positions

    def to_list(self):
        """Return the names for JSON; None where there are none."""
        return None if self._ids is None else self._ids.tolist()


def _check_ids(ids, n_samples):
    ids = np.asarray(ids)
    if ids.ndim != 1 or len(ids) != n_samples:
        raise ValueError(f"ids must have shape ({n_samples},), got {ids.shape}")
    if ids.dtype.kind not in "iuU":
        if not all(isinstance(name, str) for name in ids.tolist()):
            raise ValueError(f"ids must be integers or strings, got dtype {ids.dtype}")
        ids = ids.astype(str)
    if len(np.unique(ids)) != n_samples:
        raise ValueError("ids must be unique")
    return ids
