"""Warnings about a fitted model, each with its remedy. Only predict gives them."""

import warnings

import numpy as np
from scipy import sparse
from sklearn.exceptions import EfficiencyWarning

__all__ = ["clip_variance", "warn_equal_std", "warn_fallback", "warn_slow_kernel"]

_slow_kernels = set()


def warn_slow_kernel(kernel):
    """Say, once for each kind, that a kernel is not compiled."""
    if type(kernel) not in _slow_kernels:
        _slow_kernels.add(type(kernel))
        warnings.warn(
            f"The kernel {kernel} is not among those that are compiled, or has a part that is "
            "not: it is evaluated by its own __call__ in float64, as by scikit-learn.",
            EfficiencyWarning,
            stacklevel=3,
        )


def warn_equal_std(std, X, kernel):
    """Say so, and why, where all predicted stds (of normalised targets) are equal."""
    if len(std) < 8 or not hasattr(X, "shape") or X.ndim != 2:
        return
    lowest, highest = std.min(), std.max()
    if highest - lowest > 1e-8 * highest or highest <= 0:
        return
    if not _any_true(X[1:] != X[:-1]):
        return
    warnings.warn(
        f"All {len(std)} predicted standard deviations are equal, so they rank nothing. "
        f"{_why_equal(highest, X, kernel)}",
        UserWarning,
        stacklevel=4,
    )


def _any_true(array):
    return array.nnz > 0 if sparse.issparse(array) else bool(np.any(array))


def _why_equal(std, X, kernel):
    rows = X[np.linspace(0, X.shape[0] - 1, 16).astype(int)]
    rows = rows.toarray() if sparse.issparse(rows) else rows
    remedy = (
        "start from a length scale near skmolal.gaussian_process.median_length_scale(X), widen "
        "its bounds"
    )
    if std > 0.99 * np.sqrt(kernel.diag(rows).min()):
        return (
            f"With the kernel {kernel} every sample is as good as infinitely far from the training "
            f"samples, or noise drowns what they say: {remedy}, or lower the noise."
        )
    covariance = kernel(rows, rows)  # of two arguments, so without white noise
    scale = np.sqrt(np.diag(covariance))
    if (covariance >= (1 - 1e-6) * scale[:, None] * scale[None, :]).all():
        return (
            f"The kernel {kernel} takes all samples for the same one, for they differ by far less "
            f"than its length scale: {remedy}, or scale the features."
        )
    return (
        f"With the kernel {kernel} the training samples say as much about each of these samples "
        "as about any other, as they do where each is a training sample itself and its length "
        f"scale is short: {remedy}, or predict others."
    )


def warn_fallback(reason):
    """Say that the fit had to be repeated in float64."""
    warnings.warn(
        f"float32 was not accurate enough for this model ({reason}), so it was fitted in float64, "
        "which is slower: raise alpha, the variance of the noise, or set dtype='float64'.",
        UserWarning,
        stacklevel=3,
    )


def clip_variance(variance, dtype):
    """Set negative variances, which rounding may leave, to zero.

    In float64 with scikit-learn's warning; in float32 the size of rounding errors is no news.
    """
    negative = variance < 0
    if not np.any(negative):
        return variance
    if dtype == "float64":
        warnings.warn(
            "Predicted variances smaller than 0. Setting those variances to 0.", stacklevel=4
        )
    return np.where(negative, 0.0, variance)
