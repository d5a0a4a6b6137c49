"""Which column of an MBTR is what: blocks of grid points, one per combination of elements."""

from itertools import combinations_with_replacement
from math import ceil, log10

import numpy as np


def n_combinations(name, n_species):
    """Count the combinations of elements of a term."""
    n_pairs = n_species * (n_species + 1) // 2
    return {"k1": n_species, "k2": n_pairs, "k3": n_species * n_pairs}[name]


def count_features(terms, n_species):
    """Count the columns of all terms."""
    return sum(n_combinations(name, n_species) * t["grid"]["n"] for name, t in terms.items())


def feature_names(terms, species):
    """Name the columns like ``k2_C-H_0.3250``: term, elements and grid point.

    Columns follow dscribe. Where the order of two elements has no meaning (both of a pair, the
    outer two of an angle, whose centre stands in the middle) the name has them alphabetically.
    """
    names = []
    for name, term in terms.items():
        points = _grid_labels(term["grid"])
        for elements in _combinations(name, species):
            names += [f"{name}_{'-'.join(elements)}_{point}" for point in points]
    return np.array(names, dtype=object)


def _combinations(name, symbols):
    pairs = [tuple(sorted(pair)) for pair in combinations_with_replacement(symbols, 2)]
    if name == "k1":
        return [(symbol,) for symbol in symbols]
    if name == "k2":
        return pairs
    return [(first, centre, last) for centre in symbols for first, last in pairs]


def _grid_labels(grid):
    points, step = np.linspace(grid["min"], grid["max"], grid["n"], retstep=True)
    # Points at least two units of the last digit apart have different labels.
    digits = max(4, ceil(-log10(step / 2)))
    return [f"{point:.{digits}f}" for point in points]
