"""Reading a learning curve: which strategies, repeats and scores it holds."""

import numpy as np

__all__ = ["TIMES", "check_strategy", "read_curves", "score_columns"]

_KEYS = ("strategy", "repeat", "n_labelled")
TIMES = ("transform_time", "fit_time", "query_time", "predict_time", "score_time")


def score_columns(frame):
    """Return the names of the columns that hold scores."""
    return [name for name in frame.columns if name not in (*_KEYS, *TIMES)]


def check_strategy(frame, value, name):
    """Raise the error that lists the curve's strategies unless `value` is one."""
    known = list(dict.fromkeys(frame["strategy"]))
    if value not in known:
        raise ValueError(f"{name} must be one of the curve's strategies {known}, got {value!r}")


def read_curves(frame, columns):
    """Split a curve's frame into arrays.

    Returns a dict from strategy to a dict from repeat, ascending, to a dict from column name
    (``n_labelled`` and `columns`) to an array over rounds, by ascending number of labels.
    """
    strategies, codes = np.unique(frame["strategy"].to_numpy(dtype=str), return_inverse=True)
    repeats, n_labelled = frame["repeat"].to_numpy(), frame["n_labelled"].to_numpy()
    order = np.lexsort((n_labelled, repeats, codes))
    starts = np.flatnonzero(
        np.diff(codes[order], prepend=-1) | np.diff(repeats[order], prepend=repeats.min() - 1)
    )
    values = {name: frame[name].to_numpy()[order] for name in ("n_labelled", *columns)}
    curves = {}
    for start, stop in zip(starts, [*starts[1:], len(order)], strict=True):
        part = {name: array[start:stop] for name, array in values.items()}
        key = str(strategies[codes[order[start]]])
        curves.setdefault(key, {})[int(repeats[order[start]])] = part
    return curves
