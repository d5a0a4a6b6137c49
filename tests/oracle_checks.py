"""What every oracle promises: one `check_*` function per promise, run by ``test_oracles.py``."""

import json
import pickle

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from sklearn.base import clone

from skmolal.oracles import OracleError, content_key, oracle_identity


def check_dict_of_finite_floats(oracle):
    values = oracle(molecule("H2O"))
    assert values
    assert all(type(name) is str and type(value) is float for name, value in values.items())
    assert np.isfinite(list(values.values())).all()


def check_target_is_a_key(oracle):
    assert oracle.target in oracle(molecule("H2O"))


def check_wrong_target(oracle):
    with pytest.raises((OracleError, ValueError), match=r"target.*'nonsense'"):
        clone(oracle).set_params(target="nonsense")(molecule("H2O"))


def check_molecule_is_untouched(oracle):
    atoms = molecule("H2O")
    atoms.info["charge"] = 0
    before = atoms.copy()
    oracle(atoms)
    assert atoms == before
    assert atoms.info == before.info
    assert atoms.calc is None


def check_same_answer_again(oracle):
    assert oracle(molecule("H2O")) == oracle(molecule("H2O"))


def check_pickle(oracle):
    copy = pickle.loads(pickle.dumps(oracle))
    assert copy == oracle
    assert copy(molecule("H2O")) == oracle(molecule("H2O"))


def check_clone_and_equality(oracle):
    assert clone(oracle) == oracle
    assert hash(clone(oracle)) == hash(oracle)
    other = clone(oracle).set_params(target=None)
    assert other != oracle
    assert other != "oracle"


def check_repr(oracle):
    assert repr(oracle).startswith(type(oracle).__name__)
    assert f"target={oracle.target!r}" in repr(oracle)
    assert oracle._repr_mimebundle_() == {"text/plain": repr(oracle)}


def check_identity_is_json(oracle):
    identity = oracle_identity(oracle)
    assert json.loads(json.dumps(identity)) == identity
    assert identity["oracle"] == type(oracle).__name__


def check_identity_knows_no_target(oracle):
    other = clone(oracle).set_params(target=None)
    assert other.identity == oracle.identity
    key = content_key(oracle.identity, molecule("H2O"))
    assert content_key(other.identity, molecule("H2O")) == key


def check_not_atoms(oracle):
    for wrong in ("CCO", [molecule("H2O")], None):
        with pytest.raises(TypeError, match=r"one ase\.Atoms"):
            oracle(wrong)


def check_bad_molecules(oracle):
    infinite = molecule("H2O")
    infinite.positions[1, 2] = np.inf
    for atoms, message in [
        (Atoms(), "no atoms"),
        (Atoms("HX", [[0, 0, 0], [0, 0, 1]]), "unknown element: atom 1"),
        (infinite, "atom 1 are not finite"),
    ]:
        with pytest.raises(OracleError, match=message):
            oracle(atoms)


def check_bad_info(oracle):
    for name, value in [
        ("charge", 0.5),
        ("charge", "1"),
        ("charge", np.nan),
        ("spin", -1),
        ("spin", [1]),
        ("solvent", 80.0),
        ("solvent", " "),
    ]:
        atoms = molecule("H2O")
        atoms.info[name] = value
        with pytest.raises(OracleError, match=rf"info\['{name}'\] must be"):
            oracle(atoms)


ORACLE_CHECKS = [value for name, value in list(globals().items()) if name[:6] == "check_"]
