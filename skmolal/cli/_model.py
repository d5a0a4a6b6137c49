"""The model of a run: MBTR and a Gaussian process with a kernel that fits any molecules."""

import numpy as np
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from sklearn.pipeline import Pipeline

from skmolal.descriptors import MBTRTransformer
from skmolal.gaussian_process import GaussianProcessRegressor

__all__ = ["build_model"]
