"""Choose hyperparameters by the log marginal likelihood."""

import warnings
from contextlib import nullcontext
from operator import attrgetter
from typing import NamedTuple

import numpy as np
import scipy.optimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.optimize import _check_optimize_result

from skmolal.gaussian_process._engine.host import single_threaded_blas
from skmolal.gaussian_process._engine.kernels import parse_kernel
from skmolal.gaussian_process._engine.likelihood import CompiledLikelihood, HostLikelihood

__all__ = ["make_likelihood", "optimize_kernel", "set_theta"]

_value = attrgetter("value")
_FTOL, _GTOL = 1e7 * np.finfo(np.float64).eps, 1e-5  # of L-BFGS-B by default
_ABNORMAL = 2  # its status where a line search has failed
_WALL = 100.0  # in units of the slope where the search goes on
_FLAT = 0.01  # change of the log likelihood with a hyperparameter's logarithm
_AGREEMENT, _NEARBY = 0.1, 1.5  # of a loss with that of a quadratic function; of log(values)
_IMPLAUSIBLE = 1e3  # -log likelihood of a label: some 45 predicted stds off
_N_BETWEEN = 19  # points
_SAYS_NOTHING = 0.01  # log likelihood above that of noise alone
_MANY = 2000  # samples from which on a search begins with some of them
# Gradients along axes on which the objective curves by one, so that half of the square is left to
# gain: where a search ends, and where one ends that only tells where another begins.
_LITTLE, _ROUGHLY_LITTLE = np.sqrt(2e-6), 3e-2
_STEP = 1e-3  # between two gradients whose difference tells the curvature
_FEW = 8  # hyperparameters, for which the curvature with half of the samples is worth its time
_LEAST_CURVED = 1.0  # of the log likelihood with a hyperparameter's logarithm


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
    if not _is_compiled(kernel, X):
        return HostLikelihood(kernel, X, y, noise)
    return CompiledLikelihood(parse_kernel(kernel), X, y, noise)


def _is_compiled(kernel, X):
    return parse_kernel(kernel).spec is not None and getattr(X, "ndim", 1) == 2


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
    # SciPy's steps use BLAS, whose threads spin for a while afterwards, on cores that the next
    # evaluation wants. Kernels and optimisers of others have all threads.
    ours = _is_compiled(kernel, X) and not callable(optimizer)
    with single_threaded_blas() if ours else nullcontext():
        _optimize(kernel, X, y, noise, optimizer, n_restarts, max_samples, rng, origin)


def _optimize(kernel, X, y, noise, optimizer, n_restarts, max_samples, rng, origin):
    bounds = kernel.bounds
    if max_samples is not None and len(y) > max_samples:
        rows = np.sort(rng.choice(len(y), max_samples, replace=False))
        X, y, noise = _take(X, rows), y[rows], noise[rows]
    obj_func = _make_objective(kernel, X, y, noise)
    starts = [kernel.theta]
    starts += [rng.uniform(bounds[:, 0], bounds[:, 1]) for _ in range(n_restarts)]
    optima = []
    # A loop that goes on starts from an optimum of nearly all samples: some of them know less.
    if len(y) >= _MANY and origin is None and not callable(optimizer):
        optima += _search_with_some_first(obj_func, kernel, X, y, noise, bounds)
        del starts[0]
    for start in starts:
        optima.append(_minimize(optimizer, obj_func, start, bounds, optima))
    theta, lowest, _ = min(optima, key=_value)
    implausible = _IMPLAUSIBLE * y.size
    nothing = _of_noise_alone(y) - _SAYS_NOTHING
    if not callable(optimizer) and origin is not None and lowest > nothing:
        optima.append(_minimize(optimizer, obj_func, origin, bounds, optima))
        theta, lowest, _ = min(optima, key=_value)
    if not callable(optimizer) and implausible < lowest < np.inf:
        theta, lowest = _search_further(obj_func, theta, bounds, implausible / lowest)
    if not callable(optimizer) and lowest > nothing and obj_func(kernel.theta, False) > implausible:
        between = _search_between(obj_func, kernel.theta, theta, bounds)
        theta, lowest, _ = min(between, _Optimum(theta, lowest, None), key=_value)
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
            stacklevel=6,
        )


def _make_objective(kernel, X, y, noise):
    likelihood = make_likelihood(kernel, X, y, noise)

    def obj_func(theta, eval_gradient=True):
        value, gradient = likelihood(theta, eval_gradient)
        return (-value, -gradient) if eval_gradient else -value

    return obj_func


def _take(X, rows):
    return X[rows] if hasattr(X, "shape") else [X[row] for row in rows]


