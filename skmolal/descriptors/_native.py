"""MBTR rows of finite molecules by compiled kernels; the numbers are dscribe's."""

from math import ceil, pi, sqrt

import numpy as np
from scipy.special import ndtr

from skmolal.descriptors import _kernels
from skmolal.descriptors._features import n_combinations
from skmolal.descriptors._terms import exponential_scale, term_cutoff

# Largest distance, in sigma, from the centre of a Gaussian to the next tabulated position: the
# relative error of the third-order expansion is below h**4 / 8, 5e-10.
_TABLE_STEP = 1 / 128
# Cells narrower or wider than this, in sigma, would need too large a table: erf is called there.
_TABULATED = (1 / 512, 8.0)

_GEOMETRIES = {
    "distance": _kernels.DISTANCE,
    "inverse_distance": _kernels.INVERSE_DISTANCE,
    "angle": _kernels.ANGLE,
    "cosine": _kernels.COSINE,
}
_WEIGHTINGS = {
    "unity": _kernels.UNITY,
    "exp": _kernels.EXPONENTIAL,
    "inverse_square": _kernels.INVERSE_SQUARE,
    "smooth_cutoff": _kernels.SMOOTH_CUTOFF,
}
_SCALINGS = {
    "none": _kernels.NOT_SCALED,
    "n_atoms": _kernels.SCALED_BY_ATOMS,
    "l2": _kernels.SCALED_BY_NORM,
}


class NativeMBTR:
    """Writes MBTR rows into a block of zeros; safe to call from several threads at once.

    Parameters
    ----------
    terms : dict
        Complete settings of each term, in the order of the columns.
    species : ndarray of int
        Atomic numbers, ascending.
    normalization : {"none", "l2", "n_atoms"}
        As in :class:`skmolal.MBTRTransformer`.
    normalize_gaussians : bool
        As in :class:`skmolal.MBTRTransformer`.
    """

    def __init__(self, terms, species, normalization, normalize_gaussians):
        self.species = species
        self.scaling = _SCALINGS[normalization]
        n_species = len(species)
        self.pair_of = np.zeros((n_species, n_species), dtype=np.int64)
        upper = np.triu_indices(n_species)
        self.pair_of[upper] = self.pair_of.T[upper] = np.arange(len(upper[0]))
        self.terms = []
        column = 0
        for name, term in terms.items():
            grid, table = tabulate_grid(**term["grid"])
            height = 1.0 if normalize_gaussians else grid.sigma * sqrt(2 * pi)
            geometry = _GEOMETRIES.get(term["geometry"]["function"])
            weighting = _encode_weighting(name, term)
            factor = height / grid.step
            self.terms.append((name, geometry, weighting, grid, table, factor, column))
            column += n_combinations(name, n_species) * grid.n

    def __call__(self, structures, block):
        """Write the rows of `structures` into `block`, C-contiguous, float32 or float64."""
        kinds = np.searchsorted(self.species, structures.numbers)
        for name, geometry, weighting, grid, table, factor, column in self.terms:
            if name == "k1":
                self._fill_singles(kinds, structures.offsets, grid, factor, block, column)
                continue
            fill = _kernels.fill_pairs if name == "k2" else _kernels.fill_triplets
            fill(
                structures.positions,
                kinds,
                structures.offsets,
                self.pair_of,
                geometry,
                weighting,
                grid,
                table,
                self.scaling,
                factor,
                block,
                column,
            )

    def _fill_singles(self, kinds, offsets, grid, factor, block, column):
        """Write the k1 term: each element has one Gaussian, as high as its number of atoms."""
        n_species, n_atoms = len(self.species), np.diff(offsets)
        edges = grid.start + grid.step * np.arange(grid.n + 1)
        t = (edges - self.species[:, None]) / grid.sigma
        gaussians = factor * _interval_probability(t[:, :-1], t[:, 1:])
        owner = np.repeat(np.arange(len(n_atoms)), n_atoms)
        counts = np.bincount(owner * n_species + kinds, minlength=len(n_atoms) * n_species)
        counts = counts.reshape(-1, n_species).astype(float)
        if self.scaling == _kernels.SCALED_BY_ATOMS:
            counts /= np.maximum(n_atoms, 1)[:, None]
        elif self.scaling == _kernels.SCALED_BY_NORM:
            norms = np.sqrt(counts**2 @ (gaussians**2).sum(axis=1))[:, None]
            counts = np.divide(counts, norms, out=np.zeros_like(counts), where=norms > 0)
        for kind in range(n_species):
            columns = slice(column + kind * grid.n, column + (kind + 1) * grid.n)
            block[:, columns] = counts[:, kind, None] * gaussians[kind]


def tabulate_grid(min, max, n, sigma):
    """Describe a grid to the kernels, and tabulate the integrals of a Gaussian over its cells.

    The table holds, for a centre in the middle of each of `n_bins` equal parts of a cell, the
    integral over each cell in reach, and its first three derivatives with respect to the centre
    (in sigma) over 1, 2 and 6: shape (n_bins, 4, 2 * half + 1), flattened.
    """
    step = (max - min) / (n - 1)
    ratio = step / sigma
    half = ceil(_kernels.REACH / ratio) + 1
    n_bins = ceil(ratio / (2 * _TABLE_STEP)) if _TABULATED[0] <= ratio <= _TABULATED[1] else 0
    table = np.empty((n_bins, 4, 2 * half + 1 if n_bins else 0))
    for k in range(n_bins):
        t = ratio * (np.arange(-half, half + 2) - (k + 0.5) / n_bins)
        pdf = np.exp(-0.5 * t**2) / sqrt(2 * pi)
        table[k, 0] = _interval_probability(t[:-1], t[1:])
        table[k, 1] = -np.diff(pdf)
        table[k, 2] = np.diff(-t * pdf) / 2
        table[k, 3] = -np.diff((t**2 - 1) * pdf) / 6
    start = float(min - step / 2)
    grid = _kernels.Grid(start, float(step), int(n), float(sigma), int(half), int(n_bins))
    return grid, table.ravel()


def _interval_probability(low, high):
    """Probability between two points of the normal distribution, accurate in both tails."""
    return np.where(low > 0, ndtr(-low) - ndtr(-high), ndtr(high) - ndtr(low))


def _encode_weighting(name, term):
    weighting = term["weighting"]
    function = weighting["function"]
    cutoff = weighting["r_cut"] if function == "smooth_cutoff" else term_cutoff(name, term)
    return _kernels.Weighting(
        _WEIGHTINGS[function],
        float(exponential_scale(name, term)) if function == "exp" else 0.0,
        float(weighting.get("threshold", 0.0)),
        np.inf if cutoff is None else float(cutoff),
        float(weighting.get("sharpness", 0.0)),
    )
