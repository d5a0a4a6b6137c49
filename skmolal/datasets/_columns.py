"""Numbers of many molecules in a small file, without the molecules."""

import numpy as np

from skmolal.datasets._storage import replacing


def save_columns(path, columns, n_digits):
    """Write columns of decimal numbers.

    Parameters
    ----------
    path : path
        The ``.npz`` file, which exists only when it is complete.
    columns : dict of str to ndarray of shape (n_molecules,)
        Finite numbers.
    n_digits : int
        Number of digits kept after the point.
    """
    scaled = {name: np.rint(column * 10**n_digits) for name, column in columns.items()}
    with replacing(path) as part, part.open("wb") as stream:
        np.savez_compressed(
            stream,
            n_digits=np.int64(n_digits),
            **{name: column.astype(np.int32) for name, column in scaled.items()},
        )


def load_columns(path):
    """Read the columns of a file: a dict of str to ndarray of shape (n_molecules,)."""
    with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        scale = 10 ** int(arrays["n_digits"])
        return {name: arrays[name] / scale for name in arrays.files if name != "n_digits"}
