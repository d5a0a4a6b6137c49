"""What a run works on: molecules, property and names, and what was left out and why."""

import sys
from argparse import Namespace
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from sklearn.utils import check_random_state

from skmolal import datasets
from skmolal.molecules._conformers import format_rejected
from skmolal.molecules._reading import read_records
from skmolal.molecules._records import make_records

__all__ = ["Data", "load_data", "load_pool"]

_LOADERS = {
    "qm9_sample": "load_qm9_sample",
    "qm9": "fetch_qm9",
    "aa": "fetch_aa",
    "oe62": "fetch_oe62",
}


@dataclass(frozen=True)
class Data:
    """Labelled molecules.

    Attributes
    ----------
    source : str
        The data set or the file.
    target : str
        The property.
    X : ndarray of shape (n_samples,), dtype object
        Molecules; SMILES where no conformers are wanted.
    y : ndarray of shape (n_samples,)
        The property of each.
    ids : ndarray of shape (n_samples,)
        What names a record in ``picks.csv``.
    numbers : ndarray of int, shape (n_samples,)
        Place of each record in the file.
    names, smiles : ndarray of object, shape (n_samples,)
        Name and SMILES of each record; the SMILES may be None.
    groups : ndarray of int, shape (n_samples,), or None
        Equal for records of one molecule; None where all are different.
    rejected : DataFrame
        ``record, name, smiles, reason`` of what was left out.
    n_read : int
        Number of records in the file.
    """

    source: str
    target: str
    X: np.ndarray
    y: np.ndarray
    ids: np.ndarray
    numbers: np.ndarray
    names: np.ndarray
    smiles: np.ndarray
    groups: np.ndarray | None
    rejected: object
    n_read: int

    def describe_rejected(self, table="rejected.csv"):
        """Return one line that counts what was left out, empty if nothing was."""
        if not len(self.rejected):
            return ""
        return (
            f"{len(self.rejected):,} of {self.n_read:,} records left out, see {table}: "
            f"{_count(self.rejected)}"
        )

    def leave_out(self, is_bad, reason, strict):
        """Return the rest; with `strict`, records that are left out are an error."""
        import pandas as pd

        if not is_bad.any():
            return self
        bad = [self.numbers[is_bad], self.names[is_bad], self.smiles[is_bad]]
        rows = [(*row, reason) for row in zip(*bad, strict=True)]
        if strict:
            raise ValueError(f"{self.source}: {format_rejected(rows, self.n_read)} (--strict)")
        rows = sorted([*self.rejected.itertuples(index=False, name=None), *rows])
        rejected = pd.DataFrame(rows, columns=self.rejected.columns)
        rest = replace(_take(self, np.flatnonzero(~is_bad)), rejected=rejected)
        _check_left(rest, strict=False)
        return rest

    def __len__(self):
        return len(self.y)


def load_data(options, *, conformers=True):
    """Read what the command's options name.

    Columns, labels, names and duplicates are checked before anything is embedded.

    Parameters
    ----------
    options : argparse.Namespace
        ``data, dataset, target, id, smiles_column, strict, duplicates, random_state, n_jobs`` and
        ``quiet``.
    conformers : bool, default=True
        Whether molecules are wanted; else SMILES will do, and nothing is embedded.

    Returns
    -------
    data : Data
        Rows of a file are shuffled by ``random_state``.

    Raises
    ------
    ValueError
        If a column is not there, an id names two molecules, no record is left, or, with
        ``strict``, one is left out.
    """
    if options.data is None and options.dataset == "enamine10k":
        return _load_smiles(options, conformers)
    if options.data is None:
        return _load_dataset(options, conformers)
    path = Path(options.data)
    if options.target is None:
        raise ValueError("--data needs --target: the key of atoms.info or the column to learn")
    records = read_records(path, smiles_column=options.smiles_column)
    labels, reasons = _read_labels(_column(records, options.target), options.target)
    return _check_records(options, records, labels, reasons, conformers)


def load_pool(options, *, conformers=True):
    """Read molecules of which few or none have labels.

    Parameters
    ----------
    options : argparse.Namespace
        As for :func:`load_data`; without `target`, or where the file has no such column, nothing
        is labelled.
    conformers : bool, default=True
        Whether molecules are wanted; else SMILES will do, and nothing is embedded.

    Returns
    -------
    data : Data
        Labels are NaN where the file has none.
    """
    records = read_records(Path(options.data), smiles_column=options.smiles_column)
    labels, reasons = np.full(len(records), np.nan), [None] * len(records)
    if options.target in records.table.columns:
        labels, reasons = _read_labels(_column(records, options.target), options.target)
        missing = f"no {options.target}"
        reasons = [None if reason == missing else reason for reason in reasons]
    return _check_records(options, records, labels, reasons, conformers)


def _check_records(options, records, labels, reasons, conformers):
    """Leave out what is no record of its own, embed the rest and shuffle it."""
    if options.id is not None:
        for i, value in enumerate(_column(records, options.id)):
            if reasons[i] is None and _is_missing(value):
                reasons[i] = f"no {options.id}"
    if not conformers:
        for i, text in enumerate(records.canonical):
            reasons[i] = reasons[i] or ("no SMILES" if text is None else None)
    records, labels = _leave_out(records, labels, reasons)
    if options.id is not None:
        _check_ids(records, options.id)
    labels, reasons = _merge_duplicates(records, labels, options.duplicates)
    records, labels = _leave_out(records, labels, reasons)
    _check_left(records, options.strict)
    X = records.canonical
    if conformers:
        # A fixed seed for conformers, so that runs of one file differ in nothing but the choice.
        embedded, X = records.make_molecules(
            0, options.n_jobs, verbose=not options.quiet and sys.stderr.isatty()
        )
        labels = labels[np.isin(records.number, embedded.number)]
        records = embedded
        _check_left(records, options.strict)
    ids = records.number
    if options.id is not None:
        ids = np.array(list(_column(records, options.id)))
    data = Data(
        source=records.source,
        target=options.target,
        X=X,
        y=labels,
        ids=ids,
        numbers=records.number,
        names=records.name,
        smiles=records.smiles,
        groups=_group(records.canonical),
        rejected=records.rejected,
        n_read=records.n_read,
    )
    # Ties are broken by position, and files are often sorted by the label.
    return _take(data, check_random_state(options.random_state).permutation(len(labels)))


