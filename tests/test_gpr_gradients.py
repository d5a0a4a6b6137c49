"""Evidence and gradient against scikit-learn and 50 digits, whatever the compiler contracts.

XLA contracts a product and a sum into one operation wherever the processor can, so the same
cases are computed in processes of their own that may use more or less of it. Run as a script this
file computes them and writes JSON to its standard output.
"""

import json
import os
import subprocess
import sys
import warnings
from functools import cache

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor as Reference
from sklearn.gaussian_process import kernels as sk

from skmolal import GaussianProcessRegressor
from skmolal.gaussian_process import TanimotoKernel
from skmolal.gaussian_process._engine import compilation
from skmolal.gaussian_process._engine.distances import (
    Parts,
    make_features,
    scaled_squared_distances,
)
from skmolal.gaussian_process._engine.optimize import make_likelihood
from skmolal.gaussian_process._engine.precision import numerics

INSTRUCTION_SETS = ("SSE4_2", "AVX2", "AVX512")  # the first cannot contract

# --- the cases ----------------------------------------------------------------------------------


def _scales(n_features):
    return np.linspace(1.0, 4.0, n_features)


KERNELS = {
    "rbf": lambda d: sk.RBF(1.7),
    "rbf-anisotropic": lambda d: sk.RBF(_scales(d)),
    "matern-0.5": lambda d: sk.Matern(1.7, nu=0.5),
    "matern-0.5-anisotropic": lambda d: sk.Matern(_scales(d), nu=0.5),
    "matern-1.5": lambda d: sk.Matern(1.7, nu=1.5),
    "matern-1.5-anisotropic": lambda d: sk.Matern(_scales(d), nu=1.5),
    "matern-2.5": lambda d: sk.Matern(1.7, nu=2.5),
    "matern-2.5-anisotropic": lambda d: sk.Matern(_scales(d), nu=2.5),
    "matern-inf-anisotropic": lambda d: sk.Matern(_scales(d), nu=np.inf),
    "rational-quadratic": lambda d: sk.RationalQuadratic(1.3, alpha=0.7),
    "exp-sine-squared": lambda d: sk.ExpSineSquared(1.5, 7.0),
    "dot-product": lambda d: sk.DotProduct(0.8),
    "white": lambda d: sk.WhiteKernel(0.3),
    "tanimoto": lambda d: 1.5 * TanimotoKernel() + sk.WhiteKernel(0.1),
    "sum": lambda d: 2.0 * sk.Matern(_scales(d), nu=0.5) + sk.RBF(1.7) + sk.WhiteKernel(0.1),
    "product": lambda d: sk.ConstantKernel(2.0) * sk.RBF(_scales(d)) * sk.Matern(1.3, nu=0.5),
    "power": lambda d: sk.DotProduct(0.5) ** 2 + sk.Matern(_scales(d), nu=0.5) ** 1.5,
    "fixed": lambda d: sk.ConstantKernel(2.0, "fixed") * sk.Matern(_scales(d), nu=0.5),
}
NOT_STATIONARY = ("dot-product", "tanimoto", "power")
VARIANTS = ("plain", "duplicates", "near", "far from zero", "near, little noise")


