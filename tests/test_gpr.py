"""The regressor against scikit-learn's, and on hard inputs."""

import subprocess
import sys

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import approx_fprime
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import EfficiencyWarning, NotFittedError
from sklearn.gaussian_process import GaussianProcessRegressor as Reference
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    DotProduct,
    Matern,
    RationalQuadratic,
    WhiteKernel,
)
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import BayesianRidge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmolal import GaussianProcessRegressor
from skmolal.gaussian_process import median_length_scale
from skmolal.gaussian_process._engine import diagnostics, likelihood

KERNELS = {
    "rbf": 2.0 * RBF(6.0),
    "matern": 1.5 * Matern(6.0, nu=1.5) + WhiteKernel(0.05),
    "anisotropic": 2.0 * RBF(np.linspace(4, 9, 24)) + WhiteKernel(0.05),
    "mixture": RationalQuadratic(6.0) * ConstantKernel(2.0) + DotProduct(0.5) ** 2 * 0.01,
}


def make_data(n_samples, n_features=24, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features)).astype(dtype)
    return X, np.sin(X[:, 0]) + 0.3 * X[:, 1] + 0.1 * rng.normal(size=n_samples)


def assert_same_posterior(model, reference, X, tol=1e-8):
    mean, std = model.predict(X, return_std=True)
    expected_mean, expected_std = reference.predict(X, return_std=True)
    np.testing.assert_allclose(mean, expected_mean, atol=tol)
    np.testing.assert_allclose(std, expected_std, atol=tol)
    np.testing.assert_allclose(model.predict(X), expected_mean, atol=tol)


# --- scikit-learn as oracle ---------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
@pytest.mark.parametrize("n_samples", [1, 20, 150])
@pytest.mark.parametrize("name", KERNELS)
def test_posterior_equals_scikit_learns(name, n_samples, backend, monkeypatch):
    # As on a graphics processor, for which fits and evidences have paths of their own.
    monkeypatch.setattr(likelihood.jax, "default_backend", lambda: backend)
    X, y = make_data(n_samples + 40)
    args = {"alpha": 1e-2, "optimizer": None}
    model = GaussianProcessRegressor(KERNELS[name], **args).fit(X[:n_samples], y[:n_samples])
    reference = Reference(KERNELS[name], **args).fit(X[:n_samples], y[:n_samples])
    assert_same_posterior(model, reference, X[n_samples:])
    np.testing.assert_allclose(model.L_, reference.L_, atol=1e-10)
    np.testing.assert_allclose(model.alpha_, reference.alpha_, atol=1e-8)
    theta = model.kernel_.theta + 0.1
    value, gradient = model.log_marginal_likelihood(theta, eval_gradient=True)
    expected, expected_gradient = reference.log_marginal_likelihood(theta, eval_gradient=True)
    np.testing.assert_allclose(value, expected, rtol=1e-10)
    np.testing.assert_allclose(gradient, expected_gradient, atol=1e-8)
    np.testing.assert_allclose(
        model.log_marginal_likelihood_value_, reference.log_marginal_likelihood_value_, rtol=1e-10
    )
    _, covariance = model.predict(X[n_samples:], return_cov=True)
    np.testing.assert_allclose(
        covariance, reference.predict(X[n_samples:], return_cov=True)[1], atol=1e-8
    )
    np.testing.assert_allclose(model.sample_y(X[:5], 3), reference.sample_y(X[:5], 3), atol=1e-5)


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_several_tiles_equal_scikit_learn(backend, monkeypatch):
    """Tiles of 16 instead of 512 reach every branch of the tiled algorithms on small data.

    What a graphics processor computes by products of tiles alone, a CPU leaves to LAPACK.
    """
    monkeypatch.setattr(likelihood, "choose_side", lambda *_: 16)
    monkeypatch.setattr(likelihood.jax, "default_backend", lambda: backend)
    monkeypatch.setattr("skmolal.gaussian_process._gpr.choose_tile", lambda *_: 16)
    X, y = make_data(160)
    kernel = KERNELS["matern"]
    model = GaussianProcessRegressor(kernel, optimizer=None).fit(X[:110], y[:110])
    reference = Reference(kernel, optimizer=None).fit(X[:110], y[:110])
    assert_same_posterior(model, reference, X[110:])
    np.testing.assert_allclose(
        model.log_marginal_likelihood(kernel.theta, True)[1],
        reference.log_marginal_likelihood(kernel.theta, True)[1],
        atol=1e-8,
    )
    with config_context(working_memory=0.05):  # several blocks
        assert_same_posterior(model, reference, X[110:])
        np.testing.assert_allclose(
            model.predict(X, return_cov=True)[1],
            reference.predict(X, return_cov=True)[1],
            atol=1e-8,
        )


