"""The elements a descriptor knows, and what becomes of others."""

import numpy as np
from ase.data import atomic_numbers, chemical_symbols

from skmolal.descriptors._structures import Structures


def species_numbers(species):
    """Return the distinct atomic numbers, ascending, of a list of symbols or atomic numbers."""
    if isinstance(species, str) or len(species) == 0:
        raise ValueError(
            f"species must be a list of chemical symbols or atomic numbers, got {species!r}"
        )
    return np.unique([_atomic_number(element) for element in species])


def _atomic_number(element):
    if isinstance(element, str) and element in atomic_numbers:
        return atomic_numbers[element]
    if isinstance(element, (int, np.integer)) and 0 <= element < len(chemical_symbols):
        return int(element)
    raise ValueError(
        "species must hold chemical symbols such as 'C' or atomic numbers from 0 to "
        f"{len(chemical_symbols) - 1}, got {element!r}"
    )


def symbols(numbers):
    """Return the chemical symbols of atomic numbers as a list."""
    return [chemical_symbols[z] for z in numbers]


def select_known(structures, numbers, handle_unknown):
    """Refuse atoms of elements outside `numbers` ("error"), or leave them out ("ignore")."""
    known = np.isin(structures.numbers, numbers)
    if known.all():
        return structures
    if handle_unknown == "error":
        i, _ = structures.owner(np.argmin(known))
        alien = chemical_symbols[structures.numbers[np.argmin(known)]]
        raise ValueError(
            f"molecules[{i}] has the element {alien!r}, which is not among the known "
            f"{symbols(numbers)}: pass species={symbols(np.union1d(numbers, structures.numbers))}, "
            "fit on all molecules that may be met, or leave such atoms out with "
            "handle_unknown='ignore'"
        )
    before = np.concatenate([[0], np.cumsum(known)])
    return Structures(
        structures.numbers[known],
        structures.positions[known],
        before[structures.offsets],
        structures.cells,
        structures.pbc,
    )
