"""ColumnKernel: the kernel inside, on some columns, in scikit-learn's regressor and in ours."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import approx_fprime
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor as Reference
from sklearn.gaussian_process import kernels as sk
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from skmolal import GaussianProcessRegressor
from skmolal.gaussian_process import (
    ColumnKernel,
    GaussianProcessRegressorCV,
    PosteriorCovariance,
    TanimotoKernel,
    feature_union_columns,
)
from skmolal.gaussian_process._engine import pool_cache
from skmolal.gaussian_process._engine.blocks import Blocks
from skmolal.gaussian_process._engine.kernels import parse_kernel
from skmolal.gaussian_process._engine.precision import numerics

N_FEATURES = 40
MASK = np.arange(N_FEATURES) % 3 == 1
# Blocks above and below 16 columns, which are computed differently.
KERNELS = {
    "one": ColumnKernel(sk.RBF(5.0), slice(0, 30)) + sk.WhiteKernel(0.02),
    "sum": 2.0 * ColumnKernel(sk.RBF(5.0), slice(6, None))
    + ColumnKernel(sk.DotProduct(0.5), slice(0, 6))
    + sk.WhiteKernel(0.02),
    "product": ColumnKernel(sk.Matern(5.0, nu=1.5), MASK)
    * ColumnKernel(sk.RationalQuadratic(5.0), [0, -1, 7])
    + sk.WhiteKernel(0.02),
    "overlap": sk.RBF(6.0)
    + 0.5 * ColumnKernel(sk.RBF([1.0, 2.0, 3.0]), [3, 1, 2]) ** 2
    + sk.WhiteKernel(0.02),
    "of a sum": ColumnKernel(1.5 * sk.RBF(5.0) + sk.WhiteKernel(0.02), slice(1, 25))
    + ColumnKernel(TanimotoKernel(), slice(25, 40)),
    "nested": ColumnKernel(
        sk.DotProduct(0.3, "fixed")
        + ColumnKernel(sk.Matern(np.linspace(2, 4, 18), nu=1.5), slice(2, None)),
        slice(10, 30),
    )
    + sk.WhiteKernel(0.02),
}


def make_data(n_samples=130, seed=0):
    rng = np.random.default_rng(seed)
    X = 0.3 + rng.normal(size=(n_samples, N_FEATURES))
    X[7] = X[3]
    return X, np.sin(X[:, 8]) + X[:, 1] + 0.1 * rng.normal(size=n_samples)


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    monkeypatch.setattr("skmolal.gaussian_process._gpr.choose_tile", lambda *_: 32)


# --- a kernel of scikit-learn -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "indices"),
    [
        (slice(0, 3), [0, 1, 2]),
        (slice(None, None, 2), range(0, N_FEATURES, 2)),
        (slice(-2, None), [38, 39]),
        ([5, -1], [5, 39]),
        (MASK, np.flatnonzero(MASK)),
        (MASK.tolist(), np.flatnonzero(MASK)),
    ],
)
def test_it_is_the_kernel_inside_on_the_columns(columns, indices):
    X, _ = make_data(20)
    inside = 2.0 * sk.RBF(1.5) + sk.WhiteKernel(0.1)
    kernel, part = ColumnKernel(inside, columns), X[:, indices]
    np.testing.assert_array_equal(kernel(X), inside(part))
    np.testing.assert_array_equal(kernel(X[:5], X), inside(part[:5], part))
    np.testing.assert_array_equal(kernel.diag(X), inside.diag(part))
    gradients = kernel(X, eval_gradient=True), inside(part, eval_gradient=True)
    for ours, theirs in zip(*gradients, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(kernel.bounds, inside.bounds)
    assert kernel.is_stationary() == inside.is_stationary()
    assert kernel.requires_vector_input == inside.requires_vector_input


def test_hyperparameters_are_those_inside_by_nested_names():
    kernel = ColumnKernel(sk.RBF([1.0, 2.0]), [0, 4]) + sk.WhiteKernel()
    names = [hyperparameter.name for hyperparameter in kernel.hyperparameters]
    assert names == ["k1__kernel__length_scale", "k2__noise_level"]
    kernel.set_params(k1__kernel__length_scale=[3.0, 5.0], k1__columns=slice(0, 2))
    np.testing.assert_allclose(np.exp(kernel.theta), [3.0, 5.0, 1.0])
    kernel.theta = np.log([7.0, 8.0, 9.0])
    np.testing.assert_allclose(kernel.k1.kernel.length_scale, [7.0, 8.0])
    assert kernel.k1.columns == slice(0, 2)
    copy = kernel.clone_with_theta(np.zeros(3))
    np.testing.assert_allclose(copy.k1.kernel.length_scale, 1.0)
    np.testing.assert_allclose(kernel.k1.kernel.length_scale, [7.0, 8.0])


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_copies_are_equal(kernel):
    for copy in (clone(kernel), pickle.loads(pickle.dumps(kernel))):
        assert copy == kernel
        assert repr(copy) == repr(kernel)


def test_equal_by_value():
    kernel = ColumnKernel(sk.RBF(), MASK)
    assert kernel == ColumnKernel(sk.RBF(), MASK.tolist())
    assert ColumnKernel(sk.RBF(), [1, 2]) == ColumnKernel(sk.RBF(), np.array([1, 2], np.int32))
    for other in (
        ColumnKernel(sk.RBF(), MASK[:-1]),
        ColumnKernel(sk.RBF(), ~MASK),
        ColumnKernel(sk.RBF(), slice(0, 2)),
        ColumnKernel(sk.RBF(2.0), MASK),
        ColumnKernel(sk.RBF(), [1, 4]),
        sk.RBF(),
    ):
        assert kernel != other


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        (slice(0, None), "slice(0, None)"),
        (slice(0, 9, 3), "slice(0, 9, 3)"),
        ([0, 1, 2, 7, -1], "np.r_[0:3, 7, -1]"),
        (np.arange(1500) > 3, "np.r_[4:1500]"),
    ],
)
def test_repr_is_short_and_complete(columns, text):
    assert repr(ColumnKernel(sk.RBF(2.0), columns)) == f"ColumnKernel(RBF(length_scale=2), {text})"
    if not isinstance(columns, slice):
        chosen = eval(text)
        np.testing.assert_array_equal(np.arange(1500)[columns], np.arange(1500)[chosen])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("xtb", "columns must be a slice, a list of integer indices or a boolean mask, got 'xtb'"),
        (3, "columns must be a slice"),
        ([0.5], "columns must be a slice"),
        (slice("a", "b"), "columns must be a slice"),
        ([0, 40], r"columns must be among the 40 features, got np.r_\[0, 40\]"),
        ([-41], "among the 40 features"),
        (MASK[:-1], "columns is a mask of 39 entries for 40 features"),
        (slice(40, None), r"columns=slice\(40, None\) selects none of the 40 features"),
        (np.zeros(40, bool), r"columns=\[\] selects none"),
    ],
)
@pytest.mark.parametrize("regressor", [Reference, GaussianProcessRegressor])
def test_bad_columns_are_named(columns, message, regressor):
    X, y = make_data(20)
    with pytest.raises(ValueError, match=message):
        regressor(ColumnKernel(sk.RBF(), columns)).fit(X, y)


@pytest.mark.parametrize("kernel", [sk.Matern([1.0, 2.0]), sk.RBF(np.ones(39))])
@pytest.mark.parametrize("regressor", [Reference, GaussianProcessRegressor])
def test_as_many_length_scales_as_columns(kernel, regressor):
    X, y = make_data(20)
    for inside, n_columns in [(kernel, 40), (ColumnKernel(kernel, slice(1, 4)), 3)]:
        with pytest.raises(ValueError, match=rf"dimensions as data \(\d+!={n_columns}\)"):
            regressor(inside, optimizer=None).fit(X, y)


# --- compiled -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_predictions_are_those_of_scikit_learn(kernel, container):
    X, y = make_data()
    assert parse_kernel(kernel).spec is not None
    args = {"kernel": kernel, "optimizer": None, "alpha": 1e-3, "normalize_y": True}
    expected = Reference(**args).fit(X[:100], y[:100])
    model = GaussianProcessRegressor(**args).fit(container(X[:100]), y[:100])
    pool = container(X[90:])
    for option in ("return_std", "return_cov"):
        theirs = expected.predict(X[90:], **{option: True})
        for one, other in zip(model.predict(pool, **{option: True}), theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-9)
    theirs = expected.log_marginal_likelihood(kernel.theta, eval_gradient=True)
    ours = model.log_marginal_likelihood(kernel.theta, eval_gradient=True)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-9)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-8, atol=1e-8)
    if container is np.asarray:
        slope = approx_fprime(kernel.theta, model.log_marginal_likelihood, 1e-6)
        np.testing.assert_allclose(ours[1], slope, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("n_columns", [5, 25])
def test_columns_alone_or_among_others(n_columns):
    X, y = make_data()
    args = {"optimizer": None, "alpha": 1e-3}
    kernel = ColumnKernel(sk.RBF(3.0), slice(0, n_columns))
    model = GaussianProcessRegressor(kernel, **args).fit(X[:100], y[:100])
    expected = Reference(sk.RBF(3.0), **args).fit(X[:100, :n_columns], y[:100])
    result = model.predict(X[100:], return_std=True)
    reference = expected.predict(X[100:, :n_columns], return_std=True)
    np.testing.assert_allclose(result, reference, atol=1e-10)
    # What the kernel does not see may be anything.
    X[100:, n_columns:] = 1e300
    np.testing.assert_array_equal(model.predict(X[100:], return_std=True), result)


def test_equal_selections_share_a_block():
    kernel = (
        ColumnKernel(sk.RBF(), slice(0, 3)) * ColumnKernel(sk.DotProduct(), slice(0, 3))
        + ColumnKernel(2.0 * sk.RBF() + ColumnKernel(sk.RBF(), [1, 0]), MASK)
        + ColumnKernel(sk.Matern(), MASK.copy())
        + sk.WhiteKernel()
    )
    X, _ = make_data(20)
    with numerics():
        blocks = Blocks(parse_kernel(kernel), X)
    assert (blocks.n_blocks, blocks.n_features) == (3, 3 + 2 + MASK.sum())


def test_hyperparameters_are_learned():
    X, y = make_data()
    line = ColumnKernel(sk.DotProduct(0.1, "fixed"), slice(0, 6))
    kernel = line + ColumnKernel(sk.RBF(3.0), [8, 9]) + sk.WhiteKernel(0.1)
    model = GaussianProcessRegressor(kernel).fit(X[:100], y[:100])
    expected = Reference(kernel).fit(X[:100], y[:100])
    np.testing.assert_allclose(
        model.log_marginal_likelihood_value_, expected.log_marginal_likelihood_value_, rtol=1e-5
    )
    assert model.kernel_.k1.k1.columns == slice(0, 6)


@pytest.mark.parametrize(
    ("name", "dtype", "pool_cache_bytes"),
    [
        ("sum", "float64", 2**31),
        ("sum", "float64", 60_000),
        ("sum", "float64", 0),
        ("sum", "float32", 2**31),
        ("overlap", "float64", 2**31),
        ("of a sum", "float32", 60_000),
    ],
)
def test_a_warm_start_gives_what_a_fresh_fit_gives(name, dtype, pool_cache_bytes, monkeypatch):
    # Several blocks of rows, so that they are sorted by variance.
    monkeypatch.setattr(pool_cache, "block_rows", lambda *_: 16)
    X, y = make_data()
    model = GaussianProcessRegressor(
        KERNELS[name],
        alpha=0.05,
        optimizer=None,
        warm_start=True,
        dtype=dtype,
        pool_cache_bytes=pool_cache_bytes,
    )
    by_rows = clone(model)
    tolerance = 1e-8 if dtype == "float64" else 1e-4
    for n_labelled in (20, 33, 34, 70):
        pool = np.arange(n_labelled, 130)
        args = X[:n_labelled], y[:n_labelled]
        fresh = clone(model).set_params(warm_start=False, dtype="float64").fit(*args)
        expected = fresh.predict(X[pool], return_std=True)
        results = [model.fit(*args).predict(X[pool], return_std=True)]
        results.append(by_rows.fit(*args)._predict_rows(X, pool))
        for result in results:
            np.testing.assert_allclose(result, expected, atol=tolerance)
        candidates, std = by_rows._most_uncertain_rows(X, pool, 5)
        np.testing.assert_allclose(np.sort(std)[-5:], np.sort(expected[1])[-5:], atol=tolerance)
        assert set(np.argsort(expected[1])[-3:]) <= set(candidates)
        cache = model._posterior.cache
        assert sum(block.n_bytes for block in cache._blocks) <= pool_cache_bytes
    assert cache.n_rows == {0: 0, 2**31: 110}.get(pool_cache_bytes, cache.n_rows)
    believer = by_rows.believe(X[pool[:10]])
    np.testing.assert_allclose(believer.predict(X[pool]), expected[0], atol=10 * tolerance)
    assert believer.predict(X[pool[:1]], return_std=True)[1][0] < expected[1][0]


def test_the_memory_of_each_block_is_counted():
    X, y = make_data()
    kernels = sk.RBF(5.0), sk.RBF(5.0) + ColumnKernel(sk.RBF(5.0), slice(0, 20))
    sizes = []
    for kernel in kernels:
        model = GaussianProcessRegressor(kernel, optimizer=None, warm_start=True)
        model.fit(X[:50], y[:50]).predict(X[50:], return_std=True)
        (block,) = model._posterior.cache._blocks
        with numerics():  # elsewhere older versions of JAX count float64 as float32
            sizes.append(block.n_bytes)
    assert sizes[1] - sizes[0] == block.height * (20 + 1) * 8  # features and norms


def test_hyperparameters_wait_for_growth():
    X, y = make_data()
    kernel = ColumnKernel(sk.RBF(3.0), slice(6, None)) + sk.WhiteKernel(0.1)
    model = GaussianProcessRegressor(kernel, warm_start=True, reoptimize_growth=2.0)
    thetas = [model.fit(X[:n], y[:n]).kernel_.theta for n in (30, 40, 60)]
    np.testing.assert_array_equal(thetas[0], thetas[1])
    assert not np.array_equal(thetas[1], thetas[2])
    # Other columns are another model.
    model.set_params(kernel__k1__columns=slice(5, None)).fit(X[:60], y[:60])
    fresh = clone(model).set_params(warm_start=False, optimizer=None, kernel=model.kernel_)
    expected = fresh.fit(X[:60], y[:60]).predict(X[60:])
    np.testing.assert_allclose(model.predict(X[60:]), expected, atol=1e-8)


@pytest.mark.parametrize("name", ["sum", "of a sum"])
def test_leave_one_out_and_joint_posterior(name):
    X, y = make_data()
    model = GaussianProcessRegressor(KERNELS[name], alpha=0.05, optimizer=None)
    mean, std = model.fit(X[:60], y[:60]).loo_predict(return_std=True)
    for left_out in (0, 59):
        others = np.delete(np.arange(60), left_out)
        one = clone(model).fit(X[others], y[others])
        expected_mean, expected_std = one.predict(X[[left_out]], return_std=True)
        np.testing.assert_allclose(mean[left_out], expected_mean[0], atol=1e-9)
        np.testing.assert_allclose(std[left_out] ** 2, expected_std[0] ** 2 + 0.05, atol=1e-9)
    joint = PosteriorCovariance(model, X[60:])
    covariance = model.predict(X[60:], return_cov=True)[1]
    np.testing.assert_allclose(joint.columns([0, 9]), covariance[:, [0, 9]], atol=1e-9)
    grown = clone(model).fit(X[:62], y[:62])
    expected = grown.predict(X[60:], return_std=True)[1] ** 2
    np.testing.assert_allclose(joint.condition([0, 1]).variance, expected, atol=1e-9)


def test_noise_is_chosen_by_cross_validation():
    X, y = make_data()
    kernel = ColumnKernel(sk.DotProduct(), slice(0, 6)) + ColumnKernel(sk.RBF(5.0), slice(6, None))
    model = GaussianProcessRegressorCV([1e-2, 1e-1, 1.0], kernel, optimizer=None).fit(X, y)
    for alpha, score in zip([1e-2, 1e-1, 1.0], model.scores_, strict=True):
        one = GaussianProcessRegressor(kernel, alpha=alpha, optimizer=None).fit(X, y)
        np.testing.assert_allclose(score, -np.mean((y - one.loo_predict()) ** 2), rtol=1e-8)
    assert model.kernel_ == kernel


def test_a_fitted_model_survives_pickling():
    X, y = make_data()
    model = GaussianProcessRegressor(KERNELS["product"], optimizer=None).fit(X[:50], y[:50])
    loaded = pickle.loads(pickle.dumps(model))
    for one, other in zip(
        loaded.predict(X, return_std=True), model.predict(X, return_std=True), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_a_kernel_that_is_not_known_works_on_columns_too():
    X, y = make_data()
    kernel = ColumnKernel(sk.PairwiseKernel(metric="laplacian", gamma=0.1), slice(0, 20))
    assert parse_kernel(kernel).spec is None
    args = {"kernel": kernel, "optimizer": None, "alpha": 1e-3}
    expected = Reference(**args).fit(X[:50], y[:50]).predict(X[50:], return_std=True)
    with pytest.warns(match="not among those that are compiled"):
        result = GaussianProcessRegressor(**args).fit(X[:50], y[:50]).predict(X[50:], True)
    np.testing.assert_allclose(result, expected, atol=1e-9)


class _Subclass(ColumnKernel):
    pass


def test_a_subclass_is_not_compiled():
    assert parse_kernel(_Subclass(sk.RBF(), [0])).spec is None


# --- the columns of a FeatureUnion --------------------------------------------------------------


@pytest.mark.parametrize("verbose", [True, False])
def test_the_parts_of_a_union_are_found(verbose):
    X, y = make_data(30)
    union = FeatureUnion(
        [
            ("as they are", "passthrough"),
            ("none", "drop"),
            ("powers", Pipeline([("scale", StandardScaler()), ("p", PolynomialFeatures(2))])),
        ],
        verbose_feature_names_out=verbose,
    )
    if not verbose:
        union.set_params(powers=PolynomialFeatures(2, include_bias=False))
    X = X[:, :4]
    with pytest.raises(Exception, match="not fitted"):
        feature_union_columns(union)
    features = union.fit(X).transform(X)
    columns = feature_union_columns(union)
    assert list(columns) == ["as they are", "powers"]
    np.testing.assert_array_equal(features[:, columns["as they are"]], X)
    powers = dict(union.transformer_list)["powers"].transform(X)
    np.testing.assert_array_equal(features[:, columns["powers"]], powers)
    assert columns["powers"].stop == features.shape[1]
    kernel = ColumnKernel(sk.RBF(), columns["powers"]) + sk.WhiteKernel()
    GaussianProcessRegressor(kernel, optimizer=None).fit(features, y)
