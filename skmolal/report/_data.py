"""What a report says of a campaign: rows and numbers, before any drawing."""

import datetime
from collections import Counter

import numpy as np

from skmolal.report._outlook import Aim, look_ahead

__all__ = ["collect"]

_LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_INITIAL = {
    "random": "first batch: at random",
    "spread": "first batch: spread",
    "strategy": "first batch: half by the baseline",
}


def collect(campaign, *, target=None, maximize=None, smiles=None, names=None):
    """Collect what a report shows.

    Parameters
    ----------
    campaign : Campaign
        It is left as it is.
    target : str, default=None
        Name of the property.
    maximize : bool, default=None
        Whether the largest labels are the best; None is what the strategy is after.
    smiles, names : sequence of str, n_samples, default=None
        Of each record.

    Returns
    -------
    data : dict
        Plain values: ``counts``, ``molecules`` (a dict for each label, in order), ``pending``,
        ``rounds``, ``failures``, ``reasons``, ``dropped``, ``outlook``, ``calibration``,
        ``seconds``, ``steps``.
    """
    state = campaign._state
    describe = _Describer(campaign, smiles, names)
    aim = Aim.of(campaign.strategy)
    maximize = aim.maximize if maximize is None else bool(maximize)
    told, reasons_asked, steps = _read_events(campaign)
    seconds = getattr(state, "seconds", {})
    molecules = []
    for pick in campaign.picks():
        entry = state.entries[state._entry_of[pick["position"]]]
        row = describe(pick["position"]) | {name: pick[name] for name in ("round", "label")}
        row |= _ask_columns(entry, pick["position"], aim)
        predicted = row["predicted"]
        row["error"] = None if predicted is None else predicted - pick["label"]
        row["why"] = _why(entry, reasons_asked)
        row["told"] = told[pick["position"]]
        row["seconds"] = seconds.get(pick["position"])
        molecules.append(row)
    pending = []
    for position, k in state.pending.items():
        entry = state.entries[k]
        row = describe(position) | {"round": entry.round, "why": _why(entry, reasons_asked)}
        pending.append(row | _ask_columns(entry, position, aim))
    failures = [
        describe(f["position"]) | {"reason": f["reason"], "time": f["time"]} for f in state.failures
    ]
    dropped = [describe(p) | {"reason": reason} for p, reason in state.dropped.items()]
    rounds = [
        step | {"why": _why(entry, reasons_asked), "time": entry.time}
        for step, entry in zip(campaign.history, state.entries, strict=True)
    ]
    labels = [row["label"] for row in molecules]
    best = None
    if labels:
        best = int(np.argmax(labels) if maximize else np.argmin(labels))
    return {
        "target": target or "label",
        "maximize": maximize,
        "aim": aim,
        "counts": {
            "records": state.n_samples,
            "labelled": len(labels),
            "pending": len(pending),
            "dropped": len(dropped),
            "failed": len(failures),
            "left": len(state.free),
            "rounds": state.n_rounds,
        },
        "molecules": molecules,
        "best": best,
        "pending": pending,
        "rounds": rounds,
        "failures": failures,
        "reasons": Counter(f["reason"] for f in failures).most_common(),
        "dropped": dropped,
        "calibration": _calibrate(molecules),
        "outlook": look_ahead(campaign, aim),
        "seconds": _sum_seconds(rounds, seconds),
        "steps": steps,
        "stopped": state.stopped,
        "created": campaign._settings["created"],
        "updated": max([campaign._settings["created"], *(e["time"] for e in campaign._events)]),
    }


