"""XTBTransformer: its numbers, the cache, what is taken from info and what is refused."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from ase.build import molecule
from sklearn.ensemble import RandomForestRegressor
from sklearn.pipeline import make_pipeline

from skmolal import as_molecules
from skmolal.datasets import load_qm9_sample
from skmolal.descriptors import XTBTransformer
from skmolal.descriptors import _xtb as module
from skmolal.oracles import CachedOracle, XTBOracle

pytest.importorskip("tblite.interface", reason="tblite is not installed")

NAMES = ["H2O", "NH3", "CH4", "CH3OH", "H2"]


@pytest.fixture
def molecules():
    return as_molecules([molecule(name) for name in NAMES])


@pytest.fixture
def calls(monkeypatch):
    """Count the calculations."""
    made = []
    calculate = XTBOracle._calculate

    def spy(self, atoms, state):
        made.append(len(atoms))
        return calculate(self, atoms, state)

    monkeypatch.setattr(XTBOracle, "_calculate", spy)
    return made


@pytest.mark.parametrize("method", ["GFN2-xTB", "GFN1-xTB", "IPEA1-xTB"])
def test_columns_are_the_oracles_numbers(molecules, method):
    xtb = XTBTransformer(method, dtype="float64")
    X = xtb.fit_transform(molecules)
    prefix = method.split("-")[0].lower()
    names = list(xtb.get_feature_names_out())
    assert names[:2] == [f"{prefix}_homo", f"{prefix}_lumo"]
    for atoms, row in zip(molecules, X, strict=True):
        values = XTBOracle(method=method)(atoms)
        values["energy_per_atom"] = values["energy"] / len(atoms)
        values.setdefault("homo_minus_1", values["homo"])
        values.setdefault("lumo_plus_1", values["lumo"])
        expected = [values[name.removeprefix(prefix + "_")] for name in names]
        np.testing.assert_array_equal(row, expected)


def test_charge_spin_and_solvent_are_seen(molecules):
    X = XTBTransformer().fit_transform(molecules[:1])
    for info in ({"charge": 1}, {"spin": 2}, {"solvent": "water"}):
        atoms = molecule("H2O")
        atoms.info.update(info)
        assert (np.abs(XTBTransformer().fit_transform([atoms]) - X) > 1e-3).any()


def test_chosen_columns_in_the_given_order(molecules):
    everything = XTBTransformer().fit(molecules)
    chosen = XTBTransformer(features=["dipole", "homo"]).fit(molecules)
    columns = [list(everything.features_).index(name) for name in ("dipole", "homo")]
    np.testing.assert_array_equal(
        chosen.transform(molecules), everything.transform(molecules)[:, columns]
    )


@pytest.mark.parametrize("features", [["homo", "nonsense"], [], ["gap", "gap"]])
def test_wrong_columns(molecules, features):
    with pytest.raises(ValueError, match="features must be 'all' or distinct names out of"):
        XTBTransformer(features=features).fit(molecules)


# ---------------------------------------------------------------------------------------- cache


def test_nothing_is_calculated_twice(molecules, calls, tmp_path):
    xtb = XTBTransformer(cache=tmp_path / "xtb.db").fit(molecules)
    assert calls == []
    X = xtb.transform(molecules)
    assert len(calls) == len(molecules)
    np.testing.assert_array_equal(xtb.transform(molecules[::-1]), X[::-1])
    other = XTBTransformer(features=["gap"], cache=tmp_path / "xtb.db").fit(molecules)
    np.testing.assert_array_equal(other.transform(molecules)[:, 0], X[:, 2])
    assert len(calls) == len(molecules)
    XTBTransformer("GFN1-xTB", cache=tmp_path / "xtb.db").fit_transform(molecules)
    assert len(calls) == 2 * len(molecules)


def test_same_molecule_in_one_call(molecules, calls, tmp_path):
    X = XTBTransformer(cache=tmp_path / "xtb.db").fit_transform(molecules[[0, 1, 0, 0]])
    assert len(calls) == 2
    np.testing.assert_array_equal(X[0], X[2])


def test_oracle_and_transformer_share_results(molecules, calls, tmp_path):
    path = tmp_path / "xtb.db"
    labels = [CachedOracle(XTBOracle("gap"), path)(atoms)["gap"] for atoms in molecules]
    X = XTBTransformer(features=["gap"], cache=path, dtype="float64").fit(molecules)
    assert X.transform(molecules)[:, 0].tolist() == labels
    assert len(calls) == len(molecules)


def test_workers_share_the_cache(molecules, calls, tmp_path):
    path = tmp_path / "xtb.db"
    X = XTBTransformer(cache=path, n_jobs=2).fit_transform(molecules)
    assert calls == []  # those were made in other processes
    np.testing.assert_array_equal(XTBTransformer(cache=path).fit_transform(molecules), X)
    assert calls == []


def test_failure_loses_nothing_before_it(molecules, calls, tmp_path):
    path = tmp_path / "xtb.db"
    broken = as_molecules([*molecules[:3], molecule("H2O")])
    broken[3].info["spin"] = 1
    with pytest.raises(ValueError, match=r"molecules\[3\]: GFN2-xTB: .*unpaired electrons"):
        XTBTransformer(cache=path).fit_transform(broken)
    del calls[:]
    XTBTransformer(cache=path).fit_transform(molecules[:3])
    assert calls == []


KILLED = """
import sys, time
from ase.build import molecule
from skmolal.descriptors import XTBTransformer
from skmolal.descriptors import _xtb
_xtb._STORE_EVERY = 2
calculate = _xtb.XTBOracle._calculate
def slow(self, atoms, state):
    print("calculating", flush=True)
    time.sleep(0.05)
    return calculate(self, atoms, state)
