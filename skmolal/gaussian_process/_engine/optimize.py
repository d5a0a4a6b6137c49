"""Choose hyperparameters by the log marginal likelihood."""

import warnings

import numpy as np
import scipy.optimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.optimize import _check_optimize_result

from skmolal.gaussian_process._engine.kernels import parse_kernel
from skmolal.gaussian_process._engine.likelihood import CompiledLikelihood, HostLikelihood

__all__ = ["make_likelihood", "optimize_kernel", "set_theta"]

_FTOL = 1e7 * np.finfo(np.float64).eps  # of L-BFGS-B by default
# A start is given up when it has come this close to a known optimum that is lower, or gains so
# small a share of what it is behind in as many steps in a row.
_NEAR, _LEVEL = 0.1, 0.1  # of logarithms of hyperparameters; of the log likelihood
_SLOW, _N_SLOW = 0.02, 3
_IMPLAUSIBLE = 1e3  # -log likelihood of a label: some 45 predicted stds off
_SAYS_NOTHING = 0.01  # log likelihood above that of noise alone


def make_likelihood(kernel, X, y, noise):
    """Make a function of the hyperparameters of `kernel`.

    Parameters
    ----------
    kernel : kernel instance
        Values of its free hyperparameters do not matter.
    X : array-like or CSR of shape (n_samples, n_features) or list of object
        Training samples.
    y : ndarray of shape (n_samples, n_targets)
        Targets, normalised.
    noise : ndarray of shape (n_samples,)
        Added to the diagonal of the kernel matrix.

    Returns
    -------
    likelihood : callable
        ``likelihood(theta, eval_gradient)`` gives the log marginal likelihood and its gradient
        with respect to ``kernel.theta``, or None.
    """
    parsed = parse_kernel(kernel)
    if parsed.spec is None or getattr(X, "ndim", 1) != 2:
        return HostLikelihood(kernel, X, y, noise)
    return CompiledLikelihood(parsed, X, y, noise)


def optimize_kernel(kernel, X, y, noise, optimizer, n_restarts, max_samples, rng, origin=None):
    """Set the hyperparameters of `kernel` to the largest log marginal likelihood.

    Parameters
    ----------
    kernel : kernel instance
        Where to start; changed.
    X, y, noise : array-like
        As for :func:`make_likelihood`.
    optimizer : "fmin_l_bfgs_b" or callable
        As of the regressor.
    n_restarts : int
        Number of further starts.
    max_samples : int or None
        Number of training samples to draw.
    rng : RandomState
        Draws samples and starts.
    origin : ndarray of shape (n_hyperparameters,), default=None
        A further start, for a search that ends with hyperparameters which explain nothing. Those
        of a few labels are often such; there the slope is zero, so that a search which starts from
        them would never leave them, however many labels come.

    Raises
    ------
    ValueError
        If restarts are asked for with infinite bounds.

    Warns
    -----
    ConvergenceWarning
        If the likelihood stays implausible, away from the bounds.
    """
    bounds = kernel.bounds
    if n_restarts > 0 and not np.isfinite(bounds).all():
        raise ValueError(
            "Multiple optimizer restarts (n_restarts_optimizer>0) requires that all bounds are "
            "finite."
        )
    if max_samples is not None and len(y) > max_samples:
        rows = np.sort(rng.choice(len(y), max_samples, replace=False))
        X = X[rows] if hasattr(X, "shape") else [X[row] for row in rows]
        y, noise = y[rows], noise[rows]
    likelihood = make_likelihood(kernel, X, y, noise)

    def obj_func(theta, eval_gradient=True):
        value, gradient = likelihood(theta, eval_gradient)
        return (-value, -gradient) if eval_gradient else -value

    starts = [kernel.theta]
    starts += [rng.uniform(bounds[:, 0], bounds[:, 1]) for _ in range(n_restarts)]
    optima = []
    for start in starts:
        optima.append(_minimize(optimizer, obj_func, start, bounds, optima))
    theta, lowest = min(optima, key=lambda optimum: optimum[1])
    implausible = _IMPLAUSIBLE * y.size
    says_nothing = lowest > _of_noise_alone(y) - _SAYS_NOTHING
    if not callable(optimizer) and origin is not None and says_nothing:
        optima.append(_minimize(optimizer, obj_func, origin, bounds, optima))
        theta, lowest = min(optima, key=lambda optimum: optimum[1])
    if not callable(optimizer) and implausible < lowest < np.inf:
        theta, lowest = _search_further(obj_func, theta, bounds, implausible / lowest)
    set_theta(kernel, theta)
    kernel._check_bounds_params()
    # A warning about a bound has said already what to widen.
    if implausible < lowest < np.inf and not np.isclose(kernel.bounds, theta[:, None]).any():
        warnings.warn(
            f"With the best hyperparameters found, {kernel}, the log marginal likelihood of the "
            f"{y.size} labels is {-lowest:.1e}: the model is all but impossible. Start from a "
            "length scale near skmolal.gaussian_process.median_length_scale(X), widen the bounds, "
            "or raise alpha or add a WhiteKernel.",
            ConvergenceWarning,
            stacklevel=5,
        )


