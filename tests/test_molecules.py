"""The gate for molecules, and reading and making them."""

import json

import numpy as np
import pandas as pd
import pytest
from ase import Atoms
from ase.build import molecule
from ase.io import write
from hypothesis import given, settings
from hypothesis import strategies as st

from skmolal import as_molecules, read_molecules


@settings(max_examples=30)
@given(n_samples=st.integers(0, 6), n_atoms=st.integers(0, 4))
def test_equal_sizes_never_make_a_2d_array(n_samples, n_atoms):
    items = [Atoms(f"H{n_atoms}") if n_atoms else Atoms() for _ in range(n_samples)]
    molecules = as_molecules(items)
    assert molecules.shape == (n_samples,)
    assert molecules.dtype == object
    assert all(a is b for a, b in zip(molecules, items, strict=True))


def test_every_container_gives_the_same_objects():
    items = [molecule("H2O"), molecule("CH4"), molecule("H2O")]
    array = as_molecules(items)
    series = pd.Series(items, index=[7, 7, 1])
    containers = (tuple(items), iter(items), array, array[:, None], series, series.to_frame())
    for container in containers:
        assert [a is b for a, b in zip(as_molecules(container), items, strict=True)] == [True] * 3
    assert as_molecules(array) is array


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (Atoms("CO"), TypeError, r"pass \[atoms\]"),
        ("CO", TypeError, "sequence of ase.Atoms, got str"),
        (3, TypeError, "got int"),
        ([Atoms("CO"), "CO"], TypeError, r"molecules\[1\] must be an ase.Atoms, got str"),
        (np.zeros((2, 3)), ValueError, r"shape \(2, 3\)"),
        (np.array([1.0]), TypeError, r"molecules\[0\].*float"),
    ],
)
def test_what_is_no_molecule_array_is_named(wrong, error, message):
    with pytest.raises(error, match=message):
        as_molecules(wrong)


@pytest.mark.parametrize("name", ["pool.extxyz", "pool.xyz", "pool.json", "pool.db"])
def test_formats_of_ase_round_trip(tmp_path, name):
    items = [molecule("H2O"), molecule("CH3OH")]
    write(tmp_path / name, items)
    found = read_molecules(tmp_path / name)
    assert [a.get_chemical_formula() for a in found] == ["H2O", "CH4O"]
    np.testing.assert_allclose(found[1].positions, items[1].positions, atol=1e-6)
    assert read_molecules(tmp_path / name, index=0).shape == (1,)


def test_csv_rows_become_conformers_with_their_columns(tmp_path):
    path = tmp_path / "pool.csv"
    path.write_text("name,SMILES,gap\nwater,O,1.5\nethanol,CCO,2.5\n")
    found = read_molecules(path, random_state=0)
    assert [len(a) for a in found] == [3, 9]
    assert found[1].info == {"smiles": "CCO", "name": "ethanol", "gap": 2.5}
    again = read_molecules(path, index=1, random_state=0)
    assert again[0].info["name"] == "ethanol"
    assert read_molecules(path, index="-1:", random_state=0).shape == (1,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,gap\nwater,1\n", "expected one column named 'smiles'"),
        ("smiles,gap\nO,1\nnonsense,2\n", r"record 1 \('nonsense'\): cannot be parsed"),
        ("smiles,gap\nO,1\n,2\n", "record 1: no SMILES"),
        ("smiles,gap\n", "holds no molecule"),
        ("", "not a table of separated values: the file is empty"),
    ],
)
def test_csv_errors_name_file_and_record(tmp_path, text, message):
    path = tmp_path / "pool.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_molecules(path)
    assert str(path) in str(caught.value)


def test_named_smiles_column_must_exist(tmp_path):
    path = tmp_path / "pool.csv"
    path.write_text("mol,gap\nO,1\n")
    assert len(read_molecules(path, smiles_column="mol")[0]) == 3
    with pytest.raises(ValueError, match="there is no column 'x' for SMILES"):
        read_molecules(path, smiles_column="x")


def test_unreadable_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_molecules(tmp_path / "absent.xyz")
    (tmp_path / "broken.xyz").write_text("2\n\nH 0 0 0\nH zero\n")
    with pytest.raises(ValueError, match=r"broken\.xyz: ASE could not read"):
        read_molecules(tmp_path / "broken.xyz")
    (tmp_path / "broken.json").write_text(json.dumps({"x": 1}))
    with pytest.raises(ValueError, match=r"broken\.json"):
        read_molecules(tmp_path / "broken.json")
    (tmp_path / "pool.pkl").write_bytes(b"")
    with pytest.raises(ValueError, match="pickled molecules are never read"):
        read_molecules(tmp_path / "pool.pkl")
