"""When a campaign may end: rules with one method, ``reason(campaign) -> str or None``.

A rule is asked after each round. The first reason given ends the campaign and stands in the last
entry of its history, under ``stopped``.
"""

from abc import ABCMeta, abstractmethod
from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator

from skmolal.acquisition import probability_in_range
from skmolal.batch_sizes import check_size
from skmolal.metrics._scorers import check_range

__all__ = ["AllClassified", "BestAverage", "Budget", "ExpectedHitsLeft", "Plateau", "TargetError"]


class _StoppingRule(BaseEstimator, metaclass=ABCMeta):
    """Base of the stopping rules: parameters as scikit-learn has them, and one method."""

    @abstractmethod
    def reason(self, campaign):
        """Return why the campaign may end, None if it may not.

        Parameters
        ----------
        campaign : Campaign
            The campaign so far, fitted.

        Returns
        -------
        reason : str or None
            One sentence.
        """


class Budget(_StoppingRule):
    """Stop when a number of labels is spent.

    Parameters
    ----------
    n_labels : int
        Labels in all, the initial ones included.

    Examples
    --------
    >>> from skmolal.stopping import Budget
    >>> Budget(1000)
    Budget(n_labels=1000)
    """

    def __init__(self, n_labels):
        self.n_labels = n_labels

    def reason(self, campaign):
        spent = len(campaign.labelled)
        if spent >= check_size(self.n_labels, "n_labels"):
            return f"the budget of {self.n_labels} labels is spent"
        return None


class TargetError(_StoppingRule):
    """Stop when the error on molecules kept aside is small enough.

    Parameters
    ----------
    error : float
        Mean absolute error to reach, in the unit of y.
    X_validation : array-like or sequence of ase.Atoms, n_samples rows
        Molecules with known labels that are not in the pool, as the campaign's estimator takes
        them.
    y_validation : array-like of shape (n_samples,)
        Their labels.

    Examples
    --------
    >>> from skmolal.stopping import TargetError
    >>> TargetError(0.1, [[0.0], [1.0]], [0.0, 1.0]).error
    0.1
    """

    def __init__(self, error, X_validation, y_validation):
        self.error = error
        self.X_validation = X_validation
        self.y_validation = y_validation

    def reason(self, campaign):
        predicted = campaign.estimator_.predict(self.X_validation)
        error = float(np.mean(np.abs(predicted - np.asarray(self.y_validation))))
        if error <= self.error:
            return f"the validation error {error:.4g} has reached {self.error:.4g}"
        return None


class Plateau(_StoppingRule):
    """Stop when more labels no longer help.

    Parameters
    ----------
    of : {"batch_mae", "variance"}, default="variance"
        What is followed: the mean absolute error of what the model had predicted for each batch,
        or the summed posterior variance of the pool divided by its size.
    tolerance : float, default=0.01
        Smallest improvement that counts, as a share of the best value before.
    patience : int, default=2
        Rounds without improvement after which the campaign ends.

    Examples
    --------
    >>> from skmolal.stopping import Plateau
    >>> Plateau(patience=3)
    Plateau(patience=3)
    """

    def __init__(self, of="variance", *, tolerance=0.01, patience=2):
        self.of = of
        self.tolerance = tolerance
        self.patience = patience

    def reason(self, campaign):
        if self.of not in ("batch_mae", "variance"):
            raise ValueError(f"of must be 'batch_mae' or 'variance', got {self.of!r}")
        patience = check_size(self.patience, "patience")
        if self.of == "variance":
            campaign.pool_variance()  # of this round; those of earlier rounds are in the history
        name = "pool_variance" if self.of == "variance" else "batch_mae"
        values = [step[name] for step in campaign.history if step[name] is not None]
        if len(values) <= patience:
            return None
        best, recent = min(values[:-patience]), min(values[-patience:])
        if recent > best * (1 - self.tolerance):
            return (
                f"{name} has not improved by {self.tolerance:.2%} in {patience} rounds: "
                f"{best:.4g} before, {recent:.4g} since"
            )
        return None


