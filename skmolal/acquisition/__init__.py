"""Acquisition functions: what a label is worth, from the posterior mean and standard deviation.

Each is a pure function of arrays and returns a utility: larger is better. They know nothing of
learners, pools or batches; those are the notions of :mod:`skmolal.query_strategies`.
"""

from skmolal.acquisition._active_search import expected_hits
from skmolal.acquisition._confidence import straddle, upper_confidence_bound
from skmolal.acquisition._improvement import (
    expected_improvement,
    log_expected_improvement,
    log_probability_of_improvement,
    probability_of_improvement,
)
from skmolal.acquisition._range import (
    log_probability_in_range,
    log_target_weight,
    margin_in_range,
    probability_in_range,
)
from skmolal.acquisition._top import threshold_of_top

__all__ = [
    "expected_hits",
    "expected_improvement",
    "log_expected_improvement",
    "log_probability_in_range",
    "log_probability_of_improvement",
    "log_target_weight",
    "margin_in_range",
    "probability_in_range",
    "probability_of_improvement",
    "straddle",
    "threshold_of_top",
    "upper_confidence_bound",
]
