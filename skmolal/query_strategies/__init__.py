"""Query strategies: who is asked next.

Each is a function ``f(learner, X_pool, n_instances=1, *, random_state=None, **options)`` with
modAL's signature that returns ``(query_idx, metrics)``: distinct positions in the pool in order of
preference, and the utility of each.
"""

from skmolal.query_strategies._active_search import active_search_sampling
from skmolal.query_strategies._cluster import cluster_sampling
from skmolal.query_strategies._expected_improvement import expected_improvement_sampling
from skmolal.query_strategies._greedy import greedy_sampling
from skmolal.query_strategies._greedy_target import greedy_target_sampling
from skmolal.query_strategies._k_center import k_center_sampling
from skmolal.query_strategies._kmeans_plus_plus import kmeans_plus_plus_sampling
from skmolal.query_strategies._lcmd import lcmd_sampling
from skmolal.query_strategies._machinery.checks import check_query_result, check_query_strategy
from skmolal.query_strategies._machinery.registry import (
    QueryStrategy,
    get_query_strategy,
    get_query_strategy_names,
)
from skmolal.query_strategies._max_det import max_det_sampling
from skmolal.query_strategies._probability_of_improvement import probability_of_improvement_sampling
from skmolal.query_strategies._random import random_sampling
from skmolal.query_strategies._straddle import straddle_sampling
from skmolal.query_strategies._target import target_sampling
from skmolal.query_strategies._target_variance_reduction import target_variance_reduction_sampling
from skmolal.query_strategies._thompson import thompson_sampling
from skmolal.query_strategies._uncertainty import uncertainty_sampling
from skmolal.query_strategies._uncertainty_cluster import uncertainty_cluster_sampling
from skmolal.query_strategies._upper_confidence_bound import upper_confidence_bound_sampling
from skmolal.query_strategies._variance_reduction import variance_reduction_sampling

__all__ = [
    "QueryStrategy",
    "active_search_sampling",
    "check_query_result",
    "check_query_strategy",
    "cluster_sampling",
    "expected_improvement_sampling",
    "get_query_strategy",
    "get_query_strategy_names",
    "greedy_sampling",
    "greedy_target_sampling",
    "k_center_sampling",
    "kmeans_plus_plus_sampling",
    "lcmd_sampling",
    "max_det_sampling",
    "probability_of_improvement_sampling",
    "random_sampling",
    "straddle_sampling",
    "target_sampling",
    "target_variance_reduction_sampling",
    "thompson_sampling",
    "uncertainty_cluster_sampling",
    "uncertainty_sampling",
    "upper_confidence_bound_sampling",
    "variance_reduction_sampling",
]
