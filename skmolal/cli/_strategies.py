"""A strategy by its name, with the target that the command's options name."""

import numpy as np

from skmolal import query_strategies

__all__ = ["check_strategies", "configure_strategy"]


def check_strategies(names, option="--strategies"):
    """Refuse names that no strategy has."""
    known = query_strategies.get_query_strategy_names()
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(f"{option}: unknown {unknown}; known are {known}")


def configure_strategy(name, *, low=None, high=None, top=None, maximize=True):
    """Give a strategy its target, in the options that it takes.

    Parameters
    ----------
    name : str
        Name of the strategy.
    low, high : float, default=None
        Ends of the target range; None or infinite is no end.
    top : float, default=None
        Share of the best records. A strategy that takes it is not told the range.
    maximize : bool, default=True
        Whether large values are wanted, where there is no range or it has two ends.
    """
    check_strategies([name], "--strategy")
    low = -np.inf if low is None else low
    high = np.inf if high is None else high
    takes = getattr(query_strategies, f"{name}_sampling").__kwdefaults__
    if top is not None and "top" in takes:
        wanted = {"top": top, "maximize": maximize}
    elif np.isfinite(low) or np.isfinite(high):
        if np.isfinite(low) != np.isfinite(high):
            maximize = bool(np.isfinite(low))
        end = low if maximize else high
        wanted = {"low": low, "high": high, "threshold": end, "maximize": maximize}
    else:
        wanted = {"maximize": maximize}
    return query_strategies.get_query_strategy(
        name, **{option: value for option, value in wanted.items() if option in takes}
    )
