"""How loops are compiled."""

import numba

__all__ = ["compiled"]


def compiled(function=None, **options):
    """Compile with numba, without the interpreter lock, cached on disk where a disk allows it."""
    if function is None:
        return lambda function: compiled(function, **options)
    options |= {"nogil": True, "error_model": "numpy"}  # no check for 0 at each division
    try:
        return numba.njit(function, cache=True, **options)
    except RuntimeError:  # neither the package's folder nor a home can be written
        return numba.njit(function, **options)
