"""The place of a campaign's driver, which one process has at a time."""

import os
import threading
import time
import uuid
import weakref
from dataclasses import asdict

from sqlalchemy import select, update

from skmolal.storage._driver import Process, this_process
from skmolal.storage._errors import StorageError, StorageLockedError
from skmolal.storage._schema import driver

__all__ = ["DriversPlace"]


class DriversPlace:
    """The claim of one process to be the only one that writes.

    The claim is a random token in the database. Every writing transaction begins by renewing the
    row that has it (`renew`), which on every database keeps others from taking the place until
    the transaction ends, and fails when they have taken it before. So it is harmless if a living
    driver is taken for dead: it can write nothing more.

    Parameters
    ----------
    database : Database
        Where the row is.
    lease : float
        Seconds of silence after which another machine may take the place.

    Attributes
    ----------
    token : str or None
        The claim; None while this process has none.
    lock : threading.RLock
        Held by whoever uses the claim: the caller's threads and that which gives signs of life.
    """

    def __init__(self, database, lease):
        self._database = database
        self._lease = lease
        self._process = None
        self._stop = threading.Event()
        self.token = None
        self.lock = threading.RLock()

    def make(self, connection):
        """Make the row of a new campaign, with a new claim in it, and return the claim."""
        claim = self._new_claim()
        connection.execute(driver.insert().values(id=1, **claim))
        return claim

    def take(self, connection):
        """Put a new claim into the row, and return it; refuse while another driver may live."""
        claim = self._new_claim()
        holder = connection.execute(select(driver)).mappings().one()
        self._check_free(holder, claim)
        change = update(driver).where(driver.c.token == holder["token"]).values(claim)
        if connection.execute(change).rowcount != 1:
            raise StorageLockedError(f"another process has just taken over {self._database}")
        return claim

    def _new_claim(self):
        now = time.time()
        times = {"since": now, "heartbeat": now, "lease": self._lease}
        return {"token": uuid.uuid4().hex, **asdict(this_process()), **times}

    def _check_free(self, holder, claim):
        fields = ("host", "machine", "pid", "started")
        if not holder["token"] or all(holder[name] == claim[name] for name in fields):
            return
        runs = Process(*(holder[name] for name in fields)).may_run()
        if runs is False:
            return
        who = f"{self._database} is in use by {_describe(holder)}"
        if runs:
            raise StorageLockedError(f"{who}: close it there, or wait until it ends")
        silent = claim["heartbeat"] - holder["heartbeat"]
        if abs(silent) <= holder["lease"]:  # a sign from far ahead comes from a wrong clock
            raise StorageLockedError(
                f"{who}, last heard of {max(silent, 0):.0f} s ago: its place is free when it has "
                f"been silent for {holder['lease']:g} s"
            )

    def keep(self, claim):
        """Use a claim from now on, which has been committed, and give signs of life for it."""
        self._stop.set()
        self._stop = threading.Event()
        self.token = claim["token"]
        self._process = claim["pid"]
        threading.Thread(
            target=_give_signs_of_life,
            args=(weakref.ref(self), self.token, self._stop, self._lease / 4),
            name="skmolal-storage-heartbeat",
            daemon=True,
        ).start()

    def check(self):
        """Refuse to write without a claim, and with that of the process this one is a fork of."""
        if self.token is None:
            raise StorageError(f"{self._database} is not open for writing: open() it first")
        if self._process != os.getpid():
            raise StorageLockedError(
                f"{self._database} is driven by process {self._process}, which this process, "
                f"{os.getpid()}, is a fork of: give results back to it, or use write_spool"
            )

    def renew(self, connection):
        """Give a sign of life; the place is ours until the transaction ends, or lost already."""
        sign = update(driver).where(driver.c.token == self.token).values(heartbeat=time.time())
        if connection.execute(sign).rowcount != 1:
            holder = connection.execute(select(driver)).mappings().one()
            who = _describe(holder) if holder["token"] else "a driver that has closed it since"
            raise StorageLockedError(
                f"{self._database} was taken over by {who}; nothing was stored. "
                "Load the campaign again to go on here"
            )

    def is_held(self):
        """Tell whether this process has a claim; a fork has only a copy of one."""
        return self.token is not None and self._process == os.getpid()

    def leave(self):
        """Give the place back."""
        with self.lock:
            self._stop.set()
            change = update(driver).where(driver.c.token == self.token).values(token="")
            self.token = None
            self._database.run(lambda connection: connection.execute(change), writing=True)


def _give_signs_of_life(reference, token, stop, interval):
    """Renew a claim until told to stop, or until its place is lost or forgotten."""
    while not stop.wait(interval):
        place = reference()
        if place is None:
            return
        with place.lock:
            if place.token != token:
                return
            try:
                place._database.run(place.renew, writing=True)
            except StorageLockedError:
                return  # the next append says so
            except StorageError:
                pass  # out of reach just now; the lease has room for more attempts
        del place


def _describe(holder):
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(holder["since"]))
    return f"process {holder['pid']} on host {holder['host']} since {since}"
