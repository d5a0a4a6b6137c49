"""Descriptors of single atoms, by dscribe, put together to one row per molecule."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import StrOptions

from skmolal.descriptors._base import MoleculeTransformer
from skmolal.descriptors._dscribe import fill_rows
from skmolal.descriptors._species import select_known, species_numbers, symbols
from skmolal.descriptors._structures import flatten_molecules


class AtomicTransformer(MoleculeTransformer):
    """Base of the transformers that average a descriptor of atoms over each molecule.

    A subclass has the parameters `species`, `handle_unknown`, `periodic` and `average`, too. It
    builds dscribe's objects (`_make_descriptors`) and names their columns (`_atom_names`).
    """

    _parameter_constraints: ClassVar[dict] = {
        **MoleculeTransformer._parameter_constraints,
        "species": ["array-like", None],
        "periodic": ["boolean"],
        "average": [StrOptions({"mean", "sum"})],
        "handle_unknown": [StrOptions({"error", "ignore"})],
    }

    # Prefix of the names of columns.
    _label: ClassVar[str]

    def _read(self, X):
        return flatten_molecules(X, self.periodic)

    def _learn(self, records):
        if self.species is None:
            numbers = np.unique(records.numbers)
        else:
            numbers = species_numbers(self.species)
        records = select_known(records, numbers, self.handle_unknown)
        self.species_ = np.array(symbols(numbers), dtype=object)
        self._learn_settings(records, numbers)
        self._make_descriptors()  # refuses invalid settings

    def _learn_settings(self, records, numbers):
        """Validate settings and learn what depends on the molecules, beyond `species_`."""

    def _check(self, records):
        return select_known(records, species_numbers(self.species_), self.handle_unknown)

    def _make_fill(self):
        numbers = species_numbers(self.species_)
        return AtomPooling(
            self._make_descriptors(), self.average, numbers if self._is_per_species() else None
        )

    def _feature_names(self):
        names = self._atom_names()
        if not self._is_per_species():
            return [f"{self._label}_{name}" for name in names]
        return [f"{self._label}_{centre}_{name}" for centre in self.species_ for name in names]

    def _is_per_species(self):
        return getattr(self, "per_species", False)

    @abstractmethod
    def _make_descriptors(self):
        """Build the dscribe objects whose columns stand side by side."""

    @abstractmethod
    def _atom_names(self):
        """Name the columns of one atom."""


class AtomPooling:
    """Fills the rows of molecules with the mean or the sum over their atoms.

    Parameters
    ----------
    descriptors : list of dscribe descriptors
        Their columns stand side by side.
    average : {"mean", "sum", "inner"}
        What to do with the rows of the atoms; "inner" leaves it to dscribe.
    centres : ndarray of int or None
        Atomic numbers of the elements that get columns of their own; None for none.
    """

    def __init__(self, descriptors, average, centres):
        self.descriptors = descriptors
        self.average = average
        self.centres = centres

    def __call__(self, structures, block):
        """Write the rows of `structures` into a block of zeros."""
        fill_rows(structures, block, self.describe)

    def describe(self, atoms):
        """Return the row of one molecule."""
        rows = np.hstack([descriptor.create(atoms) for descriptor in self.descriptors])
        if self.average == "inner":
            return rows
        if self.centres is None:
            return self._pool(rows)
        return np.hstack([self._pool(rows[atoms.numbers == centre]) for centre in self.centres])

    def _pool(self, rows):
        """Pool the rows of some atoms; an element that is absent gives zeros."""
        total = rows.sum(axis=0)
        return total / max(len(rows), 1) if self.average == "mean" else total
