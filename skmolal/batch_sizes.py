"""How many labels each round of a campaign asks for.

Wherever `batch_sizes` is a parameter it takes a sequence of ints, such as the functions here
return, or a schedule: any object with a method ``next_size(campaign) -> int`` that sees the
:class:`~skmolal.active_learning.Campaign` so far and ends it by returning 0.
"""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator

from skmolal.acquisition import probability_in_range
from skmolal.metrics._scorers import check_range

__all__ = ["ExpectedHits", "RemainingUncertainty", "constant", "power_law"]


def constant(total, size):
    """Split a budget of labels into batches of equal size.

    Parameters
    ----------
    total : int
        Number of labels after the initial ones.
    size : int
        Labels per batch; the last batch is smaller where `size` does not divide `total`.

    Returns
    -------
    batch_sizes : tuple of int
        Sizes that sum to `total`.

    Raises
    ------
    ValueError
        If `total` or `size` is not a positive integer.

    Examples
    --------
    >>> from skmolal.batch_sizes import constant
    >>> constant(total=250, size=100)
    (100, 100, 50)
    """
    total, size = check_size(total, "total"), check_size(size, "size")
    full, rest = divmod(total, size)
    return (size,) * full + ((rest,) if rest else ())


def power_law(n_initial, n_batches, base=2):
    """Let every batch multiply the number of labels by `base`.

    Parameters
    ----------
    n_initial : int
        Labels before the first batch.
    n_batches : int
        Number of batches.
    base : int, default=2
        Factor by which the training set grows in each round, at least 2.

    Returns
    -------
    batch_sizes : tuple of int
        With base 2: `n_initial`, 2 `n_initial`, 4 `n_initial`, ...

    Raises
    ------
    ValueError
        If an argument is not a positive integer or `base` is 1.

    References
    ----------
    .. [1] K. Ghosh et al., J. Chem. Phys. 162, 014103 (2025), arXiv:2408.11191.

    Examples
    --------
    The schedule of the study, up to 32,000 labels:

    >>> from skmolal.batch_sizes import power_law
    >>> power_law(n_initial=1000, n_batches=5)
    (1000, 2000, 4000, 8000, 16000)
    """
    n_initial = check_size(n_initial, "n_initial")
    n_batches = check_size(n_batches, "n_batches")
    if check_size(base, "base") < 2:
        raise ValueError(f"base must be an integer of at least 2, got {base!r}")
    return tuple(n_initial * (base - 1) * base**k for k in range(n_batches))


class _Adaptive(BaseEstimator):
    """What adaptive schedules share: a budget, and a smallest and largest batch."""

    def next_size(self, campaign):
        """Choose the next batch size.

        Parameters
        ----------
        campaign : Campaign
            The campaign so far, fitted.

        Returns
        -------
        size : int
            Number of labels to ask for; 0 ends the campaign.
        """
        total = check_size(self.total, "total")
        smallest = check_size(self.min_size, "min_size")
        largest = check_size(self.max_size, "max_size")
        if smallest > largest:
            raise ValueError(f"min_size must not be above max_size, got {smallest} > {largest}")
        spent = len(campaign.labelled) - campaign.history[0]["batch_size"]
        wanted = int(np.clip(self._wanted(*campaign.pool_posterior()), smallest, largest))
        return min(wanted, total - spent)


class RemainingUncertainty(_Adaptive):
    """Ask in each round for as many labels as there are molecules the model is unsure of.

    Batches are large while the posterior standard deviation of many molecules is above
    `tolerance` and shrink to `min_size` when few are left.

    Parameters
    ----------
    total : int
        Number of labels after the initial ones.
    tolerance : float
        Standard deviation, in the unit of y, above which a molecule counts.
    share : float, default=0.1
        Share of those molecules that are asked for in one round.
    min_size, max_size : int, default=1, 1000
        Smallest and largest batch.

    Examples
    --------
    >>> from skmolal.batch_sizes import RemainingUncertainty
    >>> RemainingUncertainty(total=500, tolerance=0.1)
    RemainingUncertainty(tolerance=0.1, total=500)
    """

    def __init__(self, total, tolerance, *, share=0.1, min_size=1, max_size=1000):
        self.total = total
        self.tolerance = tolerance
        self.share = share
        self.min_size = min_size
        self.max_size = max_size

    def _wanted(self, mean, std):
        if not 0 < self.share <= 1:
            raise ValueError(f"share must lie in (0, 1], got {self.share!r}")
        return np.ceil(self.share * np.count_nonzero(std > self.tolerance))


class ExpectedHits(_Adaptive):
    """Ask in each round for as many labels as hold a given number of expected hits.

    The expected number of hits among the k most probable molecules is the sum of their
    probabilities to lie in the target range. Batches are small while targets are easy to come by
    and grow as they become rare.

    Parameters
    ----------
    total : int
        Number of labels after the initial ones.
    hits : float
        Number of hits that a batch is expected to hold.
    low, high : float, default=-inf, inf
        The closed target range, in the unit of y. At least one must be given.
    min_size, max_size : int, default=1, 1000
        Smallest and largest batch.

    Examples
    --------
    >>> from skmolal.batch_sizes import ExpectedHits
    >>> ExpectedHits(total=500, hits=20, low=-5.5)
    ExpectedHits(hits=20, low=-5.5, total=500)
    """

    def __init__(self, total, hits, *, low=-np.inf, high=np.inf, min_size=1, max_size=1000):
        self.total = total
        self.hits = hits
        self.low = low
        self.high = high
        self.min_size = min_size
        self.max_size = max_size

    def _wanted(self, mean, std):
        low, high = check_range(self.low, self.high)
        probability = np.sort(probability_in_range(mean, std, low, high))[::-1]
        return 1 + np.searchsorted(np.cumsum(probability), self.hits)


def check_size(value, name):
    """Return `value` as an int, or raise the error that names it."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}")
    return int(value)


class _FixedSizes:
    """The schedule of a given sequence: its k-th size in the k-th round after the first."""

    def __init__(self, sizes):
        self.sizes = sizes

    def next_size(self, campaign):
        done = campaign.n_rounds - 1  # the initial batch is not one of the schedule's
        return self.sizes[done] if done < len(self.sizes) else 0


def as_schedule(batch_sizes, n_initial):
    """Return an object with ``next_size(campaign)`` for what a user gave as `batch_sizes`."""
    if batch_sizes is None:
        return _FixedSizes((n_initial,))
    if hasattr(batch_sizes, "next_size"):
        return batch_sizes
    if isinstance(batch_sizes, (str, bytes)) or not hasattr(batch_sizes, "__iter__"):
        raise ValueError(
            "batch_sizes must be a sequence of positive integers, a schedule with a method "
            f"next_size, or None, got {batch_sizes!r}"
        )
    return _FixedSizes(
        tuple(check_size(size, f"batch_sizes[{k}]") for k, size in enumerate(batch_sizes))
    )
