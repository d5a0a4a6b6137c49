"""A real PostgreSQL server of the tests' own: on loopback, on a free port, in a temporary folder.

Root cannot run a server; there it runs as the user ``postgres``, whom Debian's package brings.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest

__all__ = ["PostgresServer", "postgres_server", "postgres_url"]


class PostgresServer:
    """A server that can be stopped, also at once, and started again on the same port."""

    def __init__(self, binaries, folder, user=None):
        self.binaries, self.folder, self.user = Path(binaries), Path(folder), user
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        options = "-U tester -A trust -N --locale=C --encoding=UTF8".split()
        self._call("initdb", "-D", self._data, *options)

    @property
    def _data(self):
        return str(self.folder / "data")

    def _call(self, program, *arguments):
        command = [str(self.binaries / program), *arguments]
        if self.user is not None:
            # Of the system's administration, which is not on everybody's path.
            runuser = shutil.which("runuser", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
            command = [runuser, "-u", self.user, "--", *command]
        # No pipes: the server would inherit them and keep them open.
        log = self.folder / "server.log"
        with log.open("a") as stream:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                cwd=self.folder,
                timeout=120,
            )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{log.read_text()[-3000:]}")

    def start(self):
        """Start the server and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
        options += " -c fsync=off -c shared_buffers=16MB"
        self._call("pg_ctl", "-D", self._data, "-w", "-o", options, "start")

    def stop(self, mode="fast"):
        """Stop the server; with ``"immediate"`` as a power cut would."""
        self._call("pg_ctl", "-D", self._data, "-w", "-m", mode, "stop")

    def url(self, database="postgres"):
        """Return the URL of a database."""
        return f"postgresql://tester@127.0.0.1:{self.port}/{database}"

    def execute(self, statement, database="postgres"):
        """Execute one statement, outside of a transaction."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement)

    def new_database(self, options=""):
        """Create an empty database and return its URL."""
        name = f"test_{uuid.uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} {options}")
        return self.url(name)


def _find_binaries():
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(versions, key=lambda path: float(path.parts[-3]), default=None)
    return None if newest is None else newest.parent


@pytest.fixture(scope="session")
def postgres_server():
    """A running server, or a skipped test where PostgreSQL is not installed."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    binaries = _find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed (no initdb)")
    user = None
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        import pwd

        user = "postgres"
        if user not in {account.pw_name for account in pwd.getpwall()}:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    folder = tempfile.mkdtemp(prefix="skmolal-postgres-")
    try:
        if user is not None:
            shutil.chown(folder, user)
        server = PostgresServer(binaries, folder, user)
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres_server):
    """The URL of a new, empty database."""
    return postgres_server.new_database()
