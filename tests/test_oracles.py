"""The contract of all oracles, and what they share."""

import pickle
import sys
from functools import partial
from importlib.util import find_spec
from statistics import mean

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.io import read, write
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from skmolal.datasets import _qm9_readers
from skmolal.oracles import (
    ASEOracle,
    CommandOracle,
    OracleError,
    PySCFOracle,
    XTBOracle,
    content_key,
    get_oracle,
    load_oracle,
    oracle_identity,
)
from skmolal.oracles._errors import one_line
from skmolal.oracles._quantities import HARTREE_IN_EV, dipole_norm, frontier_orbitals
from tests.oracle_checks import ORACLE_CHECKS

COUNT = "import sys; print('n =', open(sys.argv[1]).readline())"


def needs(package):
    return pytest.mark.skipif(find_spec(package) is None, reason=f"{package} is not installed")


ORACLES = [
    pytest.param(XTBOracle("gap"), marks=needs("tblite")),
    pytest.param(XTBOracle("homo", method="GFN1-xTB", relax=True), marks=needs("tblite")),
    pytest.param(PySCFOracle("gap", basis="sto-3g", grid_level=0), marks=needs("pyscf")),
    ASEOracle(EMT, "energy"),
    CommandOracle([sys.executable, "-c", COUNT, "{input}"], "n", patterns={"n": r"n = (\d+)"}),
]


@pytest.mark.parametrize("check", ORACLE_CHECKS, ids=lambda check: check.__name__[6:])
@pytest.mark.parametrize("oracle", ORACLES, ids=lambda oracle: f"{oracle!r:.40}")
def test_oracle(oracle, check):
    check(oracle)


@pytest.mark.parametrize("oracle", ORACLES[:3], ids=lambda oracle: f"{oracle!r:.40}")
def test_quantum_chemistry_has_all_keys_and_refuses_crystals(oracle):
    values = oracle(molecule("H2O"))
    assert list(values)[:5] == ["energy", "homo", "lumo", "gap", "dipole"]
    assert values["gap"] == pytest.approx(values["lumo"] - values["homo"], abs=1e-12)
    with pytest.raises(OracleError, match="periodic"):
        oracle(bulk("Cu"))


def test_failures_of_the_same_kind_have_the_same_one_line():
    error = OracleError("SCF not converged")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert one_line("a\n  b\t c\n") == "a b c"
    assert one_line("begin " + 600 * "x" + " end").endswith("x end")
    assert len(one_line(600 * "x")) <= 504


# ----------------------------------------------------------------------------------- quantities


def test_frontier_orbitals_are_those_of_either_spin():
    up, down = np.array([-3.0, -1.0, 2.0]), np.array([-2.5, -0.5, 1.0])
    assert frontier_orbitals([up, down], (2, 1)) == (-1.0, -0.5)
    assert frontier_orbitals([up, down], (1, 1)) == (-2.5, -1.0)
    assert frontier_orbitals([up, down], (3, 0)) == (2.0, -2.5)
    assert frontier_orbitals([up, down], (3, 3)) == (2.0, None)
    assert frontier_orbitals([up, down], (0, 0)) == (None, -3.0)
    assert frontier_orbitals([up, down], (2, 1), further=1) == (-3.0, 1.0)
    assert frontier_orbitals([up, down], (1, 1), further=1) == (None, 1.0)


def test_dipole_of_an_ion_does_not_depend_on_where_it_is():
    atoms = Atoms("HF", [[0, 0, 0], [0, 0, 0.9]])
    moved = atoms.copy()
    moved.positions += [3.0, -2.0, 1.0]
    charges = np.array([0.8, 0.2])  # a cation of point charges
    about_origin = [charges @ a.positions / 0.529177210903 for a in (atoms, moved)]
    norms = [
        dipole_norm(a, 1, dipole) for a, dipole in zip((atoms, moved), about_origin, strict=True)
    ]
    assert norms[0] == pytest.approx(norms[1], abs=1e-12)
    assert dipole_norm(atoms, 0, np.array([0, 0, 1.0])) == pytest.approx(2.541746473)


def test_one_hartree_in_the_whole_package():
    assert HARTREE_IN_EV == _qm9_readers.HARTREE_IN_EV


# ------------------------------------------------------------------------------------- identity


def test_identity_of_functions():
    assert oracle_identity(mean) == {"oracle": "statistics:mean"}
    assert oracle_identity(partial(mean, [1])) == {
        "oracle": "statistics:mean",
        "arguments": ["[1]"],
    }
    assert oracle_identity(pytest.approx(1))["oracle"].endswith(":ApproxScalar")


