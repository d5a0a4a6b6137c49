"""Compiled loops over atoms. All in one file: numba's cache notices changes of this file only."""

import numba
import numpy as np


def _compiled(function):
    """Compile with numba, without the interpreter lock, cached on disk where a disk allows it."""
    try:
        return numba.njit(function, nogil=True, cache=True)
    except RuntimeError:  # neither the package's folder nor a home can be written
        return numba.njit(function, nogil=True)


@_compiled
def pair_extremes(positions, offsets):
    """Return per molecule the shortest and longest distance, and the nearest pair of atoms."""
    n_molecules = len(offsets) - 1
    shortest = np.full(n_molecules, np.nan)
    longest = np.full(n_molecules, np.nan)
    first = np.zeros(n_molecules, dtype=np.int64)
    second = np.zeros(n_molecules, dtype=np.int64)
    for m in range(n_molecules):
        low, high = np.inf, -np.inf
        for i in range(offsets[m], offsets[m + 1]):
            for j in range(i + 1, offsets[m + 1]):
                d2 = 0.0
                for x in range(3):
                    d2 += (positions[i, x] - positions[j, x]) ** 2
                if d2 < low:
                    low = d2
                    first[m] = i - offsets[m]
                    second[m] = j - offsets[m]
                high = max(high, d2)
        if high >= 0:
            shortest[m] = np.sqrt(low)
            longest[m] = np.sqrt(high)
    return shortest, longest, first, second
