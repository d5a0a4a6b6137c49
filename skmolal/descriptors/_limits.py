"""The natural ends of a grid, learned from molecules where its limits are left open."""

import numpy as np

from skmolal.descriptors._structures import distance_range
from skmolal.descriptors._terms import check_limits, term_cutoff


def close_grid(name, term, structures, numbers):
    """Return the grid of a term with open limits replaced by what the molecules span."""
    grid = dict(term["grid"])
    if grid["min"] is None or grid["max"] is None:
        limits = _natural_limits(name, term, structures, numbers)
        for key, limit in zip(("min", "max"), limits, strict=True):
            if grid[key] is None:
                grid[key] = float(limit)
        check_limits(name, grid)
    return grid


def _natural_limits(name, term, structures, numbers):
    geometry = term["geometry"]["function"]
    if geometry == "atomic_number":
        return numbers.min() - 1, numbers.max() + 1
    if geometry == "angle":
        return 0, 180
    if geometry == "cosine":
        return -1, 1
    shortest, longest = distance_range(structures, term_cutoff(name, term))
    if np.isnan(shortest):
        raise ValueError(
            f"{name}__grid has an open limit, but no molecule to learn it from has two atoms "
            f"within reach: give {name}__grid__min and {name}__grid__max"
        )
    return (0, 1 / shortest) if geometry == "inverse_distance" else (0, longest)