def _load_smiles(options, conformers):
    """Load the data set of SMILES, as a file of the user's own would be read."""
    options = Namespace(**{**vars(options), "target": options.target or "score"})
    bunch = datasets.fetch_enamine10k(verbose=not options.quiet and sys.stderr.isatty())
    records = make_records(options.dataset, list(bunch.data), bunch.frame)
    labels, reasons = _read_labels(_column(records, options.target), options.target)
    return _check_records(options, records, labels, reasons, conformers)


def _load_dataset(options, conformers):
    import pandas as pd

    target = options.target or "homo"
    # GFN2-xTB's numbers are shipped with one data set.
    shipped = {"xtb": True} if options.baseline and options.dataset == "qm9_sample" else {}
    bunch = getattr(datasets, _LOADERS[options.dataset])(target_column=target, **shipped)
    smiles = np.array([atoms.info.get("smiles") for atoms in bunch.data], dtype=object)
    ids = np.arange(len(bunch.data))
    if options.id is not None:
        missing = [i for i, atoms in enumerate(bunch.data) if options.id not in atoms.info]
        if missing:
            keys = sorted(map(str, bunch.data[missing[0]].info))
            raise ValueError(
                f"{options.dataset}: record {missing[0]} has no {options.id!r}; it has {keys}"
            )
        ids = np.array([atoms.info[options.id] for atoms in bunch.data])
    return Data(
        source=options.dataset,
        target=target,
        X=bunch.data if conformers else smiles,
        y=bunch.target,
        ids=ids,
        numbers=np.arange(len(bunch.data)),
        names=ids.astype(str).astype(object),
        smiles=smiles,
        groups=None,
        rejected=pd.DataFrame(columns=["record", "name", "smiles", "reason"]),
        n_read=len(bunch.data),
    )


def _take(data, rows):
    names = ("X", "y", "ids", "numbers", "names", "smiles", "groups")
    parts = {name: getattr(data, name) for name in names}
    return replace(data, **{k: None if v is None else v[rows] for k, v in parts.items()})


def _column(records, key):
    """Return a column; a name that is not there is answered with those that are."""
    if key in records.table.columns:
        return records.table[key]
    if key.lower() == "smiles" and any(text is not None for text in records.smiles):
        return records.smiles
    known = {str(name).lower(): str(name) for name in records.table.columns}
    close = [repr(known[name]) for name in get_close_matches(key.lower(), known)]
    hint = f" (did you mean {' or '.join(close)}?)" if close else ""
    raise ValueError(f"{records.source}: there is no {key!r}{hint}; it has {list(known.values())}")


def _read_labels(values, target):
    """Return labels, NaN where there is none, and a reason for each of those."""
    labels = np.full(len(values), np.nan)
    reasons = [None] * len(values)
    for i, value in enumerate(values):
        if _is_missing(value):
            reasons[i] = f"no {target}"
            continue
        with suppress(TypeError, ValueError):
            labels[i] = float(value)
        if not np.isfinite(labels[i]):
            reasons[i] = f"{target} is no finite number: {value!r}"
    return labels, reasons


def _is_missing(value):
    return value is None or (np.isscalar(value) and (value != value or value == ""))


def _leave_out(records, labels, reasons):
    keep = np.array([reason is None for reason in reasons], dtype=bool)
    return records.leave_out(reasons), labels[keep]


def _check_ids(records, key):
    """Refuse an id that names two molecules."""
    seen = {}
    for i, value in enumerate(_column(records, key)):
        first = seen.setdefault(value, i)
        same = records.canonical[i] is not None and records.canonical[i] == records.canonical[first]
        if first != i and not same:
            raise ValueError(
                f"{records.source}: {key}={value!r} names two molecules, records "
                f"{records.number[first]} and {records.number[i]}; an id must be unique"
            )


def _merge_duplicates(records, labels, rule):
    """Return labels, and the reason "duplicate" for records that another one stands for."""
    reasons, labels = [None] * len(records), labels.copy()
    if rule == "keep":
        return labels, reasons
    members = {}
    for i, text in enumerate(records.canonical):
        if text is not None:
            members.setdefault(text, []).append(i)
    for rows in members.values():
        known = labels[rows][np.isfinite(labels[rows])]
        if len(known):
            labels[rows[0]] = known.mean() if rule == "mean" else known[0]
        for i in rows[1:]:
            reasons[i] = "duplicate"
    return labels, reasons


def _group(canonical):
    """Number the molecules; None if all are different."""
    keys = [i if text is None else text for i, text in enumerate(canonical)]
    if len(set(keys)) == len(keys):
        return None
    numbers = {key: k for k, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys])


def _check_left(records, strict):
    if strict and records.left_out:
        raise ValueError(f"{records.describe_rejected()} (--strict)")
    if len(records) == 0:
        rejected = records.rejected
        raise ValueError(
            f"{records.source}: none of {records.n_read} records is left: {_count(rejected)}; the "
            f"first: {rejected['reason'][0]}"
        )


def _count(rejected):
    """Say how many records were left out for which reason, without what differs among them."""
    counts = Counter(reason.split(":")[0] for reason in rejected["reason"])
    return ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common())
