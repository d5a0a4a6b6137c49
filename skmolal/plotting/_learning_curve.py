"""Learning curves of query strategies."""

from skmolal.model_selection import active_learning_curve
from skmolal.plotting._style import CYCLE, MARKERS, new_axes, tidy

__all__ = ["ActiveLearningCurveDisplay"]


class ActiveLearningCurveDisplay:
    """Learning curves of query strategies, one line each with its spread over repeats.

    Use :meth:`from_results` or :meth:`from_estimator` to make one.

    Parameters
    ----------
    n_labelled : dict of str to ndarray of shape (n_rounds,)
        Labels after each round, for each strategy.
    scores : dict of str to ndarray of shape (n_repeats, n_rounds)
        Scores, for each strategy.
    score_name : str
        Label of the vertical axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the curves were drawn.
    figure_ : matplotlib Figure
        The figure that holds it.
    lines_ : list of matplotlib Line2D
        One line per strategy.
    spreads_ : list of matplotlib PolyCollection
        One band per strategy, where there is more than one repeat.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmolal.plotting import ActiveLearningCurveDisplay
    >>> frame = pd.DataFrame({"strategy": "random", "repeat": [0, 0, 1, 1],
    ...     "n_labelled": [100, 200] * 2, "r2": [0.5, 0.6, 0.4, 0.7]})
    >>> display = ActiveLearningCurveDisplay.from_results(frame, metric="r2")
    >>> display.ax_.get_ylabel()
    'r2'
    """

    def __init__(self, *, n_labelled, scores, score_name):
        self.n_labelled = n_labelled
        self.scores = scores
        self.score_name = score_name

    @classmethod
    def from_results(
        cls, curve, metric, *, strategies=None, negate_score=False, score_name=None, **plot_kwargs
    ):
        """Draw a metric of a curve that was computed.

        Parameters
        ----------
        curve : Bunch or DataFrame
            Result of :func:`~skmolal.model_selection.active_learning_curve`, or its ``frame``.
        metric : str
            Column of scores.
        strategies : sequence of str, default=None
            Which strategies to draw, in this order; None is all.
        negate_score : bool, default=False
            Whether to draw the negative of the scores, which are errors for ``neg_`` scorers.
        score_name : str, default=None
            Label of the vertical axis. By default the metric's name in words.
        **plot_kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : ActiveLearningCurveDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the metric or a strategy is not in the curve.
        """
        frame = curve.get("frame", curve)
        if metric not in frame.columns:
            raise ValueError(f"metric must be one of {list(frame.columns)}, got {metric!r}")
        known = list(dict.fromkeys(frame["strategy"]))
        strategies = known if strategies is None else list(strategies)
        n_labelled, scores = {}, {}
        for name in strategies:
            if name not in known:
                raise ValueError(f"strategies must be among {known}, got {name!r}")
            table = frame[frame["strategy"] == name].pivot(
                index="repeat", columns="n_labelled", values=metric
            )
            n_labelled[name] = table.columns.to_numpy()
            scores[name] = table.to_numpy(dtype=float) * (-1.0 if negate_score else 1.0)
        if score_name is None:
            words = metric.removeprefix("neg_") if negate_score else metric
            score_name = words.replace("_", " ")
        display = cls(n_labelled=n_labelled, scores=scores, score_name=score_name)
        return display.plot(**plot_kwargs)

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        metric=None,
        negate_score=False,
        score_name=None,
        plot_kwargs=None,
        **curve_kwargs,
    ):
        """Compute a curve and draw it.

        Parameters
        ----------
        estimator : estimator
            See :func:`~skmolal.model_selection.active_learning_curve`.
        X : array-like, sparse matrix, DataFrame or sequence of ase.Atoms, n_samples rows
            Molecules or features.
        y : array-like of shape (n_samples,)
            The property of all of `X`.
        metric : str, default=None
            Which of the scorers to draw; by default the first.
        negate_score : bool, default=False
            Whether to draw the negative of the scores, which are errors for ``neg_`` scorers.
        score_name : str, default=None
            Label of the vertical axis. By default the metric's name in words.
        plot_kwargs : dict, default=None
            Passed to :meth:`plot`.
        **curve_kwargs : dict
            Passed to :func:`~skmolal.model_selection.active_learning_curve`.

        Returns
        -------
        display : ActiveLearningCurveDisplay
            The display, drawn.
        """
        frame = active_learning_curve(estimator, X, y, **curve_kwargs).frame
        if metric is None:
            metric = frame.columns[3]  # the first scorer, after strategy, repeat, n_labelled
        return cls.from_results(
            frame,
            metric,
            negate_score=negate_score,
            score_name=score_name,
            **(plot_kwargs or {}),
        )

    def plot(self, ax=None, *, spread="range", log_scale=False, line_kw=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        spread : {"range", "std", None}, default="range"
            What the band around the mean shows: lowest to highest repeat, or one standard
            deviation over repeats each way.
        log_scale : bool, default=False
            Whether the number of labels has a logarithmic axis with a tick at each round.
        line_kw : dict, default=None
            Passed to ``ax.plot`` of each line.

        Returns
        -------
        display : ActiveLearningCurveDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `spread` is none of the allowed values.
        """
        if spread not in ("range", "std", None):
            raise ValueError(f"spread must be 'range', 'std' or None, got {spread!r}")
        ax = new_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_, self.spreads_ = [], []
        for k, (name, scores) in enumerate(self.scores.items()):
            x, mean = self.n_labelled[name], scores.mean(axis=0)
            style = {
                "color": CYCLE[k % len(CYCLE)],
                "marker": MARKERS[k % len(MARKERS)],
                "markersize": 5,
                "label": name.replace("_", " + "),
                **(line_kw or {}),
            }
            (line,) = ax.plot(x, mean, **style)
            self.lines_.append(line)
            if spread is not None and len(scores) > 1:
                half = scores.std(axis=0, ddof=1)
                low, high = (
                    (scores.min(axis=0), scores.max(axis=0))
                    if spread == "range"
                    else (mean - half, mean + half)
                )
                band = ax.fill_between(
                    x, low, high, color=line.get_color(), alpha=0.15, linewidth=0
                )
                self.spreads_.append(band)
        if log_scale:
            ticks = sorted({int(n) for x in self.n_labelled.values() for n in x})
            ax.set_xscale("log", base=2)
            ax.set_xticks(ticks, [f"{n:,}" for n in ticks])
            ax.minorticks_off()
        ax.set(xlabel="labels", ylabel=self.score_name)
        tidy(ax)
        ax.grid(axis="y", alpha=0.3)
        ax.legend(frameon=False)
        return self