def test_the_covariance_of_rows_in_several_blocks_equals_scikit_learn():
    """More rows than are computed at once, the last block not full, white noise on the diagonal."""
    X, y = make_data(2200)
    kernel = 2.0 * RBF(3.0) + WhiteKernel(0.3)
    model = GaussianProcessRegressor(kernel, optimizer=None, normalize_y=True).fit(X[:50], y[:50])
    reference = Reference(kernel, optimizer=None, normalize_y=True).fit(X[:50], y[:50])
    mean, covariance = model.predict(X[50:], return_cov=True)
    expected_mean, expected = reference.predict(X[50:], return_cov=True)
    np.testing.assert_allclose(mean, expected_mean, atol=1e-8)
    np.testing.assert_allclose(covariance, expected, atol=1e-8)
    np.testing.assert_array_equal(covariance, covariance.T)


@pytest.mark.parametrize("normalize_y", [False, True])
@pytest.mark.parametrize("n_targets", [1, 3])
def test_targets_equal_scikit_learn(n_targets, normalize_y):
    X, y = make_data(40)
    Y = np.column_stack([y * 10**k + k for k in range(n_targets)])
    alpha = np.linspace(0.01, 0.3, 40)
    args = {"alpha": alpha, "optimizer": None, "normalize_y": normalize_y}
    model = GaussianProcessRegressor(KERNELS["rbf"], **args).fit(X, Y)
    reference = Reference(KERNELS["rbf"], **args).fit(X, Y)
    assert_same_posterior(model, reference, X[:7] + 0.1, tol=1e-7)
    assert model.alpha_.shape == reference.alpha_.shape
    assert model.y_train_.shape == reference.y_train_.shape


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_optimum_equals_scikit_learns():
    X, y = make_data(60)
    kernel = 1.0 * RBF(3.0) + WhiteKernel(0.1)
    model = GaussianProcessRegressor(kernel, n_restarts_optimizer=1, random_state=0).fit(X, y)
    reference = Reference(kernel, n_restarts_optimizer=1, random_state=0).fit(X, y)
    np.testing.assert_allclose(model.kernel_.theta, reference.kernel_.theta, atol=1e-3)
    np.testing.assert_allclose(
        model.log_marginal_likelihood_value_, reference.log_marginal_likelihood_value_, atol=1e-5
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_other_kernels_work_through_their_own_call(monkeypatch):
    monkeypatch.setattr(diagnostics, "_slow_kernels", set())
    X, y = make_data(60)
    kernel = 2.0 * Matern(6.0, nu=0.9) + WhiteKernel(0.1)
    model = GaussianProcessRegressor(kernel, optimizer=None).fit(X[:40], y[:40])
    reference = Reference(kernel, optimizer=None).fit(X[:40], y[:40])
    with pytest.warns(EfficiencyWarning, match="own __call__"):
        model.predict(X[40:])
    assert_same_posterior(model, reference, X[40:])  # said once
    fixed = 2.0 * Matern(6.0, nu=0.9) + WhiteKernel(0.1)
    fitted = GaussianProcessRegressor(fixed).fit(X[:40], y[:40])
    assert fitted.log_marginal_likelihood_value_ > model.log_marginal_likelihood_value_


# --- mathematical facts -------------------------------------------------------------------------


@pytest.mark.parametrize("name", KERNELS)
def test_gradient_equals_finite_differences(name):
    X, y = make_data(30)
    model = GaussianProcessRegressor(KERNELS[name], alpha=0.05, optimizer=None).fit(X, y)
    theta = model.kernel_.theta
    expected = approx_fprime(theta, model.log_marginal_likelihood, 1e-6)
    _, gradient = model.log_marginal_likelihood(theta, eval_gradient=True)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-3)


