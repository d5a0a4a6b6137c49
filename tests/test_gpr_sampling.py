"""Functions drawn from the posterior: distributed as scikit-learn's, and where equal to them."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.gaussian_process import GaussianProcessRegressor as Reference
from sklearn.gaussian_process.kernels import RBF, Matern

from skmolal import GaussianProcessRegressor

KERNELS = [RBF(0.5), Matern(0.7, nu=1.5)]

# Training samples with the symmetry of the grid: mirrored functions have equal singular values.
X_TRAIN = np.array([[0, 0], [0.5, 0.5], [-0.5, -0.5], [0.5, -0.5], [-0.5, 0.5]], dtype=float)
Y_TRAIN = np.arange(5.0)
SYMMETRIC = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1]), axis=-1).reshape(-1, 2)


def fit_both(kernel):
    return [
        cls(kernel, alpha=1e-3, optimizer=None).fit(X_TRAIN, Y_TRAIN)
        for cls in (GaussianProcessRegressor, Reference)
    ]


def smallest_gap(covariance):
    values = np.linalg.svd(covariance, compute_uv=False)
    return -np.diff(values).max() / values[0]


@pytest.mark.parametrize("kernel", KERNELS)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**31))
@example(seed=290)
def test_well_separated_draws_equal_scikit_learns_up_to_the_sign_of_each_direction(kernel, seed):
    model, reference = fit_both(kernel)
    X = np.random.default_rng(seed).uniform(-1.5, 1.5, size=(6, 2))
    mean, covariance = reference.predict(X, return_cov=True)
    gap = smallest_gap(covariance)
    directions = np.linalg.svd(covariance)[2]
    expected = directions @ (reference.sample_y(X, 4, random_state=seed) - mean[:, np.newaxis])
    drawn = directions @ (model.sample_y(X, 4, random_state=seed) - mean[:, np.newaxis])
    signs = np.sign(drawn[:, :1] * expected[:, :1])
    np.testing.assert_allclose(signs * drawn, expected, rtol=0, atol=1e-12 / gap)


@pytest.mark.parametrize("cls", [GaussianProcessRegressor, Reference])
@pytest.mark.parametrize("kernel", KERNELS)
def test_degenerate_draws_have_the_distribution_of_scikit_learns(kernel, cls):
    model, reference = fit_both(kernel)
    mean, covariance = reference.predict(SYMMETRIC, return_cov=True)
    assert smallest_gap(covariance) < 1e-12
    drawer = {GaussianProcessRegressor: model, Reference: reference}[cls]
    drawn = drawer.sample_y(SYMMETRIC, 4000, random_state=0)
    # Whitened, the draws are independent standard normal numbers.
    white = np.linalg.solve(np.linalg.cholesky(covariance), drawn - mean[:, np.newaxis])
    assert stats.kstest(white.ravel(), "norm").pvalue > 1e-3
    np.testing.assert_allclose(np.cov(white), np.eye(9), atol=5 / np.sqrt(4000))
    np.testing.assert_allclose(white.mean(axis=1), 0, atol=5 / np.sqrt(4000))


def test_the_seed_decides():
    model, _ = fit_both(KERNELS[0])
    first, again, other = (model.sample_y(SYMMETRIC, random_state=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
