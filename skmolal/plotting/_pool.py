"""The pool in two dimensions, and where each round picked from it."""

import numpy as np
from scipy import sparse
from sklearn.decomposition import PCA

from skmolal._optional import import_optional
from skmolal._rows import n_rows
from skmolal.active_learning._campaign import as_pool
from skmolal.plotting._picks import (
    campaign_of,
    picks_of_campaign,
    picks_of_curve,
    select_rounds,
)
from skmolal.plotting._style import POOL, new_axes, round_colors, tidy

__all__ = ["PoolDisplay"]

_LEGEND_ROUNDS = 8


class PoolDisplay:
    """Pool and picks in two dimensions, coloured by round.

    Use :meth:`from_campaign`, :meth:`from_estimator` or :meth:`from_results` to make one.

    Parameters
    ----------
    embedding : ndarray of shape (n_samples, 2)
        The molecules in two dimensions.
    rounds : ndarray of shape (n_samples,)
        The round in which each was labelled; -1 for those that were not.
    axis_names : tuple of str, default=("dimension 1", "dimension 2")
        Labels of the two axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure that holds it.
    pool_ : matplotlib PathCollection
        The molecules without a label.
    picks_ : dict of int to matplotlib PathCollection
        The picks of each round.

    Examples
    --------
    >>> import numpy as np
    >>> from skmolal.plotting import PoolDisplay
    >>> embedding = np.random.RandomState(0).normal(size=(50, 2))
    >>> display = PoolDisplay(embedding=embedding, rounds=np.repeat([-1, 0, 1], [40, 5, 5]))
    >>> sorted(display.plot().picks_)
    [0, 1]
    """

    def __init__(self, *, embedding, rounds, axis_names=("dimension 1", "dimension 2")):
        self.embedding = embedding
        self.rounds = rounds
        self.axis_names = axis_names

    @classmethod
    def from_campaign(cls, campaign, *, method="pca", random_state=None, **plot_kwargs):
        """Draw the pool of a campaign as its regressor sees it.

        Parameters
        ----------
        campaign : Campaign
            With at least one label.
        method : {"pca", "umap"}, default="pca"
            How to bring the features to two dimensions: the two leading principal components, or
            UMAP [1]_, which needs the package ``umap-learn``.
        random_state : int, RandomState instance or None, default=None
            Seeds the embedding.
        **plot_kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : PoolDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If `method` is "umap" and ``umap-learn`` is not installed.
        ValueError
            If `method` is unknown, or the campaign has no labels yet.

        References
        ----------
        .. [1] L. McInnes, J. Healy, J. Melville, arXiv:1802.03426 (2018).
        """
        positions, rounds, _ = picks_of_campaign(campaign)
        return cls._draw(campaign.features, positions, rounds, method, random_state, plot_kwargs)

    @classmethod
    def from_estimator(cls, estimator, *, method="pca", random_state=None, **plot_kwargs):
        """Draw the pool of a simulated campaign.

        Parameters
        ----------
        estimator : ActiveLearningRegressor
            Fitted, or a Pipeline that ends in one.
        method : {"pca", "umap"}, default="pca"
            See :meth:`from_campaign`.
        random_state : int, RandomState instance or None, default=None
            Seeds the embedding.
        **plot_kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : PoolDisplay
            The display, drawn.
        """
        return cls.from_campaign(
            campaign_of(estimator), method=method, random_state=random_state, **plot_kwargs
        )

    @classmethod
    def from_results(
        cls, curve, X, strategy, *, repeat=0, method="pca", random_state=None, **plot_kwargs
    ):
        """Draw one strategy of a curve in one repeat.

        Parameters
        ----------
        curve : Bunch
            Result of :func:`~skmolal.model_selection.active_learning_curve`.
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            Features of all molecules, those of the test set included.
        strategy : str
            Name of the strategy.
        repeat : int, default=0
            Which repeat.
        method : {"pca", "umap"}, default="pca"
            See :meth:`from_campaign`.
        random_state : int, RandomState instance or None, default=None
            Seeds the embedding.
        **plot_kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : PoolDisplay
            The display, drawn.
        """
        positions, rounds, _ = picks_of_curve(curve, strategy, repeat)
        return cls._draw(as_pool(X), positions, rounds, method, random_state, plot_kwargs)

    @classmethod
    def _draw(cls, features, positions, rounds, method, random_state, plot_kwargs):
        embedding, axis_names = _embed(features, method, random_state)
        by_row = np.full(len(embedding), -1)
        by_row[positions] = rounds
        display = cls(embedding=embedding, rounds=by_row, axis_names=axis_names)
        return display.plot(**plot_kwargs)

    def plot(self, ax=None, *, rounds=None, size=14):
        """Draw pool and picks.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        rounds : sequence of int, default=None
            Rounds to draw; None is all. Picks of the other rounds are left out.
        size : float, default=14
            Area of a pick's marker, in points squared.

        Returns
        -------
        display : PoolDisplay
            The display itself.

        Raises
        ------
        ValueError
            If a round has no picks.
        """
        labelled = self.rounds >= 0
        chosen = select_rounds(self.rounds[labelled], rounds, at_most=np.inf)
        ax = new_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        x, y = np.asarray(self.embedding).T
        # Thousands of points of a vector graphic are slow to show, so the pool is an image in it.
        self.pool_ = ax.scatter(
            x[~labelled], y[~labelled], s=size / 3, c=POOL, lw=0, rasterized=True, label="pool"
        )
        colors = round_colors(chosen)
        self.picks_ = {}
        for k in chosen:
            picked = self.rounds == k
            self.picks_[k] = ax.scatter(
                x[picked],
                y[picked],
                s=size,
                color=colors[k],
                edgecolors="white",
                linewidths=0.3,
                label=f"round {k} ({picked.sum():,})",
            )
        if len(chosen) <= _LEGEND_ROUNDS:
            ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), markerscale=1.5)
        else:
            _color_bar(ax, chosen, colors)
        ax.set(xlabel=self.axis_names[0], ylabel=self.axis_names[1], xticks=[], yticks=[])
        tidy(ax)
        return self


