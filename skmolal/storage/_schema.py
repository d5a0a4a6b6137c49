"""The tables of a campaign: how to know them from others, and what is asked of them.

Numbers and texts that are asked for stand in columns; the rest of a record is one JSON text, in
Python's dialect, which has NaN and infinities.
"""

import time
import uuid

from sqlalchemy import Column, Double, Integer, MetaData, String, Table, Text, inspect, select
from sqlalchemy.dialects.mysql import LONGTEXT

from skmolal.storage._errors import StorageError

__all__ = [
    "VERSION",
    "create_tables",
    "driver",
    "events_from",
    "find_campaign",
    "insert_events",
    "insert_results",
    "new_campaign",
    "select_results",
]

# Raised whenever a table or the meaning of a column changes. Whatever the version, the table
# skmolal_campaign has it in its column `version`.
VERSION = 1

_long_text = Text().with_variant(LONGTEXT(), "mysql", "mariadb")
_metadata = MetaData()

campaign = Table(
    "skmolal_campaign",
    _metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("version", Integer, nullable=False),
    Column("uuid", String(32), nullable=False),
    Column("created", Double, nullable=False),
    Column("settings", _long_text, nullable=False),
)
# Times are unix seconds. The token is drawn anew whenever the place is taken, "" while it is free.
driver = Table(
    "skmolal_driver",
    _metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("token", String(32), nullable=False),
    Column("host", String(255), nullable=False),
    Column("machine", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", String(64), nullable=False),
    Column("since", Double, nullable=False),
    Column("heartbeat", Double, nullable=False),
    Column("lease", Double, nullable=False),
)
# The driver numbers the events 0, 1, 2, ...: with its token that is a key known before the commit.
event = Table(
    "skmolal_event",
    _metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("driver", String(32), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("time", Double, nullable=False),
    Column("body", _long_text, nullable=False),
)
result = Table(
    "skmolal_result",
    _metadata,
    Column("n", Integer, primary_key=True),
    Column("key", String(255), nullable=False, unique=True),
    Column("body", _long_text, nullable=False),
)


def find_campaign(connection, place):
    """Return a campaign's row, None in an empty database; refuse what is not ours or newer.

    `place` names the database in messages.
    """
    found = _table_names(connection)
    if not found:
        return None
    if campaign.name not in found:
        raise StorageError(
            f"{place} holds other tables ({', '.join(sorted(found)[:5])}) and no campaign; "
            "name a file, a database or a schema of its own"
        )
    version = connection.execute(select(campaign.c.version)).scalar()
    if version is None:
        return None  # tables were made, the campaign was not: only where making them commits
    if not isinstance(version, int) or version > VERSION:
        raise StorageError(
            f"{place} has storage version {version!r}, this skmolal reads up to {VERSION}: "
            "a newer one wrote it"
        )
    if missing := set(_metadata.tables) - found:
        raise StorageError(f"{place} is damaged: it has no table {', '.join(sorted(missing))}")
    return connection.execute(select(campaign)).one()


def _table_names(connection):
    # Of the schema in which tables are made. By default the names in every schema of PostgreSQL's
    # search path are given (by create_all's own look too), and another's campaign would be ours.
    inspector = inspect(connection)
    return set(inspector.get_table_names(inspector.default_schema_name))


def create_tables(connection):
    """Make the tables that are missing."""
    found = _table_names(connection)
    tables = [table for table in _metadata.sorted_tables if table.name not in found]
    _metadata.create_all(connection, tables=tables, checkfirst=False)


def new_campaign(settings):
    """Return the statement that stores a new campaign, and the identity which that gives it."""
    identity = uuid.uuid4().hex
    row = {"version": VERSION, "uuid": identity, "created": time.time(), "settings": settings}
    return campaign.insert().values(id=1, **row), identity


def events_from(connection, seq):
    """Return the rows of the events from number `seq` on, in order, as dicts."""
    rows = connection.execute(select(event).where(event.c.seq >= seq).order_by(event.c.seq))
    return [dict(row) for row in rows.mappings()]


def insert_events(connection, rows):
    """Store rows of events."""
    if rows:
        connection.execute(event.insert(), rows)


def select_results(connection, keys=None):
    """Return the rows of all results, or of those with the given keys, in order, as dicts."""
    chosen = select(result.c.key, result.c.body).order_by(result.c.n)
    if keys is None:
        return list(connection.execute(chosen).mappings())
    rows = []
    for k in range(0, len(keys), 500):  # so many fit into one statement
        part = chosen.where(result.c.key.in_(keys[k : k + 500]))
        rows += connection.execute(part).mappings()
    return rows


def insert_results(connection, rows):
    """Store rows of results, the first of each key."""
    if not rows:
        return
    known = {row["key"] for row in select_results(connection, [row["key"] for row in rows])}
    new = {}
    for row in rows:
        if row["key"] not in known:
            new.setdefault(row["key"], row)
    if new:
        connection.execute(result.insert(), list(new.values()))
