"""The shipped molecules with DFT labels at geometries from SMILES, and their script."""

import json
import re
import shutil
from importlib.metadata import version

import make_dft_sample as script
import numpy as np
import pandas as pd
import pytest

from skmolal import as_molecules
from skmolal.datasets import load_dft_sample, load_qm9_sample
from skmolal.datasets._storage import MoleculeTable
from skmolal.descriptors import XTBTransformer
from skmolal.oracles import XTBOracle

PROPERTIES = ["energy", "homo", "lumo", "gap", "dipole"]
TIMES = ["embed_time", "relax_time", "xtb_time", "dft_time"]


@pytest.fixture(scope="module")
def sample():
    return load_dft_sample()


def test_set_is_the_first_molecules_of_the_recipe(sample):
    qm9 = load_qm9_sample().frame
    n_samples = len(sample.data)
    assert sample.data.shape == sample.target.shape == (n_samples,)
    assert as_molecules(sample.data) is sample.data
    assert sample.frame.shape == (n_samples, 20)
    order = script.draw_order(len(qm9))
    assert sorted(order) == list(range(len(qm9)))
    expected = qm9.loc[order, ["qm9_index", "smiles"]].reset_index(drop=True)
    n_failed = sample.DESCR.partition(script.BEGIN)[2].partition("Versions")[0].count("``") // 2
    places = np.flatnonzero(expected["qm9_index"].isin(sample.frame["qm9_index"]))
    pd.testing.assert_frame_equal(
        sample.frame[["qm9_index", "smiles"]],
        expected.loc[places].reset_index(drop=True),
        check_dtype=False,
    )
    # No molecule is passed over but those that failed.
    assert len(places) == n_samples == script.N_SAMPLES
    assert places[-1] + 1 - n_samples == n_failed


def test_numbers_are_plausible(sample):
    frame = sample.frame
    assert np.isfinite(frame.drop(columns=["smiles", "dft_time"])).all(axis=None)
    assert frame["dft_time"].notna().mean() > 0.5  # of the others another machine's are not told
    assert frame["homo"].between(-11, -3).all()
    for prefix in ("", "gfn2_"):
        gap = frame[f"{prefix}lumo"] - frame[f"{prefix}homo"]
        np.testing.assert_allclose(gap, frame[f"{prefix}gap"], atol=2e-6)
        assert (gap > 0).all()
    assert (frame[TIMES].fillna(1) > 0).all(axis=None)
    assert frame["dft_time"].mean() > 100 * frame["xtb_time"].mean()
    # The energy of a molecule is nearly a sum over its atoms: a shifted row would be far off.
    counts = np.array([np.bincount(a.numbers, minlength=10)[[1, 6, 7, 8, 9]] for a in sample.data])
    for name in ("energy", "gfn2_energy"):
        weights = np.linalg.lstsq(counts, frame[name], rcond=None)[0]
        assert np.abs(counts @ weights - frame[name]).max() < 12
        assert frame[name].std() > 20


def test_geometry_and_smiles_belong_together(sample):
    chem = pytest.importorskip("rdkit.Chem")
    for atoms in sample.data[:200]:
        molecule = chem.AddHs(chem.MolFromSmiles(atoms.info["smiles"]))
        assert [atom.GetAtomicNum() for atom in molecule.GetAtoms()] == atoms.numbers.tolist()
        assert chem.GetFormalCharge(molecule) == 0
        distances = atoms.get_all_distances()[np.triu_indices(len(atoms), 1)]
        assert 0.9 < distances.min() < 1.3


def test_xtb_is_in_info_where_the_transformer_takes_it(sample, monkeypatch):
    columns = [name for name in sample.frame if name.startswith("gfn2_")]
    assert len(columns) == 9
    for name in ("smiles", "qm9_index", *columns):
        assert [atoms.info[name] for atoms in sample.data] == sample.frame[name].tolist()
    assert not {*PROPERTIES, *TIMES} & set(sample.data[0].info)
    monkeypatch.setattr(XTBOracle, "_calculate", None)
    xtb = XTBTransformer(features=["homo", "charge_max"], dtype="float64")
    X = xtb.fit_transform(sample.data, sample.target)
    np.testing.assert_array_equal(X, sample.frame[["gfn2_homo", "gfn2_charge_max"]])


def test_xtb_is_that_of_the_geometry(sample):
    pytest.importorskip("tblite.interface", reason="tblite is not installed")
    for atoms in sample.data[:5]:
        for name, value in XTBOracle()(atoms).items():
            assert atoms.info[f"gfn2_{name}"] == pytest.approx(value, abs=2e-5)


