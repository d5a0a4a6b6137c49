"""The gate that everything which takes molecules passes them through."""

from collections.abc import Iterable

import numpy as np

from skmolal.molecules._array import MoleculeArray

__all__ = ["as_molecules"]


def as_molecules(X):
    """Convert molecules to a 1-D object array of ``ase.Atoms``.

    ``np.array(list_of_atoms)`` builds a 2-D array of single atoms when all molecules have the
    same size; this function never does.

    Parameters
    ----------
    X : iterable of ase.Atoms, shape (n_samples,)
        A list, tuple, generator, pandas Series, object array of shape (n_samples,) or
        (n_samples, 1), or a DataFrame with one column.

    Returns
    -------
    molecules : ndarray of shape (n_samples,), dtype object
        The same ``ase.Atoms`` objects, not copies. What this function has returned is returned
        as it is; of another object array of molecules the result is a view.

    Raises
    ------
    TypeError
        If `X` is a single ``Atoms``, is not iterable, or an element is not an ``Atoms``.
    ValueError
        If `X` has more than one column.

    Notes
    -----
    The array is a subclass of ``numpy.ndarray`` that is pickled as a few flat arrays. So it is
    sent to other processes fast, and ``Pipeline(memory=folder)`` hashes 10,000 molecules in
    well under a second, against seconds for a list or a plain object array: pass molecules
    through this function first. Molecules with more than numbers, positions, cell, boundary
    conditions and info (tags, momenta, constraints, a calculator with results) lose nothing,
    but are pickled one by one.

    ``Pipeline(memory=folder)`` and :class:`joblib.Memory` unpickle what they find in their
    folder, and unpickling can run any code. Give them a folder that only you can write to, never
    one that was downloaded or is shared. The checkpoints and data files of skmolal are not
    pickled.

    Examples
    --------
    >>> from ase import Atoms
    >>> from skmolal import as_molecules
    >>> as_molecules([Atoms("CO"), Atoms("N2")]).shape
    (2,)
    """
    from ase import Atoms

    if isinstance(X, Atoms):
        raise TypeError(
            "molecules must be a sequence of ase.Atoms, got a single Atoms object: "
            "pass [atoms] for one molecule"
        )
    if isinstance(X, (str, bytes)) or not (isinstance(X, Iterable) or hasattr(X, "__array__")):
        raise TypeError(f"molecules must be a sequence of ase.Atoms, got {type(X).__name__}")
    if hasattr(X, "iloc"):  # pandas: by position, whatever the index
        X = X.to_numpy(dtype=object)
    if isinstance(X, np.ndarray):
        if X.ndim == 2 and X.shape[1] == 1:
            X = X[:, 0]
        if X.ndim != 1:
            raise ValueError(
                "molecules must be 1-D, one ase.Atoms per sample, got an array of shape "
                f"{X.shape}; build it with skmolal.as_molecules(list_of_atoms)"
            )
        molecules = X if X.dtype == object else X.astype(object)
        if not isinstance(molecules, MoleculeArray):
            molecules = molecules.view(MoleculeArray)
    else:
        items = list(X)
        molecules = np.empty(len(items), dtype=object).view(MoleculeArray)
        for i, item in enumerate(items):
            molecules[i] = item
    for i, atoms in enumerate(molecules):
        if not isinstance(atoms, Atoms):
            raise TypeError(f"molecules[{i}] must be an ase.Atoms, got {type(atoms).__name__}")
    return molecules
