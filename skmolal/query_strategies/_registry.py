"""Strategies by name, with their options, and the gate for what users bring themselves."""

import inspect

import joblib
import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone

from skmolal.query_strategies._cluster import cluster_sampling
from skmolal.query_strategies._distances import check_representation
from skmolal.query_strategies._greedy_target import greedy_target_sampling
from skmolal.query_strategies._k_center import k_center_sampling
from skmolal.query_strategies._kmeans_plus_plus import kmeans_plus_plus_sampling
from skmolal.query_strategies._lcmd import lcmd_sampling
from skmolal.query_strategies._max_det import max_det_sampling
from skmolal.query_strategies._random import random_sampling
from skmolal.query_strategies._target import check_target_options, target_sampling
from skmolal.query_strategies._uncertainty import uncertainty_sampling
from skmolal.query_strategies._uncertainty_cluster import (
    check_uncertainty_cluster_options,
    uncertainty_cluster_sampling,
)
from skmolal.query_strategies._variance_reduction import (
    check_variance_reduction_options,
    variance_reduction_sampling,
)

__all__ = [
    "QueryStrategy",
    "check_query_result",
    "check_query_strategy",
    "get_query_strategy",
    "get_query_strategy_names",
]

# Each function, and where it has options the function that checks their values.
_FUNCTIONS = {
    cluster_sampling: None,
    greedy_target_sampling: check_representation,
    k_center_sampling: check_representation,
    kmeans_plus_plus_sampling: check_representation,
    lcmd_sampling: check_representation,
    max_det_sampling: None,
    random_sampling: None,
    target_sampling: check_target_options,
    uncertainty_cluster_sampling: check_uncertainty_cluster_options,
    uncertainty_sampling: None,
    variance_reduction_sampling: check_variance_reduction_options,
}
_STRATEGIES = {f.__name__.removesuffix("_sampling"): f for f in _FUNCTIONS}
_NOT_OPTIONS = ("learner", "X_pool", "n_instances", "random_state")


