"""What a strategy needs of an estimator, said before any label is paid for."""

import inspect

from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline

from skmolal.delta import DeltaRegressor
from skmolal.query_strategies._active_search import active_search_sampling
from skmolal.query_strategies._expected_improvement import expected_improvement_sampling
from skmolal.query_strategies._machinery.registry import QueryStrategy
from skmolal.query_strategies._max_det import max_det_sampling
from skmolal.query_strategies._probability_of_improvement import (
    probability_of_improvement_sampling,
)
from skmolal.query_strategies._straddle import straddle_sampling
from skmolal.query_strategies._target import target_sampling
from skmolal.query_strategies._target_variance_reduction import target_variance_reduction_sampling
from skmolal.query_strategies._thompson import thompson_sampling
from skmolal.query_strategies._uncertainty import uncertainty_sampling
from skmolal.query_strategies._uncertainty_cluster import uncertainty_cluster_sampling
from skmolal.query_strategies._upper_confidence_bound import upper_confidence_bound_sampling
from skmolal.query_strategies._variance_reduction import variance_reduction_sampling

__all__ = ["check_needs", "needs_of"]

_STD = {target_sampling, uncertainty_sampling, uncertainty_cluster_sampling}
_JOINT = {
    active_search_sampling,
    max_det_sampling,
    target_variance_reduction_sampling,
    thompson_sampling,
    variance_reduction_sampling,
}
# Joint, unless their option `update_variance` is switched off.
_JOINT_OR_STD = {
    expected_improvement_sampling,
    probability_of_improvement_sampling,
    straddle_sampling,
    upper_confidence_bound_sampling,
}


def needs_of(strategy):
    """Return the keyword of ``predict`` that a strategy needs: a name, or None.

    What a user's own function needs is not known.
    """
    named = isinstance(strategy, QueryStrategy)
    function = strategy.function if named else strategy
    if function in _JOINT_OR_STD:
        joint = not named or strategy.get_params(deep=False)["update_variance"]
        return "return_cov" if joint else "return_std"
    if function in _JOINT:
        return "return_cov"
    return "return_std" if function in _STD else None


def check_needs(strategy, estimator):
    """Refuse an estimator that cannot predict what a strategy needs, by its signature.

    Parameters
    ----------
    strategy : callable
        From :func:`check_query_strategy`, or one of our functions.
    estimator : estimator
        Need not be fitted. Of a Pipeline the last step counts, of a search what it searches over,
        of a DeltaRegressor what learns the difference.

    Raises
    ------
    TypeError
        Names what is missing and the way out.
    """
    keyword = needs_of(strategy)
    while isinstance(estimator, (Pipeline, BaseSearchCV, DeltaRegressor)):
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        elif isinstance(estimator, DeltaRegressor):
            estimator = estimator.regressor
        else:
            estimator = estimator.estimator
    if keyword is None or not hasattr(estimator, "predict"):
        return
    parameters = inspect.signature(estimator.predict).parameters.values()
    takes = any(p.name == keyword or p.kind is p.VAR_KEYWORD for p in parameters)
    if takes and type(estimator) is not TransformedTargetRegressor:  # it takes, and then fails
        return
    name = type(estimator).__name__
    said = repr(strategy) if isinstance(strategy, QueryStrategy) else strategy.__name__
    if keyword == "return_std":
        raise TypeError(
            f"query_strategy {said} needs an estimator with predict(X, return_std=True), "
            f"which {name} lacks: use GaussianProcessRegressor, put {name} into "
            "skmolal.ensemble.EnsembleRegressor, or query by 'random' or 'cluster'"
        )
    raise TypeError(
        f"query_strategy {said} needs the joint posterior of the pool, an estimator with "
        f"predict(X, return_cov=True), which {name} lacks: use GaussianProcessRegressor, or a "
        "strategy that needs only a std"
        + (", such as the same with update_variance=False" if _may_do_without(strategy) else "")
    )


def _may_do_without(strategy):
    return getattr(strategy, "function", strategy) in _JOINT_OR_STD