class _Hopeless(Exception):
    """A start will not end below the lowest optimum known."""


class _Follower:
    """The objective of a further start, which gives up where a known optimum is not beaten."""

    def __init__(self, obj_func, theta, lowest):
        self.obj_func, self.theta, self.lowest = obj_func, theta, lowest
        self.best = (None, np.inf)
        self.n_slow = 0

    def __call__(self, theta):
        value, gradient = self.obj_func(theta)
        gain, behind = self.best[1] - value, value - self.lowest
        if gain > 0:
            self.best = theta.copy(), value
            self.n_slow = self.n_slow + 1 if gain < _SLOW * behind else 0
            arrived = 0 <= behind < _LEVEL and abs(theta - self.theta).max() < _NEAR
            if arrived or self.n_slow >= _N_SLOW:
                raise _Hopeless
        return value, gradient


def _minimize(optimizer, obj_func, initial_theta, bounds, known):
    if callable(optimizer):
        return optimizer(obj_func, initial_theta, bounds=bounds)
    if known:
        obj_func = _Follower(obj_func, *min(known, key=lambda optimum: optimum[1]))
    try:
        result = scipy.optimize.minimize(
            obj_func, initial_theta, method="L-BFGS-B", jac=True, bounds=bounds
        )
    except _Hopeless:
        return obj_func.best
    _check_optimize_result("lbfgs", result)
    return result.x, result.fun


def _of_noise_alone(y):
    """Return the lowest -log likelihood of a kernel without correlations."""
    variance = np.maximum(np.mean(y**2), np.finfo(np.float64).tiny)
    return 0.5 * y.size * (1 + np.log(2 * np.pi * variance))


def _search_further(obj_func, theta, bounds, plausible_share):
    """Go on where the search has ended at an implausible likelihood.

    It ends when a step gains less than a share of the likelihood. Of one below -1e7, as features
    far below the length scale give, the share is more than the slope of the plateau offers, and
    whether a search leaves it is chance. So the share becomes that of a plausible likelihood.
    """
    ftol = max(_FTOL * plausible_share, np.finfo(np.float64).eps)
    result = scipy.optimize.minimize(
        obj_func, theta, method="L-BFGS-B", jac=True, bounds=bounds, options={"ftol": ftol}
    )
    return result.x, result.fun


def set_theta(kernel, theta):
    """Set hyperparameters so that setting ``kernel.theta`` again would change no bit of them."""
    kernel.theta = theta
    for _ in range(10):  # exp(log(x)) settles after one or two rounds
        theta, kernel.theta = kernel.theta, kernel.theta
        if np.array_equal(kernel.theta, theta):
            return
