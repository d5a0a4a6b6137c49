"""What an array of SMILES is: the gate for those who need a molecule's graph and no coordinates."""

import numpy as np

__all__ = ["as_smiles", "holds_smiles"]


def holds_smiles(X):
    """Tell whether a container with one record in each row holds strings.

    Lists, tuples, arrays and pandas objects of one dimension, or of one column, can; a single
    string is no container.
    """
    return any(isinstance(item, str) for item in _column(X))


def as_smiles(X):
    """Convert SMILES to a 1-D object array of str.

    Parameters
    ----------
    X : array-like of str, shape (n_samples,) or (n_samples, 1)
        A list, array, Series or a DataFrame with one column. Nothing is parsed.

    Returns
    -------
    smiles : ndarray of shape (n_samples,), dtype object
        Always a new array.

    Raises
    ------
    TypeError
        If an element is no str; the message names the first ten.
    """
    items = _column(X)
    wrong = [i for i, item in enumerate(items) if not isinstance(item, str)]
    if wrong:
        named = ", ".join(f"smiles[{i}] is {_describe(items[i])}" for i in wrong[:10])
        more = f" and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        raise TypeError(f"SMILES must be str throughout: {named}{more}")
    smiles = np.empty(len(items), dtype=object)
    smiles[:] = [str(item) for item in items]  # np.str_ becomes str
    return smiles


def _column(X):
    """Return the records of a container that may hold strings, else nothing."""
    if hasattr(X, "iloc") and X.ndim == 2:
        if X.shape[1] != 1:
            return ()
        X = X.iloc[:, 0]
    if hasattr(X, "iloc"):
        return X.to_numpy(dtype=object) if X.dtype.kind == "O" else ()
    if isinstance(X, np.ndarray):
        if X.dtype.kind not in "OUT" or X.ndim == 0 or X.shape[1:] not in ((), (1,)):
            return ()
        return X if X.ndim == 1 else X[:, 0]
    return X if isinstance(X, (list, tuple)) else ()


def _describe(item):
    return repr(item) if item is None or isinstance(item, float) else f"a {type(item).__name__}"
