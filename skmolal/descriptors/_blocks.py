"""Features of many molecules, a block of rows at a time, so that little is held beside them."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from math import ceil

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from joblib.parallel import (
    LokyBackend,
    MultiprocessingBackend,
    SequentialBackend,
    ThreadingBackend,
    get_active_backend,
)
from scipy import sparse as sp
from tqdm.auto import tqdm

# Largest dense block of rows that a worker holds beside the result.
BLOCK_BYTES = 2**24
# More rows than this would leave the last worker at work alone, and a progress bar still.
_MAX_ROWS = 512
# More than so many records that cannot be described are counted, not named.
_MAX_NAMED = 100


@dataclass(frozen=True)
class BlockRunner:
    """Computes blocks of rows, by several workers.

    Parameters
    ----------
    fill : callable
        ``fill(structures, block)`` writes the rows of some molecules into a block of zeros. It
        may return a list of str, one for each molecule that it could not describe: when all are
        through, these are raised at once.
    n_features : int
        Number of columns of a block.
    dtype : dtype
        Type of a block.
    n_jobs : int or None
        Number of workers.
    threads : bool
        Whether the workers are threads (for a `fill` that frees the interpreter lock) or
        processes. Where the active backend of joblib reaches other machines, it is used anyway.
    verbose : bool
        Whether to show a progress bar.
    label : str
        What the progress bar says.
    fills_rows : bool
        Whether `fill` only ever assigns whole rows, ``block[i] = row``, so that a sparse matrix
        needs no dense block.
    """

    fill: Callable
    n_features: int
    dtype: np.dtype
    n_jobs: int | None
    threads: bool
    verbose: bool
    label: str
    fills_rows: bool = False

    def compute_dense(self, structures, kept=None, out=None):
        """Return the rows of all molecules, all columns or those `kept`, in `out` if given."""
        clear = out is not None  # new zeros are given out by the system, and cost nothing
        if out is None:
            n_columns = self.n_features if kept is None else len(kept)
            out = np.zeros((len(structures), n_columns), self.dtype)
        # memory maps are arrays of a class of their own, which compiled code does not know
        target = np.asarray(out) if self._shares_memory() and kept is None else None
        for rows, block in self._run(structures, partial(_select, kept=kept), target, clear):
            if target is None:
                out[rows] = block
        return out

    def compute_sparse(self, structures, kept=None):
        """Return the rows of all molecules as a CSR matrix, all columns or those `kept`."""
        n_columns = self.n_features if kept is None else len(kept)
        blocks = [sp.csr_matrix((0, n_columns), dtype=self.dtype)]
        make_block = SparseRows if self.fills_rows else np.zeros
        found = self._run(structures, partial(_to_csr, kept=kept), make_block=make_block)
        return sp.vstack(blocks + [block for _, block in found], format="csr")

    def find_nonzero(self, structures):
        """Return the indices of the columns that are not zero for all molecules."""
        nonzero = np.zeros(self.n_features, dtype=bool)
        for _, found in self._run(structures, _any_nonzero):
            nonzero |= found
        return np.flatnonzero(nonzero)

    def _run(self, structures, finish, target=None, clear=False, make_block=np.zeros):
        """Yield ``rows, finish(block)`` in order.

        Blocks are parts of `target`, if given, which is set to zero before, if `clear`.
        """
        blocks = list(self._split_rows(len(structures)))

        def tasks():
            for rows in blocks:
                part = rows.stop - rows.start if target is None else target[rows]
                yield structures.take(rows), part

        make_block = partial(_make_block, make_block, self.n_features, self.dtype)
        work = partial(_work, self.fill, finish, make_block, clear)
        if len(blocks) == 1:  # no worker is faster than none
            results = (work(*task) for task in tasks())
        elif self._shares_memory():
            results = _run_threads(work, tasks(), self.n_jobs)
        else:
            results = _run_processes(work, tasks(), self.n_jobs)
        bar = tqdm(
            total=len(structures), desc=self.label, unit="molecule", disable=not self.verbose
        )
        failures = []
        with bar:
            for rows, (result, failed) in zip(blocks, results, strict=True):
                failures += failed or []
                yield rows, result
                bar.update(rows.stop - rows.start)
        _raise_failures(failures)

    def _shares_memory(self):
        """Tell whether the workers are threads, or processes, maybe on other machines."""
        backend, _ = get_active_backend()
        is_local = isinstance(
            backend, (LokyBackend, MultiprocessingBackend, SequentialBackend, ThreadingBackend)
        )
        return self.threads and is_local

    def _split_rows(self, n_rows):
        step = BLOCK_BYTES // (np.dtype(self.dtype).itemsize * self.n_features)
        step = min(max(step, 1), _MAX_ROWS)
        if not self.threads and (n_workers := effective_n_jobs(self.n_jobs)) > 1:
            # what runs by processes is slow: a few rows are worth a worker
            step = min(step, max(ceil(n_rows / (4 * n_workers)), 1))
        for start in range(0, n_rows, step):
            yield slice(start, min(start + step, n_rows))


class SparseRows:
    """A block of rows that keeps what is not zero; for those who assign whole rows."""

    def __init__(self, shape, dtype):
        self.shape = shape
        self._dtype = dtype
        self._columns = [np.empty(0, np.int32)] * shape[0]
        self._values = [np.empty(0, dtype)] * shape[0]

    def __setitem__(self, i, row):
        columns = np.flatnonzero(row)
        self._columns[i] = columns.astype(np.int32)
        self._values[i] = row[columns].astype(self._dtype)

    def tocsr(self):
        """Return the rows as a CSR matrix."""
        ends = np.cumsum([0] + [len(columns) for columns in self._columns])
        parts = np.concatenate(self._values), np.concatenate(self._columns), ends
        return sp.csr_matrix(parts, shape=self.shape)


def _make_block(kind, n_features, dtype, n_rows):
    return kind((n_rows, n_features), dtype)


def _work(fill, finish, make_block, clear, structures, part):
    """Compute one block, a new one of so many rows or a given one, and say what failed."""
    if isinstance(part, int):
        block = make_block(part)
        failed = fill(structures, block)
        return finish(block), failed
    if clear:
        part[...] = 0
    return None, fill(structures, part)


def _raise_failures(failures):
    if len(failures) == 1:
        raise ValueError(failures[0])
    if failures:
        more = len(failures) - _MAX_NAMED
        named = failures[:_MAX_NAMED] + ([f"and {more} more"] if more > 0 else [])
        raise ValueError("\n".join([f"{len(failures)} molecules cannot be described:", *named]))


def _select(block, kept):
    return block if kept is None else block[:, kept]


def _to_csr(block, kept):
    if isinstance(block, SparseRows):
        rows = block.tocsr()
        return rows if kept is None else rows[:, kept]
    return sp.csr_matrix(_select(block, kept))


def _any_nonzero(block):
    return block.any(axis=0)


def _run_processes(work, tasks, n_jobs):
    return Parallel(n_jobs=n_jobs, return_as="generator")(delayed(work)(*task) for task in tasks)


def _run_threads(work, tasks, n_jobs):
    """Yield results in order, with few tasks in flight."""
    n_threads = effective_n_jobs(n_jobs)
    if n_threads == 1:
        for task in tasks:
            yield work(*task)
        return
    pool = ThreadPoolExecutor(n_threads)
    try:
        waiting = deque()
        for task in tasks:
            waiting.append(pool.submit(work, *task))
            if len(waiting) > 2 * n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