class QueryStrategy:
    """A query strategy with its options, made by :func:`get_query_strategy`.

    It is called as a function with modAL's signature, can be cloned and pickled, and its options
    are parameters, so that a grid search over an estimator may vary ``query_strategy__low``.

    Parameters
    ----------
    name : str
        A name from :func:`get_query_strategy_names`.
    **options : object
        Options of that strategy.

    Attributes
    ----------
    name : str
        As given.
    options : dict
        The options given; those left out have the defaults of :attr:`function`.

    Raises
    ------
    ValueError
        If the name or an option is unknown, or a value is not allowed.

    Examples
    --------
    >>> from skmolal.query_strategies import get_query_strategy
    >>> strategy = get_query_strategy("target", low=-5.5, rule="mean")
    >>> strategy
    target(low=-5.5, rule='mean')
    >>> strategy.set_params(low=-5.0)
    target(low=-5.0, rule='mean')
    """

    def __init__(self, name, **options):
        self.name = name
        self.options = options
        self._check()

    @property
    def function(self):
        """Return the function behind the name."""
        return _STRATEGIES[self.name]

    def __call__(self, learner, X_pool, n_instances=1, *, random_state=None):
        """Choose rows of the pool.

        Parameters
        ----------
        learner : estimator or modAL learner
            What the strategy needs of it stands with its function.
        X_pool : {array-like, sparse matrix, DataFrame} of shape (n_pool, n_features) or \
                ndarray of shape (n_pool,), dtype object
            Candidates.
        n_instances : int, default=1
            Rows to choose; all of a smaller pool.
        random_state : int, RandomState instance or None, default=None
            Seed of the strategy.

        Returns
        -------
        query_idx : ndarray of shape (min(n_instances, n_pool),), dtype intp
            Positions of the chosen rows, in order of preference.
        metrics : ndarray of the same shape
            Utility of each pick.
        """
        return self.function(
            learner, X_pool, n_instances, random_state=random_state, **self.options
        )

    def get_params(self, deep=True):
        """Get the name and all options, the defaults included.

        Parameters
        ----------
        deep : bool, default=True
            Whether to list the parameters of options that are estimators, too.

        Returns
        -------
        params : dict
            Name of each parameter mapped to its value.
        """
        params = {"name": self.name, **_get_defaults(self.function), **self.options}
        if deep:
            for option, value in list(params.items()):
                if hasattr(value, "get_params") and not isinstance(value, type):
                    params |= {f"{option}__{k}": v for k, v in value.get_params().items()}
        return params

    def set_params(self, **params):
        """Set the name or options.

        Parameters
        ----------
        **params : object
            Parameters as :meth:`get_params` lists them. A new `name` drops the options of the
            old.

        Returns
        -------
        self : QueryStrategy
            The object itself.
        """
        name = params.pop("name", self.name)
        options = dict(self.options) if name == self.name else {}
        nested = {}
        for key, value in params.items():
            option, _, inner = key.partition("__")
            if inner:
                nested.setdefault(option, {})[inner] = value
            else:
                options[key] = value
        changed = QueryStrategy(name, **options)  # checks, before anything is set
        for option, values in nested.items():
            changed.get_params(deep=False)[option].set_params(**values)
        self.name, self.options = name, options
        return self

    def __repr__(self):
        defaults = _get_defaults(self.function)
        changed = (
            f"{name}={self.options[name]!r}"
            for name, default in defaults.items()
            if name in self.options and not _same(self.options[name], default)
        )
        return f"{self.name}({', '.join(changed)})"

    def __sklearn_clone__(self):
        options = {name: clone(value, safe=False) for name, value in self.options.items()}
        return QueryStrategy(self.name, **options)

    def __eq__(self, other):
        if not isinstance(other, QueryStrategy):
            return NotImplemented
        mine, others = self.get_params(deep=False), other.get_params(deep=False)
        return mine.keys() == others.keys() and all(
            _same(value, others[name]) for name, value in mine.items()
        )

    __hash__ = None  # options may be set

    def _check(self):
        if self.name not in get_query_strategy_names():
            raise ValueError(
                f"unknown query strategy {self.name!r}: it must be one of "
                f"{', '.join(get_query_strategy_names())}"
            )
        known = _get_defaults(self.function)
        unknown = [option for option in self.options if option not in known]
        if unknown:
            takes = f"its options are {', '.join(known)}" if known else "it has no options"
            raise ValueError(f"unknown option {unknown[0]!r} of strategy {self.name!r}: {takes}")
        if _FUNCTIONS[self.function] is not None:
            _FUNCTIONS[self.function](**self.options)


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


def get_query_strategy_names():
    """List the names of the query strategies.

    Returns
    -------
    names : list of str
        In alphabetical order; each is the name of a function of this module without
        ``_sampling``.

    Examples
    --------
    >>> from skmolal.query_strategies import get_query_strategy_names
    >>> "uncertainty" in get_query_strategy_names()
    True
    """
    return sorted(_STRATEGIES)


def get_query_strategy(name, **options):
    """Get a query strategy by its name.

    Parameters
    ----------
    name : str
        A name from :func:`get_query_strategy_names`.
    **options : object
        Options of the strategy, such as ``low=-5.5`` for "target".

    Returns
    -------
    strategy : QueryStrategy
        Called like the function of that name, with these options.

    Raises
    ------
    ValueError
        If the name or an option is unknown, or a value is not allowed.

    Examples
    --------
    >>> from skmolal.query_strategies import get_query_strategy
    >>> get_query_strategy("target", low=-5.5)
    target(low=-5.5)
    """
    return QueryStrategy(name, **options)


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
    if inspect.isfunction(strategy) and strategy in _FUNCTIONS:
        return QueryStrategy(_get_name(strategy).removesuffix("_sampling"))
    return _FunctionStrategy(strategy)


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


def _same(value, other):
    if value is other:
        return True
    if any(hasattr(x, "get_params") or issparse(x) for x in (value, other)):
        return joblib.hash(value) == joblib.hash(other)
    return bool(np.array_equal(value, other))


def _get_defaults(function):
    return {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in _NOT_OPTIONS
    }


def _get_name(strategy):
    if isinstance(strategy, (QueryStrategy, _FunctionStrategy)):
        return repr(strategy)
    strategy = getattr(strategy, "func", strategy)  # a partial
    return getattr(strategy, "__name__", type(strategy).__name__)
