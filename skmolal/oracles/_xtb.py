"""Properties by GFN-xTB, through tblite."""

from contextlib import contextmanager
from io import StringIO
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skmolal._optional import import_optional
from skmolal.oracles._base import Oracle, installed_version
from skmolal.oracles._errors import OracleError
from skmolal.oracles._quantities import (
    BOHR_IN_ANGSTROM,
    HARTREE_IN_EV,
    PROPERTIES,
    frontier_orbitals,
    molecular_properties,
)
from skmolal.oracles._state import check_not_periodic, count_electrons
from skmolal.oracles._threads import limited_threads

FURTHER_PROPERTIES = ("homo_minus_1", "lumo_plus_1", "charge_min", "charge_max")
# Names of ALPB in tblite; it knows some synonyms more (h2o, chloroform).
SOLVENTS = (
    "acetone acetonitrile aniline benzaldehyde benzene ch2cl2 chcl3 cs2 dioxane dmf dmso ethanol "
    "ether ethylacetate furan hexadecane hexane methanol nitromethane octanol phenol thf toluene "
    "water woctanol"
).split()


class XTBOracle(Oracle):
    r"""Energy, frontier orbitals and dipole moment by extended tight binding.

    GFN2-xTB [1]_ or a relative of it, computed by tblite (extra ``xtb``): milliseconds for a
    molecule of ten atoms. Charge, number of unpaired electrons and solvent are read from
    ``atoms.info["charge"]``, ``["spin"]`` and ``["solvent"]`` (a name of the ALPB model [2]_).

    Parameters
    ----------
    target : str, default=None
        The property that a campaign is about. All are computed and returned in any case:
        ``"energy"``, ``"homo"``, ``"lumo"``, ``"gap"`` and the orbitals next to the frontier,
        ``"homo_minus_1"`` and ``"lumo_plus_1"`` (eV; the last two are left out where a small
        molecule has none), ``"dipole"`` (debye), ``"charge_min"`` and ``"charge_max"``, the
        extremes of the atomic charges (e).
    method : {"GFN2-xTB", "GFN1-xTB", "IPEA1-xTB"}, default="GFN2-xTB"
        The Hamiltonian.
    accuracy : float, default=1.0
        Factor on tblite's thresholds of convergence.
    max_iter : int, default=250
        Number of cycles after which a calculation has failed.
    spin_polarized : bool, default=True
        Whether molecules with unpaired electrons get the spin-polarised Hamiltonian [3]_, with
        orbitals of either spin. Without it there is one set of orbitals: a singly occupied one is
        the highest occupied and the lowest empty, and the gap is 0.
    relax : bool, default=False
        Whether properties are computed at the relaxed geometry. It is not kept:
        :meth:`relaxed` returns it.
    fmax : float, default=0.05
        Largest force on an atom at which a geometry is relaxed, eV/angstrom.
    max_steps : int, default=500
        Number of steps after which a relaxation has failed.
    n_threads : int, default=1
        Number of threads of a calculation. None leaves it to the environment.

    Attributes
    ----------
    identity : dict
        Method, options and version of tblite, as they are stored with results.

    See Also
    --------
    PySCFOracle : The same properties by density functional theory.

    Notes
    -----
    The model of a campaign sees the geometry that it was given. With ``relax=True`` the label
    belongs to another one; it is better to replace the molecules by ``oracle.relaxed(atoms)``
    before the campaign.

    References
    ----------
    .. [1] C. Bannwarth, S. Ehlert, S. Grimme, J. Chem. Theory Comput. 15, 1652 (2019),
       doi:10.1021/acs.jctc.8b01176.
    .. [2] S. Ehlert, M. Stahn, S. Spicher, S. Grimme, J. Chem. Theory Comput. 17, 4250 (2021),
       doi:10.1021/acs.jctc.1c00471.
    .. [3] H. Neugebauer, B. Bädorf, S. Ehlert, A. Hansen, S. Grimme, J. Comput. Chem. 44, 2120
       (2023), doi:10.1002/jcc.27185.

    Examples
    --------
    >>> from ase.build import molecule
    >>> from skmolal.oracles import XTBOracle
    >>> oracle = XTBOracle("gap")
    >>> values = oracle(molecule("CH3OH"))
    >>> {name: round(value, 2) for name, value in values.items()}
    {'energy': -223.84, 'homo': -11.35, 'lumo': 1.35, 'gap': 12.71, 'dipole': 1.98,
     'homo_minus_1': -12.49, 'lumo_plus_1': 3.24, 'charge_min': -0.44, 'charge_max': 0.28}
    """

    _parameter_constraints: ClassVar[dict] = {
        "target": [StrOptions({*PROPERTIES, *FURTHER_PROPERTIES}), None],
        "method": [StrOptions({"GFN2-xTB", "GFN1-xTB", "IPEA1-xTB"})],
        "accuracy": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "spin_polarized": ["boolean"],
        "relax": ["boolean"],
        "fmax": [Interval(Real, 0, None, closed="neither")],
        "max_steps": [Interval(Integral, 1, None, closed="left")],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        target=None,
        *,
        method="GFN2-xTB",
        accuracy=1.0,
        max_iter=250,
        spin_polarized=True,
        relax=False,
        fmax=0.05,
        max_steps=500,
        n_threads=1,
    ):
        self.target = target
        self.method = method
        self.accuracy = accuracy
        self.max_iter = max_iter
        self.spin_polarized = spin_polarized
        self.relax = relax
        self.fmax = fmax
        self.max_steps = max_steps
        self.n_threads = n_threads

    def relaxed(self, atoms):
        """Relax a molecule by this method, whatever `relax` says.

        Parameters
        ----------
        atoms : ase.Atoms
            The molecule, which is left as it is.

        Returns
        -------
        relaxed : ase.Atoms
            A copy with the relaxed positions; ``info`` is the same.

        Raises
        ------
        OracleError
            If a calculation fails, or `max_steps` are not enough.
        """
        self._validate_params()
        return self._guarded(atoms, self._relax)

    def _calculate(self, atoms, state):
        if self.relax:
            atoms = self._relax(atoms, state)
        with self._session(atoms, state) as calculator:
            result = calculator.singlepoint()
        orbitals = np.atleast_2d(result.get("orbital-energies"))
        n_electrons = round(float(np.sum(result.get("orbital-occupations"))))
        n_unpaired = state.n_unpaired(n_electrons)
        orbitals = [orbitals[0], orbitals[-1]]
        n_occupied = (n_electrons + n_unpaired) // 2, (n_electrons - n_unpaired) // 2
        energy, dipole = float(result.get("energy")), result.get("dipole")
        values = molecular_properties(atoms, state.charge, energy, orbitals, n_occupied, dipole)
        further = frontier_orbitals(orbitals, n_occupied, further=1)
        for name, level in zip(("homo_minus_1", "lumo_plus_1"), further, strict=True):
            if level is not None:
                values[name] = level * HARTREE_IN_EV
        charges = result.get("charges")
        return values | {"charge_min": float(min(charges)), "charge_max": float(max(charges))}

    def _relax(self, atoms, state):
        from ase.optimize import BFGS

        relaxed = atoms.copy()
        with self._session(atoms, state) as calculator:
            relaxed.calc = _make_ase_calculator(calculator)
            # Not None: ase 3.22 opens the null device for it, and forgets to close that.
            optimizer = BFGS(relaxed, logfile=StringIO())
            is_relaxed = optimizer.run(fmax=self.fmax, steps=self.max_steps)
        if not is_relaxed:
            raise OracleError(f"not relaxed to {self.fmax} eV/angstrom in {self.max_steps} steps")
        relaxed.calc = None
        return relaxed

    @contextmanager
    def _session(self, atoms, state):
        """Set up tblite's calculator, and hold its threads while it is used."""
        check_not_periodic(atoms)
        Calculator = import_optional("tblite.interface", "XTBOracle").Calculator
        n_unpaired = state.n_unpaired(_count_valence_electrons(atoms, state.charge))
        with limited_threads(self.n_threads, "tblite"):
            calculator = Calculator(
                self.method,
                atoms.numbers,
                atoms.positions / BOHR_IN_ANGSTROM,
                charge=state.charge,
                uhf=n_unpaired,
            )
            calculator.set("verbosity", 0)
            calculator.set("accuracy", self.accuracy)
            calculator.set("max-iter", self.max_iter)
            if state.solvent is not None:
                _add_solvent(calculator, state.solvent)
            if n_unpaired and self.spin_polarized:
                calculator.add("spin-polarization", 1.0)
            yield calculator

    def _program(self):
        return self.method

    def _method(self):
        method = {
            "method": self.method,
            "accuracy": self.accuracy,
            "spin_polarized": self.spin_polarized,
            "versions": {"tblite": installed_version("tblite")},
        }
        if self.relax:
            method |= {"relax": self.fmax}
            method["versions"]["ase"] = installed_version("ase")
        return method


