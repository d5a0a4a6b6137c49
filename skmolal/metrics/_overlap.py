"""How far a target can be told from the rest, given an error of labels or models."""

import numpy as np
from scipy.special import ndtr
from sklearn.utils.validation import check_array

from skmolal.metrics._scorers import check_range

__all__ = ["distribution_overlap", "smeared_masses"]


def distribution_overlap(y, low=-np.inf, high=np.inf, *, scale):
    r"""Compute the overlap of in-range and out-of-range molecules under an error scale.

    Both groups' distributions of the property are smeared with a Gaussian of standard deviation
    `scale`, and the overlap coefficient
    :math:`\int \min(p_\mathrm{in}(v), p_\mathrm{out}(v))\,dv` of the two densities is returned:
    0 where an error of that size never confuses the groups, towards 1 where it always does.
    Without smearing, the overlap of a range with the whole set is merely the range's share.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The property.
    low, high : float, default=-inf, inf
        The closed target range, in the unit of `y`. At least one must be given.
    scale : float
        Standard deviation of the error of labels or model, in the unit of `y`; positive.

    Returns
    -------
    overlap : float
        Between 0 and 1; NaN where all or none of `y` lie in the range.

    Raises
    ------
    ValueError
        If `scale` is not a positive number or the range is empty or missing.

    Examples
    --------
    >>> import numpy as np
    >>> from skmolal.metrics import distribution_overlap
    >>> y = np.concatenate([np.linspace(0, 1, 500), np.linspace(4, 5, 500)])
    >>> round(distribution_overlap(y, low=2.5, scale=0.1), 3)
    0.0
    >>> round(distribution_overlap(y, low=2.5, scale=4.0), 2)
    0.62
    """
    low, high = check_range(low, high)
    y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y").ravel()
    if not np.isfinite(scale) or scale <= 0:
        raise ValueError(f"scale must be a positive number, got {scale!r}")
    inside = (low <= y) & (y <= high)
    if inside.all() or not inside.any():
        return float("nan")
    return float(np.minimum(*smeared_masses(y, inside, scale)).sum())


def smeared_masses(y, inside, scale):
    """Smear in-range and out-of-range molecules, and return the mass of each in fine cells.

    Returns two arrays over the same cells of the smeared property; each sums to one.
    """
    # Cells of a tenth of the scale resolve the densities; the mass in a cell is exact (ndtr).
    n_cells = int(np.clip(np.ceil((np.ptp(y) + 16 * scale) / (scale / 10)), 200, 20_000))
    edges = np.linspace(y.min() - 8 * scale, y.max() + 8 * scale, n_cells + 1)
    masses = []
    for group in (y[inside], y[~inside]):
        cdf = np.zeros(len(edges))
        for part in np.array_split(group, max(1, len(group) // 1000)):  # bounded memory
            cdf += ndtr((edges[:, None] - part) / scale).sum(axis=1)
        masses.append(np.diff(cdf) / len(group))
    return masses
