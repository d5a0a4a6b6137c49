"""Records of SMILES files, one after the other: never a whole file in memory."""

import csv
import gzip
import lzma
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from skmolal.molecules._files import file_kind

__all__ = ["Record", "find_files", "read_files"]

_OPENERS = {".gz": gzip.open, ".xz": lzma.open}
_SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_SMILES = {".smi", ".smiles", ".ism", ".can", ".txt"}


class Record(NamedTuple):
    """One record of the files."""

    number: int  # from 0, through all files
    smiles: str
    name: str  # "" where there is none


def find_files(files):
    """Return the paths of files, or of what a pattern matches, and refuse what cannot be read.

    Parameters
    ----------
    files : path, str with wildcards, or sequence of paths
        Files of a library; those of a pattern are sorted by name.

    Raises
    ------
    ValueError
        If there is no such file, or its kind is unknown.
    """
    if isinstance(files, (str, Path)):
        text = str(files)
        if any(sign in text for sign in "*?["):
            path = Path(text)
            root = Path(path.anchor or ".")
            pattern = str(path.relative_to(path.anchor)) if path.anchor else text
            paths = sorted(root.glob(pattern))
        else:
            paths = [Path(files)]
    else:
        paths = [Path(file) for file in files]
    if not paths:
        raise ValueError(f"files: no file matches {files!r}")
    known = _SMILES | set(_SEPARATORS)
    for path in paths:
        if not path.is_file():
            raise ValueError(f"files: there is no file {path}")
        if file_kind(path) not in known:
            raise ValueError(
                f"files: {path} must end in one of {', '.join(sorted(known))}, compressed by .gz "
                "or .xz or not"
            )
    return paths


def read_files(paths, smiles_column=None, name_column=None):
    """Yield the records of all files in order.

    Parameters
    ----------
    paths : list of Path
        From :func:`find_files`.
    smiles_column, name_column : str, default=None
        Columns of tables; None is "smiles", in any case, and the first of "id" and "name" that is
        there. A SMILES file has SMILES and name, separated by white space.

    Raises
    ------
    ValueError
        If a table lacks a column, or a compressed file is damaged.
    """
    number = 0
    for path in paths:
        kind = file_kind(path)
        with _open(path) as file:
            if kind in _SMILES:
                rows = _read_lines(file)
            else:
                rows = _read_table(path, file, _SEPARATORS[kind], smiles_column, name_column)
            try:
                for smiles, name in rows:
                    yield Record(number, smiles, name)
                    number += 1
            except (gzip.BadGzipFile, lzma.LZMAError, EOFError) as error:
                raise ValueError(f"{path}: the compressed file is damaged: {error}") from error


@contextmanager
def _open(path):
    opener = _OPENERS.get(path.suffix.lower(), open)
    with opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
        yield file


def _read_lines(file):
    for line in file:
        parts = line.split(maxsplit=1)
        if parts and not parts[0].startswith("#"):
            yield parts[0], _plain(parts[1]) if len(parts) > 1 else ""


def _read_table(path, file, separator, smiles_column, name_column):
    reader = csv.reader(file, delimiter=separator)
    header = next(reader, [])
    small = [column.strip().lower() for column in header]
    smiles_at = _find_column(path, header, small, smiles_column, ["smiles"], "smiles_column")
    name_at = _find_column(path, header, small, name_column, ["id", "name"], "name_column")
    for row in reader:
        if row:
            smiles = row[smiles_at].strip() if smiles_at < len(row) else ""
            name = row[name_at] if name_at is not None and name_at < len(row) else ""
            yield smiles, _plain(name)


def _find_column(path, header, small, wanted, usual, option):
    if wanted is not None:
        if wanted not in header:
            raise ValueError(f"{path}: {option}={wanted!r} is none of its columns {header}")
        return header.index(wanted)
    found = [small.index(name) for name in usual if name in small]
    if not found and option == "smiles_column":
        raise ValueError(f"{path}: no column is named smiles; give {option}, one of {header}")
    return found[0] if found else None


def _plain(text):
    """A name without what separates records."""
    return " ".join(text.split())