def test_identity_that_a_function_has_itself():
    def label(atoms):
        return {"energy": 0.0}

    label.identity = {"oracle": "mine", "version": 2}
    assert oracle_identity(label) == {"oracle": "mine", "version": 2}


def test_identity_tells_methods_apart_but_not_limits():
    for oracle, same, other in [
        (XTBOracle(), {"n_threads": None, "max_iter": 9}, {"method": "GFN1-xTB"}),
        (XTBOracle(relax=True), {"max_steps": 9}, {"fmax": 0.1}),
        (XTBOracle(), {"fmax": 0.1}, {"relax": True}),
        (PySCFOracle(), {"n_threads": 2, "max_cycle": 9}, {"functional": "pbe"}),
        (PySCFOracle(), {}, {"grid_level": 1}),
        (ASEOracle(EMT), {}, {"version": "2"}),
        (CommandOracle("true"), {"timeout": 3, "scratch_dir": "x"}, {"command": "false"}),
    ]:
        name = type(oracle)
        params = oracle.get_params()
        assert name(**{**params, **same}).identity == oracle.identity
        assert name(**{**params, **other}).identity != oracle.identity


positions = npst.arrays(
    float, (3, 3), elements=st.floats(-50, 50, allow_nan=False, allow_subnormal=False)
)


@given(positions=positions)
def test_key_survives_an_extxyz_file(positions, tmp_path_factory):
    atoms = Atoms("OH2", positions)
    path = tmp_path_factory.mktemp("key") / "atoms.extxyz"
    write(path, atoms)
    assert content_key({}, read(path)) == content_key({}, atoms)


def test_key_counts_what_counts():
    water = molecule("H2O")
    key = content_key({"a": 1}, water)
    assert len(key) == 64

    def changed(**info):
        atoms = water.copy()
        atoms.info.update(info)
        return content_key({"a": 1}, atoms)

    assert changed(name="water", charge=0, spin=0, solvent=None) == key
    assert changed(charge=np.int64(0)) == key
    assert changed(charge=1) == changed(charge=1, spin=1)
    others = [
        changed(charge=1),
        changed(charge=-1),
        changed(spin=2),
        changed(solvent="water"),
        content_key({"a": 2}, water),
        content_key({"a": 1}, water[[0, 2, 1]]),
        content_key({"a": 1}, Atoms(water, cell=[9, 9, 9], pbc=True)),
    ]
    for atom in range(3):
        moved = water.copy()
        moved.positions[atom, 1] += 1e-7
        others.append(content_key({"a": 1}, moved))
    assert len({key, *others}) == len(others) + 1


def test_key_of_what_cannot_be_calculated():
    water = molecule("H2O")
    water.positions[0] = np.nan
    with pytest.raises(OracleError, match="not finite"):
        content_key({}, water)


# -------------------------------------------------------------------------------------- loading


def test_named_oracles():
    assert get_oracle("xtb", target="gap", relax=True) == XTBOracle("gap", relax=True)
    assert get_oracle("dft", basis="sto-3g") == PySCFOracle(basis="sto-3g")
    assert get_oracle("statistics:mean") is mean
    assert get_oracle("skmolal.oracles:XTBOracle", accuracy=2.0) == XTBOracle(accuracy=2.0)
    with pytest.raises(ValueError, match="'xtb', 'dft' or 'module:function', got 'xbt'"):
        get_oracle("xbt")
    with pytest.raises(ValueError, match=r"takes no options, got \['target'\]"):
        get_oracle("statistics:mean", target="gap")
    with pytest.raises(TypeError, match="colour"):
        get_oracle("xtb", colour="red")


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("statistics", ValueError, "'module:function', got 'statistics'"),
        ("calc.py:gap/2", ValueError, "'module:function'"),
        (":mean", ValueError, "'module:function'"),
        ("statistics:nonsense", ValueError, "'statistics' has no 'nonsense'"),
        ("math:pi", TypeError, "must be callable, got float"),
        ("no_such_module_at_all:f", ModuleNotFoundError, "no_such_module_at_all"),
    ],
)
def test_paths_that_lead_nowhere(path, error, message):
    with pytest.raises(error, match=message):
        load_oracle(path)


def test_module_of_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "my_calc_5b1.py").write_text("def gap(atoms):\n    return {'gap': 1.0}\n")
    (tmp_path / "my_broken_5b1.py").write_text("import no_such_module_at_all\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    oracle = load_oracle("my_calc_5b1:gap")
    assert oracle(None) == {"gap": 1.0}
    assert oracle_identity(oracle) == {"oracle": "my_calc_5b1:gap"}
    assert pickle.loads(pickle.dumps(oracle)) is oracle
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
        load_oracle("my_broken_5b1:gap")
    monkeypatch.delitem(sys.modules, "my_calc_5b1")
