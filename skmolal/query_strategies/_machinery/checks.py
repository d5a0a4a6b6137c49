"""The gate for strategies that users bring, and for what strategies return."""

import inspect

import numpy as np

from skmolal.query_strategies._machinery.registry import (
    QueryStrategy,
    get_query_strategy,
    named_strategy,
)

__all__ = ["check_query_result", "check_query_strategy"]


def check_query_strategy(strategy, query_options=None):
    """Turn what users give as a strategy into one that a loop can call.

    Parameters
    ----------
    strategy : str, QueryStrategy or callable
        A name, what :func:`get_query_strategy` returns, or a function with modAL's signature
        ``(learner, X_pool, n_instances)``, with or without `random_state`.
    query_options : dict, default=None
        Options of a strategy given by name.

    Returns
    -------
    strategy : callable
        Takes ``(learner, X_pool, n_instances, random_state=)``; has a ``name``.

    Raises
    ------
    TypeError
        If `strategy` is of another kind.
    ValueError
        If a name or option is unknown, options come with something that is not a name, or a
        function does not take `n_instances`.

    Examples
    --------
    >>> from skmolal.query_strategies import check_query_strategy
    >>> check_query_strategy("target", {"low": -5.5})
    target(low=-5.5)
    """
    if isinstance(strategy, str):
        return get_query_strategy(strategy, **(query_options or {}))
    if query_options:
        raise ValueError(
            "query_options are for a query_strategy given by name; set the options of "
            f"{strategy!r} where it is made, got query_options={query_options!r}"
        )
    if isinstance(strategy, (QueryStrategy, _FunctionStrategy)):
        return strategy
    if not callable(strategy) or isinstance(strategy, type):
        raise TypeError(
            "query_strategy must be a name, an object from get_query_strategy or a function "
            f"with modAL's signature, got {strategy!r}"
        )
    named = named_strategy(strategy)
    return _FunctionStrategy(strategy) if named is None else named


def check_query_result(result, n_pool, n_instances, strategy):
    """Check what a query strategy returned.

    Parameters
    ----------
    result : tuple or array-like of int
        ``(query_idx, metrics)``, or only the positions. Older strategies for modAL return the
        chosen rows in the second place: where it is not one number per pick, the metrics are
        NaN.
    n_pool : int
        Rows in the pool.
    n_instances : int
        Rows asked for.
    strategy : callable
        The strategy, to be named.

    Returns
    -------
    query_idx : ndarray of shape (min(n_instances, n_pool),), dtype intp
        Distinct positions in the pool.
    metrics : ndarray of the same shape, dtype float64
        Utility of each pick.

    Raises
    ------
    ValueError
        If positions are not integers, too few or too many, out of range, or not distinct.

    Examples
    --------
    >>> from skmolal.query_strategies import check_query_result
    >>> check_query_result(([2, 0], [0.5, 0.1]), 3, 2, strategy=None)
    (array([2, 0]), array([0.5, 0.1]))
    """
    name = _get_name(strategy)
    query_idx, metrics = (
        result if isinstance(result, tuple) and len(result) == 2 else (result, None)
    )
    if isinstance(query_idx, tuple):
        raise ValueError(
            f"query strategy {name} must return (query_idx, metrics), got {len(query_idx)} items"
        )
    try:
        query_idx = np.atleast_1d(np.asarray(query_idx))
    except ValueError as error:
        raise ValueError(f"query strategy {name} must return a 1-D array of positions") from error
    n_picks = min(n_instances, n_pool)
    if query_idx.ndim != 1 or (query_idx.size and query_idx.dtype.kind not in "iu"):
        raise ValueError(
            f"query strategy {name} must return a 1-D array of integers, got shape "
            f"{query_idx.shape} of dtype {query_idx.dtype}"
        )
    if len(query_idx) != n_picks:
        raise ValueError(
            f"query strategy {name} must return {n_picks} positions, got {len(query_idx)}"
        )
    outside = query_idx[(query_idx < 0) | (query_idx >= n_pool)]
    if outside.size:
        raise ValueError(
            f"query strategy {name} must return positions from 0 to {n_pool - 1}, got {outside[0]}"
        )
    values, counts = np.unique(query_idx, return_counts=True)
    if (counts > 1).any():
        raise ValueError(
            f"query strategy {name} must return distinct positions, got "
            f"{values[counts > 1][0]} {counts.max()} times"
        )
    return query_idx.astype(np.intp), _as_metrics(metrics, n_picks)


def _as_metrics(metrics, n_picks):
    try:
        metrics = np.atleast_1d(np.asarray(metrics, dtype=np.float64))
    except (TypeError, ValueError):
        return np.full(n_picks, np.nan)
    return metrics if metrics.shape == (n_picks,) else np.full(n_picks, np.nan)


class _FunctionStrategy:
    """A function of the user's, called with `random_state` only where it takes one."""

    def __init__(self, function):
        self.function = function
        self.name = _get_name(function)
        try:
            parameters = inspect.signature(function).parameters
        except ValueError:  # compiled, without a signature
            parameters = {"n_instances": None}
        takes_any = any(p is not None and p.kind is p.VAR_KEYWORD for p in parameters.values())
        if "n_instances" not in parameters and not takes_any:
            raise ValueError(
                f"query strategy {self.name} must take (learner, X_pool, n_instances), got the "
                f"parameters ({', '.join(parameters)})"
            )
        # modAL's strategies hand unknown keywords on to predict_proba: only by its name.
        self._takes_random_state = "random_state" in parameters

    def __call__(self, learner, X_pool, n_instances=1, *, random_state=None):
        keywords = {"random_state": random_state} if self._takes_random_state else {}
        return self.function(learner, X_pool, n_instances=n_instances, **keywords)

    def __repr__(self):
        return self.name


def _get_name(strategy):
    if isinstance(strategy, (QueryStrategy, _FunctionStrategy)):
        return repr(strategy)
    strategy = getattr(strategy, "func", strategy)  # a partial
    return getattr(strategy, "__name__", type(strategy).__name__)
