"""The same promises on a PostgreSQL server, and what only a server can do: go away."""

import subprocess
import sys
import threading
import time

import pytest

from skmolal.storage import CampaignStorage, StorageError, StorageInUseError, StorageLockedError

psycopg = pytest.importorskip("psycopg")


def tell(position, **more):
    return {"kind": "tell", "time": 1.7e9 + position, "position": position, **more}


def positions(events):
    return [event["position"] for event in events]


@pytest.fixture(autouse=True)
def data_home(tmp_path, monkeypatch):
    monkeypatch.setenv("SKMOLAL_DATA", str(tmp_path / "data"))


@pytest.mark.parametrize("encoding", ["UTF8", "SQL_ASCII", "LATIN1"])
def test_what_is_stored_comes_back(postgres_server, encoding):
    postgres_url = postgres_server.new_database(f"ENCODING '{encoding}' TEMPLATE template0")
    event = tell(0, values=[1 / 3, float("inf"), None], text="Å\0\n'%s", nested={"a": [1]})
    result = {"key": "k", "record": 3, "properties": {"gap": 6.25}, "oracle": {}, "seconds": 0.5}
    with CampaignStorage(postgres_url) as storage:
        assert not storage.exists()
        with pytest.raises(StorageError, match="holds no campaign"):
            storage.open()
        storage.create({"a": 1})
        storage.append([event], [result])
    again = CampaignStorage(postgres_url)
    assert again.exists()
    assert again.read() == ({"a": 1}, [event])
    assert again.find_results(["k", "absent"]) == {"k": result}
    assert again.results() == [result]
    with pytest.raises(StorageInUseError, match=r"Campaign\.load"):
        again.create({})


def test_the_spool_of_a_server_lies_in_the_data_home(postgres_url, tmp_path):
    with CampaignStorage(postgres_url) as storage:
        storage.create({})
        folder = storage.spool_path
        assert folder.parent == tmp_path / "data" / "spool"
        assert CampaignStorage(postgres_url).spool_path == folder


def test_of_many_processes_one_creates_the_campaign(postgres_url):
    code = (
        "import sys, time\n"
        "from skmolal.storage import CampaignStorage, StorageInUseError\n"
        "storage = CampaignStorage(sys.argv[1])\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "try: storage.create({}); print('made')\n"
        "except StorageInUseError: print('refused')\n"
    )
    command = [sys.executable, "-c", code, postgres_url]
    pipe = subprocess.PIPE
    rivals = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(3)]
    for rival in rivals:
        assert rival.stdout.readline() == "ready\n"
    for rival in rivals:
        rival.stdin.write("\n")
        rival.stdin.flush()
    answers = [rival.communicate(timeout=60)[0].strip() for rival in rivals]
    assert sorted(answers) == ["made", "refused", "refused"]


def test_a_driver_that_lost_its_place_writes_nothing(postgres_url):
    first = CampaignStorage(postgres_url)
    first.create({})
    with CampaignStorage(postgres_url) as second:
        second.open()
        with pytest.raises(StorageLockedError, match="taken over"):
            first.append([tell(0)], [{"key": "k"}])
        assert second.read()[1] == []
        assert second.results() == []


def test_campaigns_in_schemas_of_their_own(postgres_url, postgres_server):
    database = postgres_url.rpartition("/")[2]
    urls = [f"{postgres_url}?options=-csearch_path%3D{name}" for name in ("one", "two")]
    for url in urls:
        with pytest.raises(StorageError, match="schema"):
            CampaignStorage(url).create({})
    for name in ("one", "two"):
        postgres_server.execute(f"CREATE SCHEMA {name}", database)
    # A third in the common schema, which is on the path of the second, is not taken for it.
    urls[1] += ",public"
    for url in [postgres_url, *urls]:
        with CampaignStorage(url) as storage:
            assert not storage.exists()
            storage.create({"url": url})
            storage.append([tell(0, url=url)])
    for url in [postgres_url, *urls]:
        settings, events = CampaignStorage(url).read()
        assert settings == {"url": url}
        assert [event["url"] for event in events] == [url]


