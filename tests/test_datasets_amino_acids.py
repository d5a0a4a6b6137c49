"""The shipped amino acid conformers: what the file holds, and that its script makes it."""

import json
import re
import zipfile
from importlib.metadata import version

import make_amino_acids as script
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold
from sklearn.neighbors import KNeighborsRegressor

from skmolal import MBTRTransformer, as_molecules
from skmolal.datasets import load_amino_acids
from skmolal.datasets._bunch import load_descr
from skmolal.datasets._storage import MoleculeTable


@pytest.fixture(scope="module")
def amino_acids():
    return load_amino_acids()


@pytest.fixture(scope="module")
def charge(amino_acids):
    return amino_acids.frame["charge"].to_numpy()


def get_distances(atoms):
    distances = atoms.get_all_distances()
    np.fill_diagonal(distances, np.inf)
    return distances


def test_set_is_conformers_of_40_molecules(amino_acids, charge):
    n_samples = len(amino_acids.data)
    assert n_samples >= 6000
    assert amino_acids.data.shape == amino_acids.target.shape == (n_samples,)
    assert as_molecules(amino_acids.data) is amino_acids.data
    assert amino_acids.target.dtype == np.float64
    assert set(amino_acids.frame["residue"]) == set(script.RESIDUES)
    assert len(script.RESIDUES) == 20
    assert set(amino_acids.groups) == set(script.MOLECULES)
    assert set(charge) == {0, 2}
    assert not amino_acids.frame.duplicated(["molecule", "charge", "attempt"]).any()
    assert all(np.isfinite(atoms.positions).all() for atoms in amino_acids.data)
    assert np.isfinite(amino_acids.frame[["homo", "lumo", "energy"]]).all(axis=None)
    # In random order, so that the first conformers are a sample of all.
    assert (charge[:1000] == 2).mean() == pytest.approx((charge == 2).mean(), abs=0.05)


def test_groups_are_the_names_of_the_molecules(amino_acids):
    assert amino_acids.groups.shape == amino_acids.target.shape
    for name in ("molecule", "smiles", "charge"):
        assert [atoms.info[name] for atoms in amino_acids.data] == amino_acids.frame[name].tolist()
    np.testing.assert_array_equal(amino_acids.groups, amino_acids.frame["molecule"])
    folds = GroupKFold(5).split(amino_acids.data, amino_acids.target, amino_acids.groups)
    for train, test in folds:
        assert not set(amino_acids.groups[train]) & set(amino_acids.groups[test])


def test_homo_has_two_peaks(amino_acids, charge):
    homo = amino_acids.target
    assert 0.25 < (charge == 0).mean() < 0.4
    # The peaks are those of the bare molecules and of those with the ion, and nothing lies between.
    assert homo[charge == 0].min() - homo[charge == 2].max() > 4
    for peak in (homo[charge == 0], homo[charge == 2]):
        assert peak.std() < 1.5
    assert homo[charge == 0].mean() == pytest.approx(-10.2, abs=0.3)


def test_set_is_redundant(amino_acids, charge):
    # Nearly all of the variance, and most within a peak, lies between molecules ...
    frame = amino_acids.frame
    residual = frame["homo"] - frame.groupby(["molecule", "charge"])["homo"].transform("mean")
    assert residual.var() < 0.01 * frame["homo"].var()
    for value in (0, 2):
        assert residual[charge == value].var() < 0.5 * frame["homo"][charge == value].var()
    # ... so that the nearest neighbour does well, and worse where a molecule has not been seen.
    frame = frame[:2000]
    X = MBTRTransformer().fit_transform(amino_acids.data[:2000])
    model = KNeighborsRegressor(1)

    def error(train, test):
        predicted = model.fit(X[train], frame["homo"][train]).predict(X[test])
        return np.abs(predicted - frame["homo"][test]).mean()

    random_error = error(np.arange(1600), np.arange(1600, 2000))
    folds = GroupKFold(5).split(X, groups=frame["residue"])
    assert random_error < 0.5 * np.mean([error(train, test) for train, test in folds])


