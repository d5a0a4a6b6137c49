"""Libraries of SMILES on disk, described once, of any length."""

from skmolal.library._describe import describe_library
from skmolal.library._library import Library

__all__ = ["Library", "describe_library"]
