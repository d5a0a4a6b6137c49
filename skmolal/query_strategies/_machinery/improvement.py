"""What expected improvement and probability of improvement have in common."""

import numpy as np

from skmolal.query_strategies._machinery.one_by_one import Utility
from skmolal.query_strategies._machinery.options import check_flag, check_number

__all__ = ["Improvement", "check_improvement_options", "get_best"]


def check_improvement_options(best=None, xi=0.0, maximize=True, update_variance=True):
    """Check the options of the strategies of improvement."""
    if best is not None:
        check_number("best", best)
    check_number("xi", xi, at_least=0.0)
    check_flag("maximize", maximize)
    check_flag("update_variance", update_variance)


def get_best(view, best, maximize):
    """Find the best value known: the one given, or the best label."""
    if best is not None:
        return float(best)
    y = view.labels()
    if y is None:
        raise ValueError(
            "the best label is not known, y_train_ of a Gaussian process or y_training of a "
            f"learner, which {type(view.learner).__name__} lacks: give best"
        )
    return float(y.max() if maximize else y.min())


class Improvement(Utility):
    """Utility of improvement, as a logarithm: far below the best it still has an order.

    Parameters
    ----------
    mean : ndarray of shape (n_pool,)
        Posterior mean.
    formula : callable
        ``formula(mean, std, best)``, the logarithm of the utility.
    best : float
        Best value known.
    xi : float
        What an improvement has to add to it.
    maximize : bool
        Whether large values are sought.
    rises : bool
        Whether the utility of a mean above the best rises to 1 where the std falls.
    """

    # In logarithms a difference of 1e-10 is a relative one of the utility.
    scale = 1.0

    def __init__(self, mean, formula, best, xi, maximize, rises=False):
        sign = 1.0 if maximize else -1.0
        super().__init__(sign * mean)
        self.formula, self.best, self.xi, self.rises = formula, sign * best, xi, rises

    def values(self, rows, std):
        return self.formula(self.mean[rows], std, self.best + self.xi)

    def ceiling(self, rows, std):
        ceiling = self.values(rows, std)
        if self.rises:
            ceiling[self.mean[rows] > self.best + self.xi] = 0.0
        return ceiling

    def believe(self, row):
        self.best = max(self.best, self.mean[row])

    def order_useless(self, rows):
        return self.mean[rows]

    def metrics(self, values):
        return np.exp(values)