_xtb.XTBOracle._calculate = slow
molecules = [molecule("H2O") for _ in range(100)]
for i, atoms in enumerate(molecules):
    atoms.positions[0, 2] += 1e-3 * i
XTBTransformer(cache=sys.argv[1]).fit_transform(molecules)
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX's")
def test_kill_costs_what_was_not_stored(tmp_path):
    path = tmp_path / "xtb.db"
    command = [sys.executable, "-c", KILLED, str(path)]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for _ in range(7):
        worker.stdout.readline()
    time.sleep(0.02)
    worker.send_signal(signal.SIGKILL)
    n_begun = 7 + worker.communicate(timeout=20)[0].count("\n")
    assert n_begun < 100
    assert n_begun - 3 <= len(module.ResultCache(path)) < n_begun


# --------------------------------------------------------------------------------------- errors


def test_failures_as_an_error_or_nan(molecules):
    molecules[1].info["solvent"] = "beer"
    molecules[2].info["charge"] = 0.5
    with pytest.raises(ValueError, match=r"molecules\[1\]: GFN2-xTB: unknown solvent 'beer'"):
        XTBTransformer().fit_transform(molecules)
    X = XTBTransformer(on_error="nan").fit_transform(molecules)
    assert np.isnan(X).all(axis=1).tolist() == [False, True, True, False, False]
    assert np.isfinite(X[[0, 3, 4]]).all()


def test_nan_with_a_cache(molecules, tmp_path):
    molecules[2].info["charge"] = 0.5
    X = XTBTransformer(on_error="nan", cache=str(tmp_path / "c.db")).fit_transform(molecules)
    assert np.isnan(X).all(axis=1).tolist() == [False, False, True, False, False]


def test_index_in_the_message_is_that_of_all(molecules):
    many = as_molecules([molecule("H2") for _ in range(40)])
    many[33].info["spin"] = 1
    with pytest.raises(ValueError, match=r"molecules\[33\]: "):
        XTBTransformer(n_jobs=2).fit_transform(many)


