"""Scores of active learning: scorers for grids and curves, what a curve saves and proves."""

from skmolal.metrics._comparison import compare_strategies
from skmolal.metrics._overlap import distribution_overlap
from skmolal.metrics._savings import data_savings
from skmolal.metrics._scorers import (
    make_discovery_scorer,
    make_label_efficiency_scorer,
    make_target_scorer,
)
from skmolal.metrics._target_profile import target_profile

__all__ = [
    "compare_strategies",
    "data_savings",
    "distribution_overlap",
    "make_discovery_scorer",
    "make_label_efficiency_scorer",
    "make_target_scorer",
    "target_profile",
]