@given(seed=st.integers(0, 10_000), n_samples=st.integers(1, 40), noise=st.floats(1e-6, 10))
@settings(max_examples=15)
def test_std_squared_is_the_diagonal_of_the_covariance(seed, n_samples, noise):
    X, y = make_data(n_samples + 6, seed=seed)
    model = GaussianProcessRegressor(1.5 * RBF(5.0), alpha=noise, optimizer=None)
    model.fit(X[:n_samples], y[:n_samples])
    _, std = model.predict(X, return_std=True)
    _, covariance = model.predict(X, return_cov=True)
    np.testing.assert_allclose(std**2, np.diag(covariance), atol=1e-10)
    assert (std <= np.sqrt(1.5) + 1e-12).all()


def test_order_of_training_samples_does_not_matter():
    X, y = make_data(70)
    order = np.random.default_rng(0).permutation(50)
    model = GaussianProcessRegressor(KERNELS["matern"], optimizer=None)
    one = clone(model).fit(X[:50], y[:50]).predict(X[50:], return_std=True)
    other = clone(model).fit(X[order], y[order]).predict(X[50:], return_std=True)
    np.testing.assert_allclose(one, other, atol=1e-12)


# --- JAX ----------------------------------------------------------------------------------------


def test_a_growing_training_set_is_not_compiled_again(monkeypatch):
    monkeypatch.setattr("skmolal.gaussian_process._gpr.choose_tile", lambda *_: 16)
    X, y = make_data(200)
    model = GaussianProcessRegressor(KERNELS["matern"], optimizer=None)
    for n_samples in (81, 90):  # first whole groups of tiles, then the rest
        clone(model).fit(X[:n_samples], y[:n_samples]).predict(X[100:], return_std=True)
    traced = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *_, **options: "trace_duration" in event and traced.append(options)
    )
    for n_samples in range(85, 200, 7):
        clone(model).fit(X[:n_samples], y[:n_samples]).predict(X[100:], return_std=True)
    assert not traced
    clone(model).fit(X[:90, :23], y[:90])
    assert traced


SCRIPT = """
import jax
jax.config.update("jax_enable_x64", {x64})
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")
import pickle
import numpy as np
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.gaussian_process import GaussianProcessRegressor as Reference
from skmolal import GaussianProcessRegressor
rng = np.random.default_rng(0)
X = rng.normal(size=(50, 20)); y = X[:, 0]
kernel = 2.0 * RBF(4.0) + WhiteKernel(0.01)
model = GaussianProcessRegressor(kernel, optimizer=None).fit(X, y)
model.log_marginal_likelihood(kernel.theta, eval_gradient=True)
model = pickle.loads(pickle.dumps(model))
reference = Reference(model.kernel_, optimizer=None).fit(X, y)
for a, b in zip(model.predict(X + 1, return_std=True), reference.predict(X + 1, return_std=True)):
    assert a.dtype == np.float64
    np.testing.assert_allclose(a, b, atol=1e-8)
assert jax.config.jax_enable_x64 == {x64}
import jax.numpy as jnp
assert jnp.ones(1).dtype == (jnp.float64 if {x64} else jnp.float32)
"""


