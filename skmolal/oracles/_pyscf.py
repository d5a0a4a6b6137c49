"""Properties by density functional theory, through PySCF."""

import warnings
from difflib import get_close_matches
from numbers import Integral, Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval, StrOptions

from skmolal._optional import import_optional
from skmolal.oracles._base import Oracle, installed_version
from skmolal.oracles._errors import OracleError
from skmolal.oracles._quantities import PROPERTIES, molecular_properties
from skmolal.oracles._state import check_not_periodic
from skmolal.oracles._threads import limited_threads


class PySCFOracle(Oracle):
    """Energy, frontier orbitals and dipole moment by density functional theory.

    Kohn-Sham calculations by PySCF [1]_ (extra ``dft``): seconds to minutes for an organic
    molecule. Charge, number of unpaired electrons and solvent are read from
    ``atoms.info["charge"]``, ``["spin"]`` and ``["solvent"]``; molecules with unpaired electrons
    are calculated unrestricted.

    Parameters
    ----------
    target : {"energy", "homo", "lumo", "gap", "dipole"}, default=None
        The property that a campaign is about. All are computed and returned in any case.
    functional : str, default="b3lyp"
        PySCF's name of the functional; ``"hf"`` is Hartree-Fock.
    basis : str, default="def2-svp"
        PySCF's name of the basis set. Where it has effective core potentials (iodine in
        def2-SVP), they are used.
    density_fit : bool, default=True
        Whether Coulomb and exchange integrals are fitted, which is several times as fast.
    grid_level : int, default=3
        Level of the grid of integration, 0 to 9. For organic molecules level 1 is about three
        times as fast, with orbital energies that differ by about 1 meV.
    max_cycle : int, default=100
        Number of cycles after which a calculation has failed.
    conv_tol : float, default=1e-9
        Change of the energy at which a calculation has converged, hartree.
    n_threads : int, default=1
        Number of threads of a calculation. None leaves it to the environment.

    Attributes
    ----------
    identity : dict
        Method, options and version of PySCF, as they are stored with results.

    See Also
    --------
    XTBOracle : The same properties in milliseconds.

    Notes
    -----
    A solvent is a polarisable continuum (PySCF's C-PCM) with the dielectric constant of the
    solvent of that name in PySCF's table ``pyscf.solvent.smd.solvent_db``.

    References
    ----------
    .. [1] Q. Sun et al., J. Chem. Phys. 153, 024109 (2020), doi:10.1063/5.0006074.

    Examples
    --------
    >>> from ase.build import molecule
    >>> from skmolal.oracles import PySCFOracle
    >>> oracle = PySCFOracle("homo", basis="sto-3g", grid_level=1)
    >>> values = oracle(molecule("H2O"))
    >>> list(values), round(values["homo"], 1)
    (['energy', 'homo', 'lumo', 'gap', 'dipole'], -3.9)
    """

    _parameter_constraints: ClassVar[dict] = {
        "target": [StrOptions(set(PROPERTIES)), None],
        "functional": [str],
        "basis": [str],
        "density_fit": ["boolean"],
        "grid_level": [Interval(Integral, 0, 9, closed="both")],
        "max_cycle": [Interval(Integral, 1, None, closed="left")],
        "conv_tol": [Interval(Real, 0, None, closed="neither")],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        target=None,
        *,
        functional="b3lyp",
        basis="def2-svp",
        density_fit=True,
        grid_level=3,
        max_cycle=100,
        conv_tol=1e-9,
        n_threads=1,
    ):
        self.target = target
        self.functional = functional
        self.basis = basis
        self.density_fit = density_fit
        self.grid_level = grid_level
        self.max_cycle = max_cycle
        self.conv_tol = conv_tol
        self.n_threads = n_threads

    def _calculate(self, atoms, state):
        check_not_periodic(atoms)
        import_optional("pyscf.dft", "PySCFOracle")
        with limited_threads(self.n_threads, "pyscf"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice to install more packages
            mean_field = self._make_mean_field(_make_mole(atoms, state, self.basis), state.solvent)
            energy = mean_field.kernel()
            if not mean_field.converged:
                raise OracleError(f"SCF not converged in {self.max_cycle} cycles")
            dipole = mean_field.dip_moment(unit="AU", verbose=0)
        orbitals = mean_field.mo_energy
        orbitals = [orbitals, orbitals] if orbitals.ndim == 1 else list(orbitals)
        n_occupied = mean_field.mol.nelec
        return molecular_properties(atoms, state.charge, energy, orbitals, n_occupied, dipole)

    def _make_mean_field(self, mole, solvent):
        from pyscf import dft

        mean_field = (dft.UKS if mole.spin else dft.RKS)(mole, xc=self.functional)
        _close_checkpoint(mean_field)
        if self.density_fit:
            mean_field = mean_field.density_fit()
        if solvent is not None:
            dielectric_constant = _find_dielectric_constant(solvent)
            mean_field = mean_field.PCM()
            mean_field.with_solvent.eps = dielectric_constant
        mean_field.grids.level = self.grid_level
        mean_field.max_cycle = self.max_cycle
        mean_field.conv_tol = self.conv_tol
        return mean_field

    def _program(self):
        return f"{self.functional}/{self.basis}"

    def _method(self):
        return {
            "functional": self.functional,
            "basis": self.basis,
            "density_fit": self.density_fit,
            "grid_level": self.grid_level,
            "conv_tol": self.conv_tol,
            "versions": {"pyscf": installed_version("pyscf")},
        }


def _close_checkpoint(mean_field):
    """Do without the temporary file, which would stay open in a cycle of references."""
    mean_field.chkfile = None
    file = vars(mean_field).pop("_chkfile", None)
    if file is not None:
        file.close()


def _make_mole(atoms, state, basis):
    from pyscf import gto

    symbols = atoms.get_chemical_symbols()
    for symbol in set(symbols):  # its message comes before that of a missing potential
        gto.basis.load(basis, symbol)
    potentials = {symbol: gto.basis.load_ecp(basis, symbol) for symbol in set(symbols)}
    mole = gto.Mole()
    mole.build(
        dump_input=False,
        parse_arg=False,
        verbose=0,
        atom=list(zip(symbols, atoms.positions.tolist(), strict=True)),
        unit="angstrom",
        basis=basis,  # by name, as functions for fitting are found by it
        ecp={symbol: potential for symbol, potential in potentials.items() if potential},
        charge=state.charge,
        spin=state.spin,  # None: the lowest possible, as here
    )
    return mole


def _find_dielectric_constant(solvent):
    from pyscf.solvent.smd import solvent_db

    known = {name.lower(): row[5] for name, row in solvent_db.items() if name}
    if solvent.lower() not in known:
        close = get_close_matches(solvent.lower(), known, n=5, cutoff=0.5) or ["water", "toluene"]
        raise OracleError(
            f"unknown solvent {solvent!r}; PySCF knows {', '.join(close)} and others, the keys of "
            "pyscf.solvent.smd.solvent_db"
        )
    return known[solvent.lower()]
