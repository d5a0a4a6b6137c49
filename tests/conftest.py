"""Strict settings and shared molecules for every test."""

import os

from tests.postgres_server import postgres_server, postgres_url  # noqa: F401

# The suite runs one process per core; more threads inside would only fight over the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
