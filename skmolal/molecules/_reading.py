"""Molecules from files: one way in for every format."""

import operator
import re
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import StrOptions, validate_params

from skmolal.molecules._files import file_kind
from skmolal.molecules._records import make_records
from skmolal.molecules._sdf import SDF_KINDS, read_sdf
from skmolal.molecules._tables import TABLE_KINDS, convert_columns, read_table

__all__ = ["read_molecules", "read_records"]

_PICKLES = {".pkl", ".pickle"}
_DATABASES = {"db", "json"}  # formats of ASE
_INDEX = re.compile(r"[-+\d\s:]*")


@validate_params(
    {"on_error": [StrOptions({"raise", "skip"})], "random_state": ["random_state"]},
    prefer_skip_nested_validation=True,
)
def read_molecules(
    path, index=":", *, smiles_column=None, on_error="raise", random_state=None, n_jobs=None
):
    """Read molecules from a file.

    A conformer is embedded where the file has none, see :func:`molecules_from_smiles`.

    ======================================  =====================================================
    ``.csv .tsv .tab .txt``                 a column of SMILES; comma, semicolon or tab is found
                                            out, as is the encoding
    ``.smi .smiles .ism .can``              a SMILES and a name on each line
    ``.sdf .sd .mol``                       drawings and records whose coordinates are all zero
                                            are embedded, missing hydrogens added
    ``.xlsx .xlsm``                         first sheet, a column of SMILES (extra ``excel``)
    ``.parquet .pq``                        a column of SMILES (extra ``parquet``)
    all others                              what ASE reads: extxyz, xyz, db, json, cif, ...
    ======================================  =====================================================

    Text may be compressed: ``.csv.gz``, ``.sdf.xz``.

    Parameters
    ----------
    path : str or path-like
        The file.
    index : str, int or slice, default=":"
        Which records to read, as in :func:`ase.io.read`; ":" is all of them. An int still gives
        an array, of one molecule. For an ASE database also a query, such as ``"natoms<20"``.
    smiles_column : str, default=None
        Name of the SMILES column of a table. By default the column called ``smiles`` in any
        capitalisation, else the one that has the word in its name.
    on_error : {"raise", "skip"}, default="raise"
        What to do about records that have no molecule or none that can be embedded: raise an
        error that names them all, or leave them out and tell which.
    random_state : int, RandomState instance or None, default=None
        Seeds the conformers.
    n_jobs : int, default=None
        Molecules to embed at once, as in joblib: None is 1.

    Returns
    -------
    molecules : ndarray of shape (n_samples,), dtype object
        Positions in angstrom. ``atoms.info`` holds the other columns of a table or the fields of
        an SD file (numbers as numbers, what is missing left out), ``smiles`` and, where it is not
        zero, ``charge``. A file of another format fills it as ASE does, a database of ASE with the
        keys of its rows.
    found : :class:`~sklearn.utils.Bunch`
        With ``on_error="skip"``, in place of the array: ``molecules`` as above and ``rejected``,
        a DataFrame of what was left out with the columns ``record`` (number in the file, from
        0), ``name``, ``smiles`` and ``reason``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If the package that reads Excel or Parquet files is not installed.
    ValueError
        If the file cannot be read or holds no molecule, or, with ``on_error="raise"``, if a
        record has none; the message names the file and every such record.

    Examples
    --------
    >>> import tempfile, os
    >>> from skmolal import read_molecules
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "pool.csv")
    ...     with open(path, "w") as file:
    ...         _ = file.write("smiles;gap\\nO;1,5\\nnonsense;2\\nCCO;2,5\\n")
    ...     found = read_molecules(path, on_error="skip", random_state=0)
    >>> found.molecules[1].info
    {'smiles': 'CCO', 'gap': 2.5}
    >>> found.rejected
       record name    smiles            reason
    0       1    1  nonsense  cannot be parsed
    """
    records, molecules = read_records(path, index, smiles_column=smiles_column).make_molecules(
        random_state, n_jobs
    )
    if on_error == "skip":
        return Bunch(molecules=molecules, rejected=records.rejected)
    if records.left_out:
        raise ValueError(f"{records.describe_rejected()}; on_error='skip' leaves such records out")
    return molecules


