"""Strategies by name, with their options."""

import inspect

import joblib
import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone

from skmolal.query_strategies._active_search import (
    active_search_sampling,
    check_active_search_options,
)
from skmolal.query_strategies._cluster import cluster_sampling
from skmolal.query_strategies._expected_improvement import expected_improvement_sampling
from skmolal.query_strategies._greedy import check_greedy_options, greedy_sampling
from skmolal.query_strategies._greedy_target import greedy_target_sampling
from skmolal.query_strategies._k_center import k_center_sampling
from skmolal.query_strategies._kmeans_plus_plus import kmeans_plus_plus_sampling
from skmolal.query_strategies._lcmd import lcmd_sampling
from skmolal.query_strategies._machinery.distances import check_representation
from skmolal.query_strategies._machinery.improvement import check_improvement_options
from skmolal.query_strategies._max_det import max_det_sampling
from skmolal.query_strategies._probability_of_improvement import (
    probability_of_improvement_sampling,
)
from skmolal.query_strategies._random import random_sampling
from skmolal.query_strategies._straddle import check_straddle_options, straddle_sampling
from skmolal.query_strategies._target import check_target_options, target_sampling
from skmolal.query_strategies._target_variance_reduction import (
    check_target_variance_reduction_options,
    target_variance_reduction_sampling,
)
from skmolal.query_strategies._thompson import check_thompson_options, thompson_sampling
from skmolal.query_strategies._uncertainty import uncertainty_sampling
from skmolal.query_strategies._uncertainty_cluster import (
    check_uncertainty_cluster_options,
    uncertainty_cluster_sampling,
)
from skmolal.query_strategies._upper_confidence_bound import (
    check_upper_confidence_bound_options,
    upper_confidence_bound_sampling,
)
from skmolal.query_strategies._variance_reduction import (
    check_variance_reduction_options,
    variance_reduction_sampling,
)

__all__ = ["QueryStrategy", "get_query_strategy", "get_query_strategy_names", "named_strategy"]

# Each function, and where it has options the function that checks their values.
_FUNCTIONS = {
    active_search_sampling: check_active_search_options,
    cluster_sampling: None,
    expected_improvement_sampling: check_improvement_options,
    greedy_sampling: check_greedy_options,
    greedy_target_sampling: check_representation,
    k_center_sampling: check_representation,
    kmeans_plus_plus_sampling: check_representation,
    lcmd_sampling: check_representation,
    max_det_sampling: None,
    probability_of_improvement_sampling: check_improvement_options,
    random_sampling: None,
    straddle_sampling: check_straddle_options,
    target_sampling: check_target_options,
    target_variance_reduction_sampling: check_target_variance_reduction_options,
    thompson_sampling: check_thompson_options,
    uncertainty_cluster_sampling: check_uncertainty_cluster_options,
    uncertainty_sampling: None,
    upper_confidence_bound_sampling: check_upper_confidence_bound_options,
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


def named_strategy(function):
    """Return the named object of one of our own functions, None for any other callable."""
    if inspect.isfunction(function) and function in _FUNCTIONS:
        return QueryStrategy(function.__name__.removesuffix("_sampling"))
    return None


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
