"""Molecule arrays that are pickled, and so hashed, as a few flat arrays."""

import numpy as np

__all__ = ["MoleculeArray"]

# All that most molecules hold. An attribute or an array of atoms beyond these is kept as well, by
# pickling the molecule whole.
_ATTRIBUTES = {"_cellobj", "_pbc", "arrays", "_celldisp", "_constraints", "info", "_calc"}
_ARRAYS = {"numbers": np.dtype(int), "positions": np.dtype(float)}


class MoleculeArray(np.ndarray):
    """Object array of ``ase.Atoms`` with a pickled form of a few flat arrays.

    Pickling an object array visits some 70 Python objects for each molecule. That is what takes
    the time when :class:`joblib.Memory` hashes molecules, which it does by pickling them in pure
    Python, and when they are sent to another process. In all else this is a NumPy array.

    Molecules come back with equal contents. Only that two places of the array held the same
    object is forgotten.
    """

    __slots__ = ()
    __array_priority__ = 1.0  # joined with a plain object array it stays what it is

    def __reduce_ex__(self, protocol):
        from ase import Atoms

        is_1d_object = self.ndim == 1 and self.dtype == object
        if not (is_1d_object and all(isinstance(atoms, Atoms) for atoms in self)):
            return super().__reduce_ex__(protocol)
        return _restore, _flatten(self)


def _flatten(molecules):
    """Return flat arrays of all molecules, and those whole that hold more than fits in there."""
    whole = {i: atoms for i, atoms in enumerate(molecules) if not _is_plain(atoms)}
    plain = [atoms for i, atoms in enumerate(molecules) if i not in whole]
    sizes = np.array([len(atoms) for atoms in plain], dtype=int)
    numbers = np.concatenate([np.empty(0, int), *(atoms.numbers for atoms in plain)])
    positions = np.concatenate([np.empty((0, 3)), *(atoms.positions for atoms in plain)])
    cells = np.array([atoms.cell.array for atoms in plain]).reshape(-1, 3, 3)
    pbc = np.array([atoms.pbc for atoms in plain], dtype=bool).reshape(-1, 3)
    return len(molecules), sizes, numbers, positions, cells, pbc, _pack(plain), whole


def _restore(n_molecules, sizes, numbers, positions, cells, pbc, packed, whole):
    from ase import Atoms

    molecules = np.empty(n_molecules, dtype=object).view(MoleculeArray)
    ends = np.cumsum(sizes)
    plain = zip(ends - sizes, ends, cells, pbc, _unpack(packed, len(sizes)), strict=True)
    for i in range(n_molecules):
        if i in whole:
            molecules[i] = whole[i]
            continue
        start, stop, cell, periodic, info = next(plain)
        # Atoms copies the arrays, which may be read-only here
        atoms = Atoms(numbers[start:stop], positions[start:stop], cell=cell, pbc=periodic)
        atoms.info = info
        molecules[i] = atoms
    return molecules


def _is_plain(atoms):
    """Tell whether numbers, positions, cell, boundary conditions and info are all there is."""
    from ase import Atoms

    return (
        type(atoms) is Atoms
        and vars(atoms).keys() == _ATTRIBUTES
        and {name: array.dtype for name, array in atoms.arrays.items()} == _ARRAYS
        and atoms.calc is None
        and not atoms._constraints
        and not atoms._celldisp.any()
        and type(atoms.info) is dict
    )


def _pack(molecules):
    """Turn the infos into columns if all have the same keys in the same order."""
    infos = [atoms.info for atoms in molecules]
    keys = tuple(infos[0]) if infos else ()
    if any(tuple(info) != keys for info in infos):
        return infos
    return {key: _pack_column([info[key] for info in infos]) for key in keys}


def _pack_column(values):
    kind = type(values[0])
    if kind in (bool, int, float) and all(type(value) is kind for value in values):
        column = np.array(values)
        if column.dtype == np.dtype(kind):  # an int may be too large
            return column
    return values


def _unpack(packed, n_molecules):
    if isinstance(packed, list):
        return packed
    columns = [c.tolist() if isinstance(c, np.ndarray) else c for c in packed.values()]
    if not columns:
        return [{} for _ in range(n_molecules)]
    return [dict(zip(packed, values, strict=True)) for values in zip(*columns, strict=True)]
