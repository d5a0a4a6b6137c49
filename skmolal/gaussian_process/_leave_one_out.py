"""Leave-one-out predictions in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import lapack

from skmolal.gaussian_process._factor import join_tiles

__all__ = ["leave_one_out", "leave_one_out_path"]


@jax.jit
def _sum_squares(parts):
    return sum(jnp.sum(part * part, axis=1) for part in parts)


def leave_one_out(posterior, y):
    """Predict each training sample from all others.

    Parameters
    ----------
    posterior : ExactPosterior
        Fitted to `y`.
    y : ndarray of shape (n_samples, n_targets)
        Targets, normalised.

    Returns
    -------
    mean : ndarray of shape (n_samples, n_targets)
        Prediction of each sample by the other samples.
    variance : ndarray of shape (n_samples,)
        Its variance, the noise of the label included.
    """
    factor = posterior.factor
    # diag(K^-1) is the squared norm of each row of L^-T.
    parts = [_sum_squares(factor.inverse_rows(i)) for i in range(factor.n_tiles)]
    variance = 1.0 / join_tiles(parts, factor.n_samples).astype(np.float64)
    # Rasmussen and Williams, eq. 5.12, page 117
    return y - posterior.alpha * variance[:, None], variance


@jax.jit
def _eliminate(rotation, diagonal, off_diagonal, targets, alphas):
    """Factor ``T + alpha = B D B^T`` and apply ``B^-1`` to the rotation and the targets.

    T is tridiagonal, so B is unit lower bidiagonal and one column is one step, for all values of
    alpha at once. Returns diag(K^-1), D, the entries of B below its diagonal, and B^-1 targets.
    """
    n_samples = len(diagonal)
    # No entry of B precedes the first column.
    entries = jnp.concatenate([jnp.zeros(1), off_diagonal])

    def step(state, k):
        pivot, solved, solved_targets, total = state
        ratio = jnp.where(k > 0, entries[k] / pivot, 0.0)
        new_pivot = diagonal[k] + alphas - entries[k] * ratio
        solved = rotation[k][None, :] - ratio[:, None] * solved
        solved_targets = targets[k][None, :] - ratio[:, None] * solved_targets
        total = total + solved * solved / new_pivot[:, None]
        state = new_pivot, solved, solved_targets, total
        return state, (new_pivot, ratio, solved_targets)

    n_alphas = len(alphas)
    start = (
        jnp.ones(n_alphas),
        jnp.zeros((n_alphas, n_samples)),
        jnp.zeros((n_alphas, targets.shape[1])),
        jnp.zeros((n_alphas, n_samples)),
    )
    (_, _, _, total), (pivots, ratios, solved) = jax.lax.scan(step, start, jnp.arange(n_samples))
    return total, pivots, ratios, solved


@jax.jit
def _substitute(pivots, ratios, solved):
    """Solve ``D B^T u = solved`` from the last row up."""

    def step(below, inputs):
        pivot, ratio_below, row = inputs
        u = row / pivot[:, None] - ratio_below[:, None] * below
        return u, u

    ratios_below = jnp.concatenate([ratios[1:], jnp.zeros_like(ratios[:1])])
    _, u = jax.lax.scan(
        step, jnp.zeros_like(solved[0]), (pivots, ratios_below, solved), reverse=True
    )
    return u


def leave_one_out_path(K, y, alphas):
    """Predict each sample from all others, for many variances of the noise.

    ``K = Q T Q^T`` with T tridiagonal is computed once; each noise then costs of order n^2. This
    is an eigendecomposition without its last and longest part.

    Parameters
    ----------
    K : ndarray of shape (n_samples, n_samples), order F
        Kernel matrix without `alphas`; its lower half is read, and it is overwritten.
    y : ndarray of shape (n_samples, n_targets)
        Targets, normalised.
    alphas : ndarray of shape (n_alphas,)
        Variances of the noise.

    Returns
    -------
    mean : ndarray of shape (n_alphas, n_samples, n_targets)
        As from :func:`leave_one_out`; NaN where ``K + alpha`` is not positive definite.
    variance : ndarray of shape (n_alphas, n_samples)
        Likewise.
    """
    n_samples = len(K)
    if n_samples == 1:
        rotation, diagonal, off_diagonal = np.ones((1, 1)), K[0].copy(), np.empty(0)
    else:
        work = int(lapack.dsytrd_lwork(n_samples, lower=1)[0])
        reflectors, diagonal, off_diagonal, tau, _ = lapack.dsytrd(
            K, lower=1, lwork=work, overwrite_a=1
        )
        # Q is 1 and, beside it, the product of the reflectors below the diagonal.
        rotation = np.zeros((n_samples, n_samples), order="F")
        rotation[0, 0] = 1.0
        inner, _, _ = lapack.dorgqr(np.asfortranarray(reflectors[1:, :-1]), tau)
        rotation[1:, 1:] = inner
    columns = jnp.asarray(rotation.T)
    targets = jnp.matmul(columns, jnp.asarray(y), precision="highest")
    inverse_diagonal, pivots, ratios, solved = _eliminate(
        columns, jnp.asarray(diagonal), jnp.asarray(off_diagonal), targets, jnp.asarray(alphas)
    )
    u = _substitute(pivots, ratios, solved)  # (n_samples, n_alphas, n_targets)
    weights = jnp.einsum("ki,kat->ait", columns, u, precision="highest")
    definite = np.asarray(jnp.all(pivots > 0, axis=0))
    variance = np.where(definite[:, None], 1.0 / np.asarray(inverse_diagonal), np.nan)
    # Rasmussen and Williams, eq. 5.12, page 117
    return y[None] - np.asarray(weights) * variance[..., None], variance