def test_labels_are_those_of_the_geometry(sample):
    pyscf = pytest.importorskip("pyscf.dft", reason="PySCF is not installed")
    gto = pytest.importorskip("pyscf.gto")
    i = int(np.argmin([len(atoms) for atoms in sample.data]))
    atoms, row = sample.data[i], sample.frame.loc[i]
    molecule = gto.M(
        atom=list(zip(atoms.symbols, atoms.positions, strict=True)), basis="def2-svp", verbose=0
    )
    mean_field = pyscf.RKS(molecule, xc="b3lyp").density_fit()
    mean_field.grids.level = 1
    energy = mean_field.kernel()
    n = molecule.nelectron // 2
    homo, lumo = mean_field.mo_energy[n - 1 : n + 1]
    hartree = 27.211386245988
    assert row["energy"] == pytest.approx(energy * hartree, abs=1e-5)
    assert row["homo"] == pytest.approx(homo * hartree, abs=1e-4)
    assert row["lumo"] == pytest.approx(lumo * hartree, abs=1e-4)
    dipole = np.linalg.norm(mean_field.dip_moment(verbose=0))
    assert row["dipole"] == pytest.approx(dipole, abs=1e-3)


def test_target_columns(sample):
    for name in PROPERTIES:
        bunch = load_dft_sample(target_column=name)
        assert bunch.target_names == [name]
        np.testing.assert_array_equal(bunch.target, sample.frame[name])
    for wrong in ("gfn2_homo", "dft_time", "smiles"):
        with pytest.raises(ValueError, match=rf"one of \['energy', .*'dipole'\], got '{wrong}'"):
            load_dft_sample(target_column=wrong)


def test_return_X_y_and_as_frame(sample):
    X, y = load_dft_sample(return_X_y=True)
    assert X.shape == y.shape == sample.target.shape
    bunch = load_dft_sample(as_frame=True)
    assert list(bunch.data.columns) == bunch.feature_names == ["molecule"]
    assert bunch.target.name == "homo"
    assert as_molecules(bunch.data)[0] == sample.data[0]


def test_descr_has_the_numbers_of_the_file(sample):
    text = sample.DESCR
    assert f"RandomState({script.SEED})" in text
    assert f"\n{len(sample.data):,} molecules. Failed:" in text
    for column, name in zip(TIMES, ("conformer", "relaxation", "GFN2-xTB", "B3LYP"), strict=True):
        mean = float(re.search(rf"^{name} +([\d.]+) +[\d.]+$", text, re.MULTILINE)[1])
        assert mean == pytest.approx(sample.frame[column].mean(), abs=6e-4)
    for name in sample.frame:
        assert re.search(rf"^{name} ", text, re.MULTILINE)


def test_row_of_a_molecule_is_the_recipe_step_by_step(sample):
    pytest.importorskip("tblite.interface", reason="tblite is not installed")
    pytest.importorskip("pyscf.dft", reason="PySCF is not installed")
    row = script.compute_row(7, 1, "C")
    assert (row["place"], row["qm9_index"], row["smiles"]) == (7, 1, "C")
    assert row["numbers"] == [6, 1, 1, 1, 1]
    bonds = np.linalg.norm(np.diff(np.array(row["grid"]) * 1e-4, axis=0)[0])
    assert bonds == pytest.approx(1.088, abs=0.01)
    assert row["dft"]["energy"] == pytest.approx(-40.47 * 27.2114, abs=1)
    assert row["dft"]["dipole"] == pytest.approx(0, abs=0.02)
    assert list(row["xtb"]) == [n.removeprefix("gfn2_") for n in sample.frame if "gfn2_" in n]
    assert list(row["seconds"]) == ["embed", "relax", "xtb", "dft"]
    json.dumps(row)


def test_geometry_is_made_again_from_the_smiles(sample):
    pytest.importorskip("tblite.interface", reason="tblite is not installed")
    if f"rdkit {version('rdkit')}" not in sample.DESCR:
        pytest.skip("another version of RDKit embeds differently")
    atoms = sample.data[1]
    made = script.XTB.relaxed(script._embed(atoms.info["smiles"]))
    np.testing.assert_allclose(made.positions, atoms.positions, atol=1e-3)


def test_failure_is_a_row_that_names_the_step(monkeypatch):
    pytest.importorskip("tblite.interface", reason="tblite is not installed")
    pytest.importorskip("pyscf.dft", reason="PySCF is not installed")
    row = script.compute_row(0, 1, "C*")
    assert row["error"].startswith("embed: cannot be embedded")
    monkeypatch.setattr(script, "XTB", XTBOracle(max_iter=1))
    row = script.compute_row(0, 1, "O")
    assert row["error"].startswith("relax: GFN2-xTB: ")
    assert "dft" not in row


