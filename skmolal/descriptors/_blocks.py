"""Features of many molecules, a block of rows at a time, so that little is held beside them."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from scipy import sparse as sp
from tqdm.auto import tqdm

# Largest dense block of rows that a worker holds beside the result.
BLOCK_BYTES = 2**24


def build_features(
    fill, structures, n_features, *, out=None, dtype, sparse, n_jobs, threads, verbose, label
):
    """Compute the features of all molecules.

    Parameters
    ----------
    fill : callable
        ``fill(structures, block)`` writes the rows of some molecules into a block of zeros.
    structures : Structures
        The molecules.
    n_features : int
        Number of columns.
    out : ndarray of shape (n_molecules, n_features), default=None
        Array to write into, a memory map for instance.
    dtype : dtype
        Type of the result.
    sparse : bool
        Whether to return a CSR matrix.
    n_jobs : int or None
        Number of workers.
    threads : bool
        Whether the workers are threads (for a `fill` that frees the interpreter lock) or
        processes.
    verbose : bool
        Whether to show a progress bar.
    label : str
        What the progress bar says.

    Returns
    -------
    X : ndarray or csr_matrix of shape (n_molecules, n_features)
        `out`, where it was given.
    """
    blocks = _split_rows(len(structures), n_features, np.dtype(dtype).itemsize)
    dense = None
    if not sparse:
        dense = np.zeros((len(structures), n_features), dtype) if out is None else out
        if out is not None:
            out[...] = 0

    def tasks():
        for rows in blocks:
            shape = (rows.stop - rows.start, n_features)
            target = dense[rows] if threads and not sparse else None
            yield fill, structures.take(rows), shape, dtype, sparse, target

    found = []
    results = _run_threads(tasks(), n_jobs) if threads else _run_processes(tasks(), n_jobs)
    with tqdm(total=len(structures), desc=label, unit="molecule", disable=not verbose) as bar:
        for rows, block in zip(blocks, results, strict=True):
            if sparse:
                found.append(block)
            elif not threads:
                dense[rows] = block
            bar.update(rows.stop - rows.start)
    if not sparse:
        return dense
    return sp.vstack(found, format="csr") if found else sp.csr_matrix((0, n_features), dtype=dtype)


def _split_rows(n_rows, n_features, itemsize):
    step = min(max(BLOCK_BYTES // (itemsize * n_features), 1), 512)
    return [slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step)]


def _compute_block(fill, structures, shape, dtype, sparse, target):
    block = np.zeros(shape, dtype) if target is None else target
    fill(structures, block)
    if sparse:
        return sp.csr_matrix(block)
    return None if target is not None else block


def _run_processes(tasks, n_jobs):
    run = Parallel(n_jobs=n_jobs, return_as="generator")
    return run(delayed(_compute_block)(*task) for task in tasks)


def _run_threads(tasks, n_jobs):
    """Yield results in order, with few tasks in flight."""
    n_threads = effective_n_jobs(n_jobs)
    if n_threads == 1:
        for task in tasks:
            yield _compute_block(*task)
        return
    pool = ThreadPoolExecutor(n_threads)
    try:
        waiting = deque()
        for task in tasks:
            waiting.append(pool.submit(_compute_block, *task))
            if len(waiting) > 2 * n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
