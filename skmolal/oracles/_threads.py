"""How many threads a program's library may use."""

from contextlib import contextmanager
from functools import cache


@contextmanager
def limited_threads(n_threads, library):
    """Hold the BLAS and OpenMP pools of this process at `n_threads`; None leaves them alone.

    Enter it after `library` was imported: pools are found once for each library, as looking for
    them takes longer than an xTB calculation.
    """
    if n_threads is None:
        yield
        return
    with _find_pools(library).limit(limits=n_threads):
        yield


@cache
def _find_pools(library):
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
