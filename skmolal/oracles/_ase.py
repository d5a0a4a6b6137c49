"""Properties by any calculator of ASE."""

import inspect
from typing import ClassVar

import numpy as np

from skmolal.oracles._base import Oracle, installed_version
from skmolal.oracles._errors import OracleError
from skmolal.oracles._identity import oracle_identity
from skmolal.oracles._quantities import dipole_norm
from skmolal.oracles._state import count_electrons


class ASEOracle(Oracle):
    """Properties by any calculator of ASE.

    Each molecule gets a calculator of its own from `factory`.

    Parameters
    ----------
    factory : callable
        Returns a calculator: a class of calculators, or a function of a module (a lambda cannot
        be sent to workers by plain pickling). Of `charge`, `spin` (number of unpaired electrons)
        and `solvent` (a str or None) it is given those that are parameters of its own. A molecule
        whose ``atoms.info`` has a charge, unpaired electrons or a solvent that the factory does
        not take is refused, so that none is ignored.
    target : str, default=None
        The property that a campaign is about. All are computed and returned in any case.
    properties : sequence of str, or dict of str to callable, default=("energy",)
        What to take. ``"energy"`` in eV and ``"dipole"`` (its norm, debye) are computed by the
        calculator, any other name is a number in the ``results`` of the calculator afterwards. A
        dict maps names to functions of the molecule with its calculator,
        ``{"fmax": lambda atoms: abs(atoms.get_forces()).max()}``.
    version : str, default=None
        Whatever tells this calculator from an older one with the same factory; it is stored with
        the results.

    Attributes
    ----------
    identity : dict
        Name of the factory, properties and versions, as they are stored with results.

    See Also
    --------
    CommandOracle : Properties by any program.

    Examples
    --------
    >>> from ase.build import molecule
    >>> from ase.calculators.emt import EMT
    >>> from skmolal.oracles import ASEOracle
    >>> oracle = ASEOracle(EMT, "energy")
    >>> {name: round(value, 3) for name, value in oracle(molecule("H2O")).items()}
    {'energy': 2.62}
    """

    _parameter_constraints: ClassVar[dict] = {
        "factory": [callable],
        "target": [str, None],
        "properties": ["array-like", tuple, dict],
        "version": [str, None],
    }

    def __init__(self, factory, target=None, *, properties=("energy",), version=None):
        self.factory = factory
        self.target = target
        self.properties = properties
        self.version = version

    def _calculate(self, atoms, state):
        atoms = atoms.copy()
        atoms.calc = self._make_calculator(atoms, state)
        if isinstance(self.properties, dict):
            return {name: _number(function(atoms)) for name, function in self.properties.items()}
        values = {}
        if "energy" in self.properties:
            values["energy"] = atoms.get_potential_energy()
        if "dipole" in self.properties:
            values["dipole"] = self._dipole(atoms, state)
        if not values:  # something has to start the calculation
            atoms.get_potential_energy()
        results = atoms.calc.results
        for name in self.properties:
            if name not in values and name not in results:
                raise OracleError(f"no {name!r} in the results, which are {sorted(results)}")
        return {name: _number(values.get(name, results.get(name))) for name in self.properties}

    def _make_calculator(self, atoms, state):
        n_unpaired = state.n_unpaired(count_electrons(atoms, state.charge))
        given = {"charge": state.charge, "spin": n_unpaired, "solvent": state.solvent}
        needed = {"charge": state.charge, "spin": state.spin, "solvent": state.solvent}
        taken = inspect.signature(self.factory).parameters
        for name, value in needed.items():
            if value and name not in taken:
                raise OracleError(f"info[{name!r}] is {value!r}, and factory takes no {name!r}")
        return self.factory(**{name: value for name, value in given.items() if name in taken})

    @staticmethod
    def _dipole(atoms, state):
        from ase.units import Bohr

        return dipole_norm(atoms, state.charge, atoms.get_dipole_moment() / Bohr)

    def _program(self):
        return getattr(self.factory, "__name__", type(self.factory).__name__)

    def _method(self):
        properties = self.properties
        if isinstance(properties, dict):
            properties = {name: oracle_identity(properties[name])["oracle"] for name in properties}
        else:
            properties = list(properties)
        return {
            "factory": oracle_identity(self.factory),
            "properties": properties,
            "versions": {"ase": installed_version("ase"), "calculator": self.version},
        }


def _number(value):
    """Take a number out of a 0-dimensional array; what is none is found by the check of all."""
    return value.item() if np.ndim(value) == 0 and hasattr(value, "item") else value
