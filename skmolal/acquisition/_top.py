"""The threshold of "the top 5%" while most labels are unknown."""

import numpy as np
from scipy.special import ndtr

from skmolal.acquisition._checks import check_posterior

__all__ = ["threshold_of_top"]


def threshold_of_top(y, mean, std, top, maximize=True, n_rest=None):
    """Estimate the value beyond which a share of all records lies.

    The threshold t solves: labels beyond t, plus the sum of the probabilities of the rest to lie
    beyond t, is `top` times the number of all records. A quantile of the labels would be biased,
    since a search labels the best first; a quantile of the predictions too, since they vary less
    than labels do.

    Parameters
    ----------
    y : array-like of shape (n_labelled,)
        Labels that are known.
    mean : array-like of shape (n_rest,)
        Posterior mean of the other records.
    std : array-like of shape (n_rest,)
        Their posterior standard deviation, not negative.
    top : float
        Share of all ``n_labelled + n_rest`` records, between 0 and 1.
    maximize : bool, default=True
        Whether the top are the largest values.
    n_rest : int, default=None
        Number of the other records, where `mean` and `std` are those of a sample of them. None
        is all of them.

    Returns
    -------
    threshold : float
        In the unit of y. Where known labels leave a range of solutions, its upper end, or with
        ``maximize=False`` its lower end.

    Raises
    ------
    ValueError
        If `top` does not lie between 0 and 1, there is no record, `n_rest` is less than the
        sample, or a `std` is negative.

    Examples
    --------
    >>> from skmolal.acquisition import threshold_of_top
    >>> round(threshold_of_top([], [0.0] * 100, [1.0] * 100, top=0.025), 2)
    1.96
    >>> threshold_of_top([1.0, 2.0, 3.0, 4.0], [], [], top=0.5)
    3.0
    """
    if isinstance(top, bool) or not 0 < top < 1:
        raise ValueError(f"top must be a share between 0 and 1, got {top!r}")
    y = np.asarray(y, dtype=np.float64)
    mean, std = check_posterior(mean, std)
    if len(y) + len(mean) == 0:
        raise ValueError("y and mean must hold at least one record, got none")
    weight = 1.0
    if n_rest is not None:
        if n_rest < len(mean) or (n_rest > 0 and len(mean) == 0):
            raise ValueError(f"n_rest must be at least the {len(mean)} of mean, got {n_rest}")
        weight = n_rest / max(1, len(mean))
    wanted = top * (len(y) + weight * len(mean))
    if not maximize:
        y, mean = -y, -mean
    known, sure = np.sort(y), np.sort(mean[std == 0])
    mean, std = mean[std > 0], std[std > 0]

    def beyond(t):
        n_known = len(known) - np.searchsorted(known, t, side="left")
        n_sure = len(sure) - np.searchsorted(sure, t, side="left")
        return n_known + weight * (n_sure + ndtr((mean - t) / std).sum())

    known_values = np.sort(np.concatenate([known, sure]))
    ends = np.concatenate([known_values, mean - 40 * std, mean + 40 * std])
    low, high = ends.min(), np.nextafter(ends.max(), np.inf)
    close = 1e-14 * max(abs(low), abs(high))
    # Beyond `low` lie all, beyond `high` none, and their number falls in between: the bisection
    # ends where it crosses what is wanted, in a slope or at a label.
    while high - low > close and low < (middle := 0.5 * (low + high)) < high:
        if beyond(middle) >= wanted:
            low = middle
        else:
            high = middle
    label = known_values[np.searchsorted(known_values, low) :][:1]
    threshold = label[0] if len(label) and label[0] <= high else low
    return float(threshold if maximize else -threshold)
