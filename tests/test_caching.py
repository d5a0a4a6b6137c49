"""Molecules are hashed and sent to processes by flat arrays, and nothing is lost on the way."""

import copy
import io
import pickle
import subprocess
import sys

import joblib
import joblib.hashing
import numpy as np
import pandas as pd
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skmolal import MBTRTransformer, as_molecules
from skmolal.datasets import load_qm9_sample

floats = st.floats(allow_nan=False, width=64)
values = st.one_of(
    floats, st.booleans(), st.integers(), st.text(max_size=3), st.none(), st.lists(floats)
)
infos = st.dictionaries(st.sampled_from(["smiles", "homo", "id"]), values)


@st.composite
def plain_atoms(draw):
    n_atoms = draw(st.integers(0, 4))
    numbers = draw(st.lists(st.integers(0, 118), min_size=n_atoms, max_size=n_atoms))
    positions = draw(st.lists(st.tuples(floats, floats, floats), min_size=n_atoms))[:n_atoms]
    atoms = Atoms(numbers, np.reshape(positions, (-1, 3)) if n_atoms else None)
    atoms.cell[:] = draw(st.sampled_from([0.0, 2.5]))
    atoms.pbc = draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
    atoms.info.update(draw(infos))
    return atoms


def make_rich_atoms():
    """Build atoms that hold more than numbers, positions, cell, boundary conditions and info."""
    rich = {name: molecule("CH3OH") for name in ["tags", "momenta", "constraint", "calc", "charge"]}
    rich["tags"].set_tags([1, 0, 0, 0, 0, 2])
    rich["momenta"].set_momenta(np.arange(18.0).reshape(6, 3))
    rich["constraint"].set_constraint(FixAtoms([0, 3]))
    rich["calc"].calc = SinglePointCalculator(rich["calc"], energy=-3.25, forces=np.ones((6, 3)))
    rich["charge"].set_initial_charges(np.linspace(-1, 1, 6))
    rich["array"] = molecule("CH3OH")
    rich["array"].set_array("shift", np.arange(6))
    rich["displaced"] = bulk("NaCl", "rocksalt", a=5.6)
    rich["displaced"].set_celldisp([0.5, 0.0, 0.0])
    rich["attribute"] = molecule("CH3OH")
    rich["attribute"].note = "mine"
    rich["single"] = molecule("CH3OH")
    rich["single"].arrays["positions"] = rich["single"].positions.astype(np.float32)
    return rich


def assert_equal_contents(first, second):
    """Compare what plain pickling keeps: by the bytes that a canonical pickle of each has."""
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert one is not other
        assert type(one) is type(other)
        assert vars(one).keys() == vars(other).keys()
        assert list(one.info) == list(other.info)
        assert joblib.hash(one) == joblib.hash(other)


@settings(max_examples=60)
@given(items=st.lists(plain_atoms(), max_size=5), protocol=st.integers(2, 5))
def test_pickling_keeps_everything(items, protocol):
    molecules = as_molecules(items)
    again = pickle.loads(pickle.dumps(molecules, protocol))
    assert type(again) is type(molecules)
    assert again.shape == molecules.shape
    assert again.dtype == object
    assert_equal_contents(again, molecules)
    for atoms, original in zip(again, molecules, strict=True):
        assert [type(v) for v in atoms.info.values()] == [type(v) for v in original.info.values()]
        assert atoms.positions.flags.writeable


@pytest.mark.parametrize("name", make_rich_atoms())
def test_pickling_keeps_what_is_beyond_flat_arrays(name):
    atoms = make_rich_atoms()[name]
    molecules = as_molecules([molecule("H2O"), atoms, molecule("N2")])
    again = pickle.loads(pickle.dumps(molecules))
    assert_equal_contents(again, molecules)
    if name == "calc":
        assert again[1].get_potential_energy() == -3.25
    if name == "constraint":
        assert again[1].constraints[0].index.tolist() == [0, 3]


def test_a_subclass_of_atoms_stays_one():
    again = pickle.loads(pickle.dumps(as_molecules([Labelled("CO"), Atoms("CO")])))
    assert [type(atoms) for atoms in again] == [Labelled, Atoms]


class Labelled(Atoms):
    """Atoms of a class of their own."""


def test_arrays_that_hold_anything_else_are_pickled_as_numpy_does():
    molecules = as_molecules([molecule("H2O"), molecule("N2")])
    for array in (molecules[:, None], np.equal(molecules, None), molecules[:0].astype(str)):
        again = pickle.loads(pickle.dumps(array))
        assert again.shape == array.shape
        assert again.dtype == array.dtype
        assert again.tolist() == array.tolist()
    molecules[1] = "N2"
    assert pickle.loads(pickle.dumps(molecules))[1] == "N2"


