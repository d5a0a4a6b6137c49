"""Compiled loops over atoms, pairs and triplets.

All in one file: numba's cache on disk notices changes of the file that a function stands in, not
of the files it calls.
"""

from collections import namedtuple
from math import acos, erf, exp, floor, pi, sqrt

import numpy as np

from skmolal._numba import compiled as _compiled

# A Gaussian is added within so many sigma of its centre. The float64 normal CDF is 0 or 1 beyond.
REACH = 8.3

# start: lower edge of the first grid cell; step: width of a cell; n: number of cells; half: cells
# on either side of the one with the centre that are in reach; n_bins: parts of a cell that have
# entries of their own in the table of `_native.tabulate_grid`, or 0 where there is no table. The
# table is passed on beside it: a tuple that holds an array costs more than adding a Gaussian.
Grid = namedtuple("Grid", ["start", "step", "n", "sigma", "half", "n_bins"])

# function: one of the codes below; r_cut: radius beyond which no neighbour counts, or inf.
Weighting = namedtuple("Weighting", ["function", "scale", "threshold", "r_cut", "sharpness"])

UNITY, EXPONENTIAL, INVERSE_SQUARE, SMOOTH_CUTOFF = range(4)
DISTANCE, INVERSE_DISTANCE, ANGLE, COSINE = range(4)
NOT_SCALED, SCALED_BY_ATOMS, SCALED_BY_NORM = range(3)


@_compiled
def _distance(positions, i, j):
    x = positions[i, 0] - positions[j, 0]
    y = positions[i, 1] - positions[j, 1]
    z = positions[i, 2] - positions[j, 2]
    return sqrt(x * x + y * y + z * z)


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
                d = _distance(positions, i, j)
                if d < low:
                    low = d
                    first[m] = i - offsets[m]
                    second[m] = j - offsets[m]
                high = max(high, d)
        if high >= 0:
            shortest[m] = low
            longest[m] = high
    return shortest, longest, first, second


@_compiled(fastmath={"contract"})
def _add_polynomials(sums, first, n, table, c0, width, weight, h):
    # Unsigned indices cannot be negative, counted from the end: LLVM vectorises the loop.
    c1 = c0 + width
    c2 = c1 + width
    c3 = c2 + width
    for i in range(np.uint64(n)):
        sums[first + i] += weight * (
            table[c0 + i] + h * (table[c1 + i] + h * (table[c2 + i] + h * table[c3 + i]))
        )


@_compiled
def _add_gaussian(sums, block, centre, weight, grid, table):
    """Add the integrals of a Gaussian over the cells of a grid, times the weight, to a block."""
    u = (centre - grid.start) / grid.step  # in cells from the lower edge
    if not -grid.half <= u < grid.n + grid.half:
        return
    cell = floor(u)
    low = max(0, cell - grid.half)
    high = min(grid.n, cell + grid.half + 1)
    first = block * grid.n + low
    if grid.n_bins > 0:
        k = min(int((u - cell) * grid.n_bins), grid.n_bins - 1)
        h = (u - cell - (k + 0.5) / grid.n_bins) * grid.step / grid.sigma
        width = 2 * grid.half + 1
        c0 = 4 * k * width + low + grid.half - cell
        _add_polynomials(
            sums, np.uint64(first), high - low, table, np.uint64(c0), np.uint64(width), weight, h
        )
        return
    below = erf((grid.start + low * grid.step - centre) / (grid.sigma * sqrt(2.0)))
    for i in range(high - low):
        edge = grid.start + (low + i + 1) * grid.step
        above = erf((edge - centre) / (grid.sigma * sqrt(2.0)))
        sums[first + i] += 0.5 * weight * (above - below)
        below = above


@_compiled
def _flush(sums, touched, n, n_atoms, scaling, factor, row):
    """Scale the sums of one molecule, write them to its row and clear them."""
    if scaling == SCALED_BY_ATOMS:
        factor = factor / n_atoms
    elif scaling == SCALED_BY_NORM:
        square = 0.0
        for block in range(len(touched)):
            if touched[block]:
                square += (sums[block * n : (block + 1) * n] ** 2).sum()
        factor = 1.0 / sqrt(square) if square > 0 else 1.0
    for block in range(len(touched)):
        if touched[block]:
            part, target = sums[block * n : (block + 1) * n], row[block * n : (block + 1) * n]
            for i in range(n):
                target[i] = part[i] * factor
                part[i] = 0.0
            touched[block] = False


