"""Gaussian process regression for molecules."""

from skmolal.gaussian_process._columns import ColumnKernel, feature_union_columns
from skmolal.gaussian_process._cv import GaussianProcessRegressorCV
from skmolal.gaussian_process._gpr import GaussianProcessRegressor
from skmolal.gaussian_process._length_scale import median_length_scale
from skmolal.gaussian_process._posterior import PosteriorCovariance
from skmolal.gaussian_process._tanimoto import TanimotoKernel

__all__ = [
    "ColumnKernel",
    "GaussianProcessRegressor",
    "GaussianProcessRegressorCV",
    "PosteriorCovariance",
    "TanimotoKernel",
    "feature_union_columns",
    "median_length_scale",
]