def test_target_columns(amino_acids):
    for name in ("homo", "lumo", "energy"):
        bunch = load_amino_acids(target_column=name)
        assert bunch.target_names == [name]
        np.testing.assert_array_equal(bunch.target, amino_acids.frame[name])
    expected = r"one of \['homo', 'lumo', 'energy'\], got 'charge'"
    with pytest.raises(ValueError, match=expected):
        load_amino_acids(target_column="charge")


def test_return_X_y_and_as_frame(amino_acids):
    X, y = load_amino_acids(return_X_y=True)
    assert X.shape == y.shape == amino_acids.target.shape
    bunch = load_amino_acids(as_frame=True)
    assert isinstance(bunch.data, pd.DataFrame)
    assert list(bunch.data.columns) == bunch.feature_names == ["molecule"]
    assert bunch.target.name == "homo"
    assert bunch.data.index.equals(bunch.frame.index)
    np.testing.assert_array_equal(bunch.groups, amino_acids.groups)
    X, y = load_amino_acids(return_X_y=True, as_frame=True)
    assert isinstance(X, pd.DataFrame)
    assert isinstance(y, pd.Series)


def test_labels_keep_the_rules(amino_acids):
    assert (amino_acids.frame["lumo"] - amino_acids.frame["homo"]).min() >= script.MIN_GAP


def test_geometries_keep_the_rules(amino_acids, charge):
    for atoms, value in zip(amino_acids.data, charge, strict=True):
        distances = get_distances(atoms)
        assert distances.min() >= script.MIN_CONTACT > 0.7
        if value == 0:
            assert "Ca" not in atoms.symbols
            continue
        assert list(atoms.symbols).count("Ca") == 1
        assert atoms.symbols[-1] == "Ca"
        from_ion = distances[-1]
        assert from_ion[atoms.numbers == 1].min() >= script.MIN_ION_HYDROGEN
        assert from_ion.min() >= script.MIN_ION_HEAVY
        _, _, (low, high) = script.BACKBONE
        assert low - script.SLACK <= from_ion[atoms.numbers == 8].min() <= high + script.SLACK


def test_conformers_of_a_molecule_differ(amino_acids, charge):
    for name in ("Gly", "Ac-Ala-NHMe", "Lys"):
        for value in (0, 2):
            rows = np.flatnonzero((amino_acids.groups == name) & (charge == value))
            prints = np.array(
                [script.fingerprint(a.numbers, a.positions) for a in amino_acids.data[rows]]
            )
            rms = np.sqrt(((prints[:, None] - prints) ** 2).mean(axis=-1))
            assert rms[np.triu_indices(len(rows), 1)].min() >= script.MIN_RMS


