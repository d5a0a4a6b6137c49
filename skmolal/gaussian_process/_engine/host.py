"""Cholesky factors and inverses on the cores of a CPU.

LAPACK's own threads wait for each other by spinning. Where other processes compute on the same
cores, as beside calculations of a campaign, that costs up to a hundred times the work itself: 4.3 s
in place of 38 ms for the inverse of 1,000 rows on two busy cores. So BLAS has one thread here, and
for many rows products of blocks run on threads of our own, which sleep while they wait: 0.66 s for
4,000 rows on two quiet cores (LAPACK's two threads 0.61, its one thread 1.1). For 1,000 rows one
thread of LAPACK takes 21 ms and blocks 17. Results do not depend on the number of threads.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock

import numpy as np
from scipy.linalg import lapack, solve_triangular

from skmolal._threads import thread_pools

__all__ = [
    "HostCholesky",
    "count_threads",
    "factor_block",
    "single_threaded_blas",
    "split_among_threads",
]

_WHOLE = 700  # rows up to which blocks gain too little
_FEW = 2048  # rows up to which smaller blocks are 5% faster
_BLOCK, _SMALL_BLOCK = 256, 128  # rows of a block
_ROUNDING = 4 * np.finfo(np.float64).eps  # of a pivot, relative to its entry of the matrix


def count_threads():
    """Count the threads that BLAS may use now: what this process is allowed to."""
    pools = thread_pools("blas").lib_controllers
    return max([pool.num_threads for pool in pools], default=1)


class _Limit:
    """What all fits of this process share: those of several threads may overlap."""

    lock, n_users = Lock(), 0
    limiter, n_threads = None, 1  # and the number before


@contextmanager
def single_threaded_blas():
    """Let BLAS use one thread; yields how many it would use without any such limit."""
    with _Limit.lock:
        if _Limit.n_users == 0:
            _Limit.n_threads = count_threads()
            _Limit.limiter = thread_pools("blas").limit(limits=1)
        _Limit.n_users += 1
    try:
        yield _Limit.n_threads
    finally:
        with _Limit.lock:
            _Limit.n_users -= 1
            if _Limit.n_users == 0:
                _Limit.limiter.restore_original_limits()


def split_among_threads(work, n_rows, least):
    """Call ``work(start, stop)`` for parts of `n_rows` rows, each of `least` or more.

    `work` should release the interpreter lock.
    """
    n_threads = max(1, min(count_threads(), n_rows // least))
    ends = np.linspace(0, n_rows, n_threads + 1).astype(int)
    if n_threads == 1:
        work(0, n_rows)
        return
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(work, ends[:-1], ends[1:]))


def factor_block(matrix):
    """Factor a block by LAPACK.

    Parameters
    ----------
    matrix : ndarray of shape (n, n), dtype float64
        Its lower half counts.

    Returns
    -------
    factor, inverse : ndarray of shape (n, n)
        The lower Cholesky factor, and its inverse.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the block is not positive definite to working precision.
    """
    # Rows here are columns for LAPACK: its upper factor is the lower one of the transpose.
    upper, info = lapack.dpotrf(matrix.T, lower=0)
    # Where rows are equal, rounding decides whether a pivot is zero or not quite.
    if info != 0 or not (np.diagonal(upper) ** 2 > _ROUNDING * np.diagonal(matrix)).all():
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    inverse, _ = lapack.dtrtri(upper, lower=0)
    return upper.T, np.ascontiguousarray(inverse.T)


class HostCholesky:
    """Cholesky factor of a matrix, in its place, and then its inverse.

    Parameters
    ----------
    matrix : ndarray of shape (n, n), dtype float64
        Its lower half is replaced by that of the factor; the upper half is arbitrary.
    n_threads : int
        Number of threads; the result does not depend on it.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite to working precision.
    """

    def __init__(self, matrix, n_threads):
        n = len(matrix)
        self.matrix, self.n_threads = matrix, n_threads
        self.block = n if n <= _WHOLE else _SMALL_BLOCK if n <= _FEW else _BLOCK
        if self.block == n:
            # Rows here are columns for LAPACK: its upper factor is the lower one of the transpose.
            _, info = lapack.dpotrf(matrix.T, lower=0, clean=0, overwrite_a=1)
            if info != 0:
                raise np.linalg.LinAlgError(f"the matrix is not positive definite near row {info}")
        else:
            self._factor_blocks()

    def _factor_blocks(self):
        matrix, block, n = self.matrix, self.block, len(self.matrix)
        part = block // 2  # rows of a task: threads wait less for the last
        self._inverses = []  # of the diagonal blocks
        with _Pool(self.n_threads) as pool:
            for k in range(0, n, block):
                column = slice(k, min(k + block, n))

                def update(i, k=k, column=column):
                    rows = slice(i, min(i + part, n))
                    columns = slice(k, min(column.stop, rows.stop))  # none above the diagonal
                    matrix[rows, columns] -= matrix[rows, :k] @ matrix[columns, :k].T

                if k:
                    pool.run(update, range(k, n, part))
                lower, inverse = factor_block(matrix[column, column])
                matrix[column, column] = lower
                self._inverses.append(inverse)

                def solve(i, column=column, inverse=inverse):
                    rows = slice(i, i + part)
                    matrix[rows, column] = matrix[rows, column] @ inverse.T

                pool.run(solve, range(column.stop, n, part))

    def half_log_determinant(self):
        """Compute half of the logarithm of the determinant."""
        return np.log(np.diagonal(self.matrix)).sum()

    def whiten(self, y):
        """Solve ``L w = y``, shape (n, n_targets)."""
        return solve_triangular(self.matrix, y, lower=True, check_finite=False)

    def invert(self, y):
        """Replace the lower half of the matrix by that of its inverse; the upper half is lost.

        Parameters
        ----------
        y : ndarray of shape (n, n_targets)
            Targets.

        Returns
        -------
        alpha : ndarray of shape (n, n_targets)
            The inverse times `y`.
        """
        if self.block == len(self.matrix):
            alpha, _ = lapack.dpotrs(self.matrix.T, y, lower=0)
            lapack.dpotri(self.matrix.T, lower=0, overwrite_c=1)
            return alpha
        matrix, block, n = self.matrix, self.block, len(self.matrix)
        alpha = solve_triangular(matrix, self.whiten(y), trans=1, lower=True, check_finite=False)
        starts = range(0, n, block)
        diagonal = {}

        # K^-1 = U U^T, where U = L^-T is made in the upper half: to touch a second matrix for the
        # first time would take a fifth of the time of the work.
        def solve(j):
            rows = slice(j, min(j + block, n))
            matrix[rows, rows] = self._inverses[j // block].T
            for i in range(rows.stop, n, block):
                columns = slice(i, min(i + block, n))
                known = matrix[rows, j:i] @ matrix[columns, j:i].T
                matrix[rows, columns] = -known @ self._inverses[i // block].T

        def multiply(place):
            i, j = place
            rows, columns = slice(i, min(i + block, n)), slice(j, min(j + block, n))
            product = matrix[rows, i:] @ matrix[columns, i:].T
            if i == j:
                diagonal[i] = rows, product  # others need what is there
            else:
                matrix[rows, columns] = product

        with _Pool(self.n_threads) as pool:
            pool.run(solve, starts)
            pool.run(multiply, [(i, j) for i in starts for j in starts if j <= i])
        for rows, product in diagonal.values():
            matrix[rows, rows] = product
        return alpha


class _Pool:
    """Threads for one matrix, this one among them: a pool that is kept would not survive a fork."""

    def __init__(self, n_threads):
        self.n_others = n_threads - 1
        self.threads = ThreadPoolExecutor(self.n_others) if self.n_others else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.threads is not None:
            self.threads.shutdown()

    def run(self, function, items):
        """Call the function of each item; all are done on return."""
        queue = deque(items)

        def work():
            while True:
                try:
                    item = queue.popleft()
                except IndexError:
                    return
                function(item)

        n_others = min(self.n_others, len(queue) - 1)
        others = [self.threads.submit(work) for _ in range(n_others)]
        work()
        for other in others:
            other.result()
