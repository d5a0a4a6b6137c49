"""Whether a model's standard deviations are as large as its errors."""

import numpy as np
from scipy.special import ndtri
from sklearn.utils.validation import check_array, check_consistent_length

from skmolal.plotting._style import CYCLE, POOL, new_axes, tidy

__all__ = ["UncertaintyDisplay"]

_LEVELS = (0.68, 0.95)


class UncertaintyDisplay:
    """Predicted standard deviation against absolute error, with calibration.

    Molecules are sorted by predicted standard deviation into bins of equal number; in each, the
    root mean squared error should equal the root mean squared standard deviation, so that the
    points lie on the diagonal: above it the model is too sure of itself, below it not sure
    enough. The legend says which share of the errors lies within the central 68% and 95%
    intervals of a normal distribution.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one.

    Parameters
    ----------
    error : ndarray of shape (n_samples,)
        Prediction minus truth.
    y_std : ndarray of shape (n_samples,)
        Predicted standard deviations, in the same unit.
    n_bins : int, default=10
        Number of bins.

    Attributes
    ----------
    bin_std_, bin_error_ : ndarray of shape (n_bins,)
        Root mean squared standard deviation and error of each bin.
    coverage_ : dict of float to float
        Share of the errors within the central interval of each level.
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure that holds it.
    points_ : matplotlib PathCollection
        One point per molecule.
    line_ : matplotlib Line2D
        The bins.

    Examples
    --------
    >>> import numpy as np
    >>> from skmolal.plotting import UncertaintyDisplay
    >>> random = np.random.RandomState(0)
    >>> y_std = random.uniform(0.1, 0.5, size=4000)
    >>> display = UncertaintyDisplay.from_predictions(
    ...     random.normal(scale=y_std), np.zeros(4000), y_std)
    >>> round(display.coverage_[0.95], 2)
    0.95
    """

    def __init__(self, *, error, y_std, n_bins=10):
        self.error = error
        self.y_std = y_std
        self.n_bins = n_bins

    @classmethod
    def from_predictions(cls, y_true, y_pred, y_std, *, n_bins=10, **plot_kwargs):
        """Draw predictions that were made.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_samples,)
            True and predicted property.
        y_std : array-like of shape (n_samples,)
            Predicted standard deviations; not negative.
        n_bins : int, default=10
            Number of bins, at most `n_samples`.
        **plot_kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : UncertaintyDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If lengths differ, a standard deviation is negative, or `n_bins` is out of range.
        """
        y_true, y_pred, y_std = (
            check_array(values, ensure_2d=False, dtype=np.float64, input_name=name).ravel()
            for name, values in (("y_true", y_true), ("y_pred", y_pred), ("y_std", y_std))
        )
        check_consistent_length(y_true, y_pred, y_std)
        if y_std.min() < 0:
            raise ValueError(f"y_std must not be negative, got {y_std.min()}")
        if not 1 <= n_bins <= len(y_std):
            raise ValueError(f"n_bins must lie between 1 and {len(y_std)}, got {n_bins!r}")
        return cls(error=y_pred - y_true, y_std=y_std, n_bins=n_bins).plot(**plot_kwargs)

    @classmethod
    def from_estimator(cls, estimator, X, y, *, noise_std=0.0, n_bins=10, **plot_kwargs):
        """Draw predictions of a fitted estimator for molecules it has not learned from.

        Parameters
        ----------
        estimator : estimator
            Fitted; its ``predict`` takes ``return_std=True``.
        X : array-like, sparse matrix, DataFrame or sequence of ase.Atoms, n_samples rows
            Test molecules.
        y : array-like of shape (n_samples,)
            Their property.
        noise_std : float, default=0.0
            Standard deviation of noise in `y` that the estimator's leaves out, in the unit of
            `y`; added in quadrature. That of a Gaussian process leaves out ``alpha``, which is
            ``sqrt(alpha)`` (times the standard deviation of the labels with ``normalize_y``),
            and holds a ``WhiteKernel``.
        n_bins : int, default=10
            Number of bins, at most `n_samples`.
        **plot_kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : UncertaintyDisplay
            The display, drawn.
        """
        y_pred, y_std = estimator.predict(X, return_std=True)
        y_std = np.hypot(y_std, noise_std)
        return cls.from_predictions(y, y_pred, y_std, n_bins=n_bins, **plot_kwargs)

    def plot(self, ax=None, *, name="property"):
        """Draw errors, bins and the diagonal.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        name : str, default="property"
            What is predicted, with its unit, for the labels of the axes.

        Returns
        -------
        display : UncertaintyDisplay
            The display itself.
        """
        ax = new_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        error = np.abs(self.error)
        bins = np.array_split(np.argsort(self.y_std, kind="stable"), self.n_bins)
        self.bin_std_, self.bin_error_ = (
            np.array([np.sqrt(np.mean(values[rows] ** 2)) for rows in bins])
            for values in (self.y_std, error)
        )
        self.coverage_ = {
            level: float(np.mean(error <= ndtri((1 + level) / 2) * self.y_std)) for level in _LEVELS
        }
        self.points_ = ax.scatter(self.y_std, error, s=6, c=POOL, lw=0, rasterized=True)
        # A few large values would press the rest into a corner; they are counted instead.
        right = 1.03 * max(float(np.quantile(self.y_std, 0.99)), self.bin_std_.max())
        left = max(0.0, self.y_std.min() - 0.1 * (right - self.y_std.min()))
        top = 1.05 * max(float(np.quantile(error, 0.99)), right, self.bin_error_.max())
        n_outside = int(((error > top) | (self.y_std > right)).sum())
        ax.plot([0, right], [0, right], color=CYCLE[0], lw=1, ls="--", label="calibrated")
        (self.line_,) = ax.plot(
            self.bin_std_,
            self.bin_error_,
            color=CYCLE[1],
            marker="o",
            markersize=5,
            label=f"error of {self.n_bins} bins (RMS)",
        )
        inside = ", ".join(f"{share:.0%} in {level:.0%}" for level, share in self.coverage_.items())
        ax.plot([], [], " ", label=f"errors inside: {inside}")
        if n_outside:
            ax.set_title(f"{n_outside:,} outside", loc="right", fontsize="medium")
        ax.set(
            xlim=(left, right),
            ylim=(0, top),
            xlabel=f"predicted standard deviation of the {name}",
            ylabel="absolute error",
        )
        ax.legend(loc="upper left", framealpha=0.85, edgecolor="none")
        tidy(ax)
        return self