def format_time(seconds, precision="seconds"):
    """Format seconds since 1970 as ``2026-01-31 12:00:00``, in UTC."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC).replace(tzinfo=None)
    return moment.isoformat(" ", precision)


class _Describer:
    """What is known of a record before anything happens to it."""

    def __init__(self, campaign, smiles, names):
        for what, values in (("smiles", smiles), ("names", names)):
            n_samples = campaign._state.n_samples
            if values is not None and len(values) != n_samples:
                raise ValueError(
                    f"{what} must hold one for each of the {n_samples} records, got {len(values)}"
                )
        self._X, self._name = campaign._X, campaign._records.name
        self._smiles, self._names = smiles, names

    def __call__(self, position):
        X = self._X
        record = X[position] if isinstance(X, np.ndarray) and X.dtype == object else None
        smiles = formula = ""
        if hasattr(record, "get_chemical_formula"):  # ase.Atoms
            smiles = record.info.get("smiles", "")
            formula = record.get_chemical_formula("hill")
        elif isinstance(record, str):
            smiles = record
        name = ""
        if hasattr(X, "smiles") and hasattr(X, "names"):  # a Library
            smiles, name = X.smiles([position])[0], X.names([position])[0]
        if self._smiles is not None:
            smiles = self._smiles[position] or ""
        if self._names is not None:
            name = self._names[position] or ""
        return {
            "id": str(self._name(position)),
            "name": str(name),
            "smiles": str(smiles),
            "formula": formula,
        }


def _ask_columns(entry, position, aim):
    """Return what was said of a record when it was asked for."""
    columns = {
        "predicted": (entry.predicted or {}).get(position),
        "std": (entry.std or {}).get(position),
        "threshold": entry.threshold,
        "asked": None if entry.round is None else entry.time,
        "probability": None,
    }
    if columns["std"] is not None:
        p = aim.probability([columns["predicted"]], [columns["std"]], entry.threshold)
        columns["probability"] = None if p is None else float(p[0])
    return columns


def _read_events(campaign):
    """Return when labels came, what chose in each round, and how the numbers of labels grew."""
    strategy = _format_strategy(campaign._settings["query_strategy"])
    initial = campaign._settings["initial"]
    first = _INITIAL[initial] if isinstance(initial, str) else "first batch: ids that were given"
    told, chosen_by, n_labelled = {}, [], set()
    steps = [(campaign._settings["created"], 0)]
    for event in campaign._events:
        kind = event["kind"]
        if kind == "change":
            strategy = _format_strategy(event["query_strategy"])
        elif kind == "ask":
            chosen_by.append(strategy if event["n_labelled"] else first)
        elif kind in ("tell", "correct"):
            for position, y in zip(event["positions"], event["y"], strict=True):
                if y is None:
                    n_labelled.discard(position)
                else:
                    n_labelled.add(position)
                    told[position] = event["time"]
            steps.append((event["time"], len(n_labelled)))
    return told, chosen_by, steps


def _format_strategy(stored):
    if stored is None:
        return "a function of its own"
    options = ", ".join(f"{name}={value!r}" for name, value in stored["options"].items())
    return f"{stored['name']}({options})" if options else stored["name"]


def _why(entry, chosen_by):
    return "told, not asked for" if entry.round is None else chosen_by[entry.round]


def _calibrate(molecules):
    """Compare the stds with the errors: which share of labels lies in intervals of each level."""
    from scipy.special import ndtri

    known = [m for m in molecules if m["std"]]
    if not known:
        return None
    z = np.abs([m["error"] / m["std"] for m in known])
    observed = [float(np.mean(z <= ndtri(0.5 + level / 2))) for level in _LEVELS]
    return {
        "levels": list(_LEVELS),
        "observed": observed,
        "n": len(known),
        "rms_z": float(np.sqrt(np.mean(z**2))),
        "mae": float(np.mean([abs(m["error"]) for m in known])),
    }


def _sum_seconds(rounds, seconds):
    """Return seconds by stage, as far as they are known."""
    query = sum(step["query_time"] or 0.0 for step in rounds)
    predict = sum(step["predict_time"] or 0.0 for step in rounds)
    stages = {
        "query": max(query - predict, 0.0),
        "predict": predict,
        "fit": sum(step["fit_time"] or 0.0 for step in rounds),
    }
    if seconds:
        stages["calculations"] = sum(seconds.values())
    return stages