@pytest.mark.parametrize("x64", [False, True])
def test_float64_does_not_depend_on_the_users_jax_flags(x64):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT.format(x64=x64)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_import_and_fit_leave_jax_settings_alone():
    before = jax.config.jax_enable_x64
    X, y = make_data(5)
    GaussianProcessRegressor(optimizer=None).fit(X, y).predict(X)
    assert jax.config.jax_enable_x64 == before


# --- hard inputs --------------------------------------------------------------------------------


def test_duplicate_rows_at_zero_noise_are_an_error_that_names_alpha():
    X, y = make_data(10)
    X[3] = X[7]
    model = GaussianProcessRegressor(RBF(5.0), alpha=0.0, optimizer=None)
    with pytest.raises(np.linalg.LinAlgError, match="increasing the 'alpha'"):
        model.fit(X, y)
    with pytest.raises(AttributeError, match="before fit"):
        model.predict(X)


@pytest.mark.parametrize("normalize_y", [False, True])
def test_constant_targets(normalize_y):
    X, _ = make_data(20)
    model = GaussianProcessRegressor(RBF(5.0), alpha=1e-6, optimizer=None, normalize_y=normalize_y)
    mean, std = model.fit(X, np.full(20, 7.3)).predict(X, return_std=True)
    np.testing.assert_allclose(mean, 7.3, atol=1e-4)
    assert np.isfinite(std).all()


def test_many_more_features_than_samples():
    X, y = make_data(12, n_features=5000)
    args = {"alpha": 1e-3, "optimizer": None}
    kernel = RBF(median_length_scale(X))
    model = GaussianProcessRegressor(kernel, **args).fit(X[:8], y[:8])
    assert_same_posterior(model, Reference(kernel, **args).fit(X[:8], y[:8]), X[8:])


def test_features_of_a_million():
    X, y = make_data(60)
    X = 1e6 * X + 3e6
    args = {"alpha": 1e-2, "optimizer": None}
    kernel = Matern(6e6, nu=0.5)
    model = GaussianProcessRegressor(kernel, **args).fit(X[:40], y[:40])
    pool = np.vstack([X[40:], X[:3]])
    assert_same_posterior(model, Reference(kernel, **args).fit(X[:40], y[:40]), pool)


@pytest.mark.filterwarnings("ignore:Predicted variances smaller than 0")
@pytest.mark.parametrize("alpha", [1e-310, 1e300])
def test_extreme_noise(alpha):
    X, y = make_data(8)
    model = GaussianProcessRegressor(RBF(2.0), alpha=alpha, optimizer=None).fit(X, y)
    mean, std = model.predict(X[:4], return_std=True)
    np.testing.assert_allclose(mean, y[:4] if alpha < 1 else 0, atol=1e-6)
    np.testing.assert_allclose(std, 0 if alpha < 1 else 1, atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_input_is_an_error(bad):
    X, y = make_data(8)
    model = GaussianProcessRegressor(optimizer=None).fit(X, y)
    broken = X.copy()
    broken[2, 3] = bad
    for call in (lambda: model.fit(broken, y), lambda: model.predict(broken)):
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            call()
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        model.fit(X, np.where(y == y[0], bad, y))


def test_layout_and_type_of_the_input_do_not_matter():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 5, size=(30, 20))
    y = X[:, 0].astype(float)
    model = GaussianProcessRegressor(RBF(5.0), alpha=0.1, optimizer=None)
    expected = clone(model).fit(X.astype(float), y).predict(X.astype(float), return_std=True)
    read_only = X.astype(float)
    read_only.setflags(write=False)
    strided = np.repeat(X.astype(float), 2, axis=0)[::2]
    variants = [X, read_only, np.asfortranarray(read_only), strided, X.astype(np.float32)]
    for variant in [*variants, X.tolist(), X.astype(np.int8), sparse.csr_matrix(X.astype(float))]:
        fitted = clone(model).fit(variant, y)
        np.testing.assert_allclose(fitted.predict(variant, return_std=True), expected, atol=1e-10)
    fitted = clone(model).fit(X, y[:, None])
    np.testing.assert_allclose(fitted.predict(X), expected[0], atol=1e-10)
    assert fitted.alpha_.shape == (30, 1)


