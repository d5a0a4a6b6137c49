"""Tables with a column of SMILES: CSV, TSV, SMILES files, Excel and Parquet."""

import csv
import re
from io import StringIO

import numpy as np

from skmolal._optional import import_optional
from skmolal.molecules._files import file_kind, read_text

__all__ = ["TABLE_KINDS", "convert_columns", "read_table"]

_TEXT = {".csv", ".tsv", ".tab", ".txt"}
_SMILES = {".smi", ".smiles", ".ism", ".can"}
_EXCEL = {".xlsx", ".xlsm"}
_PARQUET = {".parquet", ".pq"}
TABLE_KINDS = _TEXT | _SMILES | _EXCEL | _PARQUET

_MISSING = {"na", "n/a", "#n/a", "nan", "null", "none", "-", "?"}
_INTEGER = re.compile(r"[+-]?(0|[1-9]\d*)")  # 007 is a name
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_SEPARATOR_HINT = re.compile(r'"?sep=([,;\t])"?[ \t]*\n')  # what Excel writes, or reads
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")


def read_table(path, smiles_column=None):
    """Read a table and find its SMILES.

    Parameters
    ----------
    path : Path
        A file of one of ``TABLE_KINDS``.
    smiles_column : str, default=None
        Name of the SMILES column; None finds it.

    Returns
    -------
    smiles : list of str or None
        One for each record.
    table : DataFrame
        The other columns; what is missing is NaN or None.
    problems : dict of int to str
        Records that cannot be read, and why.

    Raises
    ------
    ImportError
        If the package for Excel or Parquet files is not installed.
    ValueError
        If this is no such table, or it has no column of SMILES.
    """
    kind = file_kind(path)
    problems = {}
    if kind in _SMILES:
        smiles, table = _read_smiles_file(path)
        return smiles, convert_columns(table), problems
    if kind in _TEXT:
        table, problems = _read_text_table(path, smiles_column)
    else:
        table = _read_binary_table(path, kind)
    column = _find_smiles(path, list(table.columns), smiles_column)
    smiles = [_text_or_none(value) for value in table[column]]
    return smiles, convert_columns(table.drop(columns=column)), problems


def convert_columns(table):
    """Turn columns of texts that are numbers into columns of numbers; what is missing is None.

    Among numbers words such as "NA" mean that a value is missing; among texts they are texts.
    """
    import pandas as pd

    columns = {}
    for name in table.columns:
        if isinstance(table[name].dtype, np.dtype) and table[name].dtype.kind in "biuf":
            columns[name] = table[name]
            continue
        values = [_value_or_none(value) for value in table[name]]
        missing = [v is None or (isinstance(v, str) and v.lower() in _MISSING) for v in values]
        known = [v for v, absent in zip(values, missing, strict=True) if not absent]
        if known and all(isinstance(value, str) and _is_number(value) for value in known):
            whole = all(_INTEGER.fullmatch(value) and len(value) < 18 for value in known)
            kind = int if whole else float
            values = [
                None if absent else kind(v) for v, absent in zip(values, missing, strict=True)
            ]
            if not any(missing):
                columns[name] = pd.Series(values, dtype=kind)
                continue
        columns[name] = pd.Series(values, dtype=object)
    return pd.DataFrame(columns, index=table.index)


def _is_number(text):
    digits = text.lstrip("+-")
    leads_with_zero = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
    return bool(_NUMBER.fullmatch(text)) and not leads_with_zero


def _value_or_none(value):
    if isinstance(value, str):
        return value.strip() or None
    missing = value is None or (np.isscalar(value) and value != value)
    return None if missing else value


def _text_or_none(value):
    if isinstance(value, str):
        return value.strip() or None
    return None if value is None or value != value else str(value)