def _embed(features, method, random_state):
    """Return two coordinates per row, and what they are."""
    if method not in ("pca", "umap"):
        raise ValueError(f"method must be 'pca' or 'umap', got {method!r}")
    if getattr(features, "ndim", 1) != 2:
        raise ValueError(
            "X must be a table of features of shape (n_samples, n_features) to be drawn; "
            f"transform the {n_rows(features):,} molecules first"
        )
    if method == "umap":
        UMAP = import_optional("umap", "method='umap'", package="umap-learn").UMAP
        # One thread where there is a seed, as UMAP itself would choose with a warning.
        options = {} if random_state is None else {"n_jobs": 1}
        embedding = UMAP(n_components=2, random_state=random_state, **options).fit_transform(
            features
        )
        return embedding, ("UMAP 1", "UMAP 2")
    solver = "arpack" if sparse.issparse(features) else "auto"
    pca = PCA(2, svd_solver=solver, random_state=random_state)
    embedding = pca.fit_transform(features)
    shares = pca.explained_variance_ratio_
    return embedding, tuple(f"component {k + 1} ({shares[k]:.0%} of variance)" for k in range(2))


def _color_bar(ax, rounds, colors):
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import BoundaryNorm, ListedColormap

    edges = np.arange(len(rounds) + 1) - 0.5
    scale = ScalarMappable(
        BoundaryNorm(edges, len(rounds)), ListedColormap([colors[k] for k in rounds])
    )
    places = np.unique(np.linspace(0, len(rounds) - 1, 6).round().astype(int))
    bar = ax.figure.colorbar(scale, ax=ax, ticks=places, label="round")
    bar.set_ticklabels([str(rounds[k]) for k in places])
    bar.minorticks_off()