def make_case(name, n_samples, n_features, variant):
    """Kernel, samples, targets and noise of a case."""
    rng = np.random.default_rng([n_samples, n_features])
    X = rng.normal(size=(n_samples, n_features))
    y = np.sin(X).sum(axis=1) + 0.1 * rng.normal(size=n_samples)
    if variant == "far from zero":
        X += 1e6
    if variant.startswith(("near", "far")):
        X[1] = X[0] + 1e-8 * rng.normal(size=n_features)
    if variant != "plain" and n_samples > 2:
        X[-1] = X[n_samples // 2]
    alpha = 1e-7 if variant.endswith("little noise") else 1e-3
    return KERNELS[name](n_features), X, y, alpha


def _grid(names, sizes):
    return [
        (name, *size, variant)
        for name in names
        for size in sizes
        for variant in VARIANTS
        if variant != "far from zero" or name not in NOT_STATIONARY
        # Of more than one feature it is positive definite for a few samples only.
        if name != "exp-sine-squared" or size[1] == 1 or size[0] < 10
    ]


ANISOTROPIC = [name for name in KERNELS if name.endswith("anisotropic")]
GRIDS = {
    "quick": [
        *_grid(KERNELS, [(2, 4), (9, 4)]),
        *_grid(["rbf-anisotropic", "matern-0.5-anisotropic"], [(3, 20), (12, 20)]),
        *_grid(["matern-0.5-anisotropic"], [(5, 1), (16, 16), (33, 4), (64, 4)]),
        *_grid(["matern-0.5"], [(12, 20)]),
    ],
    # Every size and every number of features in two pairs; all 25 pairs take half an hour.
    "wide": _grid(
        KERNELS,
        [
            (2, 1),
            (2, 20),
            (3, 2),
            (3, 17),
            (17, 16),
            (17, 20),
            (32, 1),
            (32, 17),
            (64, 2),
            (64, 16),
        ],
    ),
}


def compute(case):
    """Evidence and gradient of a case by the engine, compiled as for small or for large arrays."""
    kernel, X, y, alpha = make_case(*case)
    thoroughly = (list(KERNELS).index(case[0]) + case[2] // 4) % 2 == 0
    compilation.SMALL = 0 if thoroughly else 2**18
    with numerics():
        likelihood = make_likelihood(kernel, X, y[:, None], np.full(len(y), alpha))
        value, gradient = likelihood(kernel.theta, eval_gradient=True)
    return value, gradient.tolist()


@cache
def computed_with(grid):
    """For each instruction set, evidence and gradient of the cases of a grid."""
    processes = {}
    for name in INSTRUCTION_SETS:
        environment = os.environ | {
            "XLA_FLAGS": f"--xla_cpu_max_isa={name}",
            "JAX_COMPILATION_CACHE_DIR": "",
        }
        processes[name] = subprocess.Popen(
            [sys.executable, __file__, grid], env=environment, stdout=subprocess.PIPE, text=True
        )
    results = {name: process.communicate(timeout=3600)[0] for name, process in processes.items()}
    assert all(process.returncode == 0 for process in processes.values())
    return {name: json.loads(result) for name, result in results.items()}


# --- the oracles --------------------------------------------------------------------------------


@cache
def by_scikit_learn(case):
    """Evidence, gradient, the size of the terms that sum up to each component, and of the matrix.

    The last counts where it is above one: features of length 5 have squared inner products of 600.
    """
    kernel, X, y, alpha = make_case(*case)
    model = Reference(kernel, alpha=alpha, optimizer=None).fit(X, y)
    value, gradient = model.log_marginal_likelihood(kernel.theta, eval_gradient=True)
    inverse = np.linalg.inv(kernel(X) + alpha * np.eye(len(X)))
    weights = abs(np.outer(model.alpha_, model.alpha_)) + abs(inverse)
    size = 0.5 * np.einsum("ij,ijk->k", weights, abs(kernel(X, eval_gradient=True)[1]))
    return value, gradient, size, max(1.0, abs(kernel(X)).max())


def _parse(kernel, values):
    """Make ``k(squares, inner, norms, same)`` of mpmath numbers; `values` are in theta's order."""
    kind = type(kernel)
    if kind in (sk.Sum, sk.Product):
        left, right = _parse(kernel.k1, values), _parse(kernel.k2, values)
        if kind is sk.Sum:
            return lambda *pair: left(*pair) + right(*pair)
        return lambda *pair: left(*pair) * right(*pair)
    if kind is sk.Exponentiation:
        base = _parse(kernel.kernel, values)
        return lambda *pair: base(*pair) ** kernel.exponent
    p = {}
    for hyperparameter in kernel.hyperparameters:
        exact = np.atleast_1d(getattr(kernel, hyperparameter.name))
        p[hyperparameter.name] = [
            mpmath.mpf(float(value)) if hyperparameter.fixed else next(values) for value in exact
        ]

    def scaled(squares):
        scales = p["length_scale"]
        scales = scales if len(scales) > 1 else scales * len(squares)
        return mpmath.fsum(square / scale**2 for square, scale in zip(squares, scales, strict=True))

    def matern(squares, *_):
        nu, r = mpmath.mpf(kernel.nu), mpmath.sqrt(2 * kernel.nu * scaled(squares))
        if r == 0:
            return mpmath.mpf(1)
        return 2 ** (1 - nu) / mpmath.gamma(nu) * r**nu * mpmath.besselk(nu, r)

    def exponential(squares, *_):
        return mpmath.exp(-mpmath.sqrt(scaled(squares)))

    def rbf(squares, *_):
        return mpmath.exp(-scaled(squares) / 2)

    if kind is sk.Matern:
        return {np.inf: rbf, 0.5: exponential}.get(kernel.nu, matern)
    return {
        sk.RBF: rbf,
        sk.ConstantKernel: lambda *_: p["constant_value"][0],
        sk.WhiteKernel: lambda squares, inner, norms, same: p["noise_level"][0] * same,
        sk.DotProduct: lambda squares, inner, *_: inner + p["sigma_0"][0] ** 2,
        sk.RationalQuadratic: lambda squares, *_: (
            (1 + scaled(squares) / (2 * p["alpha"][0])) ** -p["alpha"][0]
        ),
        sk.ExpSineSquared: lambda squares, *_: mpmath.exp(
            -2
            * mpmath.sin(mpmath.pi * mpmath.sqrt(mpmath.fsum(squares)) / p["periodicity"][0]) ** 2
            / p["length_scale"][0] ** 2
        ),
        TanimotoKernel: lambda squares, inner, norms, same: inner / (norms - inner),
    }[kind]


@cache
def by_mpmath(case, components):
    """Evidence, and some components of its gradient, of a case."""
    return evidence_to_50_digits(*make_case(*case), components)


def evidence_to_50_digits(kernel, X, y, alpha, components):
    """Evidence, and some components of its gradient by central differences."""
    with mpmath.workdps(50):
        X = [[mpmath.mpf(float(x)) for x in row] for row in X]
        y = [mpmath.mpf(float(target)) for target in y]
        inner = [[mpmath.fdot(a, b) for b in X] for a in X]
        pairs = {
            (i, j): (
                [(a - b) ** 2 for a, b in zip(X[i], X[j], strict=True)],
                inner[i][j],
                inner[i][i] + inner[j][j],
                int(i == j),
            )
            for i in range(len(X))
            for j in range(i + 1)
        }
        theta = [mpmath.log(value) for value in np.exp(kernel.theta).tolist()]

        def evidence(theta):
            k = _parse(kernel, iter([mpmath.exp(value) for value in theta]))
            squares, half_determinant, L, whitened = 0, 0, [], []
            for i, target in enumerate(y):
                row = []
                for j in range(i):
                    row.append((k(*pairs[i, j]) - mpmath.fdot(row, L[j][:j])) / L[j][j])
                pivot = k(*pairs[i, i]) + mpmath.mpf(alpha) - mpmath.fdot(row, row)
                whitened.append((target - mpmath.fdot(row, whitened)) / mpmath.sqrt(pivot))
                L.append([*row, mpmath.sqrt(pivot)])
                half_determinant += mpmath.log(pivot) / 2
                squares += whitened[i] ** 2
            return -squares / 2 - half_determinant - len(X) * mpmath.log(2 * mpmath.pi) / 2

        def derivative(k):
            step = mpmath.mpf(10) ** -15
            moved = [[t + sign * step * (i == k) for i, t in enumerate(theta)] for sign in (1, -1)]
            return (evidence(moved[0]) - evidence(moved[1])) / (2 * step)

        return float(evidence(theta)), [float(derivative(k)) for k in components]


def components_of(case):
    """Choose few components of the gradient, others for other cases."""
    n_components, n_samples = case_size(case), case[1]
    n_chosen = 4 if n_samples < 10 else 1
    rng = np.random.default_rng([n_samples, case[2], VARIANTS.index(case[3])])
    chosen = rng.choice(n_components, min(n_chosen, n_components), replace=False)
    return tuple(np.sort(chosen).tolist())


def case_size(case):
    return KERNELS[case[0]](case[2]).n_dims


# --- the tests ----------------------------------------------------------------------------------


def grids(*names):
    return pytest.mark.parametrize(
        ("grid", "instructions"),
        [
            pytest.param(grid, name, marks=[pytest.mark.exhaustive] if grid == "wide" else [])
            for grid in names
            for name in INSTRUCTION_SETS
        ],
    )


@grids("quick", "wide")
def test_evidence_and_gradient_to_the_digits_that_the_noise_leaves(grid, instructions):
    wrong = []
    for case, (value, gradient) in zip(GRIDS[grid], computed_with(grid)[instructions], strict=True):
        *_, alpha = make_case(*case)
        _, _, size, matrix_size = by_scikit_learn(case)
        chosen = components_of(case)
        expected_value, expected = by_mpmath(case, chosen)
        # The matrix itself is rounded, which the smallest eigenvalue, the noise, amplifies.
        bound = 40 * np.finfo(float).eps * matrix_size / alpha
        errors = abs(np.array(gradient)[list(chosen)] - expected) / size[list(chosen)]
        if not (abs(value / expected_value - 1) <= bound and (errors <= bound).all()):
            wrong.append((case, abs(value / expected_value - 1), errors.max()))
    assert not wrong


@grids("quick", "wide")
def test_evidence_and_gradient_equal_scikit_learns(grid, instructions):
    wrong = []
    for case, (value, gradient) in zip(GRIDS[grid], computed_with(grid)[instructions], strict=True):
        # Elsewhere scikit-learn itself is off: by up to all digits for RationalQuadratic.
        if case[3] in ("plain", "duplicates"):
            expected_value, expected, size, matrix_size = by_scikit_learn(case)
            errors = abs(np.array(gradient) - expected) / size
            bound = 1e-11 * matrix_size
            if not (abs(value / expected_value - 1) <= bound and (errors <= bound).all()):
                wrong.append((case, abs(value / expected_value - 1), errors.max()))
    assert not wrong


# --- what follows from it -----------------------------------------------------------------------


def _samples(n_samples, n_features, scale=1.0):
    X = np.random.default_rng(0).normal(size=(n_samples, n_features))
    return scale * X, np.sin(X).sum(axis=1)


def test_an_ordinary_anisotropic_fit_ends_where_scikit_learns_does():
    X, y = _samples(10, 4)
    kernel = sk.Matern([1, 2, 3, 4], (1e-3, 1e3), nu=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # one feature says nothing
        models = [C(kernel, alpha=1e-3).fit(X, y) for C in (Reference, GaussianProcessRegressor)]
    evidences = [model.log_marginal_likelihood_value_ for model in models]
    np.testing.assert_allclose(*evidences, rtol=1e-6)


@pytest.mark.parametrize("with_constant", [False, True])
def test_tiny_features_do_not_hold_the_optimiser_on_a_plateau(with_constant):
    """scikit-learn ends at 19.8 with the constant, and at -2.1e7 without it."""
    X, y = _samples(30, 3, scale=1e-8)
    kernel = sk.RBF(1.0, (1e-12, 1e8))
    kernel = sk.ConstantKernel() * kernel if with_constant else kernel
    model = GaussianProcessRegressor(kernel, alpha=1e-6).fit(X, y)
    assert model.log_marginal_likelihood_value_ > (19.8 if with_constant else 17.9)


def test_an_implausible_optimum_is_a_warning():
    X, y = _samples(30, 3, scale=1e-8)
    model = GaussianProcessRegressor(sk.RBF(1.0, (0.1, 10.0)), alpha=1e-4)
    with pytest.warns(ConvergenceWarning, match=r"30 labels is -2.1e\+05.*median_length_scale"):
        model.fit(X, y)
    with pytest.warns(UserWarning, match="takes all samples for the same one"):
        model.predict(X, return_std=True)


@pytest.mark.parametrize("n_features", [4, 20])
@pytest.mark.parametrize("form", ["float32", "csr", "far from zero"])
def test_near_duplicates_in_every_form(form, n_features):
    """Pool rows that equal, or nearly equal, training samples: the factor must not notice."""
    X, y = _samples(12, n_features)
    X = X.astype(np.float32).astype(float) + (1e6 if form == "far from zero" else 0)
    X[1], X[2, 0] = X[0], X[3, 0] + 1e-6
    X[2, 1:] = X[3, 1:]
    expected_X = X
    if form == "float32":
        X = X.astype(np.float32)
        expected_X = X.astype(float)
    elif form == "csr":
        X = sparse.csr_matrix(X)
    kernel = sk.Matern(_scales(n_features), nu=0.5) + sk.RBF(1.3)
    models = [
        C(kernel, alpha=1e-6, optimizer=None).fit(rows, y)
        for C, rows in ((Reference, expected_X), (GaussianProcessRegressor, X))
    ]
    evidence, gradient = models[0].log_marginal_likelihood(kernel.theta, True)
    ours, our_gradient = models[1].log_marginal_likelihood(kernel.theta, True)
    np.testing.assert_allclose(ours, evidence, rtol=1e-8)
    np.testing.assert_allclose(our_gradient, gradient, rtol=1e-6, atol=1e-6 * abs(gradient).max())
    mean, std = models[1].predict(X, return_std=True)
    expected_mean, expected_std = models[0].predict(expected_X, return_std=True)
    np.testing.assert_allclose(mean, expected_mean, atol=1e-7)
    np.testing.assert_allclose(std, expected_std, atol=1e-7)


@pytest.mark.parametrize("n_close", [1, 40])
def test_close_pairs_among_many_are_all_summed_from_differences(n_close):
    """More of them in one row than are computed together, and padding beyond the samples."""
    rng = np.random.default_rng(1)
    X = 3.0 + rng.normal(size=(70, 30))
    X[:n_close] = X[0] + 1e-9 * rng.normal(size=(n_close, 30))
    length_scale = np.linspace(1, 3, 30)
    expected = cdist(X / length_scale, X / length_scale, "sqeuclidean")
    with numerics():
        padded = np.vstack([X, np.zeros((10, 30))])
        features = make_features(Parts(jnp.asarray(padded)), Parts(jnp.asarray(X.mean(axis=0))), 70)
        scaled = scaled_squared_distances(
            jnp.asarray(length_scale), features, features, jnp.eye(80, dtype=bool)
        )
    np.testing.assert_allclose(np.sqrt(scaled)[:70, :70], np.sqrt(expected), atol=1e-12)
    assert (np.asarray(scaled)[70:, 70:] == 0).all()


def test_a_gradient_counts_each_close_pair_once():
    """The last columns that are computed together overlap with those before."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=30) + 1e-7 * rng.normal(size=(20, 30))
    length_scale, weights = np.linspace(1, 3, 30), rng.normal(size=(20, 20))
    with numerics():
        features = make_features(Parts(jnp.asarray(X)), Parts(jnp.zeros(30)))
        eye = jnp.eye(20, dtype=bool)
        _, pull_back = jax.vjp(
            lambda scale: scaled_squared_distances(scale, features, features, eye),
            jnp.asarray(length_scale),
        )
        (gradient,) = pull_back(jnp.asarray(weights))
    squares = (X[:, None, :] - X[None, :, :]) ** 2
    expected = -2 * np.einsum("ij,ijk->k", weights, squares) / length_scale**3
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)


@pytest.mark.parametrize("nu", [0.7, 1.2])
def test_a_general_nu_on_the_host(nu):
    """scikit-learn's own kernel, which takes its gradient by forward differences."""
    X, y = _samples(6, 3)
    X[1] = X[0]
    kernel = sk.Matern(1.7, nu=nu)
    with numerics():
        likelihood = make_likelihood(kernel, X, y[:, None], np.full(6, 1e-3))
        value, gradient = likelihood(kernel.theta, eval_gradient=True)
    expected_value, expected = evidence_to_50_digits(kernel, X, y, 1e-3, (0,))
    np.testing.assert_allclose(value, expected_value, rtol=1e-10)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4)


if __name__ == "__main__":
    print(json.dumps([compute(case) for case in GRIDS[sys.argv[1]]]))
