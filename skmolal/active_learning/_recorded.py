"""What happened in a campaign, kept: as JSON text or in a storage, and how it continues."""

import json
import os
import time
from pathlib import Path

from skmolal.active_learning._model import describe_estimator
from skmolal.active_learning._pool import digest
from skmolal.query_strategies import QueryStrategy, check_query_strategy, get_query_strategy

__all__ = ["FORMAT", "Recorded", "store_strategy"]

FORMAT = "skmolal.Campaign/2"


class Recorded:
    """A campaign as a sequence of events; whoever applies them has its state.

    The class that inherits sets ``strategy``, ``_model``, ``_state`` and, in ``_build``, all else
    that does not depend on events.
    """

    _events = None
    _storage = None
    _results = None  # content key -> all that a calculation gave
    _is_reader = False

    def _store(self, storage):
        """Begin the record of a new campaign."""
        self._events = []
        self._results = {}
        if storage is not None:
            storage = _as_storage(storage)
            storage.create(self._identified_settings())
            self._storage = storage

    def _record(self, kind, *, results=(), **event):
        """Store an event, then let it count."""
        if self._is_reader:
            raise ValueError("this campaign was loaded to be read; load it without read_only=True")
        event = {"kind": kind, "time": time.time(), **event}
        if self._storage is not None:
            self._storage.append([event], results)
        self._results |= {result["key"]: result for result in results}
        self._events.append(event)
        self._state.apply(event)

    def _identified_settings(self):
        """Return the settings, with what recognises the pool."""
        if self._settings["X_digest"] is None:
            self._settings["X_digest"] = digest(self._X)
        return self._settings

    def to_json(self, path=None):
        """Write everything that happened, data and fitted model aside, as JSON.

        Parameters
        ----------
        path : str or path-like, default=None
            File to write; it is replaced in one step, never left half-written.

        Returns
        -------
        text : str
            The JSON text.
        """
        content = {**self._identified_settings(), "results": list(self._results.values())}
        return _write_json({**content, "events": self._events}, path)

    @classmethod
    def from_json(cls, source, estimator, X, *, query_strategy=None, force=False, client=None):
        """Continue a campaign that :meth:`to_json` wrote.

        The model is fitted again to the same labels, so the continued campaign asks what the
        interrupted one would have asked.

        Parameters
        ----------
        source : str or path-like
            The JSON text, or the path of a file that holds it.
        estimator : estimator
            As given to the first campaign; another is refused, `force` aside.
        X : array-like, sparse matrix, DataFrame or sequence of ase.Atoms
            As given to the first campaign; a different pool is refused.
        query_strategy : str, strategy or callable, default=None
            None is the strategy of the first campaign. Needed where that was a function or had
            options that JSON cannot hold.
        force : bool, default=False
            Whether to continue with another estimator than the campaign was made with.
        client : distributed.Client, default=None
            As for a new campaign; it need not be that of the first.

        Returns
        -------
        campaign : Campaign
            Ready for :meth:`ask` or :meth:`tell`.

        Raises
        ------
        ValueError
            If the text is not a campaign, or `X` or `estimator` are not those it was made with.
        """
        settings, events, results = _read_json(source)
        return cls._restore(
            settings, events, results, estimator, X, query_strategy, force, client=client
        )

    @classmethod
    def load(
        cls,
        storage,
        estimator,
        X,
        *,
        query_strategy=None,
        force=False,
        read_only=False,
        client=None,
    ):
        """Continue a campaign from its storage, also after a kill at any moment.

        Given what is stored, the next question is the one that the interrupted campaign would
        have asked.

        Parameters
        ----------
        storage : path, SQLAlchemy URL or skmolal.storage.CampaignStorage
            As given to the first campaign.
        estimator : estimator
            As given to the first campaign; another is refused, `force` aside.
        X : array-like, sparse matrix, DataFrame or sequence of ase.Atoms
            As given to the first campaign; a different pool is refused.
        query_strategy : str, strategy or callable, default=None
            None is the strategy used last. Needed where that was a function or had options that
            JSON cannot hold.
        force : bool, default=False
            Whether to continue with another estimator than the campaign was made with.
        read_only : bool, default=False
            Whether only to look at it, also while another process drives it: nothing can be
            asked or told.
        client : distributed.Client, default=None
            As for a new campaign; it need not be that of the first.

        Returns
        -------
        campaign : Campaign
            Ready for :meth:`ask` or :meth:`tell`.

        Raises
        ------
        ValueError
            If there is no campaign, another process drives it, or `X` or `estimator` are not
            those it was made with.
        """
        storage = _as_storage(storage)
        if read_only:
            what = (*storage.read(), storage.results())
            campaign = cls._restore(*what, estimator, X, query_strategy, force, client=client)
            campaign._is_reader = True
            storage.close()
            return campaign
        settings, events = storage.open()
        try:
            what = (settings, events, storage.results())
            campaign = cls._restore(
                *what, estimator, X, query_strategy, force, storage, client=client
            )
            campaign._take_spool()
        except BaseException:
            storage.close()
            raise
        return campaign

    @classmethod
    def _restore(
        cls,
        settings,
        events,
        results,
        estimator,
        X,
        query_strategy,
        force,
        storage=None,
        client=None,
    ):
        if settings.get("format") != FORMAT:
            raise ValueError(
                f"this is no campaign that can be read: expected format {FORMAT!r}, "
                f"got {settings.get('format')!r}"
            )
        described = describe_estimator(estimator)
        stored = settings["query_strategy"]
        made_with = settings["estimator"]
        for event in events:
            if event["kind"] == "change":
                stored, made_with = event["query_strategy"], event["estimator"]
        if described != made_with and not force:
            raise ValueError(
                "estimator is not the one that this campaign was made with, pass force=True to "
                f"continue with another: it was {made_with}, got {described}"
            )
        if query_strategy is None:
            strategy = _restore_strategy(stored)
        else:
            strategy = check_query_strategy(query_strategy)
        campaign = object.__new__(cls)
        campaign._build(estimator, X, strategy, settings["ids"], settings["seed"], client)
        n_samples = campaign._state.n_samples
        if n_samples != settings["n_samples"] or digest(campaign._X) != settings["X_digest"]:
            raise ValueError(
                f"X is not the pool of this campaign: it had {settings['n_samples']} records, "
                f"got {n_samples}, or records that differ"
            )
        campaign._initial = settings["initial"]
        campaign._baseline = settings.get("baseline")
        campaign._events = []
        campaign._results = {result["key"]: result for result in results}
        campaign._settings = settings
        campaign._replay(events)
        campaign._storage = storage
        if store_strategy(strategy) != stored or described != made_with:
            campaign._record("change", query_strategy=store_strategy(strategy), estimator=described)
        return campaign

    def _replay(self, events):
        """Apply stored events; repeat the fits on which the model's state depends."""
        fits = [k for k, event in enumerate(events) if event["kind"] == "fit"]
        theta = [events[k]["hyperparameters"] for k in fits]
        first = max(len(fits) - 1, 0)
        if self._model.starts_warm:
            # A process whose hyperparameters have changed was fitted from nothing.
            while first > 0 and (theta[first] is None or theta[first] == theta[first - 1]):
                first -= 1
        again = set(fits[first:])
        for k, event in enumerate(events):
            self._state.apply(event)
            self._events.append(event)
            if k in again:
                self._model.fit(self._state, event["hyperparameters"])

    def _take_spool(self):
        """Take in what workers had finished when their driver ended."""
        if self._storage is None:
            return
        names, told, results = [], {}, {}
        for name, payload in self._storage.take_spool():
            names.append(name)
            if payload["key"] not in self._results:
                results[payload["key"]] = {
                    "key": payload["key"],
                    "record": payload["position"],
                    "oracle": self._state.runs[-1]["oracle"] if self._state.runs else None,
                    "properties": payload["properties"],
                    "seconds": payload["seconds"],
                }
            if payload["position"] not in self._state.labels:
                told[payload["position"]] = payload
        if told:
            self._record(
                "tell",
                positions=list(told),
                y=[payload["label"] for payload in told.values()],
                keys=[payload["key"] for payload in told.values()],
                seconds=[payload["seconds"] for payload in told.values()],
                results=list(results.values()),
            )
        elif results:
            self._storage.append([], list(results.values()))
            self._results |= results
        self._storage.discard_spool(names)

    def close(self):
        """Give the storage back, so that another process may drive the campaign."""
        if self._storage is not None:
            self._storage.close()
            self._storage = None
            self._is_reader = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _as_storage(storage):
    if hasattr(storage, "append"):
        return storage
    from skmolal.storage import CampaignStorage

    return CampaignStorage(storage)


