"""A process that believes its own predictions, and leaves the original alone."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.gaussian_process import GaussianProcessRegressor as ScikitLearn
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from skmolal import GaussianProcessRegressor
from skmolal.gaussian_process import PosteriorCovariance

KERNEL = ConstantKernel(1.3) * RBF(1.1) + WhiteKernel(0.01)


def make_problem(n_samples=200, n_features=3):
    X = np.random.default_rng(0).normal(size=(n_samples, n_features))
    return X, np.sin(X).sum(axis=1) + 5


def refit(gpr, X, X_new):
    """Fit scikit-learn's process to known and believed labels, in units of the known ones."""
    believed = (gpr.predict(X_new) - gpr._y_train_mean) / gpr._y_train_std
    alpha = gpr.alpha
    if np.ndim(alpha):
        alpha = np.concatenate([alpha, np.full(len(X_new), np.mean(alpha))])
    return ScikitLearn(gpr.kernel_, alpha=alpha, optimizer=None).fit(
        np.vstack([X, X_new]), np.concatenate([gpr.y_train_, believed])
    )


@pytest.mark.parametrize("n_labelled", [5, 16, 100])
@pytest.mark.parametrize(
    "options",
    [{}, {"warm_start": True}, {"dtype": "float32"}, {"alpha": 0.0}],
    ids=str,
)
def test_it_equals_a_refit_with_believed_labels(options, n_labelled):
    X, y = make_problem()
    gpr = GaussianProcessRegressor(
        KERNEL, **{"alpha": 1e-3, "optimizer": None, "normalize_y": True} | options
    ).fit(X[:n_labelled], y[:n_labelled])
    X_new, X_pool = X[100:120], X[120:]
    before = gpr.predict(X_pool, return_std=True)
    believer = gpr.believe(X_new)
    oracle = refit(gpr, X[:n_labelled], X_new)
    mean, std = oracle.predict(X_pool, return_std=True)
    tolerance = 1e-5 if gpr.dtype == "float32" else 1e-10
    for _ in range(2):  # the second time from what is kept of the pool
        got_mean, got_std = believer.predict(X_pool, return_std=True)
        np.testing.assert_allclose(got_mean, mean * gpr._y_train_std + gpr._y_train_mean, atol=1e-9)
        # A float32 factor promises 1e-5 of the prior std.
        slack = tolerance * np.sqrt(1.31) * gpr._y_train_std
        np.testing.assert_allclose(got_std, std * gpr._y_train_std, rtol=1e-10, atol=slack)
        np.testing.assert_allclose(got_mean, before[0], atol=1e-9)
    for old, new in zip(before, gpr.predict(X_pool, return_std=True), strict=True):
        np.testing.assert_array_equal(old, new)
    variance = PosteriorCovariance(believer, X_pool).variance
    np.testing.assert_allclose(np.sqrt(variance), std * gpr._y_train_std, rtol=1e-8, atol=slack)


class Own(RBF):
    """Not one of the kernels that are compiled."""


@pytest.mark.filterwarnings("ignore:.*kernel.*:UserWarning")
@pytest.mark.parametrize(
    "gpr",
    [
        GaussianProcessRegressor(KERNEL, alpha=np.linspace(0.01, 0.1, 30), optimizer=None),
        GaussianProcessRegressor(Own(1.0), alpha=1e-2, optimizer=None),
    ],
)
def test_noise_of_each_label_and_kernels_of_ones_own(gpr):
    X, y = make_problem(60)
    gpr.fit(X[:30], y[:30])
    expected = refit(gpr, X[:30], X[30:35]).predict(X[35:], return_std=True)[1]
    got = gpr.believe(X[30:35]).predict(X[35:], return_std=True)[1]
    np.testing.assert_allclose(got, expected, rtol=1e-8)


def test_sparse_rows():
    X, y = make_problem(60)
    gpr = GaussianProcessRegressor(KERNEL, optimizer=None)
    dense = gpr.fit(X[:30], y[:30]).believe(X[30:35]).predict(X[35:], return_std=True)[1]
    rows = sparse.csr_array(X)
    got = gpr.fit(rows[:30], y[:30]).believe(rows[30:35]).predict(rows[35:], return_std=True)[1]
    np.testing.assert_allclose(got, dense, rtol=1e-8)


def test_the_original_grows_on_after_its_copy_has_grown():
    X, y = make_problem()
    gpr = GaussianProcessRegressor(KERNEL, warm_start=True, optimizer=None)
    for n in (40, 57, 64, 90):
        gpr.fit(X[:n], y[:n]).predict(X[100:], return_std=True)
        believer = gpr.believe(X[95:100])
        believer.predict(X[100:], return_std=True)
        expected = ScikitLearn(KERNEL, optimizer=None).fit(X[:n], y[:n])
        got = gpr.predict(X[100:], return_std=True)
        for mine, theirs in zip(got, expected.predict(X[100:], return_std=True), strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-9)


def test_several_targets():
    X, y = make_problem(60)
    Y = np.column_stack([y, y**2])
    gpr = GaussianProcessRegressor(KERNEL, optimizer=None, normalize_y=True).fit(X[:30], Y[:30])
    mean, std = gpr.predict(X[40:], return_std=True)
    got_mean, got_std = gpr.believe(X[30:40]).predict(X[40:], return_std=True)
    np.testing.assert_allclose(got_mean, mean, atol=1e-9)
    assert (got_std <= std + 1e-12).all()


def test_what_cannot_be_believed():
    X, y = make_problem(10)
    with pytest.raises(NotFittedError):
        GaussianProcessRegressor().believe(X)
    gpr = GaussianProcessRegressor(RBF(1.0), alpha=0.0, optimizer=None).fit(X[:5], y[:5])
    with pytest.raises(np.linalg.LinAlgError):
        gpr.believe(X[:2])
    with pytest.raises(ValueError, match="features"):
        gpr.believe(X[:, :2])


def test_it_keeps_what_is_known_of_a_pool_by_number_or_by_content():
    X, y = make_problem()
    rows = np.arange(60, 200)
    gpr = GaussianProcessRegressor(KERNEL, optimizer=None, warm_start=True).fit(X[:50], y[:50])
    gpr._predict_rows(X, rows)
    known = gpr._posterior.cache.n_rows
    believer = gpr.believe(X[50:60])
    cold = GaussianProcessRegressor(KERNEL, optimizer=None).fit(X[:50], y[:50]).believe(X[50:60])
    expected = cold.predict(X[rows], return_std=True)
    twin = believer._posterior.cache
    assert twin.n_rows == known == len(rows)
    blocks = list(twin._blocks)
    np.testing.assert_allclose(believer._predict_rows(X, rows), expected, rtol=1e-6)
    assert twin._blocks == blocks  # nothing was made anew
    np.testing.assert_allclose(believer.predict(X[rows], return_std=True), expected, rtol=1e-6)
    assert gpr._posterior.cache.n_rows == known
