"""Cholesky factors and inverses on threads of our own, against LAPACK's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from skmolal.gaussian_process._engine import host
from skmolal.gaussian_process._engine.host import HostCholesky, single_threaded_blas


def make_matrix(n, seed=0):
    """A well conditioned matrix whose upper half is rubbish, and the whole of it."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, n)) / np.sqrt(n)
    whole = root @ root.T + np.eye(n)
    return np.where(np.tri(n, dtype=bool), whole, 1e300), whole


def n_threads():
    return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}


def make_blocks_small(patch):
    patch.setattr(host, "_WHOLE", 16)
    patch.setattr(host, "_FEW", 30)
    patch.setattr(host, "_BLOCK", 8)
    patch.setattr(host, "_SMALL_BLOCK", 5)


@pytest.fixture
def small_blocks(monkeypatch):
    make_blocks_small(monkeypatch)


@given(n=st.integers(1, 60), n_threads=st.integers(1, 3), seed=st.integers(0, 5))
@settings(max_examples=60)
def test_factor_and_inverse_equal_numpys(n, n_threads, seed):
    with pytest.MonkeyPatch.context() as patch:
        make_blocks_small(patch)
        matrix, whole = make_matrix(n, seed)
        y = np.random.default_rng(seed).normal(size=(n, 2))
        factor = HostCholesky(matrix, n_threads)
        lower = np.linalg.cholesky(whole)
        np.testing.assert_allclose(np.tril(matrix), lower, atol=1e-12)
        np.testing.assert_allclose(
            factor.half_log_determinant(), 0.5 * np.linalg.slogdet(whole)[1], atol=1e-12
        )
        np.testing.assert_allclose(factor.whiten(y), np.linalg.solve(lower, y), atol=1e-12)
        np.testing.assert_allclose(factor.invert(y), np.linalg.solve(whole, y), atol=1e-12)
        inverse = np.tril(np.linalg.inv(whole))
        np.testing.assert_allclose(np.tril(matrix), inverse, atol=1e-12)


@pytest.mark.parametrize("n", [23, 100])
def test_the_number_of_threads_changes_no_bit(n, small_blocks):
    results = []
    for count in (1, 2, 4):
        matrix, _ = make_matrix(n)
        weights = HostCholesky(matrix, count).invert(np.arange(float(n))[:, None])
        results.append((np.tril(matrix), weights))
    for matrix, weights in results[1:]:
        np.testing.assert_array_equal(matrix, results[0][0])
        np.testing.assert_array_equal(weights, results[0][1])


@pytest.mark.parametrize("row", [3, 50])
def test_a_matrix_that_is_not_positive_definite_is_an_error(row, small_blocks):
    for n in (16, 60):
        matrix, _ = make_matrix(n)
        matrix[row % n, row % n] = -1.0
        with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
            HostCholesky(matrix, 2)


def test_blas_has_one_thread_inside_and_its_own_number_after():
    before = n_threads()
    with single_threaded_blas() as outer:
        assert n_threads() == {1}
        assert outer == max(before)
        with single_threaded_blas() as inner:
            assert inner == outer
        assert n_threads() == {1}
    assert n_threads() == before


def test_limits_of_two_threads_may_overlap():
    with threadpool_limits(2, "blas"):
        before = n_threads()  # {2}, or with a library that knows one thread alone {1, 2}
        first, second = single_threaded_blas(), single_threaded_blas()
        assert first.__enter__() == second.__enter__() == max(before)
        first.__exit__(None, None, None)
        assert n_threads() == {1}
        second.__exit__(None, None, None)
        assert n_threads() == before


def test_an_error_of_a_task_is_raised():
    def fail(item):
        raise ValueError(f"task {item}")

    with host._Pool(2) as pool, pytest.raises(ValueError, match="task"):
        pool.run(fail, [1, 2, 3])


def test_an_error_inside_ends_the_limit():
    before = n_threads()
    with pytest.raises(ValueError, match="inside"), single_threaded_blas():
        raise ValueError("inside")
    assert n_threads() == before
