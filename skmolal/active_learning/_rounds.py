"""The rounds of a campaign: what was asked, predicted, told and learned in each."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Round", "Rounds"]


@dataclass
class Round:
    """One call of ``tell``; None where there is no such value.

    `positions` are rows of the pool and `y` their labels; `predicted` is what the model had said
    of them before. The other attributes are those of ``Campaign.history``.
    """

    positions: list
    y: list
    predicted: list | None = None
    query_time: float | None = None
    predict_time: float | None = None
    fit_time: float | None = None
    hyperparameters: list | None = None
    pool_variance: float | None = None
    stopped: str | None = None

    @property
    def mae(self):
        """Mean absolute error of what had been predicted."""
        if self.predicted is None:
            return None
        return float(np.mean(np.abs(np.subtract(self.predicted, self.y))))


class Rounds(list):
    """The rounds of a campaign, in order."""

    @property
    def positions(self):
        """Rows of the pool in the order of labelling, shape (n_labelled,)."""
        return np.array([p for one in self for p in one.positions], dtype=np.intp)

    @property
    def y(self):
        """The labels in the same order, shape (n_labelled,)."""
        return np.array([value for one in self for value in one.y], dtype=np.float64)

    def history(self):
        """Return a dict for each round, as ``Campaign.history`` describes it."""
        n_labelled = np.cumsum([len(one.y) for one in self])
        return [
            {
                "round": k,
                "n_labelled": int(n_labelled[k]),
                "batch_size": len(one.y),
                "batch_mae": one.mae,
                "query_time": one.query_time,
                "predict_time": one.predict_time,
                "fit_time": one.fit_time,
                "hyperparameters": one.hyperparameters,
                "pool_variance": one.pool_variance,
                "stopped": one.stopped,
            }
            for k, one in enumerate(self)
        ]

    def picks(self, name):
        """Return a dict for each label, as ``Campaign.picks`` describes it.

        Parameters
        ----------
        name : callable
            ``name(position)`` is the record's own name.
        """
        return [
            {"id": name(position), "position": position, "round": k, "predicted": p, "label": label}
            for k, one in enumerate(self)
            for position, p, label in zip(
                one.positions, one.predicted or [None] * len(one.y), one.y, strict=True
            )
        ]

    def to_list(self):
        """Return what JSON can hold."""
        return [dict(vars(one)) for one in self]
