"""Atoms to properties: calculators and programs that label molecules."""

from skmolal.oracles._ase import ASEOracle
from skmolal.oracles._cache import CachedOracle
from skmolal.oracles._command import CommandOracle
from skmolal.oracles._errors import OracleError
from skmolal.oracles._identity import content_key, oracle_identity
from skmolal.oracles._loading import get_oracle, load_oracle
from skmolal.oracles._pyscf import PySCFOracle
from skmolal.oracles._xtb import XTBOracle

__all__ = [
    "ASEOracle",
    "CachedOracle",
    "CommandOracle",
    "OracleError",
    "PySCFOracle",
    "XTBOracle",
    "content_key",
    "get_oracle",
    "load_oracle",
    "oracle_identity",
]
