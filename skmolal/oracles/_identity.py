"""What a result is stored under: who calculated what."""

import hashlib
import json
from functools import partial

import numpy as np

from skmolal.oracles._state import check_molecule, count_electrons, read_state

# The digits of an extended XYZ file: a molecule has the same key before and after it was written.
_POSITIONS_PER_ANGSTROM = 1e8


def oracle_identity(oracle):
    """Say by which method an oracle gets its results, as a dict that JSON can hold.

    Parameters
    ----------
    oracle : callable
        An oracle of this package, any object with an attribute `identity` that is a dict, or a
        plain function.

    Returns
    -------
    identity : dict
        The attribute `identity` if there is one: method, options and versions of programs. A
        plain function is known by its module and name alone (its code is not looked into: after
        a change give the function a new name, or an attribute `identity`); a
        ``functools.partial`` by that and its arguments, another callable object by its class.

    Examples
    --------
    >>> from statistics import mean
    >>> from skmolal.oracles import oracle_identity
    >>> oracle_identity(mean)
    {'oracle': 'statistics:mean'}
    """
    identity = getattr(oracle, "identity", None)
    if isinstance(identity, dict):
        return identity
    if isinstance(oracle, partial):
        arguments = [repr(value) for value in oracle.args]
        arguments += [f"{name}={value!r}" for name, value in sorted(oracle.keywords.items())]
        return {**oracle_identity(oracle.func), "arguments": arguments}
    named = oracle if hasattr(oracle, "__qualname__") else type(oracle)
    return {"oracle": f"{named.__module__}:{named.__qualname__}"}


def content_key(identity, atoms):
    """Compute the key of a calculation: the same for the same molecule by the same method.

    Parameters
    ----------
    identity : dict
        Who calculates, see :func:`oracle_identity`.
    atoms : ase.Atoms
        The molecule. Its elements and positions in their order (rounded to 1e-8 angstrom, the
        digits of an extended XYZ file), charge, spin and solvent count, and the cell if it is
        periodic; nothing else in ``info`` does.

    Returns
    -------
    key : str
        SHA-256 in hexadecimal digits.

    Raises
    ------
    OracleError
        If the molecule has no atoms, a dummy atom or coordinates that are not finite, or if
        charge, spin or solvent in ``atoms.info`` are no valid values.

    Examples
    --------
    >>> from ase.build import molecule
    >>> from skmolal.oracles import XTBOracle, content_key
    >>> identity, water = XTBOracle().identity, molecule("H2O")
    >>> key = content_key(identity, water)
    >>> water.info["name"] = "water"
    >>> content_key(identity, water) == key
    True
    >>> water.info["charge"] = 1
    >>> content_key(identity, water) == key
    False
    """
    check_molecule(atoms)
    state = read_state(atoms)
    content = {
        "identity": identity,
        "numbers": atoms.numbers.tolist(),
        "positions": _round(atoms.positions),
        "charge": state.charge,
        "spin": state.n_unpaired(count_electrons(atoms, state.charge)),
        "solvent": state.solvent,
    }
    if atoms.pbc.any():
        content |= {"pbc": atoms.pbc.tolist(), "cell": _round(atoms.cell.array)}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _round(lengths):
    return np.rint(lengths * _POSITIONS_PER_ANGSTROM).astype(np.int64).tolist()
