"""How many labels, batches, seeds and test molecules: what the options say, else what fits."""

from typing import NamedTuple

import numpy as np

__all__ = ["Sizes", "choose_sizes"]

_UNIT = 100  # first labels where there are enough molecules: 100, then 100, 200 and 400
_BATCHES = (1, 2, 4)
_SEEDS = 3
_SEEDS_OF_A_SMALL_SET = 6  # the fewest that can tell a difference from chance


class Sizes(NamedTuple):
    """Sizes of a run."""

    n_initial: int
    batches: list
    seeds: int
    test_size: int  # molecules; groups of them, where they have groups
    n_test: int  # molecules, the most there may be


def choose_sizes(n_samples, *, groups=None, n_initial, batches, seeds, test_size):
    """Return sizes that fit, or say why those given do not.

    Parameters
    ----------
    n_samples : int
        Number of molecules.
    groups : array-like of shape (n_samples,), default=None
        Molecules that stay together.
    n_initial, batches : int or float, list of them; or None
        Options: numbers, or shares of the pool. None chooses: in all at most half of the pool is
        labelled, the number doubling with each batch.
    seeds : int or None
        Option; None chooses.
    test_size : int or float
        Number or share of the molecules (groups) held out; 0 is none.
    """
    members = np.ones(n_samples, int) if groups is None else np.bincount(groups)
    n_out = round(test_size * len(members)) if isinstance(test_size, float) else test_size
    if test_size != 0 and not 0 < n_out < len(members):
        raise ValueError(
            f"--test-size: {n_out} of {len(members)} molecules leaves no pool or no test"
        )
    n_test = int(np.sort(members)[::-1][:n_out].sum())
    pool = n_samples - n_test
    n_initial = _count(n_initial, pool)
    batches = None if batches is None else [_count(size, pool) for size in batches]
    given = (n_initial or 0) + sum(batches or [])
    parts = (n_initial is None) + (sum(_BATCHES) if batches is None else 0)
    fitting = pool // (2 * (1 + sum(_BATCHES)))
    unit = max(2, min(_UNIT, fitting))
    if parts:
        unit = min(unit, (pool - given) // parts)
    needed = given + parts * unit
    if unit < 1 or needed > pool:
        labels = max(needed, given + parts)
        wanted = f"--n-initial and --batches ask for {labels} labels"
        if not given:
            wanted = f"a run with default sizes takes at least {labels} labels"
        raise ValueError(
            f"{wanted}, but {n_samples} molecules less {n_test} for testing leave {pool}; give "
            "smaller --n-initial and --batches"
        )
    return Sizes(
        n_initial=n_initial or unit,
        batches=batches or [unit * times for times in _BATCHES],
        seeds=seeds or (_SEEDS if fitting >= _UNIT else _SEEDS_OF_A_SMALL_SET),
        test_size=n_out,
        n_test=n_test,
    )


def _count(size, pool):
    """Return the number of molecules that a number, or a share of the pool, stands for."""
    return max(1, round(size * pool)) if isinstance(size, float) else size
