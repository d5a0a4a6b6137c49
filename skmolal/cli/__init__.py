"""The command ``skmolal``."""

from skmolal.cli._main import main

__all__ = ["main"]
