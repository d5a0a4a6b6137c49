"""Functions compiled quickly for small arrays, thoroughly for large ones."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor as Reference
from sklearn.gaussian_process import kernels as sk

from skmolal import GaussianProcessRegressor
from skmolal.gaussian_process._engine import compilation
from skmolal.gaussian_process._engine.compilation import compiled


@pytest.fixture
def unknown_options(monkeypatch):
    monkeypatch.setattr(compilation, "QUICKLY", {"no_such_option_of_a_compiler": True})
    compilation._knows_options.cache_clear()
    yield
    compilation._knows_options.cache_clear()


def make_power():
    seen = []  # the shapes that were compiled

    @partial(compiled, static_argnames=("exponent",))
    def power(exponent, pair, offset):
        seen.append(pair[0].shape)
        return pair[0] ** exponent + pair[1] + offset

    return power, seen


def check_power(power):
    pair = (np.arange(6.0), np.ones(6))
    np.testing.assert_array_equal(np.asarray(power(2, pair, 3)), np.arange(6.0) ** 2 + 4)


@pytest.mark.parametrize("limit", [0, 2**18])
def test_a_shape_is_compiled_once(limit, monkeypatch):
    monkeypatch.setattr(compilation, "SMALL", limit)
    power, seen = make_power()
    check_power(power)
    check_power(power)
    assert seen == [(6,)]


def test_small_and_large_arrays_are_compiled_apart(monkeypatch):
    n_compiled = 0

    def count(event, *_, **__):
        nonlocal n_compiled
        n_compiled += "backend_compile_duration" in event

    power, _ = make_power()
    compilation._knows_options()
    jax.monitoring.register_event_duration_secs_listener(count)
    check_power(power)
    monkeypatch.setattr(compilation, "SMALL", 13)  # single numbers count too
    check_power(power)
    assert n_compiled == 1
    monkeypatch.setattr(compilation, "SMALL", 12)
    check_power(power)
    assert n_compiled == (2 if compilation._knows_options() else 1)


def test_a_compiled_function_is_a_part_of_one_that_calls_it():
    power, _ = make_power()
    pair = (jnp.arange(6.0), jnp.ones(6))
    text = jax.jit(lambda pair: power(2, pair, 1) * 2).lower(pair).as_text()
    assert "call @" not in text.split("@main", 1)[1].split("return", 1)[0]
    np.testing.assert_array_equal(
        jax.jit(lambda pair: power(2, pair, 1) * 2)(pair), 2 * np.arange(6.0) ** 2 + 4
    )


def test_versions_without_the_options_compile_as_ever(unknown_options):
    power, _ = make_power()
    check_power(power)
    assert not compilation._knows_options()


@pytest.mark.parametrize("limit", [0, 2**18])
@pytest.mark.parametrize("n_features", [4, 20])
def test_a_fit_is_scikit_learns(limit, n_features, monkeypatch):
    """Both ways: equal rows, nearly equal ones, and a kernel that amplifies what they lose."""
    monkeypatch.setattr(compilation, "SMALL", limit)
    rng = np.random.default_rng(n_features)
    X = rng.normal(size=(40, n_features))
    X[1], X[2], X[31] = X[0], X[3] + 1e-7, X[5]
    y = np.sin(X).sum(axis=1)
    kernel = 2.0 * sk.Matern(2.0, nu=0.5) + sk.RBF(1.3)
    ours, theirs = (
        C(kernel, alpha=1e-6, optimizer=None).fit(X[:30], y[:30])
        for C in (GaussianProcessRegressor, Reference)
    )
    for result, expected in zip(
        ours.predict(X, return_std=True), theirs.predict(X, return_std=True), strict=True
    ):
        np.testing.assert_allclose(result, expected, atol=1e-7)
    for result, expected in zip(
        ours.log_marginal_likelihood(kernel.theta, eval_gradient=True),
        theirs.log_marginal_likelihood(kernel.theta, eval_gradient=True),
        strict=True,
    ):
        np.testing.assert_allclose(result, expected, rtol=1e-6)