def test_csr_with_empty_rows():
    X = sparse.random(50, 300, density=0.05, format="csr", random_state=0)
    X = sparse.vstack([X, sparse.csr_matrix((2, 300))]).tocsr()
    y = np.asarray(X.sum(axis=1)).ravel()
    args = {"alpha": 1e-2, "optimizer": None}
    for kernel in (RBF(3.0), DotProduct(0.1)):
        model = GaussianProcessRegressor(kernel, **args).fit(X[:30], y[:30])
        dense = X.toarray()
        reference = Reference(kernel, **args).fit(dense[:30], y[:30])
        for ours, theirs in zip(
            model.predict(X[30:], return_std=True),
            reference.predict(dense[30:], return_std=True),
            strict=True,
        ):
            np.testing.assert_allclose(ours, theirs, atol=1e-8)


def test_an_empty_or_wider_pool_is_an_error():
    X, y = make_data(8)
    model = GaussianProcessRegressor(optimizer=None).fit(X, y)
    with pytest.raises(ValueError, match="0 sample"):
        model.predict(X[:0])
    with pytest.raises(ValueError, match="X has 25 features"):
        model.predict(np.zeros((3, 25)))


def test_parameters_that_do_not_fit_are_errors():
    X, y = make_data(8)
    with pytest.raises(ValueError, match="alpha must be a scalar"):
        GaussianProcessRegressor(alpha=np.ones(3)).fit(X, y)
    with pytest.raises(ValueError, match="dtype"):
        GaussianProcessRegressor(dtype="float16").fit(X, y)
    with pytest.raises(NotFittedError):
        GaussianProcessRegressor().loo_predict()


def test_fit_does_not_change_its_parameters():
    X, y = make_data(8)
    alpha, kernel = np.array([0.1]), 1.0 * RBF(2.0)
    model = GaussianProcessRegressor(kernel, alpha=alpha).fit(X, y)
    assert model.alpha is alpha
    assert model.kernel is kernel
    np.testing.assert_array_equal(kernel.theta, np.log([1.0, 2.0]))


# --- around the estimator -----------------------------------------------------------------------


def test_equal_stds_are_diagnosed_in_predict():
    X, y = make_data(30)
    model = GaussianProcessRegressor(RBF(1e-3), alpha=0.1, optimizer=None).fit(X[:10], y[:10])
    with pytest.warns(UserWarning, match=r"20 predicted standard deviations are equal.*median_len"):
        model.predict(X[10:], return_std=True)
    good = GaussianProcessRegressor(RBF(5.0), alpha=0.1, optimizer=None).fit(X[:10], y[:10])
    good.predict(X[10:], return_std=True)
    model.predict(np.repeat(X[:1], 20, axis=0), return_std=True)  # equal samples: no wonder


@pytest.mark.parametrize("as_csr", [False, True])
@pytest.mark.parametrize(
    ("length_scale", "alpha", "known", "why"),
    [
        (1e-3, 0.1, False, "infinitely far from the training samples"),
        (5.0, 1e12, False, "noise drowns what they say"),
        (1e9, 0.1, False, "takes all samples for the same one"),
        (1e-3, 0.1, True, "where each is a training sample itself"),
    ],
)
def test_the_warning_about_equal_stds_says_why(length_scale, alpha, known, why, as_csr):
    X, y = make_data(30)
    rows = sparse.csr_matrix(X) if as_csr else X
    model = GaussianProcessRegressor(
        RBF(length_scale), alpha=alpha, optimizer=None, normalize_y=True
    ).fit(rows[:10], 100 * y[:10])
    with pytest.warns(UserWarning, match=f"standard deviations are equal.*{why}"):
        model.predict(rows[:10] if known else rows[10:], return_std=True)


