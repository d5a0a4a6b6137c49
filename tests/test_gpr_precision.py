"""float32 is fast and safe: close to float64, or float64 with a warning."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone
from sklearn.gaussian_process.kernels import RBF, Matern, WhiteKernel

from skmolal import GaussianProcessRegressor
from skmolal.gaussian_process import median_length_scale
from skmolal.gaussian_process._engine import exact, factor
from skmolal.gaussian_process._engine.distances import product
from skmolal.gaussian_process._engine.factor import subtract_product
from skmolal.gaussian_process._engine.precision import numerics

KERNELS = {
    "rbf": lambda scale: 20.0 * RBF(scale),
    "matern": lambda scale: 20.0 * Matern(scale, nu=1.5),
    "exponential": lambda scale: 20.0 * Matern(scale, nu=0.5) + WhiteKernel(0.01),
}


@pytest.fixture(params=["rounded", "refined"], autouse=True)
def way(request, monkeypatch):
    """Factors of few samples are rounded, those of many refined."""
    if request.param == "refined":
        monkeypatch.setattr(exact, "_MAX_ROUNDED", 0)


def make_data(n_samples, seed=0):
    """Features that look like MBTR: many, positive, far from the origin, of low rank."""
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(n_samples, 12))
    X = (50 + 20 * abs(latent @ rng.normal(size=(12, 300)))).astype(np.float32)
    return X, -6.5 + np.sin(latent[:, 0]) + 0.1 * rng.normal(size=n_samples)


@pytest.mark.parametrize("name", KERNELS)
def test_close_to_float64(name):
    X, y = make_data(350)
    kernel = KERNELS[name](median_length_scale(X))
    args = {"alpha": 0.03, "optimizer": None, "normalize_y": True}
    wide = GaussianProcessRegressor(kernel, **args).fit(X[:250], y[:250])
    model = GaussianProcessRegressor(kernel, dtype="float32", **args).fit(X[:250], y[:250])
    assert model._posterior.factor.dtype == np.float32
    assert model.L_.dtype == np.float32
    mean, std = model.predict(X[200:], return_std=True)
    expected_mean, expected_std = wide.predict(X[200:], return_std=True)
    assert mean.dtype == std.dtype == np.float64
    assert abs(mean - expected_mean).max() < 5e-4
    assert np.sqrt(np.mean((mean - expected_mean) ** 2)) < 1e-4
    prior = np.sqrt(20.0) * y[:250].std()
    assert abs(std - expected_std).max() < 1e-4 * prior
    np.testing.assert_allclose(model.alpha_, wide.alpha_, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        model.log_marginal_likelihood_value_, wide.log_marginal_likelihood_value_, rtol=1e-4
    )


@pytest.mark.parametrize("n_terms", [256, 512, 1024, 1100])
@pytest.mark.parametrize("max_terms", [256, 512])
def test_float32_sums_are_short(n_terms, max_terms):
    rng = np.random.default_rng(0)
    left, right = rng.uniform(size=(2, 40, n_terms)).astype(np.float32)
    with numerics():
        arrays = jnp.asarray(left), jnp.asarray(right)
        result = np.asarray(subtract_product(jnp.ones((40, 40)), *arrays, max_terms))
        at_once = 1.0 - np.asarray(product(*arrays), dtype=np.float64)
    assert result.dtype == np.float64
    if n_terms <= max_terms:
        np.testing.assert_array_equal(result, at_once)
        return
    # How much that gains depends on how XLA itself sums: two thirds, or some percent.
    exact = 1.0 - left.astype(np.float64) @ right.T.astype(np.float64)
    errors = [np.sqrt(np.mean((found / exact - 1) ** 2)) for found in (result, at_once)]
    assert errors[0] < errors[1]


def test_sums_of_large_float32_factors_are_shorter(monkeypatch):
    monkeypatch.setattr(factor, "_LARGE", 250)
    X, y = make_data(260)
    kernel = 20.0 * RBF(median_length_scale(X))
    for n, expected in ((250, 512), (260, 256)):
        model = GaussianProcessRegressor(kernel, alpha=0.03, optimizer=None, dtype="float32")
        assert model.fit(X[:n], y[:n])._posterior.factor.max_terms == expected


@pytest.mark.parametrize(
    ("n_samples", "dtype", "side"),
    [
        (10, "float64", 16),
        (1000, "float64", 512),
        (3500, "float64", 512),
        (4000, "float64", 576),
        (4000, "float32", 512),
        (9000, "float64", 1024),
        (9000, "float32", 512),
        (300, "float32", 512),
    ],
)
def test_tiles_of_a_cpu(n_samples, dtype, side, monkeypatch):
    monkeypatch.setattr("jax.default_backend", lambda: "cpu")
    assert factor.choose_tile(n_samples, dtype) == side


@pytest.mark.parametrize(("n_samples", "side"), [(10, 256), (1000, 256), (1100, 576), (5000, 1024)])
def test_tiles_of_a_factor_that_grows(n_samples, side, monkeypatch):
    monkeypatch.setattr("jax.default_backend", lambda: "cpu")
    assert factor.choose_tile(n_samples, "float64", True) == side


@pytest.mark.parametrize("budget", [0, 0.01, 1])
def test_what_is_remembered_does_not_change_a_fit(budget, monkeypatch):
    monkeypatch.setattr("skmolal.gaussian_process._gpr.choose_tile", lambda *_: 16)
    X, y = make_data(100)
    model = GaussianProcessRegressor(
        20.0 * RBF(median_length_scale(X)), alpha=0.03, optimizer=None, dtype="float32"
    )
    expected = clone(model).fit(X, y).alpha_
    with config_context(working_memory=budget):  # MiB; a tile has 2 KiB
        np.testing.assert_array_equal(model.fit(X, y).alpha_, expected)


@pytest.mark.parametrize("alpha", [0.0, 1e-9, 1e-7])
def test_falls_back_to_float64_with_a_warning(alpha):
    X, y = make_data(300)
    kernel = 20.0 * RBF(3 * median_length_scale(X))
    args = {"alpha": alpha, "optimizer": None}
    wide = GaussianProcessRegressor(kernel, **args).fit(X[:200], y[:200])
    model = GaussianProcessRegressor(kernel, dtype="float32", **args).fit(X[:200], y[:200])
    with pytest.warns(UserWarning, match="fitted in float64, which is slower: raise alpha"):
        result = model.predict(X[200:], return_std=True)
    np.testing.assert_allclose(result, wide.predict(X[200:], return_std=True), atol=1e-8)


def test_a_matrix_that_float64_cannot_factor_is_an_error():
    X, y = make_data(20)
    X[1] = X[0]
    model = GaussianProcessRegressor(RBF(300.0), alpha=0.0, optimizer=None, dtype="float32")
    with pytest.raises(np.linalg.LinAlgError, match="increasing the 'alpha'"):
        model.fit(X, y)


@given(
    seed=st.integers(0, 999),
    log_noise=st.floats(-12, 2),
    log_scale=st.floats(-3, 3),
    n_samples=st.sampled_from([1, 20, 60]),
)
@settings(max_examples=15)
def test_never_nan_and_never_a_negative_variance(seed, log_noise, log_scale, n_samples):
    X, y = make_data(n_samples + 20, seed)
    X[-1] = X[0]
    kernel = 5.0 * Matern(300.0 * 10**log_scale, nu=1.5)
    args = {"alpha": 10**log_noise, "optimizer": None}
    wide = GaussianProcessRegressor(kernel, **args).fit(X[:n_samples], y[:n_samples])
    model = GaussianProcessRegressor(kernel, dtype="float32", **args)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a fallback, or of equal stds
        mean, std = model.fit(X[:n_samples], y[:n_samples]).predict(X, return_std=True)
        _, expected = wide.predict(X, return_std=True)
    assert np.isfinite(mean).all()
    assert (std >= 0).all()
    assert abs(std - expected).max() < 1e-3 * np.sqrt(5.0)


def test_warm_start_in_float32():
    X, y = make_data(400)
    kernel = 20.0 * RBF(median_length_scale(X))
    args = {"alpha": 0.03, "optimizer": None, "normalize_y": True}
    model = GaussianProcessRegressor(kernel, dtype="float32", warm_start=True, **args)
    for n_samples in (50, 60, 75, 200):
        model.fit(X[:n_samples], y[:n_samples])
        mean, std = model.predict(X[200:], return_std=True)
        wide = GaussianProcessRegressor(kernel, **args).fit(X[:n_samples], y[:n_samples])
        expected_mean, expected_std = wide.predict(X[200:], return_std=True)
        assert abs(mean - expected_mean).max() < 5e-4
        assert abs(std - expected_std).max() < 5e-4


def test_a_loop_whose_matrix_becomes_ill_conditioned_goes_on_in_float64(monkeypatch):
    """A rounded factor that cannot be extended is not computed anew in each round."""
    monkeypatch.setattr("skmolal.gaussian_process._gpr.choose_tile", lambda *_: 16)
    X = np.random.default_rng(0).normal(size=(140, 3))
    model = GaussianProcessRegressor(
        RBF(30.0), alpha=1e-9, optimizer=None, dtype="float32", warm_start=True
    )
    caches = []
    for n_samples in (40, 50, 60, 70, 80):
        model.fit(X[:n_samples], X[:n_samples, 0])
        caches.append(model._posterior.cache)
    assert model._posterior.factor.dtype == np.float64
    assert len(set(map(id, caches))) <= 2
    assert caches[-1] is caches[-2] is caches[-3]
    with pytest.warns(UserWarning, match="fitted in float64, which is slower: raise alpha"):
        model.predict(X[100:], return_std=True)


def test_a_float32_pool_is_never_copied_to_float64(monkeypatch):
    X, y = make_data(300)
    model = GaussianProcessRegressor(RBF(300.0), alpha=0.1, optimizer=None).fit(X[:50], y[:50])
    put = []
    rows = model._posterior.gram.rows

    def count(X, start, stop, n_rows):
        put.append(X.dtype)
        return rows(X, start, stop, n_rows)

    monkeypatch.setattr(model._posterior.gram, "rows", count)
    model.predict(X, return_std=True)
    assert set(put) == {np.dtype(np.float32)}
