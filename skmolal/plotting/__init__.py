"""Displays: a ``from_...`` computes, ``plot`` draws; matplotlib is imported only to draw."""

from skmolal.plotting._learning_curve import ActiveLearningCurveDisplay
from skmolal.plotting._molecules import MoleculesDisplay
from skmolal.plotting._pool import PoolDisplay
from skmolal.plotting._property import PropertyDisplay
from skmolal.plotting._uncertainty import UncertaintyDisplay

__all__ = [
    "ActiveLearningCurveDisplay",
    "MoleculesDisplay",
    "PoolDisplay",
    "PropertyDisplay",
    "UncertaintyDisplay",
]