def _read_text_table(path, smiles_column):
    """Read separated values record by record, so that one bad line costs one record."""
    import pandas as pd

    text = read_text(path)
    hint = _SEPARATOR_HINT.match(text)
    separator = hint[1] if hint else _find_separator(text, smiles_column)
    text = text[hint.end() :] if hint else text
    try:
        rows = list(csv.reader(StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise ValueError(f"{path}: not a table of separated values: {error}") from error
    # Spreadsheets leave rows and columns that hold nothing but separators.
    rows = [row for row in rows if any(value.strip() for value in row)]
    if not rows:
        raise ValueError(f"{path}: not a table of separated values: the file is empty")
    named = [name.strip() for name in rows[0]]
    header = _unique(list(named))
    width = len(header)
    records, problems = [], {}
    for record, row in enumerate(rows[1:]):
        if any(value.strip() for value in row[width:]):
            problems[record] = f"cannot be read: {len(row)} fields, the header has {width}"
        row = row[:width] + [""] * (width - len(row))
        if separator == ";":  # where a comma is the decimal point
            row = [v.replace(",", ".") if _DECIMAL_COMMA.fullmatch(v.strip()) else v for v in row]
        records.append(row)
    table = pd.DataFrame(records, columns=header, dtype=object)
    empty = [column for column, name in zip(header, named, strict=True) if not name]
    empty = [column for column in empty if not any(value.strip() for value in table[column])]
    return table.drop(columns=empty), problems


def _find_separator(text, smiles_column):
    """Return the separator that lets the header name the SMILES, else that of most columns."""
    header = next((line for line in text.split("\n") if line.strip()), "")

    def fitness(separator):
        names = [name.strip() for name in next(csv.reader([header], delimiter=separator), [])]
        return bool(_smiles_columns(names, smiles_column)), len(names)

    return max(",;\t", key=fitness)


def _unique(names):
    """Tell columns of one name apart, and name those that have none."""
    seen = {}
    for k, name in enumerate(names):
        names[k] = name = name or f"column {k + 1}"
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            names[k] = f"{name}.{seen[name] - 1}"
    return names


def _smiles_columns(names, smiles_column):
    """Return the columns that may hold the SMILES: the one wanted, "smiles", or like it."""
    if smiles_column is not None:
        return [name for name in names if name == smiles_column]
    lower = [str(name).lower() for name in names]
    exact = [name for name, low in zip(names, lower, strict=True) if low == "smiles"]
    return exact or [name for name, low in zip(names, lower, strict=True) if "smiles" in low]


def _find_smiles(path, names, smiles_column):
    found = _smiles_columns(names, smiles_column)
    if len(found) == 1:
        return found[0]
    shown = [str(name) for name in names]
    if smiles_column is not None:
        raise ValueError(
            f"{path}: there is no column {smiles_column!r} for SMILES; the columns are {shown}"
        )
    raise ValueError(
        f"{path}: expected one column named 'smiles', got columns {shown}; say which it is "
        "(smiles_column in Python, --smiles-column on the command line)"
    )


def _read_smiles_file(path):
    """Read lines of a SMILES and, after white space, a name."""
    import pandas as pd

    lines = [line.split(None, 1) for line in read_text(path).split("\n")]
    lines = [line for line in lines if line and not line[0].startswith("#")]
    if lines and lines[0][0].lower() == "smiles":
        del lines[0]
    names = [line[1].strip() if len(line) > 1 else None for line in lines]
    table = pd.DataFrame({"name": names}, dtype=object) if any(names) else pd.DataFrame()
    return [line[0] for line in lines], table


def _read_binary_table(path, kind):
    import pandas as pd

    import_optional("openpyxl" if kind in _EXCEL else "pyarrow", f"{path}: reading {kind} files")
    try:
        table = pd.read_excel(path, dtype=object) if kind in _EXCEL else pd.read_parquet(path)
    except Exception as error:  # both raise anything, from BadZipFile to ArrowInvalid
        message = " ".join(str(error).split())
        raise ValueError(f"{path}: not a {kind} file: {type(error).__name__}: {message}") from error
    table.columns = _unique([str(name).strip() for name in table.columns])
    return table.reset_index(drop=True)
