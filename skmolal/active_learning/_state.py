"""What has happened in a campaign: derived from its events alone, one after the other.

An event is a dict that JSON can hold, with a ``kind`` and a ``time`` (s since 1970). Whoever
applies the same events in the same order has the same state.

========= ====================================================================================
kind      what it holds, and means
========= ====================================================================================
ask       `positions`, `predicted`, `std`, `seed`, `n_labelled`, `n_pending`, `threshold`,
          `query_time`, `predict_time`: a question, which reserves its records; `by_runner`,
          where a runner has asked
tell      `positions`, `y`: labels; of records that were never asked for, too; of calculations
          also `keys` and `seconds`
correct   `positions`, `y`: other labels, or none in place of those told
release   `positions`, `reason`: pending or dropped ones, back into the pool
drop      `positions`, `reason`: out of the pool
fail      `positions`, `reason`: an attempt at a label that failed; the record stays reserved
fit       `hyperparameters`, `fit_time`: the model was fitted to the labels known then
note      `pool_variance`, `stopped`: what was found out about the latest entry
change    `query_strategy`, `estimator`: it continues with another strategy or model
run       `oracle`, `target`, `n_parallel`: a runner begins, with this oracle
========= ====================================================================================
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Entry", "State"]


@dataclass
class Entry:
    """One entry of the history: a question, or labels that nobody had asked for."""

    round: int | None  # None: never asked for
    positions: list
    predicted: dict | None = None  # position -> what the model had said
    std: dict | None = None  # position -> how sure it had been
    seed: int | None = None
    n_before: int = 0  # labels known when it was asked
    n_pending: int = 0  # records on their way then
    threshold: float | None = None
    query_time: float | None = None
    predict_time: float | None = None
    fit_time: float | None = None
    hyperparameters: list | None = None
    pool_variance: float | None = None
    stopped: str | None = None
    by_runner: bool = False  # calculations answer, not people
    time: float | None = None
    told: dict = field(default_factory=dict)  # position -> label

    @property
    def mae(self):
        """Mean absolute error of what had been predicted, of the labels that have come."""
        if self.predicted is None or not self.told:
            return None
        # Not by numpy, which takes ten times as long for some labels, for every round each round.
        errors = [abs(self.predicted[p] - y) for p, y in self.told.items()]
        return float(sum(errors) / len(errors))


class State:
    """Labels, questions and what became of them.

    Parameters
    ----------
    n_samples : int
        Number of records.

    Attributes
    ----------
    labels : dict of int to float
        Label of each labelled position, in the order of labelling.
    pending : dict of int to int
        Positions on their way, in the order of asking, and the entry that asked for each.
    dropped : dict of int to (str or None)
        Positions taken out of the pool, and why.
    failures : list of dict
        Keys ``position``, ``reason``, ``time``.
    keys : dict of int to str
        Under which the results of a position's calculation are stored.
    seconds : dict of int to float
        What the calculation of a position took.
    runs : list of dict
        Keys ``oracle``, ``target``, ``n_parallel``, ``time``, of each runner.
    labelled_by : dict or None
        The latest of them that has given a label.
    entries : list of Entry
        The history.
    n_rounds : int
        Number of questions.
    version : int
        Grows whenever labels change.
    pool_version : int
        Grows whenever labels, or what may be asked for, change.
    """

    def __init__(self, n_samples):
        self.n_samples = n_samples
        self.labels = {}
        self.pending = {}
        self.dropped = {}
        self.failures = []
        self.keys = {}
        self.seconds = {}
        self.runs = []
        self.labelled_by = None
        self.entries = []
        self.n_rounds = 0
        self.version = 0
        self.pool_version = 0
        self._entry_of = {}  # position -> the entry it was asked in last, or told in

    def apply(self, event):
        """Take up one event, which has been checked."""
        getattr(self, f"_{event['kind']}")(event)
        if event["kind"] in ("ask", "tell", "correct", "release", "drop"):
            self.pool_version += 1

    # ---------------------------------------------------------------------------- the events

    def _ask(self, event):
        predicted, std = (
            None if values is None else dict(zip(event["positions"], values, strict=True))
            for values in (event["predicted"], event.get("std"))  # once there was no std
        )
        names = ("positions", "seed", "n_pending", "threshold", "query_time", "predict_time")
        self.entries.append(
            Entry(
                self.n_rounds,
                predicted=predicted,
                std=std,
                n_before=event["n_labelled"],
                by_runner=event.get("by_runner", False),
                **{name: event[name] for name in (*names, "time")},
            )
        )
        self.n_rounds += 1
        for position in event["positions"]:
            self.pending[position] = self._entry_of[position] = len(self.entries) - 1

    def _tell(self, event):
        never_asked = [p for p in event["positions"] if p not in self._entry_of]
        if never_asked:
            if not self.entries or self.entries[-1].round is not None:
                self.entries.append(Entry(None, [], n_before=len(self.labels), time=event["time"]))
            self.entries[-1].positions.extend(never_asked)
            self._entry_of |= dict.fromkeys(never_asked, len(self.entries) - 1)
        for position, label in zip(event["positions"], event["y"], strict=True):
            self.labels[position] = label
            self.entries[self._entry_of[position]].told[position] = label
            self.pending.pop(position, None)
            self.dropped.pop(position, None)
        for name in ("keys", "seconds"):
            getattr(self, name).update(zip(event["positions"], event.get(name, ())))  # noqa: B905
        if event.get("keys") and self.runs:
            self.labelled_by = self.runs[-1]
        self.version += 1

    def _correct(self, event):
        for position, label in zip(event["positions"], event["y"], strict=True):
            told = self.entries[self._entry_of[position]].told
            if label is None:
                del self.labels[position], told[position]
            else:
                self.labels[position] = told[position] = label
        self.version += 1

    def _release(self, event):
        for position in event["positions"]:
            self.pending.pop(position, None)
            self.dropped.pop(position, None)

    def _drop(self, event):
        for position in event["positions"]:
            self.pending.pop(position, None)
            self.dropped[position] = event["reason"]

    def _fail(self, event):
        self.failures.extend(
            {"position": p, "reason": event["reason"], "time": event["time"]}
            for p in event["positions"]
        )

    def _fit(self, event):
        entry = self._latest_with_labels()
        entry.fit_time = (entry.fit_time or 0.0) + event["fit_time"]
        entry.hyperparameters = event["hyperparameters"]

    def _note(self, event):
        entry = self.entries[-1]
        for name in ("pool_variance", "stopped"):
            if name in event:
                setattr(entry, name, event[name])

    def _change(self, event):
        pass  # for the record

    def _run(self, event):
        names = ("oracle", "target", "n_parallel", "time")
        self.runs.append({name: event[name] for name in names})

    def _latest_with_labels(self):
        return next(entry for entry in reversed(self.entries) if entry.told)

    # --------------------------------------------------------------------------- what is known

    @property
    def labelled(self):
        """Positions in the order of labelling, shape (n_labelled,)."""
        return np.fromiter(self.labels, dtype=np.intp, count=len(self.labels))

    @property
    def y(self):
        """The labels in the same order, shape (n_labelled,)."""
        return np.fromiter(self.labels.values(), dtype=np.float64, count=len(self.labels))

    @property
    def awaited(self):
        """Positions on their way, in the order of asking, shape (n_pending,)."""
        return np.fromiter(self.pending, dtype=np.intp, count=len(self.pending))

    @property
    def awaited_by_runner(self):
        """Those of them that a runner has asked for."""
        by_runner = [p for p, entry in self.pending.items() if self.entries[entry].by_runner]
        return np.array(by_runner, dtype=np.intp)

    @property
    def free(self):
        """Positions that may be asked for, ascending."""
        free = np.ones(self.n_samples, dtype=bool)
        for used in (self.labels, self.pending, self.dropped):
            free[np.fromiter(used, dtype=np.intp, count=len(used))] = False
        return np.flatnonzero(free)

    @property
    def stopped(self):
        """Why a rule ended the campaign, None if none did."""
        return self.entries[-1].stopped if self.entries else None

    def history(self):
        """Return a dict for each entry, as ``Campaign.history`` describes it."""
        n_known = {}  # entry -> number of labels when its last one had come
        for k, position in enumerate(self.labels, start=1):
            n_known[self._entry_of[position]] = k
        awaited = Counter(self.pending.values())
        return [
            {
                "round": entry.round,
                "n_labelled": n_known.get(k, entry.n_before),
                "batch_size": len(entry.told),
                "n_asked": 0 if entry.round is None else len(entry.positions),
                "n_pending": awaited[k],
                "batch_mae": entry.mae,
                "threshold": entry.threshold,
                "query_time": entry.query_time,
                "predict_time": entry.predict_time,
                "fit_time": entry.fit_time,
                "hyperparameters": entry.hyperparameters,
                "pool_variance": entry.pool_variance,
                "stopped": entry.stopped,
            }
            for k, entry in enumerate(self.entries)
        ]

    def picks(self, name):
        """Return a dict for each label, as ``Campaign.picks`` describes it.

        Parameters
        ----------
        name : callable
            ``name(position)`` is the record's own name.
        """
        predicted, std = {}, {}
        for entry in self.entries:
            predicted |= entry.predicted or dict.fromkeys(entry.positions)
            std |= entry.std or dict.fromkeys(entry.positions)
        return [
            {
                "id": name(position),
                "position": position,
                "round": self.entries[self._entry_of[position]].round,
                "predicted": predicted.get(position),
                "std": std.get(position),
                "label": label,
            }
            for position, label in self.labels.items()
        ]
