"""What a campaign may label: a pool whose rows can be taken, and how it is recognised again."""

from hashlib import sha256

import numpy as np
from scipy import sparse

from skmolal._rows import LazyRows
from skmolal.molecules import as_molecules
from skmolal.molecules._smiles import as_smiles, holds_smiles

__all__ = ["as_pool", "digest"]


def as_pool(X):
    """Return a pool whose rows can be taken.

    Molecules and lists of SMILES become a 1-D object array, other lists an array.
    """
    if isinstance(X, LazyRows):
        return X
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
    if isinstance(items, list) and holds_smiles(items):
        return as_smiles(items)
    return np.asarray(items)


def _raw(array):
    """Return the bytes of an array in order, without a copy where they lie so."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def digest(X):
    """Return a hexadecimal digest of what a pool holds: molecules, SMILES, numbers or a table."""
    if isinstance(X, LazyRows):
        return X.digest
    h = sha256()
    if hasattr(X, "iloc"):
        X = X.to_numpy()
    if isinstance(X, np.ndarray) and X.dtype.kind in "OUT":  # strings, in any container
        X = (X[:, 0] if X.ndim == 2 and X.shape[1] == 1 else X).astype(object)
    if sparse.issparse(X):
        X = X.tocsr()
        for part in (X.data, X.indices, X.indptr):
            h.update(_raw(part))
    elif isinstance(X, np.ndarray) and X.dtype != object:
        h.update(_raw(X))
    else:
        for item in X:
            if hasattr(item, "numbers") and hasattr(item, "positions"):  # ase.Atoms
                h.update(item.numbers.tobytes())
                h.update(item.positions.tobytes())
            else:
                h.update(repr(str(item) if isinstance(item, str) else item).encode())
    return h.hexdigest()
