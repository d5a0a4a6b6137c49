"""Checks of single options of strategies."""

from numbers import Integral, Real

import numpy as np

__all__ = ["check_count", "check_flag", "check_number"]


def check_count(name, value):
    """Check an option that is a number of rows or labels."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be an integer of at least 1, got {value!r}")


def check_number(name, value, at_least=-np.inf):
    """Check an option that is a finite number."""
    is_number = isinstance(value, Real) and not isinstance(value, bool) and np.isfinite(value)
    if not is_number or value < at_least:
        what = "a number" if at_least == -np.inf else f"a number of at least {at_least:g}"
        raise ValueError(f"{name} must be {what}, got {value!r}")


def check_flag(name, value):
    """Check an option that is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False, got {value!r}")
