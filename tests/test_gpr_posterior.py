"""The joint posterior of a pool is what refitting would give."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn import config_context
from sklearn.exceptions import NotFittedError
from sklearn.gaussian_process.kernels import RBF, DotProduct, Matern, WhiteKernel

from skmolal import GaussianProcessRegressor
from skmolal.gaussian_process import PosteriorCovariance

KERNELS = {
    "rbf": 2.0 * RBF(4.0),
    "white": 2.0 * Matern(4.0, nu=1.5) + WhiteKernel(0.2),
    "dot": DotProduct(1.0) ** 2 + WhiteKernel(0.2),
    "host": 2.0 * Matern(4.0, nu=0.8) + WhiteKernel(0.2),
}


def make_data(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(70, 18))
    return X, rng.normal(size=70)


def fit(kernel, X, y, **params):
    params = {"alpha": 0.1, "optimizer": None, **params}
    return GaussianProcessRegressor(kernel, **params).fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.EfficiencyWarning")
@pytest.mark.parametrize("max_bytes", [2**31, 0])
@pytest.mark.parametrize("name", KERNELS)
def test_columns_and_conditioning_are_those_of_refitting(name, max_bytes):
    X, y = make_data()
    model = fit(KERNELS[name], X[:30], y[:30])
    pool = X[30:]
    posterior = PosteriorCovariance(model, pool, max_bytes=max_bytes)
    chosen = np.array([5, 0, 17])
    expected = model.predict(pool, return_cov=True)[1]
    np.testing.assert_allclose(posterior.variance, np.diag(expected), atol=1e-8)
    np.testing.assert_allclose(posterior.columns(chosen), expected[:, chosen], atol=1e-8)

    later = posterior.condition(chosen).condition([3])
    rows = [*range(30), 35, 30, 47, 33]
    refitted = fit(KERNELS[name], X[rows], y[rows])
    expected_later = refitted.predict(pool, return_cov=True)[1]
    np.testing.assert_allclose(later.variance, np.diag(expected_later), atol=1e-8)
    np.testing.assert_allclose(later.columns([3, 8]), expected_later[:, [3, 8]], atol=1e-8)
    np.testing.assert_allclose(posterior.variance, np.diag(expected), atol=1e-8)  # unchanged


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("max_bytes", [2**31, 0])
def test_many_tiles_give_what_one_gives(max_bytes, dtype, monkeypatch):
    monkeypatch.setattr("skmolal.gaussian_process._gpr.choose_tile", lambda *_: 16)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(220, 18)), rng.normal(size=220)
    model = fit(KERNELS["rbf"], X[:180], y[:180], dtype=dtype)  # 12 tiles
    posterior = PosteriorCovariance(model, X[180:], max_bytes=max_bytes)
    tolerance = 1e-8 if dtype == "float64" else 1e-5
    _, expected = fit(KERNELS["rbf"], X[:180], y[:180]).predict(X[180:], return_cov=True)
    np.testing.assert_allclose(posterior.columns([7, 2]), expected[:, [7, 2]], atol=tolerance)
    np.testing.assert_allclose(posterior.variance, np.diag(expected), atol=tolerance)


@pytest.mark.parametrize("working_memory", [0.01, 1024])
def test_float32_refines_with_and_without_kept_tiles(working_memory, monkeypatch):
    monkeypatch.setattr("skmolal.gaussian_process._gpr.choose_tile", lambda *_: 16)
    X, y = make_data()
    with config_context(working_memory=working_memory):
        single = fit(KERNELS["rbf"], X[:60], y[:60], dtype="float32")
    double = fit(KERNELS["rbf"], X[:60], y[:60])
    np.testing.assert_allclose(single.alpha_, double.alpha_, rtol=1e-4, atol=1e-5)


def test_one_by_one_equals_all_at_once():
    X, y = make_data()
    posterior = PosteriorCovariance(fit(KERNELS["white"], X[:30], y[:30]), X[30:])
    one_by_one = posterior
    for row in range(35):
        one_by_one = one_by_one.condition([row])
    at_once = posterior.condition(np.arange(35))
    np.testing.assert_allclose(one_by_one.variance, at_once.variance, atol=1e-8)
    np.testing.assert_allclose(one_by_one.columns([36]), at_once.columns([36]), atol=1e-8)


@given(seed=st.integers(0, 1000), rows=st.sets(st.integers(0, 39), min_size=1, max_size=8))
@settings(max_examples=15)
def test_labels_never_add_variance(seed, rows):
    X, y = make_data(seed)
    posterior = PosteriorCovariance(fit(KERNELS["rbf"], X[:30], y[:30]), X[30:])
    later = posterior.condition(sorted(rows))
    assert (later.variance <= posterior.variance + 1e-12).all()
    assert (later.variance >= 0).all()


def test_scale_of_the_targets():
    X, y = make_data()
    model = fit(KERNELS["rbf"], X[:30], 5 * y[:30], normalize_y=True)
    posterior = PosteriorCovariance(model, X[30:])
    _, std = model.predict(X[30:], return_std=True)
    np.testing.assert_allclose(posterior.variance, std**2)
    _, covariance = model.predict(X[30:], return_cov=True)
    np.testing.assert_allclose(posterior.columns([2]), covariance[:, [2]], atol=1e-8)


def test_float32_csr_and_equal_rows():
    X, y = make_data()
    X = np.where(abs(X) > 1, X, 0)
    X[50] = X[40]
    model = fit(KERNELS["white"], X[:30], y[:30], dtype="float32")
    posterior = PosteriorCovariance(model, sparse.csr_matrix(X[30:]))
    expected = fit(KERNELS["white"], X[:30], y[:30]).predict(X[30:], return_cov=True)[1]
    np.testing.assert_allclose(posterior.columns([10, 20]), expected[:, [10, 20]], atol=1e-4)
    assert posterior.condition([10]).variance[20] < posterior.variance[20]


def test_a_warm_start_of_the_regressor_leaves_it_alone():
    X, y = make_data()
    model = fit(KERNELS["rbf"], X[:20], y[:20], warm_start=True)
    posterior = PosteriorCovariance(model, X[30:], max_bytes=0)
    expected = posterior.columns([1])
    model.fit(X[:30], y[:30])
    np.testing.assert_array_equal(posterior.columns([1]), expected)


@pytest.mark.parametrize(
    ("idx", "message"),
    [
        ([], "one or more"),
        ([[1]], "1-D"),
        ([1.5], "row numbers"),
        ([40], "pool of 40"),
        ([1, 1], "repeat"),
    ],
)
def test_rows_that_are_not_rows_are_errors(idx, message):
    X, y = make_data()
    posterior = PosteriorCovariance(fit(KERNELS["rbf"], X[:30], y[:30]), X[30:])
    for call in (posterior.columns, posterior.condition):
        with pytest.raises(ValueError, match=message):
            call(idx)
    np.testing.assert_array_equal(posterior.columns([-1]), posterior.columns([39]))


def test_regressors_that_do_not_fit_are_errors():
    X, y = make_data()
    with pytest.raises(NotFittedError):
        PosteriorCovariance(GaussianProcessRegressor(), X)
    with pytest.raises(ValueError, match="one target, got 2"):
        PosteriorCovariance(fit(KERNELS["rbf"], X, np.column_stack([y, y])), X)
    twins = PosteriorCovariance(fit(RBF(4.0), X[:5], y[:5], alpha=0.0), X[[6, 6]])
    with pytest.raises(np.linalg.LinAlgError, match="raise alpha"):
        twins.condition([0, 1])
