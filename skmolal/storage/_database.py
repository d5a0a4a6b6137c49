"""Transactions in an SQLite file, or in whatever else SQLAlchemy reaches."""

import os
import sqlite3
import time
from pathlib import Path

from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.pool import NullPool

from skmolal.storage._errors import StorageError

__all__ = ["Database"]

# How long another's transaction in the same SQLite file is waited for, in seconds.
_BUSY_TIMEOUT = 30.0

# libpq would wait for hours for a server that fell silent, and psycopg gives bytes where a database
# has no encoding. What the URL says goes before.
_POSTGRES_OPTIONS = {
    "client_encoding": "utf8",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "tcp_user_timeout": "30000",
}


class Database:
    """A database by path or URL. Each transaction has a connection of its own.

    So nothing is held open between two of them: a server may restart, a process may fork, and a
    file may be copied. The price of a connection is a fraction of a commit's.

    Parameters
    ----------
    target : str or path-like
        The path of an SQLite file, or a URL.

    Attributes
    ----------
    path : Path or None
        The SQLite file; None for a server.
    """

    def __init__(self, target):
        if isinstance(target, str) and "://" in target:
            try:
                url = make_url(target)
            except (ArgumentError, ValueError):  # whose text may have the password
                raise ValueError(
                    "storage must be a path or dialect://user:password@host:port/database"
                ) from None
        elif isinstance(target, (str, os.PathLike)):
            url = make_url("sqlite://").set(database=os.fspath(target))
        else:
            raise TypeError(f"storage must be a path or a database URL, got {target!r}")
        if url.get_backend_name() == "sqlite":
            self._open_file(url)
        else:
            self._open_server(url)

    def __str__(self):
        return self._name

    def _open_file(self, url):
        name = url.database
        plain = url.drivername in ("sqlite", "sqlite+pysqlite") and not url.query
        if not plain or not name or name == ":memory:" or name.startswith("file:"):
            raise ValueError(f"storage must name an SQLite file by its plain path, got {url}")
        self.path = Path(name).expanduser().absolute()
        self._name = str(self.path)
        if self.path.is_dir():
            raise ValueError(f"storage must be a file, {self.path} is a folder")

        def connect():
            # mode=rw: a file that has gone is an error, and no empty one takes its place.
            connection = sqlite3.connect(
                f"{self.path.as_uri()}?mode=rw",
                uri=True,
                timeout=_BUSY_TIMEOUT,
                isolation_level=None,  # transactions begin where we say, not where sqlite3 thinks
                check_same_thread=False,
            )
            # FULL, and the journal's end reaches the disk too: also a power cut takes nothing
            # that was committed. No WAL, which network file systems do not bear.
            connection.execute("PRAGMA synchronous=EXTRA")
            return connection

        def begin(connection):
            writing = connection.get_execution_options().get("writing", False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

        self._engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
        event.listen(self._engine, "begin", begin)

    def _open_server(self, url):
        self.path = None
        self._name = url.render_as_string(hide_password=True)
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        if url.drivername in ("postgresql+psycopg", "postgresql+psycopg2"):
            url = url.set(query={**_POSTGRES_OPTIONS, **url.query})
        try:
            # A transaction that has waited for the last driver's has to see what that wrote.
            self._engine = create_engine(url, poolclass=NullPool, isolation_level="READ COMMITTED")
        except NoSuchModuleError as error:
            raise ValueError(f"storage={self._name!r}: {error}") from None
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"storage={self._name!r} needs the package {error.name}; for PostgreSQL: "
                'python -m pip install "psycopg[binary]"'
            ) from error

    def is_absent(self):
        """Tell whether there is no file yet, or an empty one; refuse what is not SQLite's."""
        if self.path is None:
            return False
        try:
            with self.path.open("rb") as stream:
                head = stream.read(512)  # SQLite itself takes any shorter file for an empty one
        except FileNotFoundError:
            return True
        except OSError as error:
            raise StorageError(f"{self} cannot be read: {error}") from None
        if head and not (len(head) == 512 and head.startswith(b"SQLite format 3\0")):
            raise StorageError(f"{self} is not an SQLite database")
        return not head

    def prepare(self):
        """Make the empty file of a new database."""
        if self.path is not None:
            if not self.path.parent.is_dir():
                raise StorageError(f"{self} cannot be made: its folder does not exist")
            self.path.touch()

    def check_pages(self, connection):
        """Refuse an SQLite file with damaged pages."""
        if self.path is not None:
            answer = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
            if answer != "ok":
                raise StorageError(f"{self} is damaged: {answer}")

    def run(self, work, *, writing=False, patience=0.0):
        """Return ``work(connection)``, done in one transaction.

        Parameters
        ----------
        work : callable
            Is called again after a connection was lost, and has to bear that the transaction it
            was called in before may have been committed.
        writing : bool, default=False
            Keep every other writer out from the start.
        patience : float, default=0.0
            For how many seconds a server that is out of reach is tried again.

        Returns
        -------
        object
            What `work` returns.

        Raises
        ------
        StorageError
            If the database fails.
        """
        deadline, pause = time.monotonic() + patience, 0.1
        while True:
            try:
                with self._engine.connect() as connection:
                    connection = connection.execution_options(writing=writing)
                    with connection.begin():
                        return work(connection)
            except (OperationalError, InterfaceError) as error:
                # SQLite has waited for other writers itself; nothing else there passes by waiting.
                if self.path is not None or time.monotonic() + pause > deadline:
                    raise self._explain(error) from error
                time.sleep(pause)
                pause = min(2 * pause, 5.0)
            except SQLAlchemyError as error:
                raise self._explain(error) from error

    def _explain(self, error):
        reason = str(getattr(error, "orig", None) or error).strip()
        return StorageError(f"{self} cannot be used: {reason}")