class _Optimum(NamedTuple):
    theta: np.ndarray
    value: float
    gradient: np.ndarray | None  # None from optimisers that do not tell


class _OnTheWayToAKnownOptimum(Exception):
    """A search will end where another one has."""


class _Follower:
    """The objective of a further search, which ends where it is sure to repeat an earlier one.

    On the slopes of an optimum that is nearly quadratic, what is lost there is half of the sum of
    both gradients times the step between. Where a point not far away and the next better one
    fulfil this, a search is on these slopes, usually half way. At n = 1,000 two restarts took 11
    evaluations in place of 29.
    """

    def __init__(self, obj_func, optimum):
        self.obj_func, self.optimum = obj_func, optimum
        self.best = _Optimum(None, np.inf, None)
        self.n_agreeing = 0

    def __call__(self, theta):
        value, gradient = self.obj_func(theta)
        if value < self.best.value:
            self.best = _Optimum(theta.copy(), value, gradient)
            lost, away = value - self.optimum.value, theta - self.optimum.theta
            expected = 0.5 * (gradient + self.optimum.gradient) @ away
            agrees = lost > 0 and abs(expected - lost) < _AGREEMENT * lost
            agrees &= abs(away).max() < _NEARBY
            self.n_agreeing = self.n_agreeing + 1 if agrees else 0
            if self.n_agreeing == 2:
                raise _OnTheWayToAKnownOptimum
        return value, gradient


def _minimize(optimizer, obj_func, initial_theta, bounds, known=()):
    if callable(optimizer):
        return _Optimum(*optimizer(obj_func, initial_theta, bounds=bounds), None)
    best = min(known, key=_value, default=None)
    if best is not None and np.isfinite(best.value):
        obj_func = _Follower(obj_func, best)
    try:
        result = _search(obj_func, initial_theta, bounds)
    except _OnTheWayToAKnownOptimum:
        return obj_func.best
    _check_optimize_result("lbfgs", result)
    return _Optimum(result.x, result.fun, result.jac)


def _search(obj_func, initial_theta, bounds):
    walls = 0

    def walled(theta):
        nonlocal walls
        value, gradient = obj_func(theta)
        walls += not np.isfinite(value)
        return value, gradient

    result = _descend(walled, initial_theta, bounds)
    if walls or result.status == _ABNORMAL:
        result = _search_by_small_steps(obj_func, result, bounds)
    return result


def _descend(obj_func, initial_theta, bounds, scale=1.0):
    """Minimise by L-BFGS-B, with a first step of `scale` times the gradient."""

    def scaled(theta):
        value, gradient = obj_func(theta)
        return scale * value, scale * gradient

    options = {"ftol": _FTOL * scale, "gtol": _GTOL * scale}
    result = _run_lbfgs(scaled, initial_theta, bounds, options)
    result.fun, result.jac = result.fun / scale, result.jac / scale
    return result


def _run_lbfgs(obj_func, initial_theta, bounds, options):
    return scipy.optimize.minimize(
        obj_func, initial_theta, method="L-BFGS-B", jac=True, bounds=bounds, options=options
    )


