"""Compiled kernels are scikit-learn's, in values, diagonals and gradients."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.gaussian_process import GaussianProcessRegressor as Reference
from sklearn.gaussian_process import kernels as sk

from skmolal import GaussianProcessRegressor
from skmolal.gaussian_process import TanimotoKernel
from skmolal.gaussian_process._engine.blocks import Blocks, centre_blocks
from skmolal.gaussian_process._engine.compilation import compiled
from skmolal.gaussian_process._engine.distances import Parts
from skmolal.gaussian_process._engine.kernels import (
    evaluate,
    evaluate_diagonal,
    parse_kernel,
    statistics,
)
from skmolal.gaussian_process._engine.precision import numerics

N_FEATURES = {"few": 3, "many": 24}

LEAVES = {
    "constant": lambda d: sk.ConstantKernel(2.5),
    "white": lambda d: sk.WhiteKernel(0.3),
    "rbf": lambda d: sk.RBF(1.3 * d**0.5),
    "rbf-anisotropic": lambda d: sk.RBF(np.linspace(1, 3, d) * d**0.5),
    "matern-0.5": lambda d: sk.Matern(1.3 * d**0.5, nu=0.5),
    "matern-1.5": lambda d: sk.Matern(1.3 * d**0.5, nu=1.5),
    "matern-2.5-anisotropic": lambda d: sk.Matern(np.linspace(1, 3, d) * d**0.5, nu=2.5),
    "matern-inf": lambda d: sk.Matern(1.3 * d**0.5, nu=np.inf),
    "rational-quadratic": lambda d: sk.RationalQuadratic(1.3 * d**0.5, alpha=0.7),
    "dot-product": lambda d: sk.DotProduct(0.8),
    "exp-sine-squared": lambda d: sk.ExpSineSquared(1.5, 7.0 * d**0.5),
    "tanimoto": lambda d: TanimotoKernel(),
}
COMPOSED = {
    "sum": lambda d: sk.RBF(d**0.5) + sk.WhiteKernel(0.1),
    "product": lambda d: 3.0 * sk.Matern(d**0.5, nu=1.5) * sk.RationalQuadratic(d**0.5),
    "power": lambda d: sk.DotProduct(0.5) ** 2 + sk.RBF(d**0.5) ** 1.5,
    "fixed": lambda d: sk.ConstantKernel(2.0, "fixed") * sk.RBF(d**0.5) + sk.DotProduct(1, "fixed"),
}


def _compiled(kernel, X, Y=None):
    parsed = parse_kernel(kernel)
    blocks = Blocks(parsed, X)
    left = blocks.features(X, 0, len(X), len(X))
    if Y is None:
        right, eye = left, jnp.eye(len(X), dtype=bool)
    else:
        right = blocks.features(Y, 0, len(Y), len(Y))
        eye = jnp.zeros((len(X), len(Y)), bool)
    return _evaluate(parsed.spec, parsed.values, left, right, eye)


@partial(compiled, static_argnames=("spec",))
def _evaluate(spec, values, left, right, eye):
    return evaluate(spec, values, statistics(spec, left, right, eye))


def _differentiate(parsed, features):
    eye = jnp.eye(len(features[0].values), dtype=bool)
    jacobian = jax.jacobian(lambda v: _evaluate(parsed.spec, v, features, features, eye))
    return np.asarray(compiled(jacobian)(parsed.values))


@pytest.fixture(params=N_FEATURES, scope="module")
def samples(request):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(9, N_FEATURES[request.param]))
    X[4] = X[2]
    return X, np.vstack([rng.normal(size=(4, X.shape[1])), X[:2]])


@pytest.mark.parametrize("name", [*LEAVES, *COMPOSED])
def test_values_and_gradient_equal_scikit_learn(name, samples):
    X, Y = samples
    kernel = (LEAVES | COMPOSED)[name](X.shape[1])
    parsed = parse_kernel(kernel)
    spec, values, free = parsed.spec, parsed.values, parsed.free
    with numerics():
        np.testing.assert_allclose(_compiled(kernel, X), kernel(X), atol=1e-12)
        np.testing.assert_allclose(_compiled(kernel, X, Y), kernel(X, Y), atol=1e-12)
        features = Blocks(parsed, X).features(X, 0, len(X), len(X))
        diagonal = evaluate_diagonal(spec, values, features)
        np.testing.assert_allclose(diagonal, kernel.diag(X), atol=1e-12)
        jacobian = _differentiate(parsed, features)
        gradient = np.asarray(jacobian * values)[..., free]
    np.testing.assert_allclose(np.exp(kernel.theta), values[free])
    np.testing.assert_allclose(gradient, kernel(X, eval_gradient=True)[1], atol=1e-10)


def test_rows_on_the_device_are_not_the_users():
    """A device may share the memory of arrays that lie well; the user may write to theirs."""
    parsed = parse_kernel(sk.RBF())
    with numerics():
        for n_features in range(20, 60):
            X = np.ones((64, n_features))
            ((part, *_),) = Blocks(parsed, X).take(X, 0, 64, 64)
            X[:] = 0.0
            assert (np.asarray(part) == 1.0).all()


class _Subclass(sk.RBF):
    pass


@pytest.mark.parametrize(
    "kernel",
    [
        sk.Matern(1.0, nu=0.7),
        sk.PairwiseKernel(metric="laplacian"),
        _Subclass(2.0),
        2.0 * _Subclass() + sk.WhiteKernel(),
        _Subclass() ** 2,
        sk.CompoundKernel([sk.RBF()]),
        sk.RationalQuadratic(np.array([1.0, 2.0])),
    ],
    ids=lambda kernel: type(kernel).__name__,
)
def test_only_exact_types_are_compiled(kernel):
    assert parse_kernel(kernel).spec is None


def test_gradient_is_finite_where_samples_coincide():
    X = np.zeros((3, 20))
    for nu in (0.5, 1.5, 2.5):
        kernel = sk.Matern(np.ones(20), nu=nu)
        with numerics():
            parsed = parse_kernel(kernel)
            jacobian = _differentiate(parsed, Blocks(parsed, X).features(X, 0, 3, 3))
            assert np.isfinite(jacobian).all()


@given(
    scale=st.floats(1e-6, 1e6),
    offset=st.floats(-1e6, 1e6),
    seed=st.integers(0, 1000),
)
@settings(max_examples=25)
def test_distances_are_never_negative_and_zero_for_equal_rows(scale, offset, seed):
    X = np.random.default_rng(seed).normal(size=(6, 24)) * scale + offset
    X[3] = X[1]
    with numerics():
        features = centre_blocks([Parts(X)], [Parts(jnp.asarray(X.mean(axis=0)))])
        none = jnp.zeros((6, 6), bool)
        stats = statistics(("RBF", 0, (0, 1)), features, features, none)
        distances = np.asarray(stats.blocks[0].distances)
    assert (distances >= 0).all()
    assert (np.diag(distances) == 0).all()
    assert distances[3, 1] == 0
    spread = np.sum(X[:, None] ** 2 + X[None] ** 2, axis=-1)
    exact = ((X[:, None] - X[None]) ** 2).sum(axis=-1)
    assert (abs(distances - exact) <= 1e-13 * spread).all()


def test_tanimoto_counts_common_bits():
    rng = np.random.default_rng(0)
    X = (rng.random((8, 30)) < 0.3).astype(float)
    X[5] = 0
    both = (X[:, None] * X[None]).sum(axis=-1)
    either = np.maximum(X[:, None], X[None]).sum(axis=-1)
    expected = np.where(either > 0, both / np.maximum(either, 1), 1.0)
    kernel = TanimotoKernel()
    np.testing.assert_allclose(kernel(X), expected)
    np.testing.assert_allclose(kernel(sparse.csr_matrix(X), X[:3]), expected[:, :3])
    np.testing.assert_allclose(kernel.diag(X), 1.0)
    assert np.linalg.eigvalsh(expected).min() > -1e-12


def test_tanimoto_takes_counts():
    rng = np.random.default_rng(2)
    X = rng.poisson(0.3, (40, 30)).astype(float)
    X[7] = 0
    X[9] = 3 * X[8]  # the same parts, three times each
    n = X @ X.T
    squares = np.diag(n)[:, None] + np.diag(n)[None] - n
    expected = np.where(squares > 0, n / np.where(squares > 0, squares, 1), 1.0)
    np.testing.assert_allclose(TanimotoKernel()(X), expected)
    np.testing.assert_allclose(TanimotoKernel()(sparse.csr_matrix(X, dtype="f4")), expected)
    assert expected[8, 9] == pytest.approx(3 / 7)
    assert np.linalg.eigvalsh(expected).min() > -1e-12
    # features of any sign, too
    assert np.linalg.eigvalsh(TanimotoKernel()(rng.normal(size=(40, 3)))).min() > -1e-12


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_counts_are_compared_alike_by_scikit_learn(container):
    rng = np.random.default_rng(3)
    X = rng.poisson(0.2, (30, 50)).astype(float)
    y = X[:, 0] + X[:, 1]
    kernel = 2.0 * TanimotoKernel() + sk.WhiteKernel(0.1, (1e-3, 1e3))
    args = {"kernel": kernel, "optimizer": None}
    expected = Reference(**args).fit(X[:20], y[:20]).predict(X[20:], return_std=True)
    gpr = GaussianProcessRegressor(**args).fit(container(X[:20]), y[:20])
    found = gpr.predict(container(X[20:]), return_std=True)
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_tanimoto_serves_scikit_learn_too():
    rng = np.random.default_rng(1)
    X = (rng.random((30, 50)) < 0.2).astype(float)
    y = X[:, 0] + X[:, 1]
    kernel = 2.0 * TanimotoKernel() + sk.WhiteKernel(0.1, (1e-3, 1e3))
    args = {"kernel": kernel, "optimizer": None}
    expected = Reference(**args).fit(X[:20], y[:20]).predict(X[20:], return_std=True)
    ours = GaussianProcessRegressor(**args).fit(X[:20], y[:20]).predict(X[20:], return_std=True)
    np.testing.assert_allclose(ours, expected, atol=1e-10)
    with pytest.raises(ValueError, match="Gradient"):
        TanimotoKernel()(X, X, eval_gradient=True)
