"""PySCFOracle against PySCF used directly, on molecules small enough for seconds."""

import sys

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

from skmolal.oracles import OracleError, PySCFOracle
from skmolal.oracles._quantities import HARTREE_IN_EV

pytest.importorskip("pyscf", reason="pyscf is not installed")

SMALL = {"basis": "sto-3g", "grid_level": 0}


def with_info(formula, **info):
    atoms = molecule(formula)
    atoms.info.update(info)
    return atoms


def run_pyscf(atoms, charge=0, spin=0, xc="b3lyp", eps=None, basis="sto-3g"):
    from pyscf import dft, gto

    lines = [
        f"{s} {x} {y} {z}" for s, (x, y, z) in zip(atoms.symbols, atoms.positions, strict=True)
    ]
    mole = gto.M(atom="; ".join(lines), basis=basis, charge=charge, spin=spin, verbose=0)
    mean_field = dft.KS(mole, xc=xc).density_fit()
    mean_field.grids.level = 0
    if eps is not None:
        mean_field = mean_field.PCM()
        mean_field.with_solvent.eps = eps
    mean_field.kernel()
    mean_field._chkfile.close()  # PCM keeps it in a cycle of references
    return mean_field


@pytest.mark.parametrize("xc", ["b3lyp", "pbe", "hf"])
def test_closed_shells_have_the_values_of_pyscf(xc):
    atoms = molecule("H2O")
    expected = run_pyscf(atoms, xc=xc)
    values = PySCFOracle(functional=xc, **SMALL)(atoms)
    eps, occupations = expected.mo_energy * HARTREE_IN_EV, expected.mo_occ
    assert values["energy"] == pytest.approx(expected.e_tot * HARTREE_IN_EV, abs=1e-5)
    assert values["homo"] == pytest.approx(eps[occupations > 0].max(), abs=1e-4)
    assert values["lumo"] == pytest.approx(eps[occupations == 0].min(), abs=1e-4)
    dipole = np.linalg.norm(expected.dip_moment(unit="Debye", verbose=0))
    assert values["dipole"] == pytest.approx(dipole, abs=1e-3)


@pytest.mark.parametrize(
    ("atoms", "charge", "spin"),
    [(with_info("O2", spin=2), 0, 2), (with_info("H2O", charge=1), 1, 1), (molecule("CH3"), 0, 1)],
    ids=["O2", "H2O+", "CH3"],
)
def test_open_shells_take_the_orbitals_of_either_spin(atoms, charge, spin):
    expected = run_pyscf(atoms, charge, spin)
    eps, occupations = np.array(expected.mo_energy) * HARTREE_IN_EV, np.array(expected.mo_occ)
    values = PySCFOracle(**SMALL)(atoms)
    assert values["energy"] == pytest.approx(expected.e_tot * HARTREE_IN_EV, abs=1e-4)
    assert values["homo"] == pytest.approx(eps[occupations > 0].max(), abs=1e-3)
    assert values["lumo"] == pytest.approx(eps[occupations == 0].min(), abs=1e-3)


def test_hydrogen_atom():
    # the exact exchange of one electron is all there is: Hartree-Fock in a large basis is -0.5
    values = PySCFOracle(functional="hf", basis="def2-tzvp", density_fit=False)(Atoms("H"))
    assert values["energy"] / HARTREE_IN_EV == pytest.approx(-0.5, abs=5e-4)
    assert values["homo"] / HARTREE_IN_EV == pytest.approx(-0.5, abs=5e-4)
    assert values["dipole"] == pytest.approx(0, abs=1e-6)


def test_solvents():
    gas, water = (
        PySCFOracle(**SMALL)(molecule("H2O")),
        PySCFOracle(**SMALL)(with_info("H2O", solvent="Water")),
    )
    expected = run_pyscf(molecule("H2O"), eps=78.355)
    assert water["energy"] == pytest.approx(expected.e_tot * HARTREE_IN_EV, abs=1e-5)
    assert water["energy"] < gas["energy"]
    toluene = PySCFOracle(**SMALL)(with_info("H2O", solvent="toluene"))
    assert water["energy"] < toluene["energy"] < gas["energy"]
    with pytest.raises(OracleError, match="unknown solvent 'touluene'; PySCF knows toluene, "):
        PySCFOracle(**SMALL)(with_info("H2O", solvent="touluene"))


def test_options_matter():
    atoms = molecule("H2O")
    reference = PySCFOracle(basis="sto-3g", grid_level=1)(atoms)
    exact = PySCFOracle(basis="sto-3g", grid_level=1, density_fit=False)(atoms)
    finer = PySCFOracle(basis="sto-3g", grid_level=3)(atoms)
    assert abs(finer["homo"] - reference["homo"]) < 2e-3  # as the docstring says
    assert 1e-7 < abs(exact["energy"] - reference["energy"]) < 0.1
    assert 1e-7 < abs(finer["energy"] - reference["energy"]) < 0.1


def test_effective_core_potentials_come_with_the_basis():
    values = PySCFOracle(basis="def2-svp", grid_level=0)(Atoms("IH", [[0, 0, 0], [0, 0, 1.61]]))
    # all electrons of iodine would be near -6,900 hartree
    assert -300 < values["energy"] / HARTREE_IN_EV < -296


@pytest.mark.parametrize(
    ("oracle", "atoms", "message"),
    [
        (
            PySCFOracle(max_cycle=1, **SMALL),
            molecule("H2O"),
            "b3lyp/sto-3g: SCF not converged in 1",
        ),
        (PySCFOracle(**SMALL), Atoms("Og"), "Basis set not found for Og in sto-3g"),
        (PySCFOracle(basis="nonsense"), molecule("H2O"), "Unknown basis format or basis name"),
        (PySCFOracle("gap", functional="b3lipp", **SMALL), molecule("H2O"), "'B3LIPP' not found"),
        (PySCFOracle(**SMALL), with_info("H2O", spin=1), "Electron number 10 and spin 1 are not"),
        (PySCFOracle(**SMALL), Atoms("He"), "there is no empty orbital"),
    ],
)
def test_failures_in_one_quiet_line(oracle, atoms, message, capfd):
    with pytest.raises(OracleError, match=message) as caught:
        oracle(atoms)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_nothing_is_printed(capfd):
    PySCFOracle(**SMALL)(with_info("H2O", solvent="water"))
    assert capfd.readouterr() == ("", "")


def test_one_thread_unless_told_otherwise(monkeypatch):
    from pyscf import dft, lib

    seen = []
    kernel = dft.rks.RKS.kernel

    def spy(self, *args, **kwargs):
        seen.append(lib.num_threads())
        return kernel(self, *args, **kwargs)

    monkeypatch.setattr(dft.rks.RKS, "kernel", spy)
    before = lib.num_threads()
    PySCFOracle(density_fit=False, **SMALL)(molecule("H2"))
    PySCFOracle(density_fit=False, n_threads=2, **SMALL)(molecule("H2"))
    assert seen == [1, 2]
    assert lib.num_threads() == before


def test_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyscf.dft", None)
    with pytest.raises(ImportError, match="needs pyscf: python -m pip install pyscf"):
        PySCFOracle()(molecule("H2O"))
