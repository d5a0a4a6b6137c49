"""What a posterior knows of pool rows it has seen.

The partial solve V = K(X_pool, X_train) L^-T of a pool row stays right when the training set
grows: new training samples only append columns. So a loop pays for new pool rows and for new
columns, and a mean or a variance is a product with V. Rows are kept in blocks; within the limit
on memory, rows that the latest prediction asked for come first.
"""

import copy
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from skmolal.gaussian_process._engine.compilation import compiled
from skmolal.gaussian_process._engine.distances import product
from skmolal.gaussian_process._engine.exact import block_rows
from skmolal.gaussian_process._engine.factor import partial_steps, subtract_product
from skmolal.gaussian_process._engine.fingerprint import RowIndex, fingerprint_rows

__all__ = ["PoolCache"]

_MIN_HEIGHT = 16
# Of the largest std: rows that much below the n-th largest are not among the n. New samples lower
# a variance, but the last columns of a tile are computed anew, in float32 with other rounding.
_SLACK = {"float64": 1e-9, "float32": 1e-4}
_PATIENCE = 8  # predictions after which a row that nobody asks for is gone


@partial(compiled, static_argnames=("max_terms",))
def _subtract_rows(acc, solved, factor_rows, offset, max_terms):
    rows = jax.lax.dynamic_slice_in_dim(factor_rows, offset, acc.shape[1])
    return subtract_product(acc, solved, rows, max_terms)


@partial(compiled, static_argnames=("max_terms",))
def _solve_columns(solved, variance, acc, diagonal, inverse, offset, max_terms):
    """Solve for the columns of one tile from `offset` on, given the tiles before in `acc`."""
    height = acc.shape[1]
    rows = jax.lax.dynamic_slice_in_dim(diagonal, offset, height).astype(solved.dtype)
    earlier = (jnp.arange(solved.shape[1]) < offset)[None, :]
    acc = subtract_product(acc, solved, jnp.where(earlier, rows, 0.0), max_terms)
    old = jax.lax.dynamic_slice(solved, (0, offset), acc.shape)
    new = product(acc, jax.lax.dynamic_slice(inverse, (offset, offset), (height, height)))
    new = new.astype(solved.dtype)
    before, after = old.astype(variance.dtype), new.astype(variance.dtype)
    return new, variance + jnp.sum(before * before - after * after, axis=1)


@partial(jax.jit, donate_argnums=0)
def _set_columns(solved, new, offset):
    # In place. In one function with the solve, which reads `solved`, XLA copies it: twice the time.
    return jax.lax.dynamic_update_slice(solved, new, (0, offset))


@compiled
def _add_change(mean, solved, whitened, old):
    change = (whitened - old).astype(solved.dtype)
    return mean + jnp.matmul(solved, change, precision="highest")


@compiled
def _take(array, rows):
    return array[rows]