def test_copies_and_files_of_arrays_keep_the_molecules():
    molecules = as_molecules(list(make_rich_atoms().values()))
    file = io.BytesIO()
    joblib.dump(molecules, file)
    file.seek(0)
    copies = [joblib.load(file), copy.deepcopy(molecules)]
    for again in copies:
        assert_equal_contents(again, molecules)
    assert all(one is other for one, other in zip(copy.copy(molecules), molecules, strict=True))


def test_selections_stay_quick_to_hash():
    molecules = as_molecules([molecule("H2O"), molecule("N2"), molecule("CH4")])
    stacked = np.concatenate([np.asarray(molecules[:1]), molecules[[2, 1]]])
    for part in (molecules[1:], molecules[[0, 2]], stacked, as_molecules(pd.Series(molecules))):
        assert type(part) is type(molecules)


def test_equal_molecules_have_equal_hashes():
    molecules = load_qm9_sample().data[:50]
    expected = joblib.hash(molecules)
    for atoms in (molecules[3], molecules[7]):
        atoms.positions = np.asfortranarray(atoms.positions)
    assert joblib.hash(as_molecules([atoms.copy() for atoms in molecules])) == expected
    assert joblib.hash(as_molecules(list(molecules))) == expected
    plain = np.asarray(molecules)
    assert type(plain) is np.ndarray
    assert joblib.hash(as_molecules(plain)) == expected
    script = (
        "import joblib; from skmolal.datasets import load_qm9_sample;"
        "print(joblib.hash(load_qm9_sample().data[:50]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    )
    assert done.stdout.strip() == expected


def test_whatever_differs_changes_the_hash():
    def change(name, atoms):
        if name == "position":
            atoms.positions[0, 0] += 1e-12
        elif name == "number":
            atoms.numbers[0] = 9
        elif name == "cell":
            atoms.cell[0, 0] = 1.0
        elif name == "pbc":
            atoms.pbc[1] = True
        elif name == "info":
            atoms.info["smiles"] = "[OH2]"
        elif name == "calc":
            atoms.calc = SinglePointCalculator(atoms, energy=1.0)
        elif name == "tags":
            atoms.set_tags(1)

    seen = set()
    for name in [None, "position", "number", "cell", "pbc", "info", "calc", "tags"]:
        molecules = as_molecules([molecule("CH4"), molecule("H2O"), molecule("N2")])
        for atoms in molecules:
            atoms.info["smiles"] = "O"
        change(name, molecules[1])
        seen.add(joblib.hash(molecules))
    assert len(seen) == 8
    # one molecule of four atoms is not two of two at the same places
    four = molecule("N2") + molecule("O2")
    assert joblib.hash(as_molecules([four])) != joblib.hash(as_molecules([four[:2], four[2:]]))


def test_hashing_visits_few_objects(monkeypatch):
    visited = 0
    save = joblib.hashing.NumpyHasher.save

    def count(self, obj):
        nonlocal visited
        visited += 1
        save(self, obj)

    monkeypatch.setattr(joblib.hashing.NumpyHasher, "save", count)
    molecules = load_qm9_sample().data[:500]
    joblib.hash(molecules)
    assert visited < 2 * len(molecules) + 200  # a SMILES each, and the columns' overhead
    joblib.hash(np.asarray(molecules))
    assert visited > 50 * len(molecules)  # what it is without


class CountingMBTR(MBTRTransformer):
    """Counts how often it computes."""

    n_computed = 0

    def fit_transform(self, X, y=None):
        CountingMBTR.n_computed += 1
        return super().fit_transform(X, y)


def test_a_pipeline_with_memory_computes_once(tmp_path):
    data = load_qm9_sample()
    molecules, y = data.data[:60], data.target[:60]
    pipeline = Pipeline(
        [
            ("mbtr", CountingMBTR(species=["C", "F", "H", "N", "O"], dtype="float64")),
            ("ridge", Ridge()),
        ],
        memory=joblib.Memory(tmp_path, verbose=0),
    )
    CountingMBTR.n_computed = 0
    expected = pipeline.fit(molecules, y).predict(molecules)
    assert CountingMBTR.n_computed == 1
    copies = as_molecules([atoms.copy() for atoms in molecules])
    assert (pipeline.fit(copies, y).predict(molecules) == expected).all()
    assert CountingMBTR.n_computed == 1
    grid = {"ridge__alpha": [1.0, 10.0, 100.0]}
    GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(molecules, y)
    assert CountingMBTR.n_computed == 3  # once a fold; the refit is known
    copies[0].positions += 1.0
    pipeline.fit(copies, y)
    assert CountingMBTR.n_computed == 4
