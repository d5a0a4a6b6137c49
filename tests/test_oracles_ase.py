"""ASEOracle: which numbers are taken, and what a factory is given."""

from functools import partial

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from skmolal.oracles import ASEOracle, OracleError


def with_info(**info):
    atoms = molecule("H2O")
    atoms.info.update(info)
    return atoms


class Recorder(Calculator):
    """Gives back what the factory was given."""

    implemented_properties = ["energy", "dipole"]  # noqa: RUF012 - as ASE has it

    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        charge = self.seen.get("charge", 0)
        self.results = {
            "energy": float(len(atoms)),
            "dipole": charge * atoms.get_center_of_mass() + [0, 0, 1.0],
            "gap": np.array(2.5),
            "seen": self.seen,
        }


def make_full(charge, spin, solvent):
    return Recorder({"charge": charge, "spin": spin, "solvent": solvent})


def make_charged(charge=0):
    return Recorder({"charge": charge})


def largest_force(atoms):
    return np.abs(atoms.get_forces()).max()


def broken():
    raise OSError("no licence\nfor this machine")


def test_energy_is_that_of_the_calculator():
    atoms = molecule("CH3OH")
    expected = atoms.copy()
    expected.calc = EMT()
    assert ASEOracle(EMT)(atoms) == {"energy": expected.get_potential_energy()}


def test_parameters_of_the_calculator_by_partial():
    atoms = Atoms("Ar2", [[0, 0, 0], [0, 0, 3.8]])
    oracle = ASEOracle(partial(LennardJones, sigma=3.4, epsilon=0.0104, rc=20.0))
    r6 = (3.4 / 3.8) ** 6
    assert oracle(atoms)["energy"] == pytest.approx(4 * 0.0104 * (r6**2 - r6), rel=1e-3)
    other = ASEOracle(partial(LennardJones, sigma=3.4, epsilon=0.02, rc=20.0))
    assert oracle.identity != other.identity


def test_other_numbers_are_those_in_the_results():
    oracle = ASEOracle(make_full, "gap", properties=["gap"])
    assert oracle(molecule("H2O")) == {"gap": 2.5}
    values = ASEOracle(make_full, properties=("energy", "gap", "dipole"))(molecule("H2O"))
    assert list(values) == ["energy", "gap", "dipole"]
    assert values["dipole"] == pytest.approx(4.80320, abs=1e-4)  # one e angstrom in debye


def test_dipole_of_an_ion_is_about_the_centre_of_mass():
    atoms = with_info(charge=1)
    atoms.positions += [5.0, 0, 0]
    values = ASEOracle(make_charged, properties=["dipole"])(atoms)
    assert values["dipole"] == pytest.approx(4.80320, abs=1e-3)


def test_properties_by_functions():
    oracle = ASEOracle(EMT, "fmax", properties={"fmax": largest_force})
    atoms = molecule("H2O")
    atoms.calc = EMT()
    assert oracle(molecule("H2O")) == {"fmax": largest_force(atoms)}
    assert oracle.identity["properties"] == {"fmax": f"{__name__}:largest_force"}


def test_factory_gets_what_it_takes():
    seen = []

    def make(charge, spin, solvent):
        seen.append((charge, spin, solvent))
        return EMT()

    oracle = ASEOracle(make)
    for info in ({}, {"charge": 1}, {"charge": -1, "spin": 3, "solvent": "water"}, {"spin": 2}):
        oracle(with_info(**info))
    assert seen == [(0, 0, None), (1, 1, None), (-1, 3, "water"), (0, 2, None)]


def test_nothing_in_info_is_ignored():
    for name, value in {"charge": 1, "spin": 2, "solvent": "water"}.items():
        with pytest.raises(OracleError, match=rf"EMT: info\['{name}'\] is {value!r}, and factory"):
            ASEOracle(EMT)(with_info(**{name: value}))
    assert ASEOracle(EMT)(with_info(charge=0, spin=0, solvent=None))
    with pytest.raises(OracleError, match=r"info\['spin'\] is 1"):
        ASEOracle(make_charged)(with_info(charge=1, spin=1))


@pytest.mark.parametrize(
    ("oracle", "message"),
    [
        (ASEOracle(EMT), "EMT: .*No EMT-potential for U"),
        (ASEOracle(EMT, properties=["homo"]), "No EMT-potential for U"),
        (ASEOracle(broken), "broken: OSError: no licence for this machine"),
        (ASEOracle(make_full, properties=["homo"]), "make_full: no 'homo' in the results"),
        (ASEOracle(make_full, properties=["seen"]), "make_full: seen must be a finite number"),
        (ASEOracle(make_full, "gap"), r"target 'gap' is not one of the results: \['energy'\]"),
    ],
)
def test_failures_in_one_line(oracle, message):
    with pytest.raises(OracleError, match=message) as caught:
        oracle(Atoms("U"))
    assert "\n" not in str(caught.value)


def test_nan_is_a_failure():
    def nan(atoms):
        return np.nan

    with pytest.raises(OracleError, match="energy must be a finite number, got nan"):
        ASEOracle(EMT, properties={"energy": nan})(molecule("H2O"))


@pytest.mark.parametrize("params", [{"factory": 3}, {"factory": EMT, "properties": 3}])
def test_invalid_parameters(params):
    with pytest.raises(ValueError, match=r"The '(factory|properties)' parameter"):
        ASEOracle(**params)(molecule("H2O"))