@_compiled
def fill_pairs(
    positions,
    kinds,
    offsets,
    pair_of,
    geometry,
    weighting,
    grid,
    table,
    scaling,
    factor,
    out,
    column,
):
    """Write the k2 term of each molecule into its row of `out`, from `column` on."""
    n_pairs = pair_of.max() + 1
    touched = np.zeros(n_pairs, dtype=np.bool_)
    sums = np.zeros(len(touched) * grid.n)
    for m in range(len(offsets) - 1):
        for i in range(offsets[m], offsets[m + 1]):
            for j in range(i + 1, offsets[m + 1]):
                d = _distance(positions, i, j)
                if d > weighting.r_cut:
                    continue
                weight = 1.0
                if weighting.function == EXPONENTIAL:
                    weight = exp(-weighting.scale * d)
                    if weight < weighting.threshold:
                        continue
                elif weighting.function == INVERSE_SQUARE:
                    weight = 1.0 / (d * d)
                pair = pair_of[kinds[i], kinds[j]]
                touched[pair] = True
                centre = d if geometry == DISTANCE else 1.0 / d
                _add_gaussian(sums, pair, centre, weight, grid, table)
        n_atoms = offsets[m + 1] - offsets[m]
        _flush(sums, touched, grid.n, n_atoms, scaling, factor, out[m, column:])


@_compiled
def _pair_weight(d, weighting):
    """Factor that a distance contributes to the weight of a triplet."""
    if weighting.function == EXPONENTIAL:
        return exp(-weighting.scale * d)
    if weighting.function == SMOOTH_CUTOFF:
        y, x = weighting.sharpness, d / weighting.r_cut
        return 1.0 + y * x ** (y + 1.0) - (y + 1.0) * x**y
    return 1.0


@_compiled
def _bend(d_ij, d_jk, d_ik, geometry):
    """Cosine, or angle in degrees, at atom j, by the law of cosines."""
    cosine = 0.5 / (d_jk * d_ij) * (d_ij * d_ij + d_jk * d_jk - d_ik * d_ik)
    cosine = max(-1.0, min(cosine, 1.0))
    return cosine if geometry == COSINE else acos(cosine) * 180.0 / pi


@_compiled
def fill_triplets(
    positions,
    kinds,
    offsets,
    pair_of,
    geometry,
    weighting,
    grid,
    table,
    scaling,
    factor,
    out,
    column,
):
    """Write the k3 term of each molecule into its row of `out`, from `column` on."""
    n_pairs = pair_of.max() + 1
    touched = np.zeros(len(pair_of) * n_pairs, dtype=np.bool_)
    sums = np.zeros(len(touched) * grid.n)
    most = np.max(offsets[1:] - offsets[:-1])
    distances = np.empty((most, most))
    weights = np.empty((most, most))
    near = np.empty(most, dtype=np.int64)
    for m in range(len(offsets) - 1):
        start, n_atoms = offsets[m], offsets[m + 1] - offsets[m]
        for i in range(n_atoms):
            for j in range(i):
                d = _distance(positions, start + i, start + j)
                distances[i, j] = distances[j, i] = d
                if d <= weighting.r_cut:
                    weights[i, j] = weights[j, i] = _pair_weight(d, weighting)
        for j in range(n_atoms):  # the atom at the vertex
            n_near = 0
            for i in range(n_atoms):
                if i != j and distances[i, j] <= weighting.r_cut:
                    near[n_near] = i
                    n_near += 1
            for a in range(n_near):
                i = near[a]
                for b in range(a + 1, n_near):
                    k = near[b]
                    d_ij, d_jk, d_ik = distances[i, j], distances[j, k], distances[i, k]
                    weight = weights[i, j] * weights[j, k]
                    if weighting.function == EXPONENTIAL:
                        if d_ik > weighting.r_cut:
                            continue
                        weight *= weights[i, k]
                        if abs(weight - weighting.threshold) < 1e-9 * weighting.threshold:
                            # too close to call with the rounding of a product
                            weight = exp(-weighting.scale * (d_ij + d_jk + d_ik))
                        if weight < weighting.threshold:
                            continue
                    block = kinds[start + j] * n_pairs + pair_of[kinds[start + i], kinds[start + k]]
                    touched[block] = True
                    centre = _bend(d_ij, d_jk, d_ik, geometry)
                    _add_gaussian(sums, block, centre, weight, grid, table)
        _flush(sums, touched, grid.n, n_atoms, scaling, factor, out[m, column:])
