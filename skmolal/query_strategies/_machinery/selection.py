"""What every strategy needs to choose: valid sizes, a random stream, and an order without luck."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import _num_samples

__all__ = ["best", "check_n_instances", "check_stream", "first_best", "top_n"]

_NEAR = 1e-10


def check_n_instances(X_pool, n_instances):
    """Check the size of a query against the pool.

    Parameters
    ----------
    X_pool : array-like, shape (n_pool, ...)
        The pool.
    n_instances : int
        Rows asked for.

    Returns
    -------
    n_pool : int
        Rows in the pool.
    n_picks : int
        Rows to choose, ``min(n_instances, n_pool)``.

    Raises
    ------
    ValueError
        If `n_instances` is not an integer of at least 1, or the pool is empty.
    """
    if isinstance(n_instances, bool) or not isinstance(n_instances, Integral) or n_instances < 1:
        raise ValueError(f"n_instances must be an integer of at least 1, got {n_instances!r}")
    n_pool = _num_samples(X_pool)
    if n_pool == 0:
        raise ValueError("X_pool must have at least one row, got none: there is nothing to query")
    return n_pool, min(int(n_instances), n_pool)


def check_stream(random_state, n_pool, n_picks):
    """Turn the `random_state` of a query into a stream of random numbers.

    A seed is used as it is and an instance draws on, as everywhere in scikit-learn. None is a
    seed made from the sizes of the query, so that the same call gives the same answer and two
    rounds of a loop, whose pools differ in size, do not draw alike.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        As given to the strategy.
    n_pool, n_picks : int
        Sizes of the query.

    Returns
    -------
    random_state : RandomState instance
        The stream.
    """
    if random_state is None:
        random_state = int(np.random.SeedSequence([n_pool, n_picks]).generate_state(1)[0])
    return check_random_state(random_state)


def top_n(utility, n, scale=None):
    """Find the rows of largest utility, near ties in order of position.

    Rows are taken in descending order of utility. The best row not yet placed leads a group of
    all rows that follow it by at most ``1e-10 * max(scale, |utility of the leader|)``; a group is
    in order of position. Groups do not chain: each is measured from its leader. So round-off,
    which depends on the machine and the number of threads, does not change a pick.

    Parameters
    ----------
    utility : ndarray of shape (n_candidates,)
        Larger is better; not NaN, not +inf.
    n : int
        Rows wanted, at most ``n_candidates``.
    scale : float, default=None
        Size of the numbers that the utility was computed from. None: its largest finite
        absolute value.

    Returns
    -------
    idx : ndarray of shape (n,), dtype intp
        Positions in order of preference.
    """
    utility = np.asarray(utility, dtype=np.float64)
    order = np.argsort(-utility, kind="stable")
    falling = -utility[order]  # ascending, for searchsorted
    if scale is None:
        scale = _size(utility)
    start = 0
    while start < n:
        leader = falling[start]
        near = _NEAR * max(scale, abs(leader)) if np.isfinite(leader) else 0.0
        if start + 1 == len(falling) or falling[start + 1] > leader + near:
            start += 1
            continue
        stop = np.searchsorted(falling, leader + near, side="right")
        order[start:stop].sort()
        start = stop
    return order[:n]


def best(utility, scale=0.0):
    """Find the row of largest utility, of near ties the first.

    Parameters
    ----------
    utility : ndarray of shape (n_candidates,)
        Larger is better; -inf is never chosen.
    scale : float, default=0.0
        Size of the numbers that the utility was computed from, if that may be above the largest
        utility. A tie is near by the rule of :func:`top_n`.

    Returns
    -------
    idx : int
        Its position.
    """
    leader = utility.max()
    return int(np.argmax(utility >= leader - _NEAR * max(scale, abs(leader))))


def first_best(groups, n_groups, utility):
    """Find the row of largest utility in each group, of near ties the first.

    Parameters
    ----------
    groups : ndarray of shape (n_candidates,), dtype int
        Group of each row, from 0 to ``n_groups - 1``.
    n_groups : int
        Number of groups, of which some may have no row.
    utility : ndarray of shape (n_candidates,)
        Larger is better; finite. A tie is near by the rule of :func:`top_n`.

    Returns
    -------
    idx : ndarray of shape (n_groups_with_rows,), dtype intp
        Positions, in order of the groups that have rows.
    """
    best = np.full(n_groups, -np.inf)
    np.maximum.at(best, groups, utility)
    near = _NEAR * np.maximum(_size(utility), np.abs(best))
    contenders = np.flatnonzero(utility >= best[groups] - near[groups])
    _, first = np.unique(groups[contenders], return_index=True)
    return contenders[first]


def _size(utility):
    finite = np.abs(utility[np.isfinite(utility)])
    return float(finite.max()) if finite.size else 0.0
