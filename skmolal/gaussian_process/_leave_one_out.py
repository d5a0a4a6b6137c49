"""Leave-one-out predictions in closed form."""

import jax
import jax.numpy as jnp
import numpy as np

from skmolal.gaussian_process._block_tridiagonal import BlockTridiagonal
from skmolal.gaussian_process._factor import join_tiles

__all__ = ["leave_one_out", "leave_one_out_path"]


@jax.jit
def _add_squares(total, part):
    part = part.astype(total.dtype)
    return total + jnp.sum(part * part, axis=1)


def leave_one_out(factor, alpha, y):
    """Predict each training sample from all others.

    Parameters
    ----------
    factor : TiledCholesky
        Of the kernel matrix with its noise.
    alpha : ndarray of shape (n_samples, n_targets)
        Dual weights.
    y : ndarray of shape (n_samples, n_targets)
        Targets, normalised.

    Returns
    -------
    mean : ndarray of shape (n_samples, n_targets)
        Prediction of each sample by the other samples.
    variance : ndarray of shape (n_samples,)
        Its variance, the noise of the label included.
    """
    inverse_diagonal = []
    for i in range(factor.n_tiles):
        # diag(K^-1) is the squared norm of each row of L^-T.
        total = jnp.zeros(factor.tile)
        for part in factor.inverse_rows(i):
            total = _add_squares(total, part)
        inverse_diagonal.append(total)
    return _predictions(y, alpha, join_tiles(inverse_diagonal, factor.n_samples))


def leave_one_out_path(gram, y, alphas):
    """Predict each sample from all others, for several variances of the noise.

    The kernel matrix is computed and decomposed once.

    Parameters
    ----------
    gram : CompiledGram or HostGram
        Kernel matrix, without noise.
    y : ndarray of shape (n_samples, n_targets)
        Targets, normalised.
    alphas : ndarray of shape (n_alphas,)
        Variances of the noise.

    Yields
    ------
    mean, variance : ndarray
        As from :func:`leave_one_out`, for each of `alphas`; None where the matrix is not positive
        definite.
    """
    n_tiles = -(-len(y) // gram.tile)
    decomposition = BlockTridiagonal(
        [[gram.training_tile(i, 0, gram.tile, j) for j in range(i + 1)] for i in range(n_tiles)],
        len(y),
    )
    rotated = decomposition.rotate(y)
    for alpha in alphas:
        try:
            weights, inverse_diagonal = decomposition.solve(alpha, rotated)
        except np.linalg.LinAlgError:
            yield None
            continue
        yield _predictions(y, weights, inverse_diagonal)


def _predictions(y, weights, inverse_diagonal):
    # Rasmussen and Williams, eq. 5.12, page 117
    variance = 1.0 / inverse_diagonal
    return y - weights * variance[:, None], variance
