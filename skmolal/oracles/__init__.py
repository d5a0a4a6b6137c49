"""Atoms to properties: calculators and programs that label molecules.

Names are imported when they are first used: a worker that runs a function of the user needs none
of them, and starts in a fifth of the time without scikit-learn.
"""

from importlib import import_module
from typing import TYPE_CHECKING

_HOME = {
    "ASEOracle": "_ase",
    "CachedOracle": "_cache",
    "CommandOracle": "_command",
    "OracleError": "_errors",
    "PySCFOracle": "_pyscf",
    "XTBOracle": "_xtb",
    "content_key": "_identity",
    "get_oracle": "_loading",
    "load_oracle": "_loading",
    "oracle_identity": "_identity",
}

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

if TYPE_CHECKING:
    from skmolal.oracles._ase import ASEOracle
    from skmolal.oracles._cache import CachedOracle
    from skmolal.oracles._command import CommandOracle
    from skmolal.oracles._errors import OracleError
    from skmolal.oracles._identity import content_key, oracle_identity
    from skmolal.oracles._loading import get_oracle, load_oracle
    from skmolal.oracles._pyscf import PySCFOracle
    from skmolal.oracles._xtb import XTBOracle


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module 'skmolal.oracles' has no attribute {name!r}")
    return getattr(import_module(f"skmolal.oracles.{_HOME[name]}"), name)


def __dir__():
    return sorted(__all__)
