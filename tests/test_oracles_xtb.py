"""XTBOracle against tblite used directly."""

import sys

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

from skmolal.oracles import OracleError, XTBOracle
from skmolal.oracles._quantities import BOHR_IN_ANGSTROM, HARTREE_IN_EV
from skmolal.oracles._xtb import SOLVENTS

interface = pytest.importorskip("tblite.interface", reason="tblite is not installed")


def with_info(formula, **info):
    atoms = molecule(formula)
    atoms.info.update(info)
    return atoms


def run_tblite(atoms, charge=0, uhf=0, method="GFN2-xTB", **interactions):
    calculator = interface.Calculator(
        method, atoms.numbers, atoms.positions / BOHR_IN_ANGSTROM, charge, uhf
    )
    calculator.set("verbosity", 0)
    for name, value in interactions.items():
        calculator.add(name.replace("_", "-"), value)
    return calculator.singlepoint()


@pytest.mark.parametrize("method", ["GFN2-xTB", "GFN1-xTB", "IPEA1-xTB"])
@pytest.mark.parametrize("name", ["H2O", "CH3OH", "C6H6"])
def test_closed_shells_have_the_values_of_tblite(name, method):
    atoms = molecule(name)
    result = run_tblite(atoms, method=method)
    values = XTBOracle(method=method)(atoms)
    eps = result.get("orbital-energies") * HARTREE_IN_EV
    is_occupied = result.get("orbital-occupations") > 1
    assert values["energy"] == pytest.approx(result.get("energy") * HARTREE_IN_EV, abs=1e-9)
    assert values["homo"] == pytest.approx(eps[is_occupied].max(), abs=1e-9)
    assert values["lumo"] == pytest.approx(eps[~is_occupied].min(), abs=1e-9)
    dipole = np.linalg.norm(result.get("dipole")) * 2.541746473
    assert values["dipole"] == pytest.approx(dipole, abs=1e-9)


def test_further_orbitals_and_charges():
    result = run_tblite(molecule("CH3OH"))
    eps = result.get("orbital-energies") * HARTREE_IN_EV
    values = XTBOracle()(molecule("CH3OH"))
    below, homo, lumo, above = eps[5:9]  # 14 valence electrons
    assert values["homo"] == pytest.approx(homo, abs=1e-9)
    assert values["homo_minus_1"] == pytest.approx(below, abs=1e-9)
    assert values["lumo"] == pytest.approx(lumo, abs=1e-9)
    assert values["lumo_plus_1"] == pytest.approx(above, abs=1e-9)
    assert values["charge_min"] == pytest.approx(result.get("charges").min(), abs=1e-12)
    assert values["charge_max"] == pytest.approx(result.get("charges").max(), abs=1e-12)
    assert not {"homo_minus_1", "lumo_plus_1"} & set(XTBOracle()(molecule("H2")))


def test_values_of_water_by_hand():
    # total energy of the documentation's own example for this geometry: -137.96777 eV
    values = XTBOracle()(molecule("H2O"))
    assert values["energy"] == pytest.approx(-137.96777, abs=1e-4)
    assert 2.0 < values["dipole"] < 2.5  # GFN2 gives 2.2 D for water


@pytest.mark.parametrize(
    ("atoms", "charge", "uhf"),
    [
        (with_info("CH3"), 0, 1),
        (with_info("O2", spin=2), 0, 2),
        (with_info("H2O", charge=1), 1, 1),
        (with_info("CH2_s3B1d", spin=2), 0, 2),
    ],
    ids=["CH3", "O2", "H2O+", "CH2"],
)
def test_open_shells_take_the_orbitals_of_either_spin(atoms, charge, uhf):
    result = run_tblite(atoms, charge, uhf, spin_polarization=1.0)
    eps = result.get("orbital-energies") * HARTREE_IN_EV
    is_occupied = result.get("orbital-occupations") > 0.5
    assert eps.shape[0] == 2
    values = XTBOracle()(atoms)
    assert values["energy"] == pytest.approx(result.get("energy") * HARTREE_IN_EV, abs=1e-9)
    assert values["homo"] == pytest.approx(eps[is_occupied].max(), abs=1e-9)
    assert values["lumo"] == pytest.approx(eps[~is_occupied].min(), abs=1e-9)


def test_one_set_of_orbitals_has_no_gap_in_open_shells():
    plain = XTBOracle(spin_polarized=False)
    values = plain(molecule("CH3"))
    assert values["gap"] == 0
    expected = run_tblite(molecule("CH3"), uhf=1).get("energy") * HARTREE_IN_EV
    assert values["energy"] == pytest.approx(expected, abs=1e-9)
    assert plain(molecule("H2O")) == XTBOracle()(molecule("H2O"))


def test_charge_and_spin_are_seen():
    neutral, cation, triplet = (
        XTBOracle()(with_info("H2O", **info)) for info in ({}, {"charge": 1}, {"spin": 2})
    )
    assert cation["energy"] > neutral["energy"] + 10
    assert triplet["energy"] > neutral["energy"] + 3
    with pytest.raises(OracleError, match=r"electrons .8. and number unpaired electrons .1."):
        XTBOracle()(with_info("H2O", spin=1))