def test_a_database_of_others_is_refused(postgres_url, postgres_server):
    database = postgres_url.rpartition("/")[2]
    postgres_server.execute("CREATE TABLE elsewhere (a integer)", database)
    storage = CampaignStorage(postgres_url)
    for use in (storage.exists, storage.open, storage.read, lambda: storage.create({})):
        with pytest.raises(StorageError, match=r"other tables \(elsewhere\).*schema"):
            use()


def test_an_unreachable_server_is_an_error_at_once(postgres_url):
    begin = time.monotonic()
    storage = CampaignStorage("postgresql://tester:secret@127.0.0.1:1/none")
    with pytest.raises(StorageError, match="cannot be used") as caught:
        storage.exists()
    assert "secret" not in str(caught.value) + repr(storage)
    assert time.monotonic() - begin < 5


def failing_commit(storage, when, times=1):
    """Let the next commits fail as if the connection had been lost before or after them."""
    dialect = storage._database._engine.dialect
    commit, left = dialect.do_commit, [times]

    def do_commit(connection):
        if left[0] and when == "after":
            commit(connection)
        if left[0]:
            left[0] -= 1
            raise psycopg.OperationalError("the connection is lost")
        commit(connection)

    dialect.do_commit = do_commit


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_of_unknown_outcome_is_neither_lost_nor_doubled(postgres_url, when):
    with CampaignStorage(postgres_url) as storage:
        storage.create({})
        storage.append([tell(0)])
        failing_commit(storage, when, times=2)
        storage.append([tell(1), tell(2)], [{"key": "a"}, {"key": "b"}])
        storage.append([tell(3)])
        assert positions(storage.read()[1]) == [0, 1, 2, 3]
        assert [result["key"] for result in storage.results()] == ["a", "b"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_append_repeated_after_an_error_is_stored_once(postgres_url, when):
    with CampaignStorage(postgres_url, patience=0.01) as storage:
        storage.create({})
        failing_commit(storage, when)
        with pytest.raises(StorageError, match="connection is lost"):
            storage.append([tell(0)])
        if when == "after":
            with pytest.raises(StorageError, match="load the campaign again"):
                storage.append([tell(1)])
        storage.append([tell(0)])
        storage.append([tell(1)])
        assert positions(storage.read()[1]) == [0, 1]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_restarts_of_the_server_lose_and_double_nothing(postgres_url, postgres_server, mode):
    def restart():
        try:
            for _ in range(3):
                time.sleep(0.5)
                postgres_server.stop(mode)
                postgres_server.start()
        except Exception as error:
            errors.append(error)
        finally:
            done.set()

    done, count, errors = threading.Event(), 0, []
    with CampaignStorage(postgres_url, lease=0.5) as storage:
        storage.create({})
        thread = threading.Thread(target=restart)
        thread.start()
        try:
            while not done.is_set():
                storage.append([tell(count), tell(count + 1)], [{"key": str(count)}])
                count += 2
        finally:
            thread.join()  # or it would stop the server of the next test
        assert not errors
        storage.append([tell(count)])
        assert positions(storage.read()[1]) == list(range(count + 1))
        keys = [int(result["key"]) for result in storage.results()]
        assert keys == list(range(0, count, 2))
    assert count > 20


def test_a_server_that_stays_away_is_an_error_in_bounded_time(postgres_url, postgres_server):
    storage = CampaignStorage(postgres_url, patience=1.0)
    storage.create({})
    postgres_server.stop()
    try:
        begin = time.monotonic()
        with pytest.raises(StorageError, match="cannot be used"):
            storage.append([tell(0)])
        assert 0.5 < time.monotonic() - begin < 10
        storage.close()  # cannot give the place back, and says nothing
    finally:
        postgres_server.start()
    with CampaignStorage(postgres_url) as again:
        assert again.open() == ({}, [])
