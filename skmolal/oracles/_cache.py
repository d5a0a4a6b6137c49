"""Results by the content of their molecules, on disk."""

import json
import os
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path

from sklearn.base import BaseEstimator

from skmolal.oracles._identity import content_key, oracle_identity

_APPLICATION_ID = 0x736B6D63  # "skmc"
_VERSION = 1
_CREATE = """
CREATE TABLE results (
    key TEXT PRIMARY KEY,   -- content_key(identity, atoms)
    result TEXT NOT NULL,   -- JSON object of numbers
    identity TEXT NOT NULL  -- JSON: who calculated it
) WITHOUT ROWID
"""


class ResultCache:
    """A file of results by key: one SQLite table of JSON, nothing is unpickled.

    Several processes may use it at a time. A process that is killed leaves whole results only:
    each `put` is one transaction. SQLite's write-ahead log is not used, as it needs shared memory
    that network file systems do not have. A connection is opened for each call, so the object can
    be pickled and forked; results are best taken and put many at a time.

    Parameters
    ----------
    path : str or path
        The file. It is made by the first `put`.
    """

    def __init__(self, path):
        self.path = path

    def get(self, keys):
        """Return a dict from those keys that are known to their results."""
        if not os.path.exists(self.path):
            return {}
        found = {}
        keys = list(keys)
        with self._connect() as connection:
            if not self._check(connection):
                return {}
            for start in range(0, len(keys), 500):  # fewer than SQLite's limit of variables
                part = keys[start : start + 500]
                marks = ",".join("?" * len(part))
                found |= dict(
                    connection.execute(
                        f"SELECT key, result FROM results WHERE key IN ({marks})", part
                    )
                )
        return {key: json.loads(result) for key, result in found.items()}

    def put(self, results, identity):
        """Store a dict from keys to results, all or none; a result that is there stays."""
        identity = json.dumps(identity, sort_keys=True)
        rows = [(key, json.dumps(r, allow_nan=False), identity) for key, r in results.items()]
        with self._connect() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                if not self._check(connection):
                    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                    connection.execute(f"PRAGMA user_version = {_VERSION}")
                    connection.execute(_CREATE)
                connection.executemany("INSERT OR IGNORE INTO results VALUES (?, ?, ?)", rows)
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def __len__(self):
        if not os.path.exists(self.path):
            return 0
        with self._connect() as connection:
            if not self._check(connection):
                return 0
            return connection.execute("SELECT count(*) FROM results").fetchone()[0]

    @contextmanager
    def _connect(self):
        # Autocommit, as the driver's own transactions begin late: BEGIN IMMEDIATE stands above.
        try:
            with closing(
                sqlite3.connect(self.path, timeout=60, isolation_level=None)
            ) as connection:
                connection.execute("PRAGMA synchronous = NORMAL")
                yield connection
        except sqlite3.Error as error:
            raise OSError(f"cache {os.fspath(self.path)!r}: {error}") from error

    def _check(self, connection):
        """Tell whether the table is there; refuse files of others."""
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        is_new = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if is_new and application == 0:
            return False
        if application != _APPLICATION_ID:
            raise ValueError(f"{os.fspath(self.path)!r} is no cache of results of skmolal")
        if version > _VERSION:
            raise ValueError(
                f"cache {os.fspath(self.path)!r} has version {version}, this skmolal reads up to "
                f"{_VERSION}"
            )
        return True


class CachedOracle(BaseEstimator):
    """An oracle that calculates the same molecule once.

    Results are looked up by what the oracle says of itself and by the molecule's elements,
    positions, charge, spin and solvent (:func:`content_key`), so several oracles may share a
    file. A failure is not stored: the calculation is tried again.

    Parameters
    ----------
    oracle : callable
        From one ``ase.Atoms`` to a dict of floats.
    path : str or path
        An SQLite file, made if it is not there. Several processes may use it at a time, and
        killed ones do no harm.

    Attributes
    ----------
    target : str or None
        The oracle's own.
    identity : dict
        The oracle's own.

    See Also
    --------
    XTBOracle, PySCFOracle, ASEOracle, CommandOracle : Oracles whose results may be kept.

    Notes
    -----
    A plain function is known by its name alone, see :func:`oracle_identity`. A program that reads
    other entries of ``atoms.info`` should not be cached, as they are not looked at.

    Examples
    --------
    >>> import os, tempfile
    >>> from ase.build import molecule
    >>> from skmolal.oracles import CachedOracle, XTBOracle
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     oracle = CachedOracle(XTBOracle("gap"), os.path.join(folder, "xtb.db"))
    ...     first, second = oracle(molecule("H2O")), oracle(molecule("H2O"))
    >>> second == first
    True
    """

    def __init__(self, oracle, path):
        self.oracle = oracle
        self.path = path

    def __call__(self, atoms):
        """Return what is stored for the molecule, or calculate and store it.

        Parameters
        ----------
        atoms : ase.Atoms
            The molecule.

        Returns
        -------
        values : dict of str to float
            All properties of the calculation.

        Raises
        ------
        OracleError
            If the calculation gives no result.
        """
        cache, identity = ResultCache(Path(self.path)), self.identity
        key = content_key(identity, atoms)
        found = cache.get([key])
        if key in found:
            return found[key]
        values = self.oracle(atoms)
        cache.put({key: values}, identity)
        return values

    @property
    def target(self):
        """The oracle's own target, None if it has none."""
        return getattr(self.oracle, "target", None)

    @property
    def identity(self):
        """The oracle's own identity."""
        return oracle_identity(self.oracle)

    _repr_html_ = None

    def _repr_mimebundle_(self, **kwargs):
        return {"text/plain": repr(self)}
