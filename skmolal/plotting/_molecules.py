"""Drawings of the molecules that were picked."""

from io import BytesIO

import numpy as np

from skmolal.molecules import as_molecules
from skmolal.plotting._picks import (
    campaign_of,
    picks_of_campaign,
    picks_of_curve,
    select_rounds,
)
from skmolal.plotting._style import new_axes

__all__ = ["MoleculesDisplay"]


class MoleculesDisplay:
    """Structures of picked molecules, with round and label, drawn by RDKit (extra ``rdkit``).

    Use :meth:`from_campaign`, :meth:`from_estimator` or :meth:`from_results` to make one.

    Parameters
    ----------
    smiles : sequence of str
        The molecules, in the order of drawing.
    legends : sequence of str
        A line under each.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where they were drawn.
    figure_ : matplotlib Figure
        The figure that holds it.
    image_ : matplotlib AxesImage
        The picture.

    Examples
    --------
    >>> from skmolal.plotting import MoleculesDisplay
    >>> display = MoleculesDisplay(smiles=["CCO", "c1ccccc1"], legends=["ethanol", "benzene"])
    >>> display.plot(n_columns=2).image_.get_array().shape
    (220, 440, 3)
    """

    def __init__(self, *, smiles, legends):
        self.smiles = smiles
        self.legends = legends

    @classmethod
    def from_campaign(
        cls, campaign, molecules, *, rounds=None, n_per_round=5, unit="", **plot_kwargs
    ):
        """Draw the first picks of rounds of a campaign.

        Parameters
        ----------
        campaign : Campaign
            With at least one label.
        molecules : sequence of ase.Atoms, n_samples
            The pool, in the campaign's order; those drawn need ``atoms.info["smiles"]``.
        rounds : sequence of int, default=None
            Rounds to draw from; None is all, or six evenly spaced ones where there are more.
        n_per_round : int, default=5
            Molecules of each round, the first in the strategy's order of preference.
        unit : str, default=""
            Unit of the labels.
        **plot_kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : MoleculesDisplay
            The display, drawn; one row a round unless ``n_columns`` is given.

        Raises
        ------
        ValueError
            If the campaign has no labels yet, a round has no picks, or a molecule has no SMILES.
        """
        picks = picks_of_campaign(campaign)
        return cls._draw(picks, molecules, rounds, n_per_round, unit, plot_kwargs)

    @classmethod
    def from_estimator(
        cls, estimator, molecules, *, rounds=None, n_per_round=5, unit="", **plot_kwargs
    ):
        """Draw the first picks of rounds of a simulated campaign.

        Parameters
        ----------
        estimator : ActiveLearningRegressor
            Fitted, or a Pipeline that ends in one.
        molecules : sequence of ase.Atoms, n_samples
            What it was fitted on; those drawn need ``atoms.info["smiles"]``.
        rounds : sequence of int, default=None
            See :meth:`from_campaign`.
        n_per_round : int, default=5
            Molecules of each round.
        unit : str, default=""
            Unit of the labels.
        **plot_kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : MoleculesDisplay
            The display, drawn.
        """
        picks = picks_of_campaign(campaign_of(estimator))
        return cls._draw(picks, molecules, rounds, n_per_round, unit, plot_kwargs)

    @classmethod
    def from_results(
        cls,
        curve,
        molecules,
        strategy,
        *,
        repeat=0,
        rounds=None,
        n_per_round=5,
        unit="",
        **plot_kwargs,
    ):
        """Draw the first picks of one strategy of a curve in one repeat.

        Parameters
        ----------
        curve : Bunch
            Result of :func:`~skmolal.model_selection.active_learning_curve`.
        molecules : sequence of ase.Atoms, n_samples
            All molecules, those of the test set included; those drawn need
            ``atoms.info["smiles"]``.
        strategy : str
            Name of the strategy.
        repeat : int, default=0
            Which repeat.
        rounds : sequence of int, default=None
            See :meth:`from_campaign`.
        n_per_round : int, default=5
            Molecules of each round.
        unit : str, default=""
            Unit of the labels.
        **plot_kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : MoleculesDisplay
            The display, drawn.
        """
        picks = picks_of_curve(curve, strategy, repeat)
        return cls._draw(picks, molecules, rounds, n_per_round, unit, plot_kwargs)

    @classmethod
    def _draw(cls, picks, molecules, rounds, n_per_round, unit, plot_kwargs):
        positions, found, labels = picks
        molecules = as_molecules(molecules)
        if positions.max() >= len(molecules):
            raise ValueError(
                f"molecules must hold the whole pool: position {positions.max()} was picked, got "
                f"{len(molecules)} molecules"
            )
        if n_per_round < 1:
            raise ValueError(f"n_per_round must be a positive integer, got {n_per_round!r}")
        smiles, legends = [], []
        for k in select_rounds(found, rounds, at_most=6):
            for row in np.flatnonzero(found == k)[:n_per_round]:
                atoms = molecules[positions[row]]
                if "smiles" not in atoms.info:
                    raise ValueError(f"molecule {positions[row]} has no atoms.info['smiles']")
                smiles.append(atoms.info["smiles"])
                legends.append(f"round {k}: {labels[row]:#.3g} {unit}".rstrip())
        display = cls(smiles=smiles, legends=legends)
        return display.plot(**({"n_columns": n_per_round} | plot_kwargs))

    def plot(self, ax=None, *, n_columns=5, panel_size=220):
        """Draw the molecules.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure that fits the number of molecules.
        n_columns : int, default=5
            Molecules in a row.
        panel_size : int, default=220
            Width and height of a molecule's panel, in pixels.

        Returns
        -------
        display : MoleculesDisplay
            The display itself.

        Raises
        ------
        ValueError
            If RDKit cannot read a SMILES.
        """
        from matplotlib.image import imread
        from rdkit import Chem
        from rdkit.Chem.Draw import rdMolDraw2D

        parsed = [Chem.MolFromSmiles(smiles) for smiles in self.smiles]
        if None in parsed:
            raise ValueError(f"RDKit cannot read the SMILES {self.smiles[parsed.index(None)]!r}")
        n_columns = min(n_columns, len(parsed))
        n_lines = -(-len(parsed) // n_columns)
        drawer = rdMolDraw2D.MolDraw2DCairo(
            n_columns * panel_size, n_lines * panel_size, panel_size, panel_size
        )
        options = drawer.drawOptions()
        options.legendFontSize = panel_size // 13
        # One scale for all, so that a small molecule looks small.
        options.drawMolsSameScale = True
        options.padding = 0.08
        drawer.DrawMolecules(parsed, legends=list(self.legends))
        drawer.FinishDrawing()
        picture = imread(BytesIO(drawer.GetDrawingText()), format="png")
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots(figsize=(1.6 * n_columns, 1.6 * n_lines), layout="constrained")
        ax = new_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        self.image_ = ax.imshow(picture[..., :3])
        ax.set_axis_off()
        return self
