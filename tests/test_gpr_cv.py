"""Closed-form leave-one-out predictions are those of n fits."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_friedman1
from sklearn.gaussian_process import GaussianProcessRegressor as Reference
from sklearn.gaussian_process.kernels import RBF, Matern, WhiteKernel
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmolal import GaussianProcessRegressor
from skmolal.gaussian_process import GaussianProcessRegressorCV

KERNELS = {
    "rbf": 2.0 * RBF(2.0),
    "white": 2.0 * RBF(2.0) + WhiteKernel(0.05),
    "host": 2.0 * Matern(2.0, nu=0.8),
}
ALPHAS = np.array([1e-3, 1e-2, 0.1, 1.0])


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 3))
    return X, 3 + np.sin(2 * X[:, 0]) + 0.3 * rng.normal(size=30)


def brute_force(kernel, alpha, X, y):
    """Fit n times; the variance of a label is that of the function plus the noise."""
    mean, variance = np.empty_like(y), np.empty(len(y))
    for i in range(len(y)):
        rest = np.arange(len(y)) != i
        model = Reference(kernel, alpha=alpha, optimizer=None).fit(X[rest], y[rest])
        mean[i], std = (a[0] for a in model.predict(X[i : i + 1], return_std=True))
        variance[i] = np.ravel(std)[0] ** 2 + alpha
    return mean, variance


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.EfficiencyWarning")
@pytest.mark.parametrize("name", KERNELS)
def test_loo_predict_is_brute_force(name, data, monkeypatch):
    monkeypatch.setattr("skmolal.gaussian_process._gpr.choose_tile", lambda *_: 16)
    X, y = data
    model = GaussianProcessRegressor(KERNELS[name], alpha=0.1, optimizer=None).fit(X, y)
    mean, std = model.loo_predict(return_std=True)
    expected_mean, expected_variance = brute_force(KERNELS[name], 0.1, X, y)
    np.testing.assert_allclose(mean, expected_mean, atol=1e-9)
    np.testing.assert_allclose(std**2, expected_variance, atol=1e-9)
    np.testing.assert_allclose(model.loo_predict(), mean)


def test_loo_predict_scales_back_and_takes_several_targets(data):
    X, y = data
    Y = np.column_stack([y, 10 * y - 4])
    model = GaussianProcessRegressor(2.0 * RBF(2.0), alpha=0.1, optimizer=None, normalize_y=True)
    mean, std = model.fit(X, Y).loo_predict(return_std=True)
    np.testing.assert_allclose(mean[:, 1], 10 * mean[:, 0] - 4, atol=1e-8)
    np.testing.assert_allclose(std[:, 1], 10 * std[:, 0], atol=1e-8)
    # Normalised by hand, with the statistics of all samples.
    scaled = (y - y.mean()) / y.std()
    expected, variance = brute_force(2.0 * RBF(2.0), 0.1, X, scaled)
    np.testing.assert_allclose(mean[:, 0], expected * y.std() + y.mean(), atol=1e-8)
    np.testing.assert_allclose(std[:, 0], np.sqrt(variance) * y.std(), atol=1e-8)


@pytest.mark.parametrize("scoring", ["neg_mean_squared_error", "log_predictive_density"])
@pytest.mark.parametrize("name", KERNELS)
def test_scores_are_brute_force(name, scoring, data):
    X, y = data
    model = GaussianProcessRegressorCV(ALPHAS, KERNELS[name], scoring=scoring, optimizer=None)
    model.fit(X, y)
    expected = []
    for alpha in ALPHAS:
        mean, variance = brute_force(KERNELS[name], alpha, X, y)
        squares = (y - mean) ** 2
        if scoring == "neg_mean_squared_error":
            expected.append(-squares.mean())
        else:
            density = squares / variance + np.log(2 * np.pi * variance)
            expected.append(-0.5 * density.mean())
    np.testing.assert_allclose(model.scores_, expected, atol=1e-9)
    assert model.best_alpha_ == ALPHAS[np.argmax(expected)]
    assert model.best_score_ == model.scores_.max()


def test_normalised_scores_are_in_the_units_of_the_targets(data):
    X, y = data
    args = {"optimizer": None, "normalize_y": True}
    kernel = 2.0 * RBF(2.0)
    model = GaussianProcessRegressorCV(ALPHAS, kernel, **args).fit(X, y)
    for alpha, score in zip(ALPHAS, model.scores_, strict=True):
        fixed = GaussianProcessRegressor(kernel, alpha=alpha, **args).fit(X, y)
        np.testing.assert_allclose(score, -np.mean((y - fixed.loo_predict()) ** 2))
    scaled = clone(model).fit(X, 100 * y)
    np.testing.assert_allclose(scaled.scores_, 1e4 * model.scores_)
    assert scaled.best_alpha_ == model.best_alpha_
    density = clone(model).set_params(scoring="log_predictive_density")
    np.testing.assert_allclose(
        clone(density).fit(X, 100 * y).scores_, density.fit(X, y).scores_ - np.log(100)
    )


def test_the_final_fit_has_the_noise_chosen(data):
    X, y = data
    model = GaussianProcessRegressorCV(ALPHAS, 2.0 * RBF(2.0)).fit(X, y)
    assert type(model.kernel_) is type(model.kernel)  # the noise beside it is forgotten
    assert not np.array_equal(model.kernel_.theta, model.kernel.theta)
    fixed = GaussianProcessRegressor(model.kernel_, alpha=model.best_alpha_, optimizer=None)
    fixed.fit(X, y)
    np.testing.assert_array_equal(
        model.predict(X + 1, return_std=True), fixed.predict(X + 1, return_std=True)
    )
    np.testing.assert_array_equal(model.alpha_, fixed.alpha_)
    predicted = cross_val_predict(fixed, X, y, cv=LeaveOneOut())
    np.testing.assert_allclose(model.best_score_, -np.mean((y - predicted) ** 2))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scattered_labels_are_not_explained_by_a_vanishing_length_scale():
    X, y = make_friedman1(200, noise=3.0, random_state=1)
    model = GaussianProcessRegressorCV(kernel=20.0 * RBF(2.0), normalize_y=True).fit(X, y)
    starts = [
        Reference(20.0 * RBF(2.0) + WhiteKernel(noise, (1e-4, 1.0)), normalize_y=True).fit(X, y)
        for noise in (0.001, 0.01, 0.1, 1.0)
    ]
    evidence = [start.log_marginal_likelihood_value_ for start in starts]
    assert min(evidence) < max(evidence) - 20  # the trap is there
    np.testing.assert_allclose(
        model.kernel_.theta, starts[np.argmax(evidence)].kernel_.k1.theta, atol=0.01
    )


def test_a_noise_too_small_for_the_kernel_is_never_chosen(data):
    X, y = np.vstack([data[0], data[0][:3]]), np.concatenate([data[1], data[1][:3] + 0.1])
    model = GaussianProcessRegressorCV([0.0, 0.1], 2.0 * RBF(500.0), optimizer=None).fit(X, y)
    assert model.best_alpha_ == 0.1
    with pytest.raises(np.linalg.LinAlgError, match="add larger ones"):
        GaussianProcessRegressorCV([0.0], 2.0 * RBF(5000.0), optimizer=None).fit(X, y)


@pytest.mark.parametrize("alphas", [[], [-1.0], [np.inf], [[0.1]]])
def test_alphas_that_are_no_variances_are_errors(data, alphas):
    with pytest.raises(ValueError, match="alphas must be one or more finite numbers"):
        GaussianProcessRegressorCV(alphas).fit(*data)


def test_attributes_appear_with_fit(data):
    model = GaussianProcessRegressorCV(ALPHAS, optimizer=None)
    assert not hasattr(model, "kernel_")
    assert not hasattr(model, "alpha_")
    one = model.fit(data[0][:1], data[1][:1])  # a single sample
    assert np.isfinite(one.best_score_)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:Predicted variances smaller than 0")
@pytest.mark.filterwarnings("ignore:All .* predicted standard deviations are equal")
@parametrize_with_checks([GaussianProcessRegressorCV(kernel=RBF(3.0), optimizer=None)])
def test_estimator_checks(estimator, check):
    check(estimator)
