"""``skmolal ask``, ``tell``, ``release`` and ``drop``: what people say of records."""

import csv
import math
from pathlib import Path

from skmolal._rows import read_all, take_rows
from skmolal.cli._folder import CampaignFolder
from skmolal.cli._records import find_ids, number, places_of, plain, write_table
from skmolal.cli._report import write_atomically

__all__ = ["ask", "drop", "release", "tell"]

_FAILED = {"failed", "fail", "error"}
_BATCH_COLUMNS = ("id", "smiles", "predicted", "std", "label")


def ask(options):
    """Reserve the next records and write them to a table, and their structures beside it."""
    folder = CampaignFolder.open(options.campaign)
    table = Path(options.out)
    structures = table.with_suffix(".extxyz")
    for path in (table, structures):
        if path.exists():
            raise ValueError(f"--out: {path} is there already, maybe with labels in it")
    with folder.load_campaign() as campaign:
        size = options.n_instances
        if size is None:
            size = (
                folder.settings["batch_size"] if len(campaign.y) else folder.settings["n_initial"]
            )
        ids = campaign.ask(size)
        try:
            rows = _describe(campaign, folder.pool, ids)
            write_atomically(table, lambda path: write_table(path, _BATCH_COLUMNS, rows))
            _write_structures(structures, folder.pool, ids)
        except BaseException:
            campaign.release(ids, "they could not be written")
            raise
    print(
        f"{len(ids)} records to label in {table}; fill in the column label, then: "
        f"skmolal tell {folder.path} {table}"
    )


def _describe(campaign, pool, ids):
    """Return a row of the batch's table for each record."""
    places = places_of(pool, ids)
    mean = std = [None] * len(ids)
    if len(campaign.y):
        rows = read_all(take_rows(campaign._model.features, places))
        try:
            mean, std = campaign._model.regressor.predict(rows, return_std=True)
        except TypeError:  # a model without std
            mean = campaign._model.regressor.predict(rows)
    return [
        {
            "id": plain(i),
            "smiles": pool.smiles[place],
            "predicted": number(m),
            "std": number(s),
            "label": "",
        }
        for i, place, m, s in zip(ids, places, mean, std, strict=True)
    ]


def _write_structures(path, pool, ids):
    if not hasattr(pool.X[0], "positions"):  # no molecules but SMILES, or a library
        return
    from ase.io import write

    batch = []
    for i, place in zip(ids, places_of(pool, ids), strict=True):
        atoms = pool.X[place].copy()
        atoms.info["id"] = plain(i)
        batch.append(atoms)
    write_atomically(path, lambda beside: write(beside, batch, format="extxyz"))


def tell(options):
    """Read labels back from a table of `ask`: a number, "failed", or nothing yet."""
    folder = CampaignFolder.open(options.campaign)
    rows = _read_labels(options.table)
    with folder.load_campaign() as campaign:
        ids, labels, failed, problems = _sort_out(campaign, folder.pool, rows)
        if problems:
            raise ValueError(f"{options.table}: nothing was recorded: {'; '.join(problems)}")
        if ids:
            campaign.tell(ids, labels)
        if failed:
            campaign.drop(failed, "failed")
        waiting = len(campaign.pending)
    print(f"{len(ids)} labels and {len(failed)} failures recorded, {waiting} records pending")


def _read_labels(path):
    """Return (line, id, label text) of each row."""
    path = Path(path)
    text = path.read_text(encoding="utf-8-sig")
    dialect = csv.Sniffer().sniff(text.partition("\n")[0], ",;\t")  # spreadsheets choose by country
    reader = csv.DictReader(text.splitlines(), dialect=dialect)
    columns = {(name or "").strip().lower(): name for name in reader.fieldnames or []}
    for name in ("id", "label"):
        if name not in columns:
            raise ValueError(f"{path}: no column {name!r}; it has {sorted(columns)}")
    return [
        (reader.line_num, (row[columns["id"]] or "").strip(), (row[columns["label"]] or "").strip())
        for row in reader
    ]


def _sort_out(campaign, pool, rows):
    """Return ids and labels, ids that failed, and everything that is wrong."""
    known, dropped = campaign._state.labels, campaign._state.dropped
    ids, labels, failed, problems, seen = [], [], [], [], set()
    for line, name, text in rows:
        place = pool.place_of(name)
        if place is None:
            problems.append(f"line {line}: unknown id {name!r}")
        elif name in seen:
            problems.append(f"line {line}: id {name!r} is there twice")
        elif text.lower() in _FAILED:
            if place in known:
                problems.append(f"line {line}: {name!r} is labelled already")
            elif place not in dropped:
                failed.append(pool.id_at(place))
        elif text:
            label = _parse_number(text)
            if label is None:
                problems.append(
                    f"line {line}: label {text!r} is neither a number nor 'failed' nor empty"
                )
            elif place not in known:
                ids.append(pool.id_at(place))
                labels.append(label)
            elif known[place] != label:
                problems.append(
                    f"line {line}: {name!r} has the label {known[place]} already, got {label}"
                )
        seen.add(name)
    return ids, labels, failed, problems


def _parse_number(text):
    try:
        value = float(text)
    except ValueError:
        try:
            value = float(text.replace(",", "."))  # a spreadsheet's decimal comma
        except ValueError:
            return None
    return value if math.isfinite(value) else None


def release(options):
    """Put pending records back into the pool."""
    folder = CampaignFolder.open(options.campaign)
    with folder.load_campaign() as campaign:
        if options.ids and options.dropped:
            raise ValueError("--dropped stands in place of ids: give one or the other")
        if options.ids:
            ids = find_ids(folder.pool, options.ids)
        else:
            ids = list(campaign.dropped if options.dropped else campaign.pending)
        if ids:
            campaign.release(ids)
    print(f"{len(ids)} records released")


def drop(options):
    """Take records out of the pool."""
    folder = CampaignFolder.open(options.campaign)
    with folder.load_campaign() as campaign:
        ids = find_ids(folder.pool, options.ids)
        campaign.drop(ids, options.reason)
    print(f"{len(ids)} records dropped")
