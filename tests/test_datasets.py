"""The shipped molecules, and molecules in flat arrays."""

import zipfile

import make_qm9_sample
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skmolal import as_molecules, datasets
from skmolal.datasets import _storage, load_qm9_sample
from skmolal.datasets._qm9_readers import find_qm9pack, read_qm9pack
from skmolal.datasets._storage import MoleculeTable

HARTREE_IN_EV = 27.211386245988


def make_table(sizes, seed=0):
    rng = np.random.default_rng(seed)
    geometries = [(rng.integers(1, 119, size=n), rng.normal(size=(n, 3))) for n in sizes]
    columns = {
        "index": np.arange(len(sizes)),
        "smiles": [f"C{i}é" for i in range(len(sizes))],
        "homo": rng.normal(size=len(sizes)),
    }
    return MoleculeTable.from_geometries(geometries, columns)


def assert_same_table(table, expected):
    np.testing.assert_array_equal(table.numbers, expected.numbers)
    np.testing.assert_array_equal(table.positions, expected.positions)
    np.testing.assert_array_equal(table.offsets, expected.offsets)
    assert list(table.columns) == list(expected.columns)
    for name, column in expected.columns.items():
        assert isinstance(table.columns[name], type(column))
        np.testing.assert_array_equal(table.columns[name], column)


@pytest.fixture(scope="module")
def sample():
    return load_qm9_sample()


def test_sample_is_5000_different_molecules_of_qm9(sample):
    assert sample.data.shape == sample.target.shape == (5000,)
    assert as_molecules(sample.data) is sample.data
    assert sample.target.dtype == np.float64
    index = sample.frame["qm9_index"]
    assert index.is_unique
    assert index.between(1, 133_885).all()
    # In random order, so that the first molecules are a sample of all.
    assert abs(np.corrcoef(np.arange(5000), index)[0, 1]) < 0.05
    assert {s for atoms in sample.data for s in atoms.symbols} == {"H", "C", "N", "O", "F"}
    assert all(np.isfinite(atoms.positions).all() for atoms in sample.data)
    assert not any(atoms.pbc.any() for atoms in sample.data)


def test_sample_has_the_distribution_known_of_qm9(sample):
    assert sample.target.mean() == pytest.approx(-6.54, abs=0.03)
    assert (sample.target > -5.55).mean() == pytest.approx(0.056, abs=0.01)
    # Orbital energies are published with four decimals in hartree.
    for column in ("homo", "lumo"):
        steps = sample.frame[column] / HARTREE_IN_EV * 1e4
        np.testing.assert_allclose(steps, np.rint(steps), atol=1e-6)


def test_sample_geometry_and_smiles_belong_together(sample):
    chem = pytest.importorskip("rdkit.Chem")
    for atoms in sample.data[:300]:
        molecule = chem.AddHs(chem.MolFromSmiles(atoms.info["smiles"]))
        expected = sorted(atom.GetAtomicNum() for atom in molecule.GetAtoms())
        assert sorted(atoms.numbers) == expected
        distances = atoms.get_all_distances()[np.triu_indices(len(atoms), 1)]
        assert 0.9 < distances.min() < 1.3


def test_identity_is_in_info_and_frame(sample):
    for column in ("smiles", "qm9_index"):
        assert [atoms.info[column] for atoms in sample.data] == sample.frame[column].tolist()


def test_target_column(sample):
    lumo = load_qm9_sample(target_column="lumo")
    assert lumo.target_names == ["lumo"]
    np.testing.assert_array_equal(lumo.target, sample.frame["lumo"])
    assert (sample.frame["lumo"] > sample.frame["homo"]).all()
    for wrong in ("gap", "smiles", "qm9_index"):
        with pytest.raises(ValueError, match=rf"one of \['homo', 'lumo'\], got '{wrong}'"):
            load_qm9_sample(target_column=wrong)


def test_return_X_y_and_as_frame(sample):
    X, y = load_qm9_sample(return_X_y=True)
    assert X.shape == y.shape == (5000,)
    bunch = load_qm9_sample(as_frame=True)
    assert isinstance(bunch.data, pd.DataFrame)
    assert list(bunch.data.columns) == bunch.feature_names == ["molecule"]
    assert bunch.target.name == "homo"
    assert bunch.data.index.equals(bunch.frame.index)
    assert as_molecules(bunch.data)[0] == sample.data[0]
    X, y = load_qm9_sample(return_X_y=True, as_frame=True)
    assert isinstance(X, pd.DataFrame)
    assert isinstance(y, pd.Series)


def test_sample_is_small_in_the_wheel():
    assert make_qm9_sample.PATH.stat().st_size <= 3_000_000