# ----------------------------------------------------------------------------------------- info


def with_info(molecules, X, names):
    given = as_molecules([atoms.copy() for atoms in molecules])
    for atoms, row in zip(given, X, strict=True):
        atoms.info.update(dict(zip(names, row.tolist(), strict=True)))
        atoms.info["gfn2_energy"] = atoms.info.pop("gfn2_energy_per_atom") * len(atoms)
    return given


def test_what_is_known_is_not_calculated(molecules, calls):
    xtb = XTBTransformer(dtype="float64")
    X = xtb.fit_transform(molecules)
    given = with_info(molecules, X + 1, xtb.get_feature_names_out())
    del calls[:]
    np.testing.assert_allclose(xtb.fit_transform(given), X + 1, rtol=1e-14)
    assert calls == []
    del given[3].info["gfn2_charge_max"]  # a part is not enough
    np.testing.assert_allclose(xtb.transform(given)[3], X[3], rtol=1e-14)
    assert calls == [6]
    # another method's names
    XTBTransformer("GFN1-xTB").fit_transform(given)
    assert len(calls) == 1 + len(given)


@pytest.mark.parametrize("value", [np.nan, "-10", [1.0]])
def test_bad_values_in_info(molecules, value):
    molecules[2].info["gfn2_homo"] = value
    with pytest.raises(
        ValueError, match=r"molecules\[2\].info\['gfn2_homo'\] must be a finite number"
    ):
        XTBTransformer(features=["homo"]).fit(molecules)


def test_labels_in_info_are_never_read():
    data = load_qm9_sample()
    molecules = as_molecules([atoms.copy() for atoms in data.data[:12]])
    X = XTBTransformer().fit_transform(molecules)
    shuffled = np.random.RandomState(0).permutation(12).astype(float)
    for name in ("homo", "lumo", "gap", "energy", "dipole", "energy_per_atom", "HOMO"):
        for atoms, value in zip(molecules, shuffled, strict=True):
            atoms.info[name] = value
    np.testing.assert_array_equal(XTBTransformer().fit_transform(molecules, shuffled), X)


def test_feature_that_is_the_target_is_refused(molecules):
    y = np.array([3.0, 1.0, 2.0, 5.0, 4.0])
    for atoms, value in zip(molecules, y, strict=True):
        atoms.info["gfn2_homo"] = value
    leaking = XTBTransformer(features=["homo"])
    with pytest.raises(ValueError, match="feature 'gfn2_homo' is the target y"):
        leaking.fit(molecules, y)
    with pytest.raises(ValueError, match="feature 'gfn2_homo' is the target y"):
        make_pipeline(leaking, RandomForestRegressor(2)).fit(molecules, y)
    del molecules[0].info["gfn2_homo"]  # where it is known it is the target
    with pytest.raises(ValueError, match="feature 'gfn2_homo' is the target y"):
        leaking.fit(molecules, y)
    leaking.fit(molecules, y[::-1])
    leaking.fit(molecules, list("abcde"))
    with pytest.raises(ValueError, match="'gfn2_homo'"):  # one of two, with a label unknown
        leaking.fit(molecules, np.column_stack([y[::-1], np.where(y > 4, np.nan, y)]))


def test_calculated_feature_that_is_the_target_is_refused(molecules):
    y = [XTBOracle()(atoms)["gap"] for atoms in molecules]
    for sparse in (False, True):
        with pytest.raises(ValueError, match="feature 'gfn2_gap' is the target y"):
            XTBTransformer(sparse=sparse).fit_transform(molecules, y)
    XTBTransformer(features=["homo", "lumo"]).fit_transform(molecules, y)
    XTBTransformer("GFN1-xTB").fit_transform(molecules, y)


def test_progress_is_shown(molecules, capfd):
    XTBTransformer(verbose=True).fit_transform(molecules)
    assert "XTB: 100%" in capfd.readouterr().err
