"""What a campaign may label: a pool whose rows can be taken, and how it is recognised again."""

from hashlib import sha256

import numpy as np
from scipy import sparse

from skmolal.molecules import as_molecules

__all__ = ["as_pool", "digest"]


def as_pool(X):
    """Return a pool whose rows can be taken: molecules become an object array, lists an array."""
    if sparse.issparse(X):
        return X.tocsr()
    if hasattr(X, "iloc"):
        return X
    if isinstance(X, np.ndarray) and X.dtype != object:
        return X
    from ase import Atoms

    items = np.asarray(X) if hasattr(X, "__array__") else list(X)
    if len(items) and isinstance(items[0], Atoms):
        return as_molecules(items)
    return np.asarray(items)


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
