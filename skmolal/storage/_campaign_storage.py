"""Where the events of a campaign are kept.

SQLAlchemy is imported when a storage is made, so that workers, which need only the spool, and
whoever catches its errors do without.
"""

import contextlib
import math
import numbers
import time
from pathlib import Path

from skmolal.storage._errors import StorageError, StorageInUseError, StorageLockedError
from skmolal.storage._records import event_row, from_json, result_row, to_json
from skmolal.storage._spool import discard_spool, read_spool

__all__ = ["CampaignStorage"]

# Seconds before a living driver is refused: one that has just been killed takes a moment to end.
_DYING = 1.0


class CampaignStorage:
    """Where a campaign's events are kept: an SQLite file, or a database that SQLAlchemy reaches.

    A storage holds one campaign: its settings, its events in order, and the results of its
    oracle. It knows no model; all it keeps are dicts as JSON gives them back (tuples become
    lists; NaN and infinities stay), and nothing is ever unpickled. An append is one transaction:
    whatever is killed when, an event is stored whole or not at all.

    One process drives a campaign at a time, that which has made it or opened it last. Where the
    process that has the place runs on this machine, it is refused while that lives and taken over
    at once when it has ended; on another machine it keeps the place until it has given no sign of
    life for its lease (the machines' clocks have to agree to within that). A driver that has
    lost its place writes nothing more. Reading needs no place.

    Parameters
    ----------
    target : str or path-like
        The path of an SQLite file, or a URL of SQLAlchemy, recognised by ``://``. Tested are
        SQLite and PostgreSQL (``postgresql://user@host/database``, extra ``postgres``). Several
        campaigns in one PostgreSQL database each need a schema of their own, named in the URL:
        after ``CREATE SCHEMA hunt`` append ``?options=-csearch_path%3Dhunt``.
    lease : float, default=60.0
        Seconds without a sign of life after which another machine may take the driver's place. A
        thread gives a sign four times in a lease, however long the driver computes.
    spool : str or path-like, default=None
        The folder in which workers leave finished results, each campaign in a folder of its own
        there. By default ``<file>.spool`` beside an SQLite file; for a server ``spool`` in
        :func:`~skmolal.datasets.get_data_home`. Workers on other machines must see the same
        folder under the same path.
    patience : float, default=60.0
        For how many seconds a driver tries again when its database server is out of reach.

    Examples
    --------
    >>> import os, tempfile
    >>> from skmolal.storage import CampaignStorage
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "hunt.db")
    >>> with CampaignStorage(path) as storage:
    ...     storage.create({"random_state": 0})
    ...     storage.append([{"kind": "tell", "time": 1.7e9, "ids": [3], "labels": [6.2]}])
    >>> settings, events = CampaignStorage(path).read()
    >>> events[0]["labels"]
    [6.2]
    >>> folder.cleanup()
    """

    def __init__(self, target, *, lease=60.0, spool=None, patience=60.0):
        from skmolal.storage._database import Database
        from skmolal.storage._place import DriversPlace

        for name, value in {"lease": lease, "patience": patience}.items():
            if not isinstance(value, numbers.Real) or not 0 < value < math.inf:
                raise ValueError(f"{name} must be a positive number of seconds, got {value!r}")
        self._database = Database(target)
        self._place = DriversPlace(self._database, float(lease))
        self._patience = float(patience)
        self._spool = None if spool is None else Path(spool).expanduser().absolute()
        self._uuid = None
        self._next_seq = 0
        self._in_doubt = False  # an append has failed, and may be stored nevertheless

    def __repr__(self):
        return f"CampaignStorage({str(self._database)!r})"

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    # --------------------------------------------------------------------- the whole campaign

    def exists(self):
        """Tell whether there is a campaign.

        Returns
        -------
        bool
            False where there is no file, an empty file or an empty database.

        Raises
        ------
        StorageError
            If there is something else, or a campaign of a newer skmolal.
        """
        return self._find() is not None

    def create(self, settings):
        """Store a new campaign, and take its driver's place.

        Parameters
        ----------
        settings : dict
            What the campaign has to know again when it is loaded; anything JSON can hold.

        Raises
        ------
        StorageInUseError
            If there is a campaign already.
        StorageError
            If the database holds something else, or cannot be made.
        TypeError
            If JSON cannot hold the settings.
        """
        from skmolal.storage._schema import create_tables, find_campaign, new_campaign

        insert, identity = new_campaign(to_json(settings, "settings"))

        def make(connection):
            if find_campaign(connection, self._database) is not None:
                raise self._in_use()
            create_tables(connection)
            connection.execute(insert)
            return self._place.make(connection)

        with self._place.lock:
            if self._database.is_absent():
                self._database.prepare()
            try:
                claim = self._database.run(make, writing=True)
            except StorageInUseError:
                raise
            except StorageError:
                # On a server another may have been quicker to make the same tables.
                if self._find() is not None:
                    raise self._in_use() from None
                raise
            self._start(claim, identity, next_seq=0)

    def open(self):
        """Take the driver's place, and return what is stored.

        Returns
        -------
        settings : dict
            As given to `create`.
        events : list of dict
            In the order in which they were appended.

        Raises
        ------
        StorageLockedError
            If another process drives the campaign.
        StorageError
            If there is no campaign, or something else, or what is there is damaged.
        """

        def check(connection):
            self._database.check_pages(connection)
            self._find_in(connection)

        def take(connection):
            claim = self._place.take(connection)
            return claim, *self._fetch(connection)  # what cannot be read undoes the claim

        with self._place.lock:
            self._run_present(check)
            deadline = time.monotonic() + _DYING
            while True:
                try:
                    claim, identity, settings, events = self._run_present(take, writing=True)
                    break
                except StorageLockedError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.05)
            self._start(claim, identity, next_seq=len(events))
        return settings, events

    def read(self):
        """Return what is stored, while another process may be driving.

        Returns
        -------
        settings : dict
            As given to `create`.
        events : list of dict
            Those of all appends up to one moment, in order.

        Raises
        ------
        StorageError
            If there is no campaign, or something else, or what is there is damaged.
        """
        self._uuid, settings, events = self._run_present(self._fetch)
        return settings, events

    # --------------------------------------------------------------------- events and results

    def append(self, events, results=()):
        """Store events, and results of the oracle with them, in one transaction.

        After an error the same append may be repeated: it is stored once.

        Parameters
        ----------
        events : list of dict
            Each has a ``"kind"``, a text of at most 64 characters, a ``"time"`` in unix seconds,
            and beside these whatever JSON can hold.
        results : sequence of dict, default=()
            Each has a ``"key"``, a text of at most 255 characters that stands for molecule and
            oracle, and beside it whatever JSON can hold. A key that is stored already keeps its
            first result.

        Raises
        ------
        StorageLockedError
            If another has taken the driver's place; nothing is stored then.
        StorageError
            If this storage does not drive, or its database fails for longer than `patience`.
        TypeError
            If an event or a result is not as said above.
        """
        from skmolal.storage._schema import events_from, insert_events, insert_results

        new_events = [event_row(entry, f"events[{k}]") for k, entry in enumerate(events)]
        new_results = [result_row(entry, f"results[{k}]") for k, entry in enumerate(results)]

        def store(connection):
            self._place.renew(connection)
            if self._in_doubt:
                stored = events_from(connection, self._next_seq)
                if stored and stored != rows:
                    raise StorageError(
                        f"{self._database} has stored the events of an append that failed, and "
                        "these are others: load the campaign again"
                    )
                if stored:
                    return
            self._in_doubt = True
            insert_events(connection, rows)
            insert_results(connection, new_results)

        self._place.check()
        with self._place.lock:
            # The numbers with the driver's token are a key that is known before the commit: a
            # commit whose outcome got lost with the connection is looked up by it.
            rows = [
                {"seq": seq, "driver": self._place.token, **row}
                for seq, row in enumerate(new_events, start=self._next_seq)
            ]
            self._run(store, writing=True)
            self._in_doubt = False
            self._next_seq += len(rows)

    def find_results(self, keys):
        """Look up results by their keys.

        Parameters
        ----------
        keys : iterable of str
            Content keys.

        Returns
        -------
        dict of str to dict
            The results of those keys that are stored.
        """
        keys = list(keys)
        return {result["key"]: result for result in self._fetch_results(keys)}

    def results(self):
        """Return all stored results.

        Returns
        -------
        list of dict
            In the order in which they were stored.
        """
        return self._fetch_results()

    # ------------------------------------------------------------------------------ the spool

    @property
    def spool_path(self):
        """The folder for `write_spool`, of this campaign alone; it need not exist yet."""
        if self._uuid is None:
            row = self._find()
            if row is None:
                raise StorageError(f"{self._database} holds no campaign, so there is no spool")
            self._uuid = row.uuid
        return self._spool_home() / self._uuid

    def _spool_home(self):
        if self._spool is not None:
            return self._spool
        if self._database.path is not None:
            return self._database.path.with_name(f"{self._database.path.name}.spool")
        from skmolal.datasets import get_data_home

        return Path(get_data_home()).absolute() / "spool"

    def take_spool(self):
        """Return the results that workers have left.

        They stay until `discard_spool`, which is called when they have been appended. So after
        a kill in between a result may lie here that is stored already.

        Returns
        -------
        list of (str, dict)
            Names and payloads, oldest first. A damaged file is renamed to ``*.bad``, with a
            warning.
        """
        return read_spool(self.spool_path)

    def discard_spool(self, names):
        """Remove results that have been appended.

        Parameters
        ----------
        names : iterable of str
            As `take_spool` gave them. Those that are gone already are no error.
        """
        discard_spool(self.spool_path, names)

    # ---------------------------------------------------------------------------------- the end

    def close(self):
        """Give the driver's place back; once more does nothing.

        Where the database cannot be reached the place falls free when this process has ended.
        """
        if not self._place.is_held():
            return
        with contextlib.suppress(StorageError):
            self._place.leave()
        with contextlib.suppress(OSError):  # absent, or something is left in it
            self.spool_path.rmdir()
            if self._spool is None:
                self._spool_home().rmdir()

    # -------------------------------------------------------------------------------- helpers

    def _start(self, claim, identity, next_seq):
        self._uuid, self._next_seq, self._in_doubt = identity, next_seq, False
        self._place.keep(claim)

    def _run(self, work, writing=False):
        """Run a transaction; a driver waits for its server to come back."""
        patience = self._patience if self._place.token is not None else 0.0
        return self._database.run(work, writing=writing, patience=patience)

    def _run_present(self, work, writing=False):
        """Run a transaction in a file that must be there."""
        if self._database.is_absent():
            raise StorageError(f"{self._database} holds no campaign")
        return self._run(work, writing=writing)

    def _find(self):
        from skmolal.storage._schema import find_campaign

        if self._database.is_absent():
            return None
        return self._run(lambda connection: find_campaign(connection, self._database))

    def _find_in(self, connection):
        from skmolal.storage._schema import find_campaign

        row = find_campaign(connection, self._database)
        if row is None:
            raise StorageError(f"{self._database} holds no campaign")
        return row

    def _in_use(self):
        return StorageInUseError(
            f"storage={str(self._database)!r} holds a campaign already; continue it with "
            "Campaign.load, or name another"
        )

    def _fetch(self, connection):
        """Return uuid, settings and events, which one statement takes from one moment."""
        from skmolal.storage._schema import events_from

        campaign = self._find_in(connection)
        events = []
        for k, row in enumerate(events_from(connection, 0)):
            if row["seq"] != k:
                raise StorageError(f"{self._database} is damaged: event {k} is missing")
            body = self._parse(row["body"], f"event {k}")
            events.append({"kind": row["kind"], "time": row["time"], **body})
        return campaign.uuid, self._parse(campaign.settings, "settings"), events

    def _fetch_results(self, keys=None):
        from skmolal.storage._schema import select_results

        rows = self._run_present(lambda connection: select_results(connection, keys))
        return [
            {"key": row["key"], **self._parse(row["body"], f"result {row['key']}")} for row in rows
        ]

    def _parse(self, text, what):
        try:
            return from_json(text)
        except (ValueError, TypeError) as error:
            raise StorageError(f"{self._database} is damaged: {what}: {error}") from None