def test_descr_of_docking_scores_is_valid_and_complete():
    core = pytest.importorskip("docutils.core")
    text = datasets._bunch.load_descr("enamine10k")
    for word in ("kcal/mol", "doi:", "Licence", "the lower the"):
        assert word in text
    core.publish_doctree(text, settings_overrides={"report_level": 2, "halt_level": 2})


def test_descr_of_the_sample_names_the_recipe(sample):
    assert f"RandomState({make_qm9_sample.SEED})" in sample.DESCR
    assert "python benchmarks/make_qm9_sample.py" in sample.DESCR


@pytest.mark.parametrize("name", ["aa", "dft_sample", "oe62", "qm9", "qm9_sample"])
def test_descr_is_valid_and_complete(name):
    core = pytest.importorskip("docutils.core")
    text = datasets._bunch.load_descr(name)
    for word in ("eV", "doi:", "Licence", "Level of theory".lower()):
        assert word in text or word in text.lower()
    settings = {"report_level": 2, "halt_level": 2}
    core.publish_doctree(text, settings_overrides=settings)


@pytest.mark.skipif(not find_qm9pack(), reason="qm9pack is not installed")
def test_recipe_makes_the_shipped_sample(sample):
    made = make_qm9_sample.make_qm9_sample(read_qm9pack(find_qm9pack()))
    shipped = MoleculeTable.load(make_qm9_sample.PATH)
    np.testing.assert_array_equal(shipped.numbers, made.numbers)
    np.testing.assert_array_equal(shipped.offsets, made.offsets)
    np.testing.assert_allclose(shipped.positions, made.positions, atol=0.51e-5, rtol=0)
    for name, column in made.columns.items():
        np.testing.assert_array_equal(shipped.columns[name], column)


@settings(max_examples=30)
@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=8), seed=st.integers(0, 99))
def test_table_is_the_same_after_save_and_load(tmp_path_factory, sizes, seed):
    table = make_table(sizes, seed)
    path = tmp_path_factory.mktemp("table") / "table.npz"
    key = [["source.txt", 12, 34]]
    table.save(path, key=key)
    assert_same_table(MoleculeTable.load(path, key=key), table)
    assert_same_table(MoleculeTable.load(path), table)
    assert MoleculeTable.load(path, key=[["source.txt", 12, 35]]) is None


@settings(max_examples=30)
@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=8), data=st.data())
def test_taken_molecules_are_those_of_the_table(sizes, data):
    table = make_table(sizes)
    rows = st.lists(st.integers(0, len(sizes) - 1), min_size=1, max_size=8)
    indices = np.array(data.draw(rows))
    taken = table.take(indices, columns=("smiles", "index")).to_molecules(("smiles", "index"))
    expected = table.to_molecules(("smiles", "index"))[indices]
    for atoms, other in zip(taken, expected, strict=True):
        assert atoms == other
        assert atoms.info == other.info


def test_molecules_do_not_share_memory_with_the_table():
    table = make_table([2, 3])
    atoms = table.to_molecules()[1]
    before = table.positions.copy()
    atoms.positions += 1
    np.testing.assert_array_equal(table.positions, before)


def test_resolution_bounds_the_error_of_positions(tmp_path):
    table = make_table([3, 4])
    table.save(tmp_path / "t.npz", resolution=1e-3)
    error = MoleculeTable.load(tmp_path / "t.npz").positions - table.positions
    assert 0 < np.abs(error).max() <= 0.5001e-3


def test_unknown_text_is_left_out_of_info():
    table = make_table([1, 1])
    table.columns["smiles"][1] = ""
    first, second = table.to_molecules(("smiles", "index"))
    assert set(first.info) == {"smiles", "index"}
    assert second.info == {"index": 1}


def test_table_refuses_what_does_not_fit():
    geometries = [([1], [[0.0, 0, 0]])]
    with pytest.raises(ValueError, match=r"column 'homo' must have one value per molecule, 1, got"):
        MoleculeTable.from_geometries(geometries, {"homo": np.zeros(2)})
    table = MoleculeTable.from_geometries(geometries, {"smiles": ["C\nC"]})
    with pytest.raises(ValueError, match="'smiles' has a text of several lines"):
        table.save("never written")


def test_files_hold_no_pickle(tmp_path):
    path = tmp_path / "t.npz"
    make_table([2]).save(path)
    for file in (path, make_qm9_sample.PATH):
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    np.lib.format.read_array(member, allow_pickle=False)


def test_interrupted_save_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "t.npz"
    old = make_table([2])
    old.save(path)

    def interrupted(stream, **arrays):
        stream.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(_storage.np, "savez", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_table([3]).save(path)
    assert_same_table(MoleculeTable.load(path), old)
    assert [file.name for file in tmp_path.iterdir()] == ["t.npz"]
