"""Settings and the database server that all tests share."""

import os
from pathlib import Path

from hypothesis import settings

from tests.postgres_server import postgres_server, postgres_url  # noqa: F401

# An example takes as long as the disk, a compiler and other processes on the same cores let it.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# The suite runs one process per core; more threads inside would only fight over the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What one process compiles the others load, and the processes that tests start.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "compiled")
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