class BestAverage(_StoppingRule):
    """Stop when the best labels no longer become better.

    What is followed is the mean of the `n_best` best labels so far, as in MolPAL [1]_. It asks
    nothing of the model, and knows nothing of what is left: a search that has lost its way ends
    too.

    Parameters
    ----------
    n_best : int
        Number of labels that are averaged. Rounds with fewer labels in all do not count.
    maximize : bool, default=True
        Whether large labels are the best.
    tolerance : float, default=0.01
        Smallest change of the mean that counts, as a share of its size before.
    patience : int, default=3
        Rounds over which the mean must change by less for the campaign to end.

    References
    ----------
    .. [1] D. E. Graff, E. I. Shakhnovich and C. W. Coley, "Accelerating high-throughput virtual
       screening through molecular pool-based active learning", Chem. Sci. 12, 7866 (2021),
       doi:10.1039/D0SC06805E.

    Examples
    --------
    >>> from skmolal.stopping import BestAverage
    >>> BestAverage(100, maximize=False)
    BestAverage(maximize=False, n_best=100)
    """

    def __init__(self, n_best, *, maximize=True, tolerance=0.01, patience=3):
        self.n_best = n_best
        self.maximize = maximize
        self.tolerance = tolerance
        self.patience = patience

    def reason(self, campaign):
        n_best = check_size(self.n_best, "n_best")
        patience = check_size(self.patience, "patience")
        if not isinstance(self.maximize, (bool, np.bool_)):
            raise ValueError(f"maximize must be True or False, got {self.maximize!r}")
        is_number = isinstance(self.tolerance, Real) and not isinstance(self.tolerance, bool)
        if not (is_number and self.tolerance >= 0):
            raise ValueError(
                f"tolerance must be a number that is not negative, got {self.tolerance!r}"
            )
        sizes = np.unique([step["n_labelled"] for step in campaign.history])
        sizes = sizes[sizes >= n_best]
        if len(sizes) <= patience:
            return None
        before, now = (
            self._average(campaign.y[:size], n_best) for size in (sizes[-1 - patience], sizes[-1])
        )
        if abs(now - before) <= self.tolerance * abs(before):
            return (
                f"the mean of the {n_best} best labels has changed by at most "
                f"{self.tolerance:.2%} in {patience} rounds: {before:.6g} before, {now:.6g} now"
            )
        return None

    def _average(self, y, n_best):
        ordered = np.sort(y)
        return float(np.mean(ordered[-n_best:] if self.maximize else ordered[:n_best]))


class ExpectedHitsLeft(_StoppingRule):
    """Stop when few hits are expected among the molecules that are left.

    Parameters
    ----------
    below : float
        Expected number of molecules in range, the sum of their probabilities.
    low, high : float, default=-inf, inf
        The closed target range, in the unit of y. At least one must be given.

    Examples
    --------
    >>> from skmolal.stopping import ExpectedHitsLeft
    >>> ExpectedHitsLeft(5, low=-5.5)
    ExpectedHitsLeft(below=5, low=-5.5)
    """

    def __init__(self, below, *, low=-np.inf, high=np.inf):
        self.below = below
        self.low = low
        self.high = high

    def reason(self, campaign):
        low, high = check_range(self.low, self.high)
        left = float(probability_in_range(*campaign.pool_posterior(), low, high).sum())
        if left < self.below:
            return f"{left:.3g} hits are expected in the pool, fewer than {self.below:g}"
        return None


class AllClassified(_StoppingRule):
    """Stop when every molecule left is known to lie in or out of the target range.

    The level-set rule: a molecule is classified when the interval of `n_std` posterior standard
    deviations around its mean does not contain an end of the range.

    Parameters
    ----------
    low, high : float, default=-inf, inf
        The closed target range, in the unit of y. At least one must be given.
    n_std : float, default=1.96
        Half width of the interval in standard deviations.
    share : float, default=1.0
        Share of the molecules left that must be classified.

    References
    ----------
    .. [1] A. Gotovos, N. Casati, G. Hitz and A. Krause, "Active learning for level set
       estimation", IJCAI (2013).

    Examples
    --------
    >>> from skmolal.stopping import AllClassified
    >>> AllClassified(low=-5.5, share=0.99)
    AllClassified(low=-5.5, share=0.99)
    """

    def __init__(self, *, low=-np.inf, high=np.inf, n_std=1.96, share=1.0):
        self.low = low
        self.high = high
        self.n_std = n_std
        self.share = share

    def reason(self, campaign):
        low, high = check_range(self.low, self.high)
        mean, std = campaign.pool_posterior()
        width = self.n_std * std
        sure = np.ones(len(mean), dtype=bool)
        for end in (low, high):
            if np.isfinite(end):
                sure &= np.abs(mean - end) > width
        if len(sure) == 0 or sure.mean() >= self.share:
            return f"{sure.sum()} of {len(sure)} molecules left are classified"
        return None


def stop_reason(rules, campaign):
    """Return the first reason that a rule, or one of several, gives."""
    if rules is None:
        return None
    for rule in [rules] if hasattr(rules, "reason") else rules:
        reason = rule.reason(campaign)
        if reason is not None:
            return reason
    return None
