"""Choose hyperparameters by the log marginal likelihood."""

import numpy as np
import scipy.optimize
from sklearn.utils.optimize import _check_optimize_result

from skmolal.gaussian_process._engine.kernels import parse_kernel
from skmolal.gaussian_process._engine.likelihood import CompiledLikelihood, host_likelihood

__all__ = ["make_likelihood", "optimize_kernel", "set_theta"]


def make_likelihood(kernel, X, y, noise):
    """Make a function of kernels like `kernel`.

    Parameters
    ----------
    kernel : kernel instance
        Its hyperparameters do not matter.
    X : array-like or CSR of shape (n_samples, n_features) or list of object
        Training samples.
    y : ndarray of shape (n_samples, n_targets)
        Targets, normalised.
    noise : ndarray of shape (n_samples,)
        Added to the diagonal of the kernel matrix.

    Returns
    -------
    likelihood : callable
        ``likelihood(kernel, eval_gradient)`` gives the log marginal likelihood and its gradient
        with respect to ``kernel.theta``, or None.
    """
    spec = parse_kernel(kernel)[0]
    if spec is None or getattr(X, "ndim", 1) != 2:
        return lambda kernel, eval_gradient: host_likelihood(kernel, X, y, noise, eval_gradient)
    compiled = CompiledLikelihood(spec, X, y, noise)

    def likelihood(kernel, eval_gradient):
        _, values, free = parse_kernel(kernel)
        value, gradient = compiled(values, eval_gradient)
        return value, gradient[free] if eval_gradient else None

    return likelihood


def optimize_kernel(kernel, X, y, noise, optimizer, n_restarts, max_samples, rng):
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

    Raises
    ------
    ValueError
        If restarts are asked for with infinite bounds.
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
        kernel.theta = theta
        value, gradient = likelihood(kernel, eval_gradient)
        return (-value, -gradient) if eval_gradient else -value

    starts = [kernel.theta]
    starts += [rng.uniform(bounds[:, 0], bounds[:, 1]) for _ in range(n_restarts)]
    optima = [_minimize(optimizer, obj_func, start, bounds) for start in starts]
    set_theta(kernel, min(optima, key=lambda optimum: optimum[1])[0])
    kernel._check_bounds_params()


def _minimize(optimizer, obj_func, initial_theta, bounds):
    if callable(optimizer):
        return optimizer(obj_func, initial_theta, bounds=bounds)
    result = scipy.optimize.minimize(
        obj_func, initial_theta, method="L-BFGS-B", jac=True, bounds=bounds
    )
    _check_optimize_result("lbfgs", result)
    return result.x, result.fun


def set_theta(kernel, theta):
    """Set hyperparameters so that setting ``kernel.theta`` again would change no bit of them."""
    kernel.theta = theta
    for _ in range(10):  # exp(log(x)) settles after one or two rounds
        theta, kernel.theta = kernel.theta, kernel.theta
        if np.array_equal(kernel.theta, theta):
            return
