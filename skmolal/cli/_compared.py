"""``--compare-with``: another model as one more line of the table."""

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skmolal.cli._model import needs_coordinates

__all__ = ["check_compared", "choose_compared", "join_curves"]


def choose_compared(options):
    """Return the name of the model to compare with, None for none.

    Parameters
    ----------
    options : argparse.Namespace
        ``compare_with, task, top_share, descriptor, model`` and ``baseline``.

    Returns
    -------
    name : str or None
        By default a forest, in a search for a share by the graph of bonds: what such searches are
        mostly done by.
    """
    if options.compare_with is not None:
        return None if options.compare_with == "none" else options.compare_with
    searching = options.task == "search" and options.top_share is not None
    if searching and not needs_coordinates(options.descriptor) and options.model != "forest":
        return "forest"
    return None


def check_compared(name, options, low, high):
    """Refuse what cannot be compared.

    Parameters
    ----------
    name : str or None
        Of :func:`choose_compared`.
    options : argparse.Namespace
        As there.
    low, high : float
        Ends of the target range.
    """
    if name is None:
        return
    if options.task == "pruning":
        raise ValueError(
            f"--compare-with {name} asks another model for the best of a search, got --task pruning"
        )
    if name == options.model:
        raise ValueError(f"--compare-with must name another model than --model, got {name} twice")
    if options.baseline is not None:
        raise ValueError(
            f"--compare-with {name} sees the features alone, of which --baseline "
            f"{options.baseline} is none"
        )
    if np.isfinite(low) and np.isfinite(high):
        raise ValueError(
            f"--compare-with {name} asks for the largest or the smallest predictions, got a range "
            f"with two ends, {low:.6g} to {high:.6g}"
        )


def join_curves(curve, other):
    """Put the strategies of two curves with the same repeats and sizes into one."""
    return Bunch(
        frame=pd.concat([curve.frame, other.frame], ignore_index=True),
        picks=pd.concat([curve.picks, other.picks], ignore_index=True),
        settings=curve.settings,
    )
