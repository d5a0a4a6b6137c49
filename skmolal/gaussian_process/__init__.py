"""Gaussian process regression for molecules."""

from skmolal.gaussian_process._gpr import GaussianProcessRegressor

__all__ = ["GaussianProcessRegressor"]
