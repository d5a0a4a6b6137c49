"""A length scale to start from."""

import numpy as np
from scipy import sparse
from sklearn.metrics import euclidean_distances
from sklearn.utils import check_array, check_random_state

__all__ = ["median_length_scale"]

_N_PAIRS = 1024  # whose differences are in memory at a time


def median_length_scale(X, n_samples=1000, random_state=None):
    """Compute the median distance between samples.

    A length scale far below the distances between samples makes the kernel matrix the identity,
    one far above makes it constant; the likelihood is flat in both, and an optimiser that starts
    there stays there. The median distance is a start that is neither.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_rows, n_features)
        Samples.
    n_samples : int, default=1000
        The median is taken over the pairs of at most this many rows, drawn without replacement.
    random_state : int, RandomState instance or None, default=None
        Draws the rows, where there are more than `n_samples`.

    Returns
    -------
    length_scale : float
        The median Euclidean distance between different rows, in the unit of `X`; 1.0 where all
        rows are equal.

    Raises
    ------
    ValueError
        If `n_samples` is below 2.

    Examples
    --------
    >>> import numpy as np
    >>> from skmolal.gaussian_process import median_length_scale
    >>> median_length_scale(np.array([[0.0, 0.0], [3.0, 4.0]]))
    5.0
    """
    if n_samples < 2:
        raise ValueError(f"n_samples must be at least 2, got {n_samples}")
    X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
    if X.shape[0] > n_samples:
        rng = check_random_state(random_state)
        X = X[rng.choice(X.shape[0], n_samples, replace=False)]
    X = X.astype(np.float64)
    distances = np.sqrt(_squared_distances(X))
    distances = distances[distances > 0]
    return float(np.median(distances)) if distances.size else 1.0


def _squared_distances(X):
    """Squared distances of all pairs of rows, zero for equal rows, shape (n_pairs,)."""
    is_sparse = sparse.issparse(X)
    # Adding a constant to all rows changes no distance but costs their digits.
    centred = X if is_sparse else X - X.mean(axis=0)
    norms = np.asarray((centred.multiply(X) if is_sparse else centred**2).sum(axis=1)).ravel()
    i, j = np.triu_indices(X.shape[0], k=1)
    squares = euclidean_distances(centred, squared=True)[i, j]
    # Of close rows a product leaves rounding errors.
    close = np.flatnonzero(squares < 1e-8 * (norms[i] + norms[j]))
    for start in range(0, len(close), _N_PAIRS):
        pairs = close[start : start + _N_PAIRS]
        differences = X[i[pairs]] - X[j[pairs]]
        differences = differences.multiply(differences) if is_sparse else differences**2
        squares[pairs] = np.asarray(differences.sum(axis=1)).ravel()
    return squares
