"""Which rows of a pool may have the largest utilities, without solving for all of them.

The variance of a row only falls as training samples are taken in, tile by tile of the factor, and
the first of m tiles costs 1 / m**2 of all. So the variance after some tiles, first the prior's,
bounds that of all, and with the mean, which is cheap, it bounds a utility. Rows are taken in order
of that bound, a block at a time; those whose bound falls below the n-th best utility known so far
drop out, and when a block begins below it, all rows that follow are out.
"""

from typing import NamedTuple

import jax
import numpy as np

from skmolal.gaussian_process._engine.exact import block_rows, compute_blocks
from skmolal.gaussian_process._engine.factor import subtract_squares

__all__ = ["Contest", "hold_contest", "scan"]

_LEAST = 128  # rows of a block; then four times as many, for few sizes to compile


class Contest(NamedTuple):
    """What is known when a contest is over.

    Attributes
    ----------
    rows : ndarray of int, shape (n_found,)
        Rows that may be among the n best, ascending.
    variance : ndarray of shape (n_found,)
        Theirs.
    bound : float
        No other row has a larger utility, whatever its variance.
    work : float
        Share of the arithmetic of all variances that was done.
    """

    rows: np.ndarray
    variance: np.ndarray
    bound: float
    work: float


@jax.jit
def _take(array, rows):
    return array[rows]


def scan(posterior, X):
    """Compute mean, shape (n_rows, n_targets), and prior variance, shape (n_rows,), of a pool."""
    n_rows = X.shape[0]
    mean = np.empty((n_rows, posterior.weights[0].shape[1]))
    prior = np.empty(n_rows)

    def compute(rows):
        return posterior.predict_block(rows, False)[0], posterior.gram.diagonal(rows)

    for places, computed in compute_blocks(posterior.gram, posterior.factor, X, compute):
        mean[places], prior[places] = computed
    return mean, prior


def hold_contest(posterior, X, prior, n, ceiling, value, near):
    """Find the rows whose utility may be among the `n` largest.

    Parameters
    ----------
    posterior : ExactPosterior
        Of the fit.
    X : array-like or CSR of shape (n_rows, n_features)
        Pool.
    prior : ndarray of shape (n_rows,)
        Prior variance of each row.
    n : int
        Rows wanted.
    ceiling : callable
        ``ceiling(rows, variance)`` bounds the utilities of rows for all variances up to these.
    value : callable
        ``value(rows, variance)`` is their utility.
    near : callable
        ``near(utility)``: rows so close to it count as equal.

    Returns
    -------
    contest : Contest
        With all rows whose utility is that of the n-th best, or near it, or above.
    """
    n_rows = X.shape[0]
    n = min(n, n_rows)
    first = ceiling(np.arange(n_rows), prior)
    order = np.argsort(-first, kind="stable")
    height = block_rows(posterior.gram, posterior.factor, n_rows)
    rows, variances, values = [np.empty(0, int)], [np.empty(0)], np.empty(0)
    bar, work = -np.inf, 0
    for start in range(0, n_rows, height):
        if first[order[start]] < bar:
            break
        contenders = np.sort(order[start : start + height])
        contenders = contenders[first[contenders] >= bar]
        left, variance, done = _race(posterior, X, contenders, height, ceiling, bar)
        rows.append(left)
        variances.append(variance)
        values = np.append(values, value(left, variance))
        work += done
        if len(values) >= n:
            best = np.partition(values, -n)[-n]
            bar = best - near(best) if best > -np.inf else best
    rows, variances = np.concatenate(rows), np.concatenate(variances)
    found = np.flatnonzero(values >= bar)
    found = found[np.argsort(rows[found])]
    n_tiles = posterior.factor.n_tiles
    # Of rows that dropped out, the ceilings are below the bar.
    return Contest(rows[found], variances[found], bar, work / (n_rows * n_tiles**2))


def _race(posterior, X, contenders, height, ceiling, bar):
    """Solve for some rows tile by tile; those whose ceiling falls below the bar drop out.

    Returns rows, variances, and the work in units of a product with one tile.
    """
    gram, factor = posterior.gram, posterior.factor

    n_padded = _pad(len(contenders), height)
    rows, solved, work = gram.rows(X[contenders], 0, len(contenders), n_padded), [], 0
    variance = gram.diagonal(rows)
    for j in range(factor.n_tiles):
        part = factor.solve_next(gram.cross_tile(rows, j), solved)
        variance = subtract_squares(variance, part)
        solved.append(part)
        work += len(contenders) * (2 * j + 1)
        if bar == -np.inf or j + 1 == factor.n_tiles or (j + 1) & j:  # after 1, 2, 4, ... tiles
            continue
        known = np.asarray(variance)[: len(contenders)]
        alive = np.flatnonzero(ceiling(contenders, known) >= bar)
        if len(alive) == 0:
            return contenders[:0], known[:0], work
        if _pad(len(alive), height) < n_padded:
            contenders, n_padded = contenders[alive], _pad(len(alive), height)
            rows = gram.rows(X[contenders], 0, len(contenders), n_padded)
            taken = np.zeros(n_padded, int)
            taken[: len(alive)] = alive
            solved = [_take(part, taken) for part in solved]
            variance = _take(variance, taken)
    return contenders, np.asarray(variance)[: len(contenders)], work


def _pad(n_rows, height):
    """Choose the number of rows of a block that holds so many."""
    n_padded = _LEAST
    while n_padded < n_rows:
        n_padded *= 4
    return min(n_padded, height)
