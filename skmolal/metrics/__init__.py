"""Scores of active learning: scorers for grid searches and curves, and what a curve saves."""

from skmolal.metrics._overlap import distribution_overlap
from skmolal.metrics._savings import data_savings
from skmolal.metrics._scorers import (
    make_discovery_scorer,
    make_label_efficiency_scorer,
    make_target_scorer,
)

__all__ = [
    "data_savings",
    "distribution_overlap",
    "make_discovery_scorer",
    "make_label_efficiency_scorer",
    "make_target_scorer",
]
