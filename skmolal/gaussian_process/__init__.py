"""Gaussian process regression for molecules."""

from skmolal.gaussian_process._gpr import GaussianProcessRegressor
from skmolal.gaussian_process._length_scale import median_length_scale

__all__ = ["GaussianProcessRegressor", "median_length_scale"]
