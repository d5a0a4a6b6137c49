"""Recognise a pool again, so that a stored campaign is never continued with another one."""

from hashlib import sha256

import numpy as np
from scipy import sparse

__all__ = ["digest"]


def digest(X):
    """Return a hexadecimal digest of what a pool holds: molecules, numbers or a table."""
    h = sha256()
    if hasattr(X, "iloc"):
        X = X.to_numpy()
    if sparse.issparse(X):
        X = X.tocsr()
        for part in (X.data, X.indices, X.indptr):
            h.update(np.ascontiguousarray(part).tobytes())
    elif isinstance(X, np.ndarray) and X.dtype != object:
        h.update(np.ascontiguousarray(X).tobytes())
    else:
        for item in X:
            if hasattr(item, "numbers") and hasattr(item, "positions"):  # ase.Atoms
                h.update(item.numbers.tobytes())
                h.update(item.positions.tobytes())
            else:
                h.update(repr(item).encode())
    return h.hexdigest()