class _Block:
    """Some pool rows: their samples, their partial solve, their variance.

    Attributes
    ----------
    names : ndarray of shape (n_rows, ...)
        What the rows are recognised by: fingerprints, or numbers.
    kept : list of array or None
        The samples. None of rows of a table, until the first new column needs them.
    used : ndarray of int, shape (n_rows,)
        When each row was asked for the last time.
    grouped : bool
        Whether rows of large variance are together, of all blocks that are.
    """

    def __init__(self, posterior, X, names, height, clock, wide, table):
        gram = posterior.gram
        self.names = names
        self.used = np.full(len(names), clock)
        self.grouped = False
        self.height = height
        self.wide, self.table = wide, table
        self.row_bytes = 8 * gram.n_features  # of samples to be kept later
        if table is None:
            self.kept = gram.keep(X, height, wide)
            rows = gram.kept_rows(self.kept)
        else:
            self.kept, rows = None, gram.rows(X, 0, len(names), height)
        self.solved = []
        self.mean, self.variance = posterior.predict_block(rows, True, self.solved)
        self.whitened = posterior.whitened  # that `mean` is for
        self.n_samples = posterior.factor.n_samples

    @property
    def n_bytes(self):
        """Memory of samples and partial solves; of other than numeric samples unknown."""
        later = self.height * self.row_bytes if self.kept is None else 0
        arrays = (*(self.kept or ()), *self.solved)
        return later + sum(getattr(array, "nbytes", 0) for array in arrays)

    def fork(self):
        """Copy what would be changed in place: the last columns, which may not be complete."""
        twin = copy.copy(self)
        twin.used = self.used.copy()
        twin.kept = copy.copy(self.kept)
        twin.solved = [*self.solved[:-1], *(jnp.copy(last) for last in self.solved[-1:])]
        return twin

    def advance(self, posterior):
        """Append the columns of training samples that came since."""
        factor, gram = posterior.factor, posterior.gram
        for i, offset, height in partial_steps(self.n_samples, factor.n_samples, factor.tile):
            if i == len(self.solved):
                self.solved.append(jnp.zeros((self.height, factor.tile), factor.dtype))
            if self.kept is None:
                self.kept = gram.keep(self.table[self.names], self.height, self.wide)
            acc = gram.kept_columns(self.kept, i, offset, height)
            for j in range(i):
                acc = _subtract_rows(
                    acc, self.solved[j], factor.rows[i][j], offset, factor.max_terms
                )
            new, self.variance = _solve_columns(
                self.solved[i],
                self.variance,
                acc,
                factor.rows[i][i],
                factor.inverses[i],
                offset,
                factor.max_terms,
            )
            self.solved[i] = _set_columns(self.solved[i], new, offset)
        self.n_samples = factor.n_samples

    def predict(self, posterior):
        """Compute mean, shape (height, n_targets), and variance, shape (height,)."""
        self.advance(posterior)
        # The mean is V w with w = L^-1 y, of which only the change counts: float32 partial solves
        # then cost the mean no digits.
        if self.whitened is not posterior.whitened:
            if self.whitened[0].shape != posterior.whitened[0].shape:  # other targets
                self.whitened, self.mean = [], jnp.zeros(())
            for j, (solved, whitened) in enumerate(
                zip(self.solved, posterior.whitened, strict=True)
            ):
                old = self.whitened[j] if j < len(self.whitened) else jnp.zeros_like(whitened)
                if old is not whitened:
                    self.mean = _add_change(self.mean, solved, whitened, old)
            self.whitened = posterior.whitened
        return self.mean, self.variance

    def shrink(self, since, gram):
        """Forget rows not asked for `since` that time, where they are more than half."""
        alive = np.flatnonzero(self.used >= since)
        if 2 * len(alive) > self.height or len(alive) == 0 or self.height <= _MIN_HEIGHT:
            return False
        self.height = max(_MIN_HEIGHT, 1 << (len(alive) - 1).bit_length())
        self.names, self.used = self.names[alive], self.used[alive]
        rows = np.zeros(self.height, dtype=int)
        rows[: len(alive)] = alive
        if self.kept is not None:
            self.kept = gram.take_kept(self.kept, rows)
        self.solved = [_take(solved, rows) for solved in self.solved]
        self.mean, self.variance = _take(self.mean, rows), _take(self.variance, rows)
        return True


