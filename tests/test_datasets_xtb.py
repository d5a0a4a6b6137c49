"""GFN2-xTB's columns of the shipped molecules, and the small file they are in."""

import make_qm9_xtb as script
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skmolal.datasets import load_qm9_sample
from skmolal.datasets._columns import load_columns, save_columns
from skmolal.descriptors import XTBTransformer
from skmolal.oracles import XTBOracle


@pytest.fixture(scope="module")
def sample():
    return load_qm9_sample(xtb=True)


@pytest.fixture
def no_calculation(monkeypatch):
    def refuse(*args):
        raise AssertionError("calculated")

    monkeypatch.setattr(XTBOracle, "_calculate", refuse)


def test_columns_are_in_info_and_frame_only_if_wanted(sample):
    columns = [name for name in sample.frame if name.startswith("gfn2_")]
    assert len(columns) == 9
    for name in columns:
        assert [atoms.info[name] for atoms in sample.data] == sample.frame[name].tolist()
    plain = load_qm9_sample()
    assert set(sample.data[0].info) == {*plain.data[0].info, *columns}
    assert list(sample.frame) == [*plain.frame, *columns]
    np.testing.assert_array_equal(sample.target, plain.target)
    assert (sample.data[0].positions == plain.data[0].positions).all()


@pytest.mark.usefixtures("no_calculation")
def test_transformer_takes_the_columns_without_calculating(sample):
    xtb = XTBTransformer(dtype="float64")
    X = xtb.fit_transform(sample.data, sample.target)
    frame = sample.frame.copy()
    frame["gfn2_energy_per_atom"] = frame["gfn2_energy"] / [len(atoms) for atoms in sample.data]
    np.testing.assert_allclose(X, frame[xtb.get_feature_names_out()], rtol=1e-14)


def test_columns_belong_to_the_molecules(sample):
    # The energy of a molecule is nearly a sum over its atoms: a shifted row would be far off.
    counts = np.array([np.bincount(a.numbers, minlength=10)[[1, 6, 7, 8, 9]] for a in sample.data])
    energy = sample.frame["gfn2_energy"].to_numpy()
    weights = np.linalg.lstsq(counts, energy, rcond=None)[0]
    assert np.abs(counts @ weights - energy).max() < 8
    assert energy.std() > 50
    assert np.corrcoef(sample.target, sample.frame["gfn2_homo"])[0, 1] == pytest.approx(
        0.864, abs=1e-3
    )
    ascending = ["gfn2_homo_minus_1", "gfn2_homo", "gfn2_lumo", "gfn2_lumo_plus_1"]
    assert (np.diff(sample.frame[ascending]) >= 0).all()
    gap = sample.frame["gfn2_lumo"] - sample.frame["gfn2_homo"]
    np.testing.assert_allclose(gap, sample.frame["gfn2_gap"], atol=1.6e-5)


def test_columns_are_what_tblite_computes(sample):
    interface = pytest.importorskip("tblite.interface", reason="tblite is not installed")
    hartree, bohr = 27.211386245988, 0.529177210903
    for atoms in sample.data[[0, 1234, 4999]]:
        calculator = interface.Calculator("GFN2-xTB", atoms.numbers, atoms.positions / bohr)
        calculator.set("verbosity", 0)
        result = calculator.singlepoint()
        levels = result.get("orbital-energies") * hartree
        n = round(result.get("orbital-occupations").sum() / 2)
        charges = result.get("charges")
        expected = {
            "energy": result.get("energy") * hartree,
            "homo_minus_1": levels[n - 2],
            "homo": levels[n - 1],
            "lumo": levels[n],
            "lumo_plus_1": levels[n + 1],
            "gap": levels[n] - levels[n - 1],
            "dipole": np.linalg.norm(result.get("dipole")) * 2.541746473,
            "charge_min": charges.min(),
            "charge_max": charges.max(),
        }
        for name, value in expected.items():
            # Half a step of the file, and what the order of sums changes.
            assert atoms.info[f"gfn2_{name}"] == pytest.approx(value, abs=2e-5)


def test_script_makes_the_shipped_columns(sample):
    pytest.importorskip("tblite.interface", reason="tblite is not installed")
    made = script.make_columns(load_qm9_sample().data[:20])
    assert set(made) == {name for name in sample.frame if name.startswith("gfn2_")}
    for name, column in made.items():
        np.testing.assert_allclose(column, sample.frame[name][:20], atol=2e-5)


def test_full_fills_a_cache_that_the_transformer_reads(tmp_path, monkeypatch, capsys, request):
    pytest.importorskip("tblite.interface", reason="tblite is not installed")
    molecules, y = load_qm9_sample(return_X_y=True)
    molecules = molecules[:5]
    monkeypatch.setattr(script, "fetch_qm9", lambda **options: (molecules, y[:5]))
    path = tmp_path / "new" / "cache.sqlite"
    script.main(["--full", "--out", str(path)])
    assert str(path) in capsys.readouterr().out
    request.getfixturevalue("no_calculation")
    X = XTBTransformer(cache=path, features=["homo"]).fit_transform(molecules)
    np.testing.assert_allclose(X[:, 0], load_qm9_sample(xtb=True).frame["gfn2_homo"][:5], atol=2e-5)


def test_xtb_columns_are_no_targets():
    with pytest.raises(ValueError, match=r"one of \['homo', 'lumo'\], got 'gfn2_homo'"):
        load_qm9_sample(target_column="gfn2_homo", xtb=True)


def test_file_is_small():
    assert script.PATH.stat().st_size <= 300_000


@settings(max_examples=30)
@given(
    steps=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=8),
    n_digits=st.integers(0, 6),
)
def test_columns_are_the_same_decimals_after_save_and_load(tmp_path_factory, steps, n_digits):
    path = tmp_path_factory.mktemp("columns") / "columns.npz"
    columns = {"b": np.array([float(f"{step}e-{n_digits}") for step in steps])}
    columns["a"] = -columns["b"] / 2
    save_columns(path, columns, n_digits)
    loaded = load_columns(path)
    assert list(loaded) == ["b", "a"]
    np.testing.assert_array_equal(loaded["b"], columns["b"])
    np.testing.assert_allclose(loaded["a"], columns["a"], atol=0.5001 * 10.0**-n_digits, rtol=0)
