"""``skmolal status``, ``export`` and ``report``: how far a campaign is."""

import json
from pathlib import Path

from skmolal.cli._folder import CampaignFolder
from skmolal.cli._records import (
    make_reporter,
    name_target,
    number,
    read_state,
    write_table,
)
from skmolal.cli._report import write_atomically

__all__ = ["export", "report", "status"]


def status(options):
    """Say how far a campaign is."""
    folder = CampaignFolder.open(options.campaign)
    state, _ = read_state(folder)
    failed = {failure["position"] for failure in state.failures} - state.labels.keys()
    failed |= {p for p, reason in state.dropped.items() if reason == "failed"}
    best = max if folder.settings["maximize"] else min
    thresholds = [entry.threshold for entry in state.entries if entry.threshold is not None]
    figures = {
        "n_pool": state.n_samples,
        "n_labelled": len(state.labels),
        "n_pending": len(state.pending),
        "n_failed": len(failed),
        "n_dropped": len(state.dropped),
        "best": best(state.labels.values()) if state.labels else None,
        "threshold": thresholds[-1] if thresholds else None,
        "stopped": state.stopped,
    }
    if options.json:
        print(json.dumps(figures))
    else:
        print(", ".join(f"{name.removeprefix('n_')} {_say(v)}" for name, v in figures.items()))


def export(options):
    """Write all labels, with everything that the calculations gave, to a table."""
    folder = CampaignFolder.open(options.campaign)
    state, results = read_state(folder)
    by_key = {result["key"]: result["properties"] for result in results}
    properties = {p: by_key[key] for p, key in state.keys.items() if key in by_key}
    names = sorted({name for found in properties.values() for name in found})
    pool = folder.pool
    rows = [
        {
            "id": pool.id_at(pick["position"]),
            "name": pool.names[pick["position"]],
            "smiles": pool.smiles[pick["position"]],
            "label": pick["label"],
            "predicted": number(pick["predicted"]),
            "round": "" if pick["round"] is None else pick["round"],
            **properties.get(pick["position"], {}),
        }
        for pick in state.picks(lambda position: position)
    ]
    columns = ["id", "name", "smiles", "label", "predicted", "round", *names]
    write_atomically(Path(options.out), lambda path: write_table(path, columns, rows))
    print(f"{len(rows)} labels written to {options.out}")


def report(options):
    """Write the report."""
    folder = CampaignFolder.open(options.campaign)
    with folder.load_campaign(read_only=True) as campaign:
        make_reporter(folder, options.out, name_target(folder, campaign._state))(campaign)
    print(f"report written to {options.out}")


def _say(value):
    if value is None:
        return "none"
    return (
        f"{value:,}"
        if isinstance(value, int)
        else f"{value:.6g}"
        if isinstance(value, float)
        else str(value)
    )