class Computer:
    """Stands in for the calculations."""

    def __init__(self, failing=(), dies_at=None):
        self.failing, self.dies_at, self.places = failing, dies_at, []

    def __call__(self, place, qm9_index, smiles):
        if place == self.dies_at:
            raise KeyboardInterrupt
        self.places.append(place)
        row = {"place": place, "qm9_index": qm9_index, "smiles": smiles}
        if place in self.failing:
            return row | {"error": "embed: cannot be embedded", "seconds": {"embed": 0.1}}
        return row | {
            "numbers": [1, 1],
            "grid": [[0, 0, 0], [7400 + place, 0, 0]],
            "xtb": {"homo": -10.0 - place, "gap": 3.0},
            "dft": dict.fromkeys(PROPERTIES, 1.0 + place),
            "seconds": dict.fromkeys(("embed", "relax", "xtb", "dft"), 0.25),
        }


@pytest.fixture
def use(monkeypatch):
    def use(**options):
        computer = Computer(**options)
        monkeypatch.setattr(script, "compute_row", computer)
        return computer

    return use


def test_rows_go_on_where_they_stopped(tmp_path, use):
    path = tmp_path / "new" / "rows.jsonl"
    computer = use(failing=(1,), dies_at=3)
    with pytest.raises(KeyboardInterrupt):
        script.compute(path, 5, 1)
    assert computer.places == [0, 1, 2]
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])  # killed while it wrote
    assert [row["place"] for row in script.read_rows(path)[1]] == [0, 1]
    computer = use(failing=(1, 4))
    script.compute(path, 5, 1)
    assert computer.places == [2, 3, 4, 5, 6]  # until five are good
    _, rows = script.read_rows(path)
    assert [row["place"] for row in rows] == list(range(7))
    assert path.read_bytes().startswith(whole)
    script.compute(path, 5, 1)
    assert len(computer.places) == 5


def test_rows_of_another_recipe_are_not_mixed(tmp_path, use, monkeypatch):
    path = tmp_path / "rows.jsonl"
    use()
    script.compute(path, 2, 1)
    monkeypatch.setattr(script, "RESOLUTION", 1e-3)
    with pytest.raises(SystemExit, match="another recipe"):
        script.compute(path, 3, 1)
    assert len(script.read_rows(path)[1]) == 2


def test_sample_ends_before_the_first_missing_row():
    computer = Computer(failing=(0, 2, 4))
    rows = [computer(place, 1, "C") for place in (0, 1, 2, 3, 4, 6)]
    good, failed = script.take_sample(rows)
    assert [row["place"] for row in good] == [1, 3]
    assert [row["place"] for row in failed] == [0, 2]
    assert script.take_sample(rows[2:]) == ([], [])


def test_seconds_of_another_machine_are_left_out():
    computer = Computer(failing=())
    rows = [computer(place, 1, "C") for place in range(4)]
    for row in rows[2:]:
        del row["seconds"]["dft"]
    table = script.make_table(rows)
    assert np.isnan(table.columns["dft_time"]).tolist() == [False, False, True, True]
    text = script.describe(table, [], script.make_recipe())
    assert "The seconds of 2 are missing: those of another machine." in text
    assert re.search(r"B3LYP +0.250 +0.250", text)


def test_ship_writes_the_file_and_the_description(tmp_path, use, capsys):
    use(failing=(1,))
    rows, out, descr = (tmp_path / name for name in ("rows.jsonl", "out.npz", "descr.rst"))
    script.compute(rows, 3, 1)
    shutil.copy(script.DESCR, descr)
    before = descr.read_text()
    script.ship(rows, out, descr)
    assert capsys.readouterr().out.startswith("3 molecules, 1 failed, ")
    table = MoleculeTable.load(out)
    expected = ["qm9_index", "smiles", *PROPERTIES, "gfn2_homo", "gfn2_gap", *TIMES]
    assert list(table.columns) == expected
    np.testing.assert_array_equal(table.columns["homo"], [1, 3, 4])
    np.testing.assert_array_equal(table.columns["gfn2_homo"], [-10, -12, -13])
    np.testing.assert_allclose(table.positions[1::2, 0], [0.74, 0.7402, 0.7403])
    text = descr.read_text()
    failed = load_qm9_sample().frame["smiles"][script.draw_order(5000)[1]]
    assert f"3 molecules. Failed: ``{failed}`` (embed: cannot be embedded)." in text
    assert re.search(r"B3LYP +0.250 +0.250\n", text)
    for part in (0, -1):  # the rest stays
        assert (
            re.split("written by --ship|end of what", text)[part]
            == (re.split("written by --ship|end of what", before)[part])
        )
    script.ship(rows, out, descr)
    assert descr.read_text() == text
    rows.write_text(json.dumps({"recipe": {}}) + "\n")
    with pytest.raises(SystemExit, match="does not have the first molecule"):
        script.ship(rows, out, descr)


def test_file_is_small_and_holds_no_pickle():
    assert script.PATH.stat().st_size <= 500_000
    with np.load(script.PATH, allow_pickle=False) as arrays:
        assert not any(arrays[name].dtype.hasobject for name in arrays.files)