def _write_json(content, path=None):
    """Return the JSON text; where there is a path, replace that file in one step."""
    text = json.dumps(content)
    if path is not None:
        path = Path(path)
        beside = path.with_name(f"{path.name}.{os.getpid()}.part")
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    return text


def _read_json(source):
    """Return the settings, the events and the results that a text or file holds."""
    text = str(source)
    if not text.lstrip().startswith("{"):
        text = Path(source).read_text(encoding="utf-8")
    try:
        settings = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"source is not a campaign's JSON: {error}") from error
    if not isinstance(settings, dict) or settings.get("format") != FORMAT:
        raise ValueError(f"source is not a campaign's JSON: expected format {FORMAT!r}")
    return settings, settings.pop("events"), settings.pop("results", [])


def store_strategy(strategy):
    """Return what JSON can hold of a strategy, None where the caller must name it again."""
    if not isinstance(strategy, QueryStrategy):
        return None
    stored = {"name": strategy.name, "options": strategy.options}
    try:
        json.dumps(stored)
    except TypeError:  # options that are objects
        return None
    return stored


def _restore_strategy(stored):
    """Return the strategy of :func:`store_strategy`."""
    if stored is None:
        raise ValueError("the strategy of this campaign could not be stored: pass query_strategy=")
    return get_query_strategy(stored["name"], **stored["options"])