def _first_of_each(names):
    """Find the first of equal names, in order, and which of these each name equals."""
    _, first, again = np.unique(names, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[again.ravel()]


def _are_grouped(wanted):
    return all(block.grouped for block, _, _ in wanted)


def _sort_rows(blocks):
    """Distribute the rows of blocks over them by falling variance."""
    starts = np.cumsum([0] + [block.height for block in blocks[:-1]])
    place = np.concatenate(
        [a + np.arange(len(b.names)) for a, b in zip(starts, blocks, strict=True)]
    )
    names = np.concatenate([block.names for block in blocks])
    used = np.concatenate([block.used for block in blocks])
    variance = np.concatenate([np.asarray(b.variance)[: len(b.names)] for b in blocks])
    order = np.argsort(-variance)
    stop = np.cumsum([len(block.names) for block in blocks])
    groups = np.split(order, stop[:-1])
    rows = []
    for block, group in zip(blocks, groups, strict=True):
        block.names, block.used = names[group], used[group]
        rows.append(np.zeros(block.height, dtype=int))
        rows[-1][: len(group)] = place[group]

    # One kind of array after the other: only one of them is there twice.
    for name in ("mean", "variance"):
        joined = jnp.concatenate([block.__dict__.pop(name) for block in blocks])
        for block, part in zip(blocks, rows, strict=True):
            setattr(block, name, _take(joined, part))
    lists_of_all = [[block.solved for block in blocks]]
    if blocks[0].table is None:
        lists_of_all.append([block.kept for block in blocks])
    else:
        for block in blocks:
            block.kept = None
    for lists in lists_of_all:
        for _ in range(len(lists[0])):
            joined = jnp.concatenate([arrays.pop(0) for arrays in lists])
            for arrays, part in zip(lists, rows, strict=True):
                arrays.append(_take(joined, part))


class PoolCache:
    """Partial solves of pool rows for one posterior that only grows.

    Parameters
    ----------
    n_bytes : int
        Limit on the memory of samples and partial solves. Blocks that the present prediction
        does not use are dropped first, the longest unused before; rows that still do not fit are
        computed anew by each prediction.
    """

    def __init__(self, n_bytes):
        self.n_bytes = n_bytes
        self._blocks = []
        self._clock = 0
        self._pool = None  # the table whose rows are known by number
        self._wide = True  # whether samples are kept in float64
        self._columns = None  # of the samples that are kept, as the kernel matrix has them
        self._index = None  # of the names of all rows, in the order of the blocks

    def __getstate__(self):
        return {"n_bytes": self.n_bytes}

    def __setstate__(self, state):
        self.__init__(**state)

    def fork(self):
        """Copy what is known for a posterior that is extended apart from this one."""
        twin = PoolCache(self.n_bytes)
        twin.__dict__.update(self.__dict__)  # copy.copy would forget, as a pickle does
        twin._blocks = [block.fork() for block in self._blocks]
        return twin

    @property
    def n_rows(self):
        """Number of rows kept."""
        return sum(len(block.names) for block in self._blocks)

    def predict(self, posterior, X, check):
        """Predict the rows of `X`; rows seen before are recognised by content.

        Parameters
        ----------
        posterior : ExactPosterior
            The one the cache belongs to.
        X : ndarray or CSR of shape (n_rows, n_features)
            Pool.
        check : callable
            Called with the rows that were not seen before, if there are any.

        Returns
        -------
        mean : ndarray of shape (n_rows, n_targets)
            As :meth:`ExactPosterior.predict` returns it.
        variance : ndarray of shape (n_rows,)
            Likewise.
        """
        names, places = self._recognise(posterior, X, check)
        return self._predict(posterior, X, np.arange(len(names)), names, places)

    def predict_rows(self, posterior, X, rows):
        """Predict ``X[rows]``; rows seen before are recognised by number.

        Parameters
        ----------
        posterior : ExactPosterior
            The one the cache belongs to.
        X : ndarray or CSR of shape (n_all, n_features)
            All rows that a loop may ask for: the same unchanged object in every call.
        rows : ndarray of int, shape (n_rows,)
            Which of them.

        Returns
        -------
        mean, variance : ndarray
            As from :meth:`predict`.
        """
        return self._predict(posterior, X, rows, rows, self._find(posterior, X, rows))

    def most_uncertain(self, posterior, X, n, check):
        """Predict the variance of those rows of `X` that may be among the `n` largest.

        New samples only lower a variance: a block whose largest variance of old is below the
        n-th largest of now is left as it is. For this rows are grouped by their variance.

        Parameters
        ----------
        posterior, X, check
            As for :meth:`predict`.
        n : int
            How many are wanted.

        Returns
        -------
        candidates : ndarray of int, shape (n_candidates,)
            Rows of `X`, ascending; all others have a smaller std than the `n` largest, up to the
            rounding of the factor's type.
        variance : ndarray of shape (n_candidates,)
            Theirs.
        """
        names, places = self._recognise(posterior, X, check)
        return self._most_uncertain(posterior, X, np.arange(len(names)), names, places, n)

    def most_uncertain_rows(self, posterior, X, rows, n):
        """Do the same for ``X[rows]``, as :meth:`predict_rows` knows them; returns places there."""
        return self._most_uncertain(posterior, X, rows, rows, self._find(posterior, X, rows), n)

    def _most_uncertain(self, posterior, X, rows, names, places, n):
        self._clock += 1
        all_known = (places >= 0).all()  # so hyperparameters were kept: it will pay to group
        wanted = self._of_each_block(places)
        if all_known and not _are_grouped(wanted) and self._group(posterior):
            wanted = self._of_each_block(self._locate(names))
        if not (all_known and _are_grouped(wanted)):
            _, variance = self._predict(posterior, X, rows, names, places)
            return np.arange(len(rows)), variance
        slack = _SLACK[posterior.factor.dtype.name]
        stale = [np.asarray(block.variance)[local] for block, _, local in wanted]
        kept, found = [], np.empty(0)
        for k in sorted(range(len(wanted)), key=lambda k: -stale[k].max()):
            if len(found) >= n:
                std = np.sqrt(np.maximum(found, 0))
                lowest = np.partition(std, -n)[-n] - slack * std.max()
                if stale[k].max() < max(lowest, 0) ** 2:
                    break
            block, chosen, local = wanted[k]
            block.advance(posterior)
            kept.append(chosen)
            found = np.append(found, np.asarray(block.variance)[local])
        kept = np.concatenate(kept)
        order = np.argsort(kept)
        self._keep_limit()
        self._shrink(posterior)
        return kept[order], found[order]

    def _recognise(self, posterior, X, check):
        """Name the rows of `X`, and find the place of each, -1 where it is unknown."""
        if self._pool is not None or self._columns is not posterior.gram.blocks:
            self._reset(posterior, None)
        names = fingerprint_rows(X)
        places = self._locate(names)
        unknown = np.flatnonzero(places < 0)
        if unknown.size:
            check(X if len(unknown) == len(names) else X[unknown])
        return names, places

    def _find(self, posterior, X, rows):
        """Find the place of each row by its number, -1 where it is unknown."""
        if self._pool is not X or self._columns is not posterior.gram.blocks:
            self._reset(posterior, X)
        return self._locate(rows)

    def _locate(self, names):
        """Find the place of each name, -1 where it is unknown."""
        known = [block.names for block in self._blocks] if self._index is None else None
        if self._pool is None:
            if known is not None:
                self._index = RowIndex(np.concatenate([np.empty((0, 4), np.uint64), *known]))
            return self._index.find(names)
        if known is not None:
            self._index = np.full(self._pool.shape[0], -1)
            self._index[np.concatenate([np.empty(0, int), *known])] = np.arange(self.n_rows)
        return self._index[names]

    def _reset(self, posterior, pool):
        self._blocks, self._pool, self._index = [], pool, None
        self._columns = posterior.gram.blocks

    def _of_each_block(self, places):
        """Tell (block, which of `places` are in it, where) for each block; they are in use."""
        start, result = 0, []
        for block in self._blocks:
            wanted = np.flatnonzero((places >= start) & (places < start + len(block.names)))
            if wanted.size:
                local = places[wanted] - start
                block.used[local] = self._clock
                result.append((block, wanted, local))
            start += len(block.names)
        return result

    def _group(self, posterior):
        """Distribute the rows that are asked for over blocks by falling variance, if they can be.

        That variance may be of some labels ago.
        """
        blocks = [block for block in self._blocks if block.used.max() == self._clock]
        if posterior.gram.blocks is None:  # samples of any kind
            return False
        kinds = {block.kept[0].dtype for block in blocks if block.table is None}
        ages = {(block.n_samples, id(block.whitened)) for block in blocks}
        if len(kinds) > 1 or len(ages) > 1:  # pools of two types, or predicted at two times
            return False
        self._blocks = blocks + [b for b in self._blocks if b.used.max() != self._clock]
        self._index = None
        try:
            if len(blocks) > 1:
                _sort_rows(blocks)
        except BaseException:  # an interrupt leaves blocks behind that fit no more
            self._reset(posterior, self._pool)
            raise
        for block in blocks:
            block.grouped = True
        return True

    def _predict(self, posterior, X, rows, names, places):
        self._clock += 1
        mean = np.empty((len(rows), posterior.whitened[0].shape[1]))
        variance = np.empty(len(rows))
        known = [
            (wanted, local, *block.predict(posterior))
            for block, wanted, local in self._of_each_block(places)
        ]
        # Only now wait for the device.
        for wanted, local, block_mean, block_variance in known:
            mean[wanted] = np.asarray(block_mean)[local]
            variance[wanted] = np.asarray(block_variance)[local]
        unknown = np.flatnonzero(places < 0)
        if unknown.size:
            first, again = _first_of_each(names[unknown])
            height = block_rows(posterior.gram, posterior.factor, len(first))
            if not self._blocks:  # a quarter of the limit is for samples, the rest for solves
                self._wide = 8 * len(first) * posterior.gram.n_features <= self.n_bytes / 4
            for begin in range(0, len(first), height):
                part = slice(begin, min(begin + height, len(first)))
                new = unknown[first[part]]
                block = _Block(
                    posterior,
                    X[rows[new]],
                    names[new],
                    height,
                    self._clock,
                    self._wide,
                    self._pool,
                )
                block_mean, block_variance = block.predict(posterior)
                wanted = (again >= part.start) & (again < part.stop)
                local = again[wanted] - part.start
                mean[unknown[wanted]] = np.asarray(block_mean)[local]
                variance[unknown[wanted]] = np.asarray(block_variance)[local]
                self._blocks.append(block)
                self._keep_limit()
            self._index = None
        self._keep_limit()
        self._shrink(posterior)
        return mean, variance

    def _shrink(self, posterior):
        """Forget rows that were not asked for of late."""
        since = self._clock - _PATIENCE
        in_use = [block for block in self._blocks if block.used.max() >= since]
        if len(in_use) < len(self._blocks):
            self._blocks, self._index = in_use, None
        for block in self._blocks:
            if block.shrink(since, posterior.gram):
                self._index = None

    def _keep_limit(self):
        """Drop blocks until the rest is within the limit."""
        sizes = {id(block): block.n_bytes for block in self._blocks}
        total = sum(sizes.values())
        # Of equally recent blocks the latest goes first: the others are kept for good.
        latest_first = list(reversed(self._blocks))
        for block in sorted(latest_first, key=lambda block: block.used.max()):
            if total <= self.n_bytes:
                return
            self._blocks = [other for other in self._blocks if other is not block]
            self._index = None
            total -= sizes[id(block)]
