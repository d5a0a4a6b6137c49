"""Colours and axes that the displays share."""

import numpy as np

__all__ = ["CYCLE", "MARKERS", "POOL", "TARGET", "new_axes", "round_colors", "tidy"]

# Okabe and Ito's colours, which the colour-blind can tell apart, without the pale yellow.
CYCLE = ("#000000", "#0072B2", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
POOL, TARGET = "#BBBBBB", "#E69F00"


def new_axes(ax):
    """Return `ax`, or the axes of a new figure."""
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(layout="constrained")
    return ax


def round_colors(rounds):
    """Return a dict from round to colour, from dark (early) to light (late)."""
    from matplotlib import colormaps

    # The brightest end is left out: yellow on white cannot be seen.
    shades = colormaps["viridis"](np.linspace(0.0, 0.85, len(rounds)))
    return dict(zip(rounds, shades, strict=True))


def tidy(ax):
    """Take away the frame's upper and right line."""
    ax.spines[["top", "right"]].set_visible(False)