def test_equal_stds_of_boolean_features_are_diagnosed():
    X = np.random.default_rng(0).random((30, 20)) < 0.5
    model = GaussianProcessRegressor(RBF(1e-3), alpha=0.1, optimizer=None).fit(X[:10], X[:10, 0])
    with pytest.warns(UserWarning, match="infinitely far"):
        model.predict(X[10:], return_std=True)


def test_hyperparameters_from_a_subset_of_samples():
    X, y = make_data(120)
    kernel = 1.0 * RBF(5.0) + WhiteKernel(0.1)
    model = GaussianProcessRegressor(kernel, max_optimizer_samples=60, random_state=3).fit(X, y)
    rows = np.sort(np.random.RandomState(3).choice(120, 60, replace=False))
    subset = GaussianProcessRegressor(kernel).fit(X[rows], y[rows])
    np.testing.assert_allclose(model.kernel_.theta, subset.kernel_.theta)
    fixed = GaussianProcessRegressor(model.kernel_, optimizer=None).fit(X, y)
    np.testing.assert_allclose(model.predict(X), fixed.predict(X), atol=1e-12)


def test_return_std_is_routed_through_a_pipeline():
    X, y = make_data(20)
    with config_context(enable_metadata_routing=True):
        model = GaussianProcessRegressor(optimizer=None).set_predict_request(return_std=True)
        pipe = make_pipeline(StandardScaler(), model).fit(X, y)
        mean, std = pipe.predict(X, return_std=True)
    assert mean.shape == std.shape == (20,)


@pytest.mark.parametrize("n_samples", [2, 30])
def test_median_length_scale(n_samples):
    X, _ = make_data(n_samples)
    distances = np.linalg.norm(X[:, None] - X[None], axis=-1)[np.triu_indices(n_samples, 1)]
    np.testing.assert_allclose(median_length_scale(X), np.median(distances))
    np.testing.assert_allclose(median_length_scale(sparse.csr_matrix(X)), np.median(distances))
    assert median_length_scale(np.ones((5, 2))) == 1.0
    assert median_length_scale(X, 2, random_state=0) == median_length_scale(X, 2, random_state=0)
    with pytest.raises(ValueError, match="at least 2"):
        median_length_scale(X, 1)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
def test_median_length_scale_takes_no_rounding_error_for_a_distance(form):
    X, _ = make_data(4)
    copies = form(np.repeat(X, 25, axis=0) * 1.7 + 3)
    expected = median_length_scale(X * 1.7 + 3)
    np.testing.assert_allclose(median_length_scale(copies), expected)


def test_nystroem_and_bayesian_ridge_come_close_to_the_exact_process():
    """What the notes recommend for more samples than an exact process can take."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-3, 3, size=(300, 2))
    y = np.sin(X[:, 0]) * np.cos(X[:, 1]) + 0.05 * rng.normal(size=300)
    length_scale = 1.5
    exact = GaussianProcessRegressor(RBF(length_scale), alpha=0.05**2, optimizer=None)
    features = Nystroem(gamma=0.5 / length_scale**2, n_components=80, random_state=0)
    # Without an intercept: the process has mean 0, and before 1.7 the std ignored the centring.
    approximate = make_pipeline(features, BayesianRidge(fit_intercept=False))
    mean, std = exact.fit(X[:200], y[:200]).predict(X[200:], return_std=True)
    close_mean, close_std = approximate.fit(X[:200], y[:200]).predict(X[200:], return_std=True)
    assert np.sqrt(np.mean((mean - close_mean) ** 2)) < 0.03
    # BayesianRidge's std is that of a label, with the noise.
    assert abs(close_std - np.sqrt(std**2 + 0.05**2)).max() < 0.05
