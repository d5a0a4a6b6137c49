"""Search tasks with a chosen share of targets and a chosen distance to the rest."""

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils.validation import check_array

__all__ = ["make_overlap_task"]


def make_overlap_task(y, share=0.1, *, position=1.0, gap=0.0):
    """Make a search task: a window of the property, and a gap between it and the rest.

    What a search saves is decided by how rare the targets are and by how far their property
    overlaps with the others' under the error of model or labels. The two are moved apart here:

    - a window that holds a fixed `share` of the molecules is moved through the quantiles by
      `position`, from a tail (few others near by) to the mode (many);
    - a `gap` is opened at each end of the window by a monotone shift of the property: every
      molecule keeps its rank, and only the distance across the boundary grows.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The property.
    share : float, default=0.1
        Share of the molecules in the window, between 0 and 1.
    position : float, default=1.0
        Where the window lies, between 0, the smallest values, and 1, the largest; 0.5 is the
        middle of the ranks.
    gap : float, default=0.0
        Width added to the empty stretch at each end of the window, in the unit of `y`; not
        negative.

    Returns
    -------
    task : Bunch
        ``target`` (ndarray of shape (n_samples,), the shifted property), ``low`` and ``high``
        (the closed target range, in the middle of the empty stretches; infinite in a tail),
        ``in_range`` (ndarray of bool, shape (n_samples,)) and ``share`` (the share attained:
        `share` up to rounding, or more where an end of the window falls among equal values,
        which are then all inside).

    Raises
    ------
    ValueError
        If a parameter is out of range, or the window holds all or none of `y`.

    See Also
    --------
    skmolal.metrics.distribution_overlap : Measures the overlap of a task.

    References
    ----------
    .. [1] K. Ghosh et al., J. Chem. Phys. 162, 014103 (2025), arXiv:2408.11191.

    Examples
    --------
    >>> import numpy as np
    >>> from skmolal.datasets import make_overlap_task
    >>> y = np.arange(10.0)
    >>> make_overlap_task(y, 0.2).low
    7.5
    >>> task = make_overlap_task(y, 0.2, position=0.5, gap=3.0)
    >>> task.target
    array([-3., -2., -1.,  0.,  4.,  5.,  9., 10., 11., 12.])
    >>> task.low, task.high
    (2.0, 7.0)
    """
    y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y").ravel()
    for name, value in (("share", share), ("position", position)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must lie between 0 and 1, got {value!r}")
    if not (np.isfinite(gap) and gap >= 0):
        raise ValueError(f"gap must be a finite number that is not negative, got {gap!r}")
    n_inside = round(share * len(y))
    if not 0 < n_inside < len(y):
        raise ValueError(
            f"share must leave molecules inside and outside the window, got {share!r}: "
            f"{n_inside} of {len(y)}"
        )
    start = round(position * (len(y) - n_inside))
    stop = start + n_inside
    ordered = np.sort(y)
    low = _between(ordered[start - 1], ordered[start], outside="left") if start else -np.inf
    high = _between(ordered[stop - 1], ordered[stop], outside="right") if stop < len(y) else np.inf
    below, above = y < low, y > high
    in_range = ~(below | above)
    if in_range.all():
        raise ValueError("the window holds all molecules, because too many values of y are equal")
    return Bunch(
        target=y - gap * below + gap * above,
        low=float(low - gap / 2),
        high=float(high + gap / 2),
        in_range=in_range,
        share=float(in_range.mean()),
    )


def _between(left, right, *, outside):
    """Return a value that separates two neighbours, or, where they are equal, takes both in."""
    middle = left + (right - left) / 2
    if left < middle < right:
        return middle
    # Equal, or neighbours in floating point: the closed end is the value inside.
    return right if outside == "left" else left