def read_records(path, index=":", *, smiles_column=None):
    """Read a file without embedding anything.

    Parameters
    ----------
    path, index, smiles_column
        As in :func:`read_molecules`.

    Returns
    -------
    records : Records
        Properties, SMILES and, where the file has them, coordinates.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    kind = file_kind(path)
    if kind in _PICKLES:
        raise ValueError(f"{path}: pickled molecules are never read; convert them to extxyz")
    if kind == ".xls":
        raise ValueError(f"{path}: this kind of Excel file is not read; save it as .xlsx or .csv")
    if smiles_column is not None and kind not in TABLE_KINDS:
        raise ValueError(f"{path}: smiles_column={smiles_column!r} needs a table, such as a CSV")
    if kind in TABLE_KINDS:
        smiles, table, problems = read_table(path, smiles_column)
        records = make_records(path, smiles, table, selection=_as_slice(index), problems=problems)
    elif kind in SDF_KINDS:
        records = _read_sdf_records(path, index)
    else:
        records = _read_ase_records(path, index)
    if records.n_read == 0:
        raise ValueError(f"{path}: the file holds no molecule")
    return records


def _as_slice(index):
    from ase.io.formats import string2index

    try:
        selection = string2index(index) if isinstance(index, str) else index
        if isinstance(selection, slice):
            return selection
        return slice(operator.index(selection), None if selection == -1 else selection + 1)
    except (TypeError, ValueError):
        raise ValueError(
            f"index must be an int, a slice, or one as text such as ':100', got {index!r}"
        ) from None


def _read_sdf_records(path, index):
    import pandas as pd

    atoms, smiles, names, properties, problems = read_sdf(path)
    fields = list(dict.fromkeys(name for row in properties for name in row))
    table = convert_columns(pd.DataFrame(properties, columns=fields, dtype=object))
    table = table.drop(columns=[name for name in fields if name.lower() == "smiles"])
    if any(names) and "name" not in table:
        table["name"] = [name or None for name in names]
    return make_records(
        path,
        smiles,
        table,
        selection=_as_slice(index),
        atoms=atoms,
        names=names,
        problems=problems,
    )


def _read_ase_records(path, index):
    import pandas as pd
    from ase.io.formats import filetype

    numbers = None
    try:
        is_database = filetype(str(path)) in _DATABASES
    except Exception as error:  # ASE's readers raise anything, from StopIteration to KeyError
        raise _cannot_read(path, error) from error
    is_query = is_database and isinstance(index, str) and not _INDEX.fullmatch(index)
    selection = slice(None) if is_query else _as_slice(index)
    try:
        if is_database:
            atoms = _read_database(path, index if is_query else None)
        else:
            atoms, selection, numbers = _read_frames(path, index, selection)
    except Exception as error:
        raise _cannot_read(path, error) from error
    rows = [{**(one.calc.results if one.calc else {}), **one.info} for one in atoms]
    smiles = [row.get("smiles") if isinstance(row.get("smiles"), str) else None for row in rows]
    return make_records(
        path,
        smiles,
        pd.DataFrame(rows, index=range(len(rows))),
        selection=selection,
        atoms=atoms,
        numbers=numbers,
        from_ase=True,
    )


def _cannot_read(path, error):
    return ValueError(
        f"{path}: ASE could not read molecules from this file: {type(error).__name__}: {error}"
    )


def _read_frames(path, index, selection):
    """Return molecules, which of them are wanted, and their numbers in the file."""
    from ase.io import read

    start, step = selection.start or 0, selection.step or 1
    if start < 0 or step < 0:  # from the end: all are read, so that their numbers are known
        return read(path, index=":"), selection, None
    found = read(path, index=index)
    atoms = found if isinstance(found, list) else [found]
    return atoms, slice(None), start + step * np.arange(len(atoms))


def _read_database(path, query):
    """Return the molecules of an ASE database, with the keys of their rows in ``atoms.info``."""
    from ase.db import connect

    with connect(path, serial=True) as rows:
        molecules = []
        for row in rows.select(query):
            molecules.append(row.toatoms())
            molecules[-1].info.update(row.key_value_pairs)
    return molecules