def _search_with_some_first(obj_func, kernel, X, y, noise, bounds):
    """Search with a quarter of the samples, with half, with all; then from the start itself.

    The fewer tell where to begin with more, and how the likelihood curves there, so that steps need
    not grope for their length. The search from the kernel's start, with all samples, ends where it
    is sure to repeat what is known: only here may the evidence of few samples have led elsewhere.
    At n = 4,000 this took 9 evaluations with all samples, and the time of two with fewer, in
    place of 17.

    Returns a list of optima.
    """
    obj_func, start = _remember(obj_func), kernel.theta
    # Not every fourth row: they may come in groups, of conformers say, with one of each kind.
    order = np.random.default_rng(0).permutation(len(y))

    def take_one_of(share):
        rows = np.sort(order[: len(y) // share])
        return kernel, _take(X, rows), y[rows], noise[rows]

    quarter = take_one_of(4)
    few = _remember(_make_objective(*quarter))
    rough = _search(few, start, bounds)
    nothing = _of_noise_alone(quarter[2]) - _SAYS_NOTHING
    if not rough.fun < min(nothing, _IMPLAUSIBLE * quarter[2].size):
        return [_minimize("fmin_l_bfgs_b", obj_func, start, bounds)]
    axes = _axes(_curvature(few, rough.x))
    del few  # and the memory of its matrices
    half = _remember(_make_objective(*take_one_of(2)))
    optimum = _search_along(axes, half, rough.x, bounds, _ROUGHLY_LITTLE)
    if len(start) <= _FEW:
        axes = _axes(_curvature(half, optimum.theta))
    else:
        axes = axes / np.sqrt(2)
    del half
    known = []
    if obj_func(optimum.theta)[0] < obj_func(start)[0]:
        known.append(_search_along(axes, obj_func, optimum.theta, bounds))
    return [*known, _minimize("fmin_l_bfgs_b", obj_func, start, bounds, known)]


def _remember(obj_func):
    results = {}

    def remembered(theta):
        key = theta.tobytes()
        if key not in results:
            results[key] = obj_func(theta)
        value, gradient = results[key]
        return value, gradient.copy()

    return remembered


def _curvature(obj_func, theta):
    """Compute the second derivatives, by differences of the gradient."""
    here = obj_func(theta)[1]
    rows = np.array([obj_func(theta + step)[1] - here for step in _STEP * np.eye(len(theta))])
    return (rows + rows.T) / (2 * _STEP)


def _axes(hessian):
    """Return directions along which the objective curves alike, as columns."""
    curvatures, directions = np.linalg.eigh(hessian)
    return directions / np.sqrt(np.maximum(curvatures, _LEAST_CURVED))


def _search_along(axes, obj_func, start, bounds, gtol=_LITTLE):
    """Search in coordinates in which the objective is expected to curve alike everywhere.

    `axes` are those of half of the samples, where it curves half as much.
    """
    low, high = np.transpose(bounds)
    best = _Optimum(start, np.inf, np.zeros(len(start)))
    # The first step of L-BFGS goes along the gradient and is one long. So the axes are scaled by
    # the length of Newton's, or to change no hyperparameter's logarithm by more than one.
    axes = axes / np.sqrt(2)
    slope = axes.T @ obj_func(start)[1]
    scale = np.linalg.norm(slope) / max(1.0, abs(axes @ slope).max()) or 1.0
    axes = axes * scale

    def along(z):
        nonlocal best
        free = start + axes @ z
        theta = np.clip(free, low, high)
        value, gradient = obj_func(theta)
        if value < best.value:
            best = _Optimum(theta, value, gradient)
        return value, axes.T @ np.where(theta == free, gradient, 0.0)

    result = _run_lbfgs(along, np.zeros(len(start)), None, {"gtol": gtol * scale})
    # At a bound this search does not see a slope that leads away.
    stuck = (best.theta <= low) & (best.gradient < 0) | (best.theta >= high) & (best.gradient > 0)
    if not result.success or (abs(best.gradient[stuck]) > _FLAT).any():
        result = _search(obj_func, best.theta, bounds)
        best = min(best, _Optimum(result.x, result.fun, result.jac), key=_value)
    return best


def _search_by_small_steps(obj_func, result, bounds):
    """Go on where a search has broken off, if anything is to be gained.

    The first step is the gradient itself, in logarithms: often to a corner of the bounds, where the
    matrix may not be positive definite. From there the search does not come back, and ends
    where it began. With the likelihood scaled, the first step is one, a factor of e. Other
    searches break off where rounding hides what is left to be gained.
    """
    slope = _slope(result, bounds)
    if np.isfinite(result.fun) and slope > _FLAT:
        impassable = result.fun + _WALL * slope

        def passable(theta):
            value, gradient = obj_func(theta)
            return (value if np.isfinite(value) else impassable), gradient

        again = _descend(passable, result.x, bounds, min(1.0, 1.0 / slope))
        result = again if again.fun <= result.fun else result
    if result.status == _ABNORMAL and _slope(result, bounds) < _FLAT * max(1.0, 0.1 * slope):
        result.status = 0
    return result


def _search_between(obj_func, start, end, bounds):
    """Search again between a start where all samples are the same and an end where all are noise.

    The slopes of the former are so steep that a step down may jump over all that lies between.
    """
    points = [start + share * (end - start) for share in np.linspace(0.05, 0.95, _N_BETWEEN)]
    return _minimize(
        "fmin_l_bfgs_b", obj_func, min(points, key=lambda p: obj_func(p, False)), bounds
    )


def _slope(result, bounds):
    """Return the largest part of the gradient, parts towards a bound that is reached aside."""
    low, high = np.transpose(bounds)
    outwards = (result.x <= low) & (result.jac > 0) | (result.x >= high) & (result.jac < 0)
    return abs(np.where(outwards, 0.0, result.jac)).max()


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
    result = _run_lbfgs(obj_func, theta, bounds, {"ftol": ftol})
    return result.x, result.fun


def set_theta(kernel, theta):
    """Set hyperparameters so that setting ``kernel.theta`` again would change no bit of them."""
    kernel.theta = theta
    for _ in range(10):  # exp(log(x)) settles after one or two rounds
        theta, kernel.theta = kernel.theta, kernel.theta
        if np.array_equal(kernel.theta, theta):
            return
