"""Oracles by name, as the command takes them."""

import inspect
import os
import sys
from importlib import import_module

from skmolal.oracles._pyscf import PySCFOracle
from skmolal.oracles._xtb import XTBOracle

_NAMED = {"xtb": XTBOracle, "dft": PySCFOracle}


def get_oracle(name, **options):
    """Make the oracle that goes by a name.

    Parameters
    ----------
    name : str
        ``"xtb"`` for :class:`XTBOracle`, ``"dft"`` for :class:`PySCFOracle`, or an import path
        ``"module:function"``, see :func:`load_oracle`.
    **options : object
        Parameters of the oracle. A function takes none, a class does.

    Returns
    -------
    oracle : callable
        From one ``ase.Atoms`` to a dict of floats.

    Raises
    ------
    ValueError
        If there is no such oracle, or if options are given to what is no class.
    TypeError
        If the oracle has no such option.
    ImportError
        If the module cannot be imported.

    Examples
    --------
    >>> from skmolal.oracles import get_oracle
    >>> get_oracle("dft", target="gap", functional="pbe0")
    PySCFOracle(functional='pbe0', target='gap')
    """
    if ":" in name:
        oracle = load_oracle(name)
    elif name in _NAMED:
        oracle = _NAMED[name]
    else:
        known = ", ".join(map(repr, _NAMED))
        raise ValueError(f"oracle must be {known} or 'module:function', got {name!r}")
    if inspect.isclass(oracle):
        return oracle(**options)
    if options:
        raise ValueError(f"oracle {name!r} takes no options, got {sorted(options)}")
    return oracle


def load_oracle(path):
    """Import an oracle.

    Parameters
    ----------
    path : str
        Import path ``"module:function"``, for example ``"mycalc:gap"``. A module that is not
        found elsewhere is looked for in the current folder, which stays at the end of
        ``sys.path`` then.

    Returns
    -------
    oracle : callable
        What has that name in the module: a function from one ``ase.Atoms`` to a dict of floats,
        an oracle object, or a class of them.

    Raises
    ------
    ValueError
        If `path` has another form, or the module has no such name.
    ImportError
        If the module cannot be imported.
    TypeError
        If what it names cannot be called.

    Examples
    --------
    >>> from skmolal.oracles import load_oracle
    >>> load_oracle("skmolal.oracles:XTBOracle")().method
    'GFN2-xTB'
    """
    module_name, _, name = path.partition(":")
    if not all(part.isidentifier() for part in [*module_name.split("."), *name.split(".")]):
        raise ValueError(f"an oracle's path must be 'module:function', got {path!r}")
    oracle = _import(module_name)
    for part in name.split("."):
        try:
            oracle = getattr(oracle, part)
        except AttributeError:
            raise ValueError(f"module {module_name!r} has no {name!r}") from None
    if not callable(oracle):
        raise TypeError(f"oracle {path!r} must be callable, got {type(oracle).__name__}")
    return oracle


def _import(module_name):
    try:
        return import_module(module_name)
    except ModuleNotFoundError as error:
        here = os.getcwd()
        is_elsewhere = error.name != module_name.partition(".")[0]
        if is_elsewhere or here in sys.path:
            raise
        sys.path.append(here)
        try:
            return import_module(module_name)
        except ModuleNotFoundError:
            sys.path.remove(here)
            raise