def test_f_electrons_of_lanthanides_do_not_count():
    around = 2.5 * np.array([[0, 0, 0], [1, 0, 0], [-0.5, 0.866, 0], [-0.5, -0.866, 0]])
    for name in ("LaCl3", "CeCl3", "GdCl3"):
        assert XTBOracle()(Atoms(name, around))["gap"] > 1


def test_solvents():
    gas, water = XTBOracle()(molecule("H2O")), XTBOracle()(with_info("H2O", solvent="water"))
    expected = run_tblite(molecule("H2O"), alpb_solvation="water").get("energy") * HARTREE_IN_EV
    assert water["energy"] == pytest.approx(expected, abs=1e-9)
    assert water["energy"] < gas["energy"]
    with pytest.raises(OracleError, match=r"unknown solvent 'beer'; ALPB knows acetone, .*water"):
        XTBOracle()(with_info("H2O", solvent="beer"))


@pytest.mark.parametrize("method", ["GFN2-xTB", "GFN1-xTB"])
def test_listed_solvents_are_known(method):
    energies = [
        XTBOracle(method=method)(with_info("H2O", solvent=solvent))["energy"]
        for solvent in SOLVENTS
    ]
    assert len(set(energies)) == len(SOLVENTS)


@pytest.mark.parametrize(
    ("oracle", "atoms", "message"),
    [
        (XTBOracle(max_iter=2), molecule("H2O"), "GFN2-xTB: SCF not converged in 2 cycles"),
        (XTBOracle(method="GFN1-xTB"), Atoms("U"), "GFN1-xTB: No support for elements with Z >86"),
        (XTBOracle(), Atoms("H2"), "GFN2-xTB: Too close interatomic distances"),
        (XTBOracle(relax=True, max_steps=1), molecule("C2H6"), "not relaxed to 0.05 .* in 1 steps"),
        (XTBOracle(), with_info("H2O", charge=8), "GFN2-xTB: there is no occupied orbital"),
    ],
)
def test_failures_in_one_quiet_line(oracle, atoms, message, capfd):
    with pytest.raises(OracleError, match=message) as caught:
        oracle(atoms)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_nothing_is_printed(capfd):
    XTBOracle(relax=True)(molecule("H2O"))
    assert capfd.readouterr() == ("", "")


def test_relaxation_ends_at_a_minimum():
    oracle = XTBOracle(relax=True, fmax=0.01)
    atoms = with_info("CH3OH", name="methanol")
    relaxed = oracle.relaxed(atoms)
    assert relaxed.info == atoms.info
    assert relaxed.calc is None
    assert np.abs(relaxed.positions - atoms.positions).max() > 1e-3
    assert atoms == molecule("CH3OH")
    gradient = run_tblite(relaxed).get("gradient") * HARTREE_IN_EV / BOHR_IN_ANGSTROM
    assert np.linalg.norm(gradient, axis=1).max() < 0.011
    # the properties are those at the relaxed geometry
    for name, value in XTBOracle()(relaxed).items():
        assert oracle(atoms)[name] == pytest.approx(value, abs=1e-6)
    assert oracle(atoms)["energy"] < XTBOracle()(atoms)["energy"] - 1e-3


def test_relaxation_sees_charge_spin_and_solvent():
    lengths = {
        label: XTBOracle().relaxed(with_info("H2O", **info)).get_distance(0, 1)
        for label, info in {
            "gas": {},
            "cation": {"charge": 1},
            "triplet": {"spin": 2},
            "water": {"solvent": "water"},
        }.items()
    }
    assert len({round(length, 4) for length in lengths.values()}) == 4
    assert lengths["cation"] > lengths["gas"] + 0.01


def test_one_thread_unless_told_otherwise(monkeypatch):
    from threadpoolctl import threadpool_info

    seen = []

    class Spy(interface.Calculator):
        def singlepoint(self, *args, **kwargs):
            seen.append({pool["num_threads"] for pool in threadpool_info()})
            return super().singlepoint(*args, **kwargs)

    monkeypatch.setattr(interface, "Calculator", Spy)
    XTBOracle()(molecule("H2O"))
    XTBOracle(n_threads=2)(molecule("H2O"))
    assert seen[0] == {1}
    assert 2 in seen[1]


def test_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tblite.interface", None)
    with pytest.raises(ImportError, match="needs tblite: python -m pip install tblite"):
        XTBOracle()(molecule("H2O"))


@pytest.mark.parametrize(
    "params",
    [{"target": "gpa"}, {"method": "GFN3"}, {"accuracy": 0}, {"fmax": -1}, {"n_threads": 0}],
)
def test_invalid_parameters(params):
    with pytest.raises(ValueError, match=f"The '{next(iter(params))}' parameter"):
        XTBOracle(**params)(molecule("H2O"))
