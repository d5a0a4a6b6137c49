"""The property of pool, picks and target, by round."""

import numpy as np
from sklearn.utils.validation import check_array

from skmolal.metrics._scorers import check_range
from skmolal.plotting._picks import (
    campaign_of,
    picks_of_campaign,
    picks_of_curve,
    select_rounds,
)
from skmolal.plotting._style import POOL, TARGET, new_axes, round_colors, tidy

__all__ = ["PropertyDisplay"]

_DRAWN_ROUNDS = 6


class PropertyDisplay:
    """Histograms of the property: all molecules, the picks of each round, the target range.

    Use :meth:`from_campaign`, :meth:`from_estimator` or :meth:`from_results` to make one.

    Parameters
    ----------
    labels : ndarray of shape (n_labelled,)
        The property of the picks.
    rounds : ndarray of shape (n_labelled,)
        Their rounds.
    y : ndarray of shape (n_samples,), default=None
        The property of all molecules, where it is known.
    low, high : float, default=-inf, inf
        The closed target range; both infinite where there is none.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure that holds it.
    pool_ : matplotlib StepPatch or None
        The histogram of all molecules.
    picks_ : dict of int to matplotlib StepPatch
        The histogram of each round.
    target_ : matplotlib Rectangle or None
        The target range.

    Examples
    --------
    >>> import numpy as np
    >>> from skmolal.plotting import PropertyDisplay
    >>> y = np.linspace(0, 1, 100)
    >>> display = PropertyDisplay(
    ...     labels=y[80:], rounds=np.repeat([0, 1], 10), y=y, low=0.9).plot(name="gap (eV)")
    >>> display.ax_.get_xlabel()
    'gap (eV)'
    """

    def __init__(self, *, labels, rounds, y=None, low=-np.inf, high=np.inf):
        self.labels = labels
        self.rounds = rounds
        self.y = y
        self.low = low
        self.high = high

    @classmethod
    def from_campaign(cls, campaign, *, y=None, low=-np.inf, high=np.inf, **plot_kwargs):
        """Draw the labels of a campaign.

        Parameters
        ----------
        campaign : Campaign
            With at least one label.
        y : array-like of shape (n_samples,), default=None
            The property of all molecules, or predictions of it; None leaves them out.
        low, high : float, default=-inf, inf
            The target range; neither for none.
        **plot_kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : PropertyDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the campaign has no labels yet, or `low` is above `high`.
        """
        _, rounds, labels = picks_of_campaign(campaign)
        return cls._draw(labels, rounds, y, low, high, plot_kwargs)

    @classmethod
    def from_estimator(cls, estimator, *, low=-np.inf, high=np.inf, **plot_kwargs):
        """Draw the labels of a simulated campaign.

        Parameters
        ----------
        estimator : ActiveLearningRegressor
            Fitted, or a Pipeline that ends in one.
        low, high : float, default=-inf, inf
            The target range; neither for none.
        **plot_kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : PropertyDisplay
            The display, drawn.
        """
        campaign = campaign_of(estimator)
        played = getattr(estimator, "steps", [(None, estimator)])[-1][1]
        return cls.from_campaign(campaign, y=played.y_, low=low, high=high, **plot_kwargs)

    @classmethod
    def from_results(
        cls, curve, strategy, *, repeat=0, y=None, low=-np.inf, high=np.inf, **plot_kwargs
    ):
        """Draw one strategy of a curve in one repeat.

        Parameters
        ----------
        curve : Bunch
            Result of :func:`~skmolal.model_selection.active_learning_curve`.
        strategy : str
            Name of the strategy.
        repeat : int, default=0
            Which repeat.
        y : array-like of shape (n_samples,), default=None
            The property of all molecules; None leaves them out.
        low, high : float, default=-inf, inf
            The target range; neither for none.
        **plot_kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : PropertyDisplay
            The display, drawn.
        """
        _, rounds, labels = picks_of_curve(curve, strategy, repeat)
        return cls._draw(labels, rounds, y, low, high, plot_kwargs)

    @classmethod
    def _draw(cls, labels, rounds, y, low, high, plot_kwargs):
        if np.isfinite(low) or np.isfinite(high):
            low, high = check_range(low, high)
        if y is not None:
            y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y").ravel()
        display = cls(labels=labels, rounds=rounds, y=y, low=low, high=high)
        return display.plot(**plot_kwargs)

    def plot(self, ax=None, *, rounds=None, bins=25, name="property"):
        """Draw the histograms, each with area one.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        rounds : sequence of int, default=None
            Rounds to draw; None is all, or six evenly spaced ones where there are more.
        bins : int, default=25
            Number of bins over all molecules (over the labels where `y` is None).
        name : str, default="property"
            Label of the horizontal axis, with the unit.

        Returns
        -------
        display : PropertyDisplay
            The display itself.

        Raises
        ------
        ValueError
            If a round has no picks.
        """
        chosen = select_rounds(self.rounds, rounds, at_most=_DRAWN_ROUNDS)
        ax = new_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        edges = np.histogram_bin_edges(self.labels if self.y is None else self.y, bins)
        self.pool_ = self.target_ = None
        if np.isfinite(self.low) or np.isfinite(self.high):
            ends = np.clip([self.low, self.high], edges[0], edges[-1])
            self.target_ = ax.axvspan(*ends, color=TARGET, alpha=0.2, lw=0, label="target")
        if self.y is not None:
            density, _ = np.histogram(self.y, edges, density=True)
            self.pool_ = ax.stairs(density, edges, fill=True, color=POOL, label="all molecules")
        colors = round_colors(chosen)
        self.picks_ = {}
        for k in chosen:
            labels = self.labels[self.rounds == k]
            density, _ = np.histogram(labels, edges, density=True)
            self.picks_[k] = ax.stairs(
                density, edges, color=colors[k], lw=1.6, label=f"round {k} ({len(labels):,})"
            )
        ax.set(xlabel=name, ylabel="density", xlim=(edges[0], edges[-1]))
        ax.legend(frameon=False)
        tidy(ax)
        return self
