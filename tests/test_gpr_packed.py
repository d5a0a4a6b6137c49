"""Bits are packed, and multiplied by counting what two samples share."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, WhiteKernel

from skmolal import GaussianProcessRegressor
from skmolal.gaussian_process import PosteriorCovariance, TanimotoKernel
from skmolal.gaussian_process._engine import exact, gram
from skmolal.gaussian_process._engine.packed import PackedRows, PackedTiles, pack_rows
from skmolal.gaussian_process._engine.products import Products
from skmolal.gaussian_process._engine.sparse import SparseRows

DTYPES = [bool, np.uint8, np.int64, np.float16, ">f8", np.float32, np.float64]


def make_bits(shape, seed, density=0.3, dtype=np.float64):
    return (np.random.default_rng(seed).random(shape) < density).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix, np.asfortranarray])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_products_equal_those_of_numbers(container, dtype, n_threads, monkeypatch):
    if container is sparse.csr_matrix and dtype in (np.float16, ">f8"):
        pytest.skip("SciPy has no such matrices")
    monkeypatch.setattr("skmolal.gaussian_process._engine.host.count_threads", lambda: n_threads)
    pool, samples = make_bits((400, 130), 0), make_bits((40, 130), 1)
    rows = pack_rows(container(pool.astype(dtype)), 512)
    tiles = PackedTiles(container(samples.astype(dtype)), 16)
    expected = pool @ samples.T
    for j, start in enumerate((0, 16, 32)):
        inner = tiles.multiply(rows, j)
        part = expected[:, start : start + 16]
        np.testing.assert_array_equal(inner[:400, : part.shape[1]], part)
        assert not inner[400:].any()
        assert not inner[:, part.shape[1] :].any()
    np.testing.assert_array_equal(rows.squared_norms[:400], pool.sum(axis=1))
    np.testing.assert_array_equal(PackedTiles.of(rows).multiply(rows, 0)[:400, :400], pool @ pool.T)


@given(
    n_features=st.integers(1, 200),
    row=st.integers(0, 4),
    value=st.sampled_from([2.0, -1.0, 0.5, 1 + 1e-7, np.nan, np.inf, 1e-300]),
    data=st.data(),
)
@settings(max_examples=60)
def test_one_number_that_is_no_bit_is_seen(n_features, row, value, data):
    X = make_bits((5, n_features), 0)
    assert pack_rows(X, 16) is not None
    X[row, data.draw(st.integers(0, n_features - 1))] = value
    assert pack_rows(X, 16) is None
    if np.isfinite(value):
        assert pack_rows(sparse.csr_matrix(X), 16) is None


def kind_of(X, pool):
    rows = Products(X, 16).take(pool, 64)
    return None if rows is None else type(rows)


@pytest.mark.parametrize(
    ("density", "expected"), [(0.01, SparseRows), (0.2, PackedRows)], ids=["sparse", "not so"]
)
def test_what_is_faster_is_taken(density, expected):
    X, pool = make_bits((50, 640), 0, density), make_bits((50, 640), 1, density)
    csr, csr_pool = sparse.csr_matrix(X), sparse.csr_matrix(pool)
    assert kind_of(csr, csr_pool) is expected
    assert kind_of(csr * 2, csr_pool) is SparseRows
    assert kind_of(csr, csr_pool * 2) is SparseRows
    assert kind_of(X, pool) is PackedRows
    assert kind_of(X, csr_pool) is PackedRows
    assert kind_of(X, pool * 2) is None
    assert kind_of(X * 2, pool) is None
    assert kind_of(csr, pool) is (PackedRows if expected is PackedRows else None)


def test_a_bit_that_is_there_twice_is_a_count():
    twice = sparse.csr_matrix(([1.0, 1.0, 1.0], [0, 0, 1], [0, 3]), shape=(1, 2))
    assert kind_of(np.ones((3, 2)), twice) is None
    assert Products(np.ones((3, 2)), 16).take(sparse.csr_matrix(np.ones((1, 2))), 16) is not None


KERNELS = [
    ConstantKernel(2.0) * TanimotoKernel() + WhiteKernel(0.1),
    TanimotoKernel() * DotProduct(0.5) + ConstantKernel(0.1),
]


def predict_all(model, pool):
    mean, std = model.predict(pool, return_std=True)
    posterior = PosteriorCovariance(model, pool)
    return (
        mean,
        std,
        model.predict(pool, return_cov=True)[1],
        posterior.columns([0, 100, 199]),
        posterior.condition([5, 150]).variance,
    )


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("case", ["bits", "CSR", "some blocks", "float32"])
def test_bits_are_predicted_as_numbers_are(kernel, case, monkeypatch):
    X, pool = make_bits((60, 130), 0), make_bits((200, 130), 1)
    y = np.sin(X.sum(axis=1))
    if case == "some blocks":
        monkeypatch.setattr(exact, "block_rows", lambda *_: 32)
        pool[170, 3] = 2.0
    params = {"alpha": 0.1, "optimizer": None}
    if case == "float32":
        params["dtype"] = "float32"
    model = GaussianProcessRegressor(kernel, **params)
    container = sparse.csr_matrix if case == "CSR" else np.asarray
    model.fit(container(X), y)
    seen = []
    take = Products.take
    with monkeypatch.context() as patch:
        patch.setattr(
            Products,
            "take",
            lambda self, *args: (seen.append(take(self, *args)), seen[-1])[1],
        )
        packed = predict_all(model, container(pool))
    kinds = {type(rows) for rows in seen}
    assert kinds == ({PackedRows, type(None)} if case == "some blocks" else {PackedRows})
    monkeypatch.setattr(Products, "take", lambda *_: None)
    tolerance = 1e-5 if case == "float32" else 1e-10
    for one, other in zip(packed, predict_all(model, container(pool)), strict=True):
        np.testing.assert_allclose(one, other, atol=tolerance)


def test_bits_of_a_pool_are_never_numbers(monkeypatch):
    X, pool = make_bits((60, 130), 0, dtype=np.uint8), make_bits((200, 130), 1, dtype=np.uint8)
    model = GaussianProcessRegressor(KERNELS[0], alpha=0.1, optimizer=None).fit(X, np.arange(60.0))
    expected = model.predict(pool, return_std=True)

    def refuse(*_):
        raise AssertionError("numbers")

    monkeypatch.setattr(gram.Blocks, "features", refuse)
    copy = pickle.loads(pickle.dumps(model))
    for one in (model, copy):
        np.testing.assert_array_equal(one.predict(pool, return_std=True), expected)
