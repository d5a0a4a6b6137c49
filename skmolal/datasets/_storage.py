"""Many molecules as a few flat arrays, and how they lie in a file.

The molecules of a data set are kept end to end: atomic numbers, positions and the offset at which
each molecule begins, beside one column per property. The shipped sample and every parsed cache are
such a table in an ``.npz`` without pickles.
"""

import json
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skmolal.molecules import as_molecules

# Raised whenever the layout of the file or the meaning of a column changes: old caches are then
# parsed again. The shipped sample must be made again by hand.
FORMAT_VERSION = 1


@dataclass(frozen=True)
class MoleculeTable:
    """Molecules in flat arrays, with their properties.

    Attributes
    ----------
    numbers : ndarray of shape (n_atoms,), dtype uint8
        Atomic numbers of all molecules, end to end.
    positions : ndarray of shape (n_atoms, 3), dtype float64
        Positions in angstrom.
    offsets : ndarray of shape (n_molecules + 1,), dtype int64
        Molecule ``i`` has the atoms ``offsets[i]:offsets[i + 1]``.
    columns : dict of str to ndarray or list of str
        One value per molecule: a numeric array, or a list of one-line texts.
    """

    numbers: np.ndarray
    positions: np.ndarray
    offsets: np.ndarray
    columns: dict

    @classmethod
    def from_geometries(cls, geometries, columns):
        """Join pairs of (atomic numbers, positions), one per molecule, into a table."""
        sizes = [len(numbers) for numbers, _ in geometries]
        table = cls(
            numbers=np.concatenate([numbers for numbers, _ in geometries]).astype(np.uint8),
            positions=np.concatenate([positions for _, positions in geometries]).astype(np.float64),
            offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            columns=columns,
        )
        table._check()
        return table

    def __len__(self):
        return len(self.offsets) - 1

    def _check(self):
        n_atoms = len(self.numbers)
        if (
            self.positions.shape != (n_atoms, 3)
            or self.offsets[0] != 0
            or self.offsets[-1] != n_atoms
            or np.any(np.diff(self.offsets) < 0)
        ):
            raise ValueError("the arrays of the molecule table do not fit together")
        for name, column in self.columns.items():
            if len(column) != len(self):
                raise ValueError(
                    f"column {name!r} must have one value per molecule, {len(self)}, "
                    f"got {len(column)}"
                )

    def take(self, indices, columns=None):
        """Select molecules, and optionally columns, in the order given."""
        pieces = [slice(self.offsets[i], self.offsets[i + 1]) for i in indices]
        return self.from_geometries(
            [(self.numbers[piece], self.positions[piece]) for piece in pieces],
            {
                name: column[indices]
                if isinstance(column, np.ndarray)
                else [column[i] for i in indices]
                for name, column in self.columns.items()
                if columns is None or name in columns
            },
        )

    def to_molecules(self, info=()):
        """Build a 1-D object array of ``ase.Atoms``; the columns `info` go into ``atoms.info``.

        An empty text means that the value is not known, and is left out.
        """
        from ase import Atoms

        labels = [
            column.tolist() if isinstance(column, np.ndarray) else column
            for column in (self.columns[name] for name in info)
        ]
        bounds = self.offsets.tolist()
        return as_molecules(
            Atoms(
                numbers=self.numbers[begin:end],
                positions=self.positions[begin:end],
                info={key: value for key, value in zip(info, values, strict=True) if value != ""},
            )
            for begin, end, *values in zip(bounds[:-1], bounds[1:], *labels, strict=True)
        )

    def to_frame(self):
        """Build a DataFrame of the columns, one row per molecule."""
        import pandas as pd

        return pd.DataFrame(self.columns)

    def save(self, path, key=None, *, resolution=None, compress=False):
        """Write the table to `path`, which exists only when it is complete.

        `key` says what the table was made from, as anything JSON can hold; `load` asks for it.
        With a `resolution` in angstrom positions are stored as integer multiples of it.
        """
        arrays = {
            "header": _to_bytes(json.dumps({"version": FORMAT_VERSION, "key": key})),
            "numbers": self.numbers,
            "offsets": self.offsets,
        }
        if resolution is None:
            arrays["positions"] = self.positions
        else:
            arrays["positions"] = np.rint(self.positions / resolution).astype(np.int32)
            arrays["resolution"] = np.float64(resolution)
        for name, column in self.columns.items():
            if isinstance(column, np.ndarray):
                arrays[f"values:{name}"] = column
            elif any("\n" in text for text in column):
                raise ValueError(f"column {name!r} has a text of several lines")
            else:
                arrays[f"texts:{name}"] = _to_bytes("\n".join(column))
        with replacing(path) as part, part.open("wb") as stream:
            (np.savez_compressed if compress else np.savez)(stream, **arrays)

    @classmethod
    def load(cls, path, key=None):
        """Read a table, or return None if it was not made from `key` or is in an old format.

        ``key=None`` takes a table whatever it was made from. Raises whatever numpy raises on a
        damaged file.
        """
        # numpy leaves the file open where it is not a zip file, so it is opened here.
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            header = json.loads(_to_text(arrays["header"]))
            if header["version"] != FORMAT_VERSION or key not in (None, header["key"]):
                return None
            offsets = arrays["offsets"]
            positions = arrays["positions"]
            if "resolution" in arrays:
                positions = positions * float(arrays["resolution"])
            columns = {}
            for entry in arrays.files:
                kind, _, name = entry.partition(":")
                if kind == "values":
                    columns[name] = arrays[entry]
                elif kind == "texts":
                    text = _to_text(arrays[entry])
                    columns[name] = text.split("\n") if len(offsets) > 1 else []
            table = cls(arrays["numbers"], positions, offsets, columns)
        table._check()
        return table


def _to_bytes(text):
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _to_text(array):
    return array.tobytes().decode()


@contextmanager
def replacing(path):
    """Offer a new path beside `path`, and rename it to `path` when the block ends well.

    If the block raises, Ctrl-C included, the new file is removed and `path` stays as it was.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
