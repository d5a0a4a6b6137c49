"""Records of a file on their way to molecules: read, checked, and only then embedded."""

from dataclasses import dataclass, replace

import numpy as np

from skmolal.molecules._conformers import embed_smiles, format_rejected
from skmolal.molecules._gate import as_molecules
from skmolal.molecules._smiles import canonical_smiles, quiet_rdkit

__all__ = ["Records", "make_records"]


@dataclass(frozen=True)
class Records:
    """What a file holds, one row a record; what was left out is kept with its reason.

    Attributes
    ----------
    source : str
        Where the records come from, for messages.
    number : ndarray of int, shape (n_records,)
        The number of each record in the file, from 0.
    name : ndarray of object, shape (n_records,)
        Its name, else its number as text.
    smiles : ndarray of object, shape (n_records,)
        SMILES as the file has them, or None.
    canonical : ndarray of object, shape (n_records,)
        Canonical SMILES, which tell molecules apart; None where the SMILES is unknown.
    table : DataFrame of n_records rows
        The properties: columns of a table, fields of an SD file, ``atoms.info`` and results.
    atoms : ndarray of object, shape (n_records,)
        Molecules of the file, or None where there is only a graph.
    from_ase : bool
        Whether ASE read the molecules, with their properties.
    n_read : int
        Number of records that were read, those left out included.
    left_out : tuple of (number, name, smiles, reason)
        In the order in which they were found.
    """

    source: str
    number: np.ndarray
    name: np.ndarray
    smiles: np.ndarray
    canonical: np.ndarray
    table: object
    atoms: np.ndarray
    from_ase: bool
    n_read: int
    left_out: tuple = ()

    def __len__(self):
        return len(self.number)

    @property
    def rejected(self):
        """DataFrame ``record, name, smiles, reason`` of what is left out, in the file's order."""
        import pandas as pd

        rows = sorted(self.left_out, key=lambda row: row[0])
        table = pd.DataFrame(rows, columns=["record", "name", "smiles", "reason"], dtype=object)
        return table.astype({"record": int})

    def describe_rejected(self):
        """Return one sentence that names every record left out."""
        rows = sorted(self.left_out, key=lambda row: row[0])
        return f"{self.source}: {format_rejected(rows, self.n_read)}"

    def take(self, rows):
        """Return the records at these positions."""
        names = ("number", "name", "smiles", "canonical", "atoms")
        parts = {name: getattr(self, name)[rows] for name in names}
        return replace(self, table=self.table.iloc[rows].reset_index(drop=True), **parts)

    def leave_out(self, reasons):
        """Return the records without those that have a reason to be left out.

        Parameters
        ----------
        reasons : sequence of str or None, one for each record
            None keeps a record.
        """
        bad = [i for i, reason in enumerate(reasons) if reason is not None]
        left_out = [(int(self.number[i]), self.name[i], self.smiles[i], reasons[i]) for i in bad]
        kept = self.take(np.setdiff1d(np.arange(len(self)), bad))
        return replace(kept, left_out=(*self.left_out, *left_out))

    def make_molecules(self, random_state=None, n_jobs=None, verbose=False):
        """Embed what has no coordinates.

        Parameters
        ----------
        random_state, n_jobs, verbose
            As in :func:`~skmolal.molecules.molecules_from_smiles`.

        Returns
        -------
        records : Records
            Those of which there is a molecule.
        molecules : ndarray of shape (n_records,), dtype object
            Their molecules; the properties of the file are in ``atoms.info``.
        """
        flat = [i for i, atoms in enumerate(self.atoms) if atoms is None]
        embedded, why = embed_smiles(
            [self.smiles[i] for i in flat], random_state, n_jobs=n_jobs, verbose=verbose
        )
        atoms, reasons = self.atoms.copy(), [None] * len(self)
        for i, made, reason in zip(flat, embedded, why, strict=True):
            atoms[i], reasons[i] = made, reason
        kept = replace(self, atoms=atoms).leave_out(reasons)
        if not kept.from_ase:
            rows = kept.table.to_dict("records")
            for one, smiles, row in zip(kept.atoms, kept.smiles, rows, strict=True):
                known = {key: value for key, value in row.items() if not _is_missing(value)}
                one.info = {"smiles": smiles, **one.info, **known}
        return kept, as_molecules(kept.atoms)


def make_records(
    source,
    smiles,
    table,
    *,
    selection=slice(None),
    atoms=None,
    names=None,
    numbers=None,
    problems=None,
    from_ase=False,
):
    """Put together what a reader found, and leave out what no one can use.

    Parameters
    ----------
    source : path-like
        The file.
    smiles : list of str or None
        SMILES of each record.
    table : DataFrame
        Properties.
    selection : slice, default=slice(None)
        Which of them are wanted.
    atoms : list of ase.Atoms or None, default=None
        Molecules with coordinates.
    names : list of str, default=None
        Names where a record has one of its own; else a column ``name`` or ``id`` is taken.
    numbers : sequence of int, default=None
        Numbers in the file; None counts from 0.
    problems : dict of int to str, default=None
        Positions that the reader could not read, and why.
    from_ase : bool, default=False
        Whether ASE read the molecules.
    """
    n = len(smiles)
    numbers = np.arange(n) if numbers is None else np.asarray(numbers, dtype=int)
    records = Records(
        source=str(source),
        number=numbers,
        name=_objects(_find_names(table, names, numbers)),
        smiles=_objects(smiles),
        canonical=np.empty(n, dtype=object),
        table=table.reindex(range(n)),
        atoms=_objects([None] * n if atoms is None else atoms),
        from_ase=from_ase,
        n_read=n,
    )
    rows = np.arange(n)[selection]
    records = replace(records.take(rows), n_read=len(rows))
    reasons = []
    with quiet_rdkit():
        for i, row in enumerate(rows):
            reason = (problems or {}).get(row) or _find_fault(records.atoms[i])
            if reason is None:
                try:
                    records.canonical[i] = canonical_smiles(records.smiles[i])
                except ValueError as error:
                    # Coordinates are a molecule, whatever its SMILES says.
                    reason = str(error) if records.atoms[i] is None else None
            reasons.append(reason)
    return records.leave_out(reasons)


def _find_fault(atoms):
    if atoms is None:
        return None
    if len(atoms) == 0:
        return "no atoms"
    if not np.isfinite(atoms.positions).all():
        return "coordinates are not finite"
    return "an atom is left open (*)" if not atoms.numbers.all() else None


def _find_names(table, names, numbers):
    lower = {str(column).lower(): column for column in reversed(table.columns)}
    columns = [table[lower[key]] for key in ("name", "id") if key in lower]
    columns = [names] * (names is not None) + columns
    found = []
    for i, number in enumerate(numbers):
        own = (column[i] for column in columns)
        known = (str(name) for name in own if not _is_missing(name) and str(name).strip())
        found.append(next(known, str(number)))
    return found


def _is_missing(value):
    return value is None or (np.isscalar(value) and value != value)


def _objects(items):
    """Return a 1-D object array, also of things that NumPy would unfold."""
    array = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        array[i] = item
    return array
