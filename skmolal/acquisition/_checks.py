"""What every acquisition function checks of its arguments."""

import numpy as np

__all__ = ["check_posterior", "check_range"]


def check_posterior(mean, std):
    mean, std = np.asarray(mean, dtype=np.float64), np.asarray(std, dtype=np.float64)
    if (std < 0).any():
        raise ValueError(f"std must not be negative, got {std.min()}")
    return np.broadcast_arrays(mean, std)


def check_range(low, high):
    low, high = float(low), float(high)
    if not low <= high:
        raise ValueError(f"low must not be above high, got low={low} and high={high}")
    return low, high
