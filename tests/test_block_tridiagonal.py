"""One decomposition for all values of the noise, against dense inverses."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skmolal.gaussian_process._engine.block_tridiagonal import BlockTridiagonal
from skmolal.gaussian_process._engine.precision import numerics


def decompose(matrix, tile):
    """Decompose a matrix given in tiles, padded by the identity."""
    n_samples = len(matrix)
    order = -(-n_samples // tile) * tile
    padded = np.eye(order)
    padded[:n_samples, :n_samples] = matrix
    starts = range(0, order, tile)
    return BlockTridiagonal(
        [
            [jnp.asarray(padded[i : i + tile, j : j + tile]) for j in starts if j <= i]
            for i in starts
        ],
        n_samples,
    )


@given(
    n_samples=st.integers(1, 300),
    tile=st.sampled_from([16, 64, 128]),
    rank=st.integers(1, 40),
    alpha=st.floats(1e-6, 10.0),
    seed=st.integers(0, 99),
)
@example(n_samples=300, tile=128, rank=1, alpha=1e-6, seed=0)
@settings(max_examples=15)
def test_weights_and_diagonal_are_those_of_the_inverse(n_samples, tile, rank, alpha, seed):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n_samples, rank)), rng.normal(size=(n_samples, 2))
    matrix = X @ X.T / rank
    with numerics():
        decomposition = decompose(matrix, tile)
        weights, diagonal = decomposition.solve(alpha, decomposition.rotate(y))
    inverse = np.linalg.inv(matrix + alpha * np.eye(n_samples))
    condition = 1 + np.linalg.norm(matrix, 2) / alpha
    np.testing.assert_allclose(diagonal, np.diagonal(inverse), rtol=1e-13 * condition)
    scale = abs(inverse).max() * np.linalg.norm(y)
    np.testing.assert_allclose(weights, inverse @ y, atol=1e-13 * condition * scale)


def test_the_decomposition_is_one():
    n_samples, tile = 200, 64
    rng = np.random.default_rng(0)
    matrix = np.cov(rng.normal(size=(n_samples, 2 * n_samples)))
    with numerics():
        decomposition = decompose(matrix, tile)
        Q = np.block([[np.asarray(part) for part in row] for row in decomposition.rotation])
    width = decomposition.width
    B = np.zeros_like(Q)
    for k, block in enumerate(decomposition.diagonal):
        rows = slice(k * width, (k + 1) * width)
        B[rows, rows] = block
        if k > 0:
            before = slice((k - 1) * width, k * width)
            B[rows, before] = decomposition.below[k - 1]
            B[before, rows] = decomposition.below[k - 1].T
    np.testing.assert_allclose(Q @ Q.T, np.eye(len(Q)), atol=1e-12)
    np.testing.assert_allclose((Q @ B @ Q.T)[:n_samples, :n_samples], matrix, atol=1e-12)


def test_a_diagonal_matrix_needs_no_reflection():
    matrix = np.diag(np.linspace(1.0, 2.0, 100))
    with numerics():
        decomposition = decompose(matrix, 16)
        _, diagonal = decomposition.solve(0.5, decomposition.rotate(np.ones((100, 1))))
    np.testing.assert_allclose(diagonal, 1 / (np.diagonal(matrix) + 0.5))


def test_an_indefinite_matrix_is_refused():
    with numerics():
        decomposition = decompose(-np.eye(40), 16)
        with pytest.raises(np.linalg.LinAlgError):
            decomposition.solve(0.5, decomposition.rotate(np.ones((40, 1))))
