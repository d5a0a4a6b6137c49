"""Molecules to features."""

from skmolal.descriptors._mbtr import MBTRTransformer

__all__ = ["MBTRTransformer"]