@pytest.mark.parametrize("name", sorted(script.MOLECULES))
def test_geometry_and_smiles_belong_together(amino_acids, name):
    chem = pytest.importorskip("rdkit.Chem")
    mol = chem.AddHs(chem.MolFromSmiles(script.MOLECULES[name]))
    centres = chem.FindMolChiralCenters(mol)
    # L: S at the alpha carbon, but for glycine and, by the priority of sulphur, cysteine.
    alpha = mol.GetSubstructMatch(chem.MolFromSmarts("N[CX4]C=O"))[1]
    expected = {"Gly": None, "Cys": "R"}.get(script.residue_of(name), "S")
    assert dict(centres).get(alpha) == expected
    for atoms in amino_acids.data[np.flatnonzero(amino_acids.groups == name)[:5]]:
        n_atoms = mol.GetNumAtoms()
        assert atoms.numbers[:n_atoms].tolist() == [a.GetAtomicNum() for a in mol.GetAtoms()]
        assert len(atoms) == n_atoms + (atoms.info["charge"] == 2)
        for bond in mol.GetBonds():
            distance = atoms.get_distance(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
            assert 0.9 < distance < 1.95
        embedded = chem.Mol(mol)
        conformer = chem.Conformer(n_atoms)
        conformer.SetPositions(atoms.positions[:n_atoms].copy())
        embedded.AddConformer(conformer)
        chem.AssignStereochemistryFrom3D(embedded)
        assert chem.FindMolChiralCenters(embedded) == centres


def test_tblite_gives_the_stored_labels(amino_acids, charge):
    pytest.importorskip("tblite.interface")
    rows = [*np.flatnonzero(charge == 0)[:4], *np.flatnonzero(charge == 2)[:4]]
    for row in rows:
        atoms = amino_acids.data[row]
        labels = script.label(atoms.numbers, atoms.positions, atoms.info["charge"])
        for name, value in labels.items():
            assert value == pytest.approx(amino_acids.frame[name][row], abs=1e-3)


def require_same_rdkit(amino_acids):
    pytest.importorskip("rdkit")
    made_with = re.search(r"RDKit (\S+) and", amino_acids.DESCR)[1]
    if version("rdkit") != made_with:
        pytest.skip(f"the file was made with RDKit {made_with}, another one embeds otherwise")


def test_script_gives_the_stored_geometries(amino_acids, charge):
    require_same_rdkit(amino_acids)
    for row in [*np.flatnonzero(charge == 0)[:6], *np.flatnonzero(charge == 2)[:6]]:
        molecule, attempt = amino_acids.frame.loc[row, ["molecule", "attempt"]]
        numbers, grid = script.make_geometry(molecule, int(charge[row]), int(attempt))
        np.testing.assert_array_equal(numbers, amino_acids.data[row].numbers)
        # Rotation aside nothing may move: the embedding fixes the orientation too.
        np.testing.assert_allclose(
            grid * script.RESOLUTION, amino_acids.data[row].positions, atol=1e-2, rtol=0
        )


@pytest.fixture
def two_parts(monkeypatch):
    pytest.importorskip("rdkit")
    pytest.importorskip("tblite.interface")
    monkeypatch.setattr(script, "MOLECULES", {"Ala": script.MOLECULES["Ala"]})
    monkeypatch.setattr(script, "N_CONFORMERS", {0: 3, 2: 2})
    monkeypatch.setattr(script, "N_ATTEMPTS", {0: 20, 2: 20})


def run_script(tmp_path, name):
    script.main(["--out", str(tmp_path / name), "--parts", str(tmp_path / "parts")])
    return MoleculeTable.load(tmp_path / name)


@pytest.mark.usefixtures("two_parts")
def test_script_goes_on_where_it_stopped(tmp_path, monkeypatch, capsys):
    whole = run_script(tmp_path, "whole.npz")
    assert sorted(whole.columns["charge"]) == [0, 0, 0, 2, 2]
    assert "charge 0: 3" in capsys.readouterr().out
    made = []

    def spy(molecule, charge):
        made.append((molecule, charge))
        return make_conformers(molecule, charge)

    make_conformers = script.make_conformers
    monkeypatch.setattr(script, "make_conformers", spy)
    (tmp_path / "parts" / "Ala_2.json").unlink()
    again = run_script(tmp_path, "again.npz")
    assert made == [("Ala", 2)]
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()
    # A part made by another version is not taken.
    monkeypatch.setattr(script, "version", lambda name: "0.0")
    run_script(tmp_path, "again.npz")
    assert made == [("Ala", 2), ("Ala", 0), ("Ala", 2)]
    assert len(again) == 5
    assert len(json.loads((tmp_path / "parts" / "Ala_0.json").read_text())["conformers"]) == 3


def test_first_molecule_of_the_file_is_made_whole(amino_acids, charge):
    require_same_rdkit(amino_acids)
    pytest.importorskip("tblite.interface")
    # The first conformers of a molecule: nothing was left out, and nothing kept that should not be.
    frame = amino_acids.frame
    stored = frame[(frame["molecule"] == "Gly") & (charge == 0)].sort_values("attempt")
    conformers, _ = script.make_conformers("Gly", 0, n_attempts=20)
    made = [conformer["attempt"] for conformer in conformers]
    assert made == stored["attempt"][stored["attempt"] < 20].tolist()


def test_script_rejects_what_breaks_a_rule():
    numbers = np.array([8, 1, 20])
    donor = script.Donor((0,), 2.2, 2.6)
    n_bonds = np.array([[0, 1, 9], [1, 0, 9], [9, 9, 0]])
    good = np.array([[0, 0, 0], [-0.96, 0, 0], [2.4, 0, 0]])
    script.check_geometry(numbers, good, n_bonds, [donor])
    for atom, position, rule in [
        (1, [-0.85, 0, 0], "contact"),
        (2, [2.75, 0, 0], "ion moved"),
        (2, [2.05, 0, 0], "ion moved"),
        (1, [0.3, 0.93, 0], "ion too near"),
    ]:
        bad = good.copy()
        bad[atom] = position
        with pytest.raises(script.Rejected, match=rule):
            script.check_geometry(numbers, bad, n_bonds, [donor])
    with pytest.raises(script.Rejected, match="contact"):
        script.check_geometry(numbers[:2], np.array([[0, 0, 0], [1.4, 0, 0]]), n_bonds[:2, :2] * 3)


def test_label_rejects_a_small_gap(monkeypatch):
    pytest.importorskip("tblite.interface")
    water = np.array([[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
    labels = script.label(np.array([8, 1, 1]), water, 0)
    assert labels["homo"] == pytest.approx(-12.1, abs=0.2)
    monkeypatch.setattr(script, "MIN_GAP", labels["lumo"] - labels["homo"] + 0.01)
    with pytest.raises(script.Rejected, match="gap"):
        script.label(np.array([8, 1, 1]), water, 0)


@settings(max_examples=30)
@given(n_atoms=st.integers(2, 8), seed=st.integers(0, 99))
def test_fingerprint_knows_shape_and_elements_only(n_atoms, seed):
    rng = np.random.default_rng(seed)
    numbers = rng.choice([1, 6, 8], size=n_atoms)
    positions = rng.normal(size=(n_atoms, 3))
    expected = script.fingerprint(numbers, positions)
    order = rng.permutation(n_atoms)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))  # a mirror too, half of the time
    moved = positions[order] @ rotation + rng.normal(size=3)
    np.testing.assert_allclose(script.fingerprint(numbers[order], moved), expected, atol=1e-12)
    assert len(expected) == n_atoms * (n_atoms - 1) // 2


def test_file_is_small_and_holds_no_pickle():
    assert script.PATH.stat().st_size <= 4_000_000
    with zipfile.ZipFile(script.PATH) as archive:
        for name in archive.namelist():
            with archive.open(name) as member:
                np.lib.format.read_array(member, allow_pickle=False)


def test_descr_is_valid():
    core = pytest.importorskip("docutils.core")
    text = load_descr("amino_acids")
    core.publish_doctree(text, settings_overrides={"report_level": 2, "halt_level": 2})


def test_descr_says_what_the_file_holds(amino_acids, charge):
    text = amino_acids.DESCR
    assert f"{len(amino_acids.data):,}" in text
    assert f"seed {script.SEED}" in text
    assert "python benchmarks/make_amino_acids.py" in text
    # The histogram: lower edge, with the ion, bare.
    rows = re.findall(r"^(-\d+\.\d) +(\d+) +(\d+)$", text, flags=re.MULTILINE)
    edges = [float(edge) for edge, _, _ in rows]
    homo = amino_acids.target
    width = edges[1] - edges[0]
    for edge, with_ion, bare in rows:
        inside = (homo >= float(edge)) & (homo < float(edge) + width)
        assert int(with_ion) == (inside & (charge == 2)).sum()
        assert int(bare) == (inside & (charge == 0)).sum()
    assert sum(int(a) + int(b) for _, a, b in rows) == len(homo)
    # The counts: residue, free and capped, bare and with the ion.
    rows = re.findall(r"^([A-Z][a-z]{2}) +(\d+) +(\d+) +(\d+) +(\d+)$", text, flags=re.MULTILINE)
    assert [residue for residue, *_ in rows] == sorted(script.RESIDUES)
    for residue, *counts in rows:
        names = (residue, residue, f"Ac-{residue}-NHMe", f"Ac-{residue}-NHMe")
        for name, value, count in zip(names, (0, 2, 0, 2), counts, strict=True):
            assert int(count) == ((amino_acids.groups == name) & (charge == value)).sum()
