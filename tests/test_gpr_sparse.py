"""Sparse rows of a pool are multiplied as they are."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, WhiteKernel

from skmolal import GaussianProcessRegressor
from skmolal.gaussian_process import TanimotoKernel
from skmolal.gaussian_process._engine import gram
from skmolal.gaussian_process._engine.sparse import SparseTiles, read_sparse_rows

ENTRIES = {
    "bits": lambda rng, n: np.ones(n),
    "counts": lambda rng, n: rng.integers(1, 20, n),
    "counts whose sums are beyond 16 bits": lambda rng, n: rng.integers(100, 250, n),
    "a count beyond 16 bits": lambda rng, n: rng.choice([1, 70_000], n),
    "numbers": lambda rng, n: rng.normal(size=n),
    "negative integers": lambda rng, n: rng.integers(-5, 6, n),
}


def make_csr(entries, shape, seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    X = sparse.random(*shape, density=0.2, random_state=rng, format="csr")
    X.data = ENTRIES[entries](rng, X.nnz).astype(dtype)
    return X


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("right", ENTRIES)
@pytest.mark.parametrize("left", ENTRIES)
def test_products_equal_scipys(left, right, n_threads, dtype, monkeypatch):
    monkeypatch.setattr("skmolal.gaussian_process._engine.host.count_threads", lambda: n_threads)
    pool, samples = make_csr(left, (400, 30), 0, dtype), make_csr(right, (40, 30), 1, dtype)
    tiles = SparseTiles(samples, 16)
    rows = read_sparse_rows(pool[3:397], 512)
    expected = pool.astype(np.float64) @ samples.astype(np.float64).T
    for j, start in enumerate((0, 16, 32)):
        inner = tiles.multiply(rows, j)
        part = expected[3:397, start : start + 16].toarray()
        np.testing.assert_allclose(inner[:394, : part.shape[1]], part, rtol=1e-13, atol=1e-12)
        assert not inner[394:].any()
        assert not inner[:, part.shape[1] :].any()
    norms = pool[3:397].astype(np.float64).power(2).sum(axis=1)
    np.testing.assert_allclose(rows.squared_norms[:394], np.ravel(norms), rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "kernel",
    [
        ConstantKernel(2.0) * TanimotoKernel() + WhiteKernel(0.1),
        TanimotoKernel() * DotProduct(0.5) + ConstantKernel(0.1),
    ],
    ids=str,
)
def test_a_sparse_pool_is_predicted_as_a_dense_one(kernel, dtype):
    X = make_csr("counts", (260, 30), 0)
    y = np.sin(np.asarray(X.sum(axis=1)).ravel())
    sparse_model = GaussianProcessRegressor(kernel, alpha=0.1, optimizer=None, dtype=dtype)
    dense_model = GaussianProcessRegressor(kernel, alpha=0.1, optimizer=None, dtype=dtype)
    sparse_model.fit(X[:60], y[:60])
    dense_model.fit(X[:60].toarray(), y[:60])
    tolerance = 1e-10 if dtype == "float64" else 1e-5
    pool = X[60:]
    for sparse_part, dense_part in zip(
        sparse_model.predict(pool, return_std=True),
        dense_model.predict(pool.toarray(), return_std=True),
        strict=True,
    ):
        np.testing.assert_allclose(sparse_part, dense_part, atol=tolerance)
    np.testing.assert_allclose(
        sparse_model.predict(pool, return_cov=True)[1],
        dense_model.predict(pool.toarray(), return_cov=True)[1],
        atol=tolerance,
    )
    np.testing.assert_allclose(
        sparse_model.predict(pool), sparse_model.predict(pool.toarray()), atol=1e-10
    )


def test_sparse_rows_never_become_dense(monkeypatch):
    X = make_csr("counts", (260, 30), 0)
    model = GaussianProcessRegressor(TanimotoKernel(), alpha=0.1, optimizer=None)
    model.fit(X[:60], np.arange(60.0))

    def refuse(*_):
        raise AssertionError("dense")

    monkeypatch.setattr(gram.Blocks, "features", refuse)
    model.predict(X[60:], return_std=True)


def test_entries_of_one_place_count_together():
    X = sparse.csr_matrix(([1.0, 2.0, 4.0], [0, 0, 1], [0, 3]), shape=(1, 2))
    rows = read_sparse_rows(X, 16)
    assert rows.squared_norms[0] == 25.0
    assert SparseTiles(X, 16).multiply(rows, 0)[0, 0] == 25.0
    assert X.nnz == 3
