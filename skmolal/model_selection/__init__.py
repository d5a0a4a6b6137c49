"""Comparing query strategies over seeds."""

from skmolal.model_selection._curve import active_learning_curve

__all__ = ["active_learning_curve"]
