"""What the commands on a campaign share: its state, its records by id, its tables."""

import csv

import numpy as np

from skmolal.active_learning._state import State

__all__ = [
    "find_ids",
    "make_reporter",
    "name_target",
    "number",
    "places_of",
    "plain",
    "read_state",
    "write_table",
]


def read_state(folder):
    """Return the state of a campaign, without its model, also while another process drives it."""
    from skmolal.storage import CampaignStorage

    with CampaignStorage(folder.storage) as storage:
        settings, events = storage.read()
        results = storage.results()
    state = State(settings["n_samples"])
    for event in events:
        state.apply(event)
    return state, results


def name_target(folder, state):
    """Return the name of the property: as the campaign has it, or as calculations gave it."""
    return folder.settings["target"] or (state.labelled_by or {}).get("target")


def make_reporter(folder, path, target):
    """Return what writes the report of a folder's campaign."""

    def write(campaign):
        campaign.report(
            path,
            title=folder.path.name,
            target=target,
            maximize=folder.settings["maximize"],
            smiles=folder.pool.smiles,
            names=folder.pool.names,
        )

    return write


def find_ids(pool, texts):
    """Return the ids that a user has typed."""
    unknown = [text for text in texts if pool.place_of(text) is None]
    if unknown:
        raise ValueError(f"unknown ids {', '.join(unknown)}")
    return [pool.id_at(pool.place_of(text)) for text in texts]


def places_of(pool, ids):
    """Return the places of records in the pool."""
    return [pool.place_of(str(plain(i))) for i in ids]


def plain(value):
    """Return an id as a number or text of Python's own."""
    return value.item() if isinstance(value, np.generic) else value


def number(value):
    """Round a number for a table; nothing where there is none."""
    return "" if value is None else float(f"{float(value):.8g}")


def write_table(path, columns, rows):
    """Write rows, dicts by column, as CSV."""
    with open(path, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
