"""The thread pools of this process."""

from functools import cache

from threadpoolctl import ThreadpoolController

__all__ = ["thread_pools"]


@cache
def thread_pools(user_api):
    """Find the pools of "blas" or of "openmp" among what this process has loaded.

    They are looked for once, as looking takes 5 to 10 ms: call it after the library that has them
    was imported.
    """
    return ThreadpoolController().select(user_api=user_api)