def _add_solvent(calculator, solvent):
    from tblite.exceptions import TBLiteRuntimeError

    try:
        calculator.add("alpb-solvation", solvent)
    except TBLiteRuntimeError as error:
        raise OracleError(
            f"unknown solvent {solvent!r}; ALPB knows {', '.join(SOLVENTS)}"
        ) from error


def _count_valence_electrons(atoms, charge):
    """Count electrons, without the f electrons of lanthanides: they belong to xTB's core."""
    is_lanthanide = (atoms.numbers > 57) & (atoms.numbers <= 71)
    return count_electrons(atoms, charge) - int((atoms.numbers[is_lanthanide] - 57).sum())


def _make_ase_calculator(tblite_calculator):
    """Give ASE's optimisers energies and forces; each starts from the last wave function."""
    from ase.calculators.calculator import Calculator, all_changes

    class Forces(Calculator):
        implemented_properties: ClassVar[list] = ["energy", "forces"]
        result = None

        def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
            super().calculate(atoms, properties, system_changes)
            tblite_calculator.update(positions=self.atoms.positions / BOHR_IN_ANGSTROM)
            self.result = tblite_calculator.singlepoint(self.result)
            self.results = {
                "energy": float(self.result.get("energy")) * HARTREE_IN_EV,
                "forces": -self.result.get("gradient") * HARTREE_IN_EV / BOHR_IN_ANGSTROM,
            }

    return Forces()
