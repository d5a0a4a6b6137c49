"""What the oracles of this package share: checks before and after, one kind of failure."""

import math
from abc import ABCMeta, abstractmethod
from importlib.metadata import version
from typing import ClassVar

from sklearn.base import BaseEstimator

from skmolal.oracles._errors import OracleError, one_line
from skmolal.oracles._state import check_molecule, read_state


class Oracle(BaseEstimator, metaclass=ABCMeta):
    """Base of the oracles: callables from one molecule to a dict of floats.

    A subclass stores its parameters, among them `target`, calculates (`_calculate`), is called
    something in messages (`_program`) and says how its results come about (`_method`).
    """

    _parameter_constraints: ClassVar[dict] = {"target": [str, None]}

    def __call__(self, atoms):
        """Calculate the properties of one molecule.

        Parameters
        ----------
        atoms : ase.Atoms
            The molecule, which is left as it is. ``info["charge"]`` (int, 0 if left out),
            ``info["spin"]`` (number of unpaired electrons, the lowest possible if left out) and
            ``info["solvent"]`` (name in the program's implicit model, none if left out) count.

        Returns
        -------
        values : dict of str to float
            All properties of the calculation.

        Raises
        ------
        OracleError
            If the calculation gives no result.
        ImportError
            If the package that calculates is not installed.
        TypeError
            If `atoms` is no ``ase.Atoms``.
        ValueError
            If a parameter of the oracle is invalid.
        """
        self._validate_params()
        return self._guarded(atoms, self._calculate)

    @property
    def identity(self):
        """Method, options and versions behind the results: a dict that JSON can hold.

        What changes no result (threads, limits of time and of cycles, the target) is left out.
        """
        return {"oracle": type(self).__name__, **self._method()}

    _repr_html_ = None  # scikit-learn's box says "not fitted", which an oracle never is

    def _repr_mimebundle_(self, **kwargs):
        return {"text/plain": repr(self)}

    def __eq__(self, other):
        return type(other) is type(self) and other.get_params() == self.get_params()

    def __hash__(self):
        return hash(repr(self))

    def _guarded(self, atoms, function):
        """Call ``function(atoms, state)``, and make an OracleError of all that goes wrong."""
        check_molecule(atoms)
        try:
            result = function(atoms, read_state(atoms))
            return result if not isinstance(result, dict) else self._check(result)
        except ImportError:
            raise  # would fail for every molecule
        except OracleError as error:
            raise OracleError(f"{self._program()}: {one_line(error)}") from error.__cause__
        except Exception as error:  # programs raise anything
            kind = "" if _is_of_program(error) else f"{type(error).__name__}: "
            raise OracleError(f"{self._program()}: {kind}{one_line(error)}") from error

    def _check(self, values):
        for name, value in values.items():
            if isinstance(value, bool) or not _is_finite(value):
                raise OracleError(f"{name} must be a finite number, got {value!r}")
        if self.target is not None and self.target not in values:
            raise OracleError(f"target {self.target!r} is not one of the results: {list(values)}")
        return {name: float(value) for name, value in values.items()}

    @abstractmethod
    def _calculate(self, atoms, state):
        """Return the dict of properties."""

    @abstractmethod
    def _program(self):
        """Return the word that stands before messages."""

    @abstractmethod
    def _method(self):
        """Return what the results depend on."""


def installed_version(package):
    """Return the version of an installed package without importing it."""
    try:
        return version(package)
    except ImportError:
        return None


def _is_finite(value):
    try:
        return math.isfinite(value)
    except TypeError:
        return False


def _is_of_program(error):
    """Tell whether the exception's type says no more than its message does."""
    return isinstance(error, RuntimeError) or not type(error).__module__.startswith("builtins")
