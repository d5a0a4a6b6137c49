"""A campaign's events survive whatever is killed when, and one process writes them at a time."""

import gc
import json
import math
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skmolal.storage import (
    CampaignStorage,
    StorageError,
    StorageInUseError,
    StorageLockedError,
    _driver,
    write_spool,
)

# Appends pairs of events with a result until it is killed, and says which are committed.
DRIVER = """
import sys, time
from skmolal.storage import CampaignStorage
storage = CampaignStorage(sys.argv[1])
_, events = storage.open()
count = len(events)
print(count, flush=True)
while True:
    pair = [{"kind": "tell", "time": 0, "position": count + k, "pad": "x" * 3000} for k in (0, 1)]
    storage.append(pair, [{"key": str(count)}])
    count += 2
    print(count, flush=True)
    time.sleep(float(sys.argv[2]))
"""


def tell(position, **more):
    return {"kind": "tell", "time": 1.7e9 + position, "position": position, **more}


def positions(storage):
    return [event["position"] for event in storage.read()[1]]


def start_driver(path, pause=0.0):
    command = [sys.executable, "-c", DRIVER, str(path), str(pause)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.readline()  # it has its place
    return process


@pytest.fixture
def path(tmp_path):
    return tmp_path / "hunt.db"


@pytest.fixture
def storage(path):
    with CampaignStorage(path) as storage:
        storage.create({"random_state": 0})
        yield storage


# ------------------------------------------------------------------------- what is kept, and how


def test_a_campaign_comes_back(path):
    assert not CampaignStorage(path).exists()
    assert not path.exists()
    path.touch()
    assert not CampaignStorage(str(path)).exists()
    result = {"key": "k", "record": 3, "properties": {"gap": 6.25}, "oracle": {}, "seconds": 0.5}
    with CampaignStorage(path) as storage:
        storage.create({"random_state": 0, "initial": ["a", None]})
        storage.append([tell(0), tell(1)])
        storage.append([tell(2)], [result])
        storage.append([], [{"key": "l"}])
    again = CampaignStorage(f"sqlite:///{path}")
    assert again.exists()
    assert again.read() == (
        {"random_state": 0, "initial": ["a", None]},
        [tell(k) for k in (0, 1, 2)],
    )
    assert again.open() == again.read()
    again.append([tell(3)])
    assert positions(again) == [0, 1, 2, 3]
    assert again.results() == [result, {"key": "l"}]
    assert again.find_results(["k", "absent", "k"]) == {"k": result}
    assert again.find_results([]) == {}
    again.close()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=15)
@given(st.lists(json_values, min_size=1, max_size=20))
def test_every_value_of_json_survives(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("values") / "hunt.db"
    with CampaignStorage(path) as storage:
        storage.create({"values": values})
        storage.append([tell(k, value=value) for k, value in enumerate(values)])
        stored, events = storage.read()
    # As texts, for a NaN is not equal to itself.
    assert json.dumps(stored["values"]) == json.dumps(values)
    assert json.dumps([event["value"] for event in events]) == json.dumps(values)


def test_the_first_result_of_a_key_stays(storage):
    storage.append([], [{"key": "a", "n": 1}, {"key": "b", "n": 2}, {"key": "a", "n": 3}])
    storage.append([], [{"key": "b", "n": 4}, {"key": "c", "n": 5}])
    assert [(r["key"], r["n"]) for r in storage.results()] == [("a", 1), ("b", 2), ("c", 5)]


def test_many_results_are_found(storage):
    storage.append([], [{"key": str(k), "n": k} for k in range(1500)])
    found = storage.find_results(str(k) for k in range(1000, 2000))
    assert found == {str(k): {"key": str(k), "n": k} for k in range(1000, 1500)}


@pytest.mark.parametrize(
    ("events", "results", "message"),
    [
        ([tell(0), tell(1, value=np.float32(1))], [], r"events\[1\].*JSON.*float32"),
        ([{"kind": "tell"}], [], r"events\[0\] must be a dict with kind and time"),
        (["tell"], [], r"events\[0\] must be a dict"),
        ([{"kind": 3, "time": 0}], [], "'kind'"),
        ([{"kind": "x" * 65, "time": 0}], [], "'kind'"),
        ([{"kind": "tell", "time": "now"}], [], "'time'"),
        ([{"kind": "tell", "time": math.nan}], [], "'time'"),
        ([tell(0)], [{"n": 1}], r"results\[0\] must be a dict with key"),
        ([tell(0)], [{"key": "k", "properties": {1, 2}}], r"results\[0\].*JSON"),
    ],
)
def test_what_cannot_be_stored_is_refused_whole(storage, events, results, message):
    with pytest.raises(TypeError, match=message):
        storage.append(events, results)
    assert storage.read()[1] == storage.results() == []
    storage.append([tell(0)])
    assert positions(storage) == [0]


def test_settings_that_json_cannot_hold_leave_no_file(path):
    with pytest.raises(TypeError, match="settings cannot be written as JSON"):
        CampaignStorage(path).create({"model": object()})
    assert not path.exists()


def test_a_storage_in_use_is_not_created_again(storage, path):
    before = path.read_bytes()
    with pytest.raises(StorageInUseError, match=r"hunt\.db.*Campaign\.load") as caught:
        CampaignStorage(path).create({})
    assert isinstance(caught.value, ValueError)
    assert path.read_bytes() == before


def test_an_append_is_one_statement_per_table_and_reads_no_events(storage):
    from sqlalchemy import event

    storage.append([tell(0)])
    statements = []
    engine = storage._database._engine
    event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    storage.append([tell(1), tell(2)])
    # IMMEDIATE: what reads first and then writes would fail, not wait, where another writes.
    assert [statement.split()[:2] for statement in statements] == [
        ["BEGIN", "IMMEDIATE"],
        ["UPDATE", "skmolal_driver"],
        ["INSERT", "INTO"],
    ]


# ------------------------------------------------------------------------------ what is refused


def foreign_files(folder):
    for name, content in {"text.db": b"id,smiles,gap\n" * 200, "short.db": b"x"}.items():
        (folder / name).write_bytes(content)
        yield folder / name, "not an SQLite database"
    with closing(sqlite3.connect(folder / "other.db")) as other:
        other.execute("CREATE TABLE molecules (id INTEGER)")
    yield folder / "other.db", r"other tables \(molecules\) and no campaign"

    def campaign(name):
        with CampaignStorage(folder / name) as storage:
            storage.create({})
            storage.append([tell(k, pad="x" * 3000) for k in range(20)])
        return folder / name

    changes = {
        "newer.db": (
            "UPDATE skmolal_campaign SET version = 2",
            r"storage version 2.*up to 1.*newer",
        ),
        "odd.db": ("UPDATE skmolal_campaign SET version = 'b'", "storage version 'b'"),
        "less.db": ("DROP TABLE skmolal_event", "no table skmolal_event"),
    }
    for name, (statement, message) in changes.items():
        with closing(sqlite3.connect(campaign(name), isolation_level=None)) as connection:
            connection.execute(statement)
        yield folder / name, message
    (folder / "begun.db").write_bytes(campaign("begun.db").read_bytes()[:300])
    yield folder / "begun.db", "not an SQLite database"


def test_foreign_and_newer_files_are_refused_and_not_touched(tmp_path):
    for path, message in foreign_files(tmp_path):
        before = path.read_bytes()
        storage = CampaignStorage(path)
        for use in (storage.exists, storage.open, storage.read, lambda s=storage: s.create({})):
            with pytest.raises(StorageError, match=message) as caught:
                use()
            assert str(path) in str(caught.value)
        assert path.read_bytes() == before
        assert not path.with_name(f"{path.name}-journal").exists()


def test_a_file_that_lost_its_end_is_refused_and_not_touched(path):
    with CampaignStorage(path) as storage:
        storage.create({})
        storage.append([tell(k, pad="x" * 3000) for k in range(20)])
    path.write_bytes(path.read_bytes()[:-20000])
    before = path.read_bytes()
    for use in (storage.open, storage.read, lambda: storage.create({})):
        with pytest.raises(StorageError, match="malformed"):
            use()
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DELETE FROM skmolal_event WHERE seq = 1", "damaged: event 1 is missing"),
        ("UPDATE skmolal_event SET body = '{\"a' WHERE seq = 2", "damaged: event 2"),
        ("UPDATE skmolal_campaign SET settings = '[]'", "damaged: settings: no JSON object"),
    ],
)
def test_damaged_records_are_refused_and_the_place_is_not_taken(path, statement, message):
    with CampaignStorage(path) as storage:
        storage.create({})
        storage.append([tell(k) for k in range(3)])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)
    before = path.read_bytes()
    storage = CampaignStorage(path)
    for use in (storage.read, storage.open):
        with pytest.raises(StorageError, match=message):
            use()
    with pytest.raises(StorageError, match="not open for writing"):
        storage.append([tell(3)])
    assert path.read_bytes() == before


def test_a_page_that_no_query_reads_is_checked_too(path):
    with CampaignStorage(path) as storage:
        storage.create({})
        storage.append([], [{"key": str(k), "pad": "x" * 500} for k in range(100)])
    with closing(sqlite3.connect(path)) as connection:
        index = "name = 'sqlite_autoindex_skmolal_result_1'"
        query = f"SELECT rootpage FROM sqlite_master WHERE {index}"
        page = connection.execute(query).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : page * size] = b"\xff" * size
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"damaged|malformed"):
        CampaignStorage(path).open()
    assert path.read_bytes() == bytes(content)


def test_targets_that_are_no_storage(tmp_path):
    for target in (
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:a.db",
        "sqlite+aiosqlite:///a",
        "",
    ):
        with pytest.raises(ValueError, match="plain path"):
            CampaignStorage(target)
    with pytest.raises(ValueError, match="is a folder"):
        CampaignStorage(tmp_path)
    with pytest.raises(ValueError, match="dialect://") as caught:
        CampaignStorage("postgresql://me:secret@host:://")
    assert "secret" not in str(caught.value)
    with pytest.raises(ValueError, match="nonsense"):
        CampaignStorage("nonsense://host/database")
    with pytest.raises(TypeError, match="path or a database URL, got 3"):
        CampaignStorage(3)
    with pytest.raises(StorageError, match="folder does not exist"):
        CampaignStorage(tmp_path / "absent" / "hunt.db").create({})
    for name in ("lease", "patience"):
        with pytest.raises(ValueError, match=f"{name} must be a positive number"):
            CampaignStorage(tmp_path / "hunt.db", **{name: 0})


def test_an_absent_campaign_is_not_opened_and_no_file_appears(path):
    storage = CampaignStorage(path)
    for use in (storage.open, storage.read, storage.results, storage.take_spool):
        with pytest.raises(StorageError, match="holds no campaign"):
            use()
    with pytest.raises(StorageError, match="not open for writing"):
        storage.append([tell(0)])
    assert not path.exists()


def test_a_file_that_goes_away_is_not_made_anew(storage, path):
    path.unlink()
    with pytest.raises(StorageError, match="unable to open"):
        storage.append([tell(0)])
    assert not path.exists()


def test_the_folder_may_be_left_after_the_start(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    with CampaignStorage("hunt.db") as storage:
        monkeypatch.chdir(tmp_path / "other")
        storage.create({})
        assert storage.spool_path.parent == tmp_path / "hunt.db.spool"
    assert (tmp_path / "hunt.db").exists()


# -------------------------------------------------------------------------------- kill and doubt


def test_kills_at_any_moment_leave_whole_appends(storage, path):
    storage.close()
    moments, said = random.Random(0), 0
    for _ in range(6):
        driver = start_driver(path)
        time.sleep(moments.uniform(0, 0.2))
        driver.send_signal(signal.SIGKILL)
        said = max([said, *(int(line) for line in driver.stdout.read().splitlines())])
        # The killed process has no parent's wait yet: dead all the same.
        with CampaignStorage(path) as after:
            _, events = after.open()
            keys = [int(result["key"]) for result in after.results()]
        driver.wait()
        driver.stderr.close()
        driver.stdout.close()
        assert [event["position"] for event in events] == list(range(len(events)))
        assert keys == list(range(0, len(events), 2))
        assert said <= len(events) <= said + 2
        said = len(events)
    assert said > 10


def lose_next_run(storage, monkeypatch, when):
    run, left = storage._database.run, [1]

    def run_once(*args, **kwargs):
        if left and when == "before":
            left.clear()
            raise StorageError("lost")
        answer = run(*args, **kwargs)
        if left:
            left.clear()
            raise KeyboardInterrupt
        return answer

    monkeypatch.setattr(storage._database, "run", run_once)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_append_repeated_after_an_error_is_stored_once(storage, monkeypatch, when):
    lose_next_run(storage, monkeypatch, when)
    with pytest.raises((StorageError, KeyboardInterrupt)):
        storage.append([tell(0), tell(1)])
    if when == "after":
        with pytest.raises(StorageError, match=r"these are others: load the campaign again"):
            storage.append([tell(2)])
    storage.append([tell(0), tell(1)])
    storage.append([tell(2)])
    storage.append([tell(2)])  # the same words again are another event where nothing was in doubt
    assert positions(storage) == [0, 1, 2, 2]


def test_others_read_whole_appends_while_one_writes(storage, path):
    storage.close()
    driver = start_driver(path, pause=0.02)
    try:
        lengths = [len(positions(storage))]
        last = time.monotonic() + 60
        while len(lengths) < 40 or lengths[-1] < lengths[0] + 4:
            assert time.monotonic() < last, "the driver writes nothing"
            found = positions(storage)
            assert found == list(range(len(found)))
            lengths.append(len(found))
        assert driver.poll() is None
        assert lengths == sorted(lengths)
        assert not any(length % 2 for length in lengths)
    finally:
        driver.kill()
        driver.communicate()


# --------------------------------------------------------------------------- one driver at a time


def test_a_living_driver_is_refused_by_name_and_a_dead_one_taken_over(storage, path):
    storage.close()
    driver = start_driver(path)
    try:
        with pytest.raises(StorageLockedError, match=rf"process {driver.pid} on host .* since 20"):
            storage.open()
        assert len(positions(storage)) >= 0  # reading needs no place
    finally:
        driver.kill()
    with CampaignStorage(path) as after:  # it is not waited for: a zombie
        _, events = after.open()
        after.append([tell(len(events))])
    driver.communicate()


def test_a_driver_that_takes_a_moment_to_die_is_taken_over(storage, path, monkeypatch):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE skmolal_driver SET started = '-1'")
    answers = [True, True, False]
    monkeypatch.setattr(_driver.Process, "may_run", lambda process: answers.pop(0))
    with CampaignStorage(path) as second:
        second.open()
    assert not answers


def test_of_two_processes_one_drives(storage, path):
    storage.close()
    code = DRIVER.replace("_, events", "sys.stdin.readline(); _, events")
    command, pipe = [sys.executable, "-c", code, str(path), "0"], subprocess.PIPE
    rivals = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(2)
    ]
    time.sleep(0.1)
    for rival in rivals:
        rival.stdin.write("\n")
        rival.stdin.flush()
    began = [bool(rival.stdout.readline()) for rival in rivals]
    assert sorted(began) == [False, True]
    for rival in rivals:
        rival.kill()
    messages = [rival.communicate()[1] for rival in rivals]
    assert "StorageLockedError" in messages[began.index(False)]
    found = positions(storage)
    assert found == list(range(len(found)))


def test_the_same_process_takes_over_and_the_former_writes_nothing(storage, path):
    with CampaignStorage(path) as second:
        second.open()
        second.append([tell(0)])
        with pytest.raises(StorageLockedError, match=rf"taken over by process {os.getpid()}"):
            storage.append([tell(1)], [{"key": "k"}])
        storage.close()  # gives nothing back that is another's
        second.append([tell(1)])
        assert positions(second) == [0, 1]
        assert second.results() == []
    with pytest.raises(StorageError, match="not open for writing"):
        storage.append([tell(2)])
    with pytest.raises(StorageError, match="not open for writing"):
        second.append([tell(2)])
    second.close()
    storage.open()
    storage.append([tell(2)])


def test_a_driver_that_lost_a_place_that_was_given_back_since(storage, path):
    with CampaignStorage(path) as second:
        second.open()
    with pytest.raises(StorageLockedError, match="taken over by a driver that has closed it since"):
        storage.append([tell(0)])


@pytest.fixture
def elsewhere(monkeypatch):
    """Call to make this process one of another machine."""

    def move(machine):
        monkeypatch.setattr(_driver, "_machine", lambda: machine)
        monkeypatch.setattr(_driver.socket, "gethostname", lambda: machine)

    return move


def heartbeats():
    return [t for t in threading.enumerate() if t.name == "skmolal-storage-heartbeat"]


def test_another_machine_waits_for_the_lease(path, elsewhere):
    elsewhere("north")
    far = CampaignStorage(path, lease=0.8)
    far.create({})
    elsewhere("south")
    near = CampaignStorage(path)
    # North appends nothing for more than a lease, and keeps its place by its signs of life.
    until = time.monotonic() + 2.0
    while time.monotonic() < until:
        with pytest.raises(StorageLockedError, match=r"on host north since .* silent for 0\.8 s"):
            near.open()
        time.sleep(0.1)
    elsewhere("north")
    far.append([tell(0)])
    elsewhere("south")
    far._place._stop.set()  # north is cut off
    time.sleep(1.0)
    assert near.open()[1] == [tell(0)]
    with pytest.raises(StorageLockedError, match=r"taken over by process .* on host south"):
        far.append([tell(1)])
    assert positions(near) == [0]
    near.close()


def test_a_forgotten_storage_gives_no_more_signs_of_life(path):
    before = len(heartbeats())
    storage = CampaignStorage(path, lease=0.2)
    storage.create({})
    assert len(heartbeats()) == before + 1
    del storage
    gc.collect()
    until = time.monotonic() + 10
    while len(heartbeats()) > before and time.monotonic() < until:
        time.sleep(0.02)
    assert len(heartbeats()) == before


def test_a_sign_of_life_from_the_far_future_counts_for_nothing(path, elsewhere):
    elsewhere("north")
    far = CampaignStorage(path)
    far.create({})
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE skmolal_driver SET heartbeat = heartbeat + 1e6")
    elsewhere("south")
    with CampaignStorage(path) as near:
        near.open()


def test_a_process_number_that_was_given_again_is_another_process(storage, path):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE skmolal_driver SET pid = 1, started = '-1'")
    with CampaignStorage(path) as second:
        second.open()


def test_a_fork_of_the_driver_writes_nothing(storage, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: 1)
        with pytest.raises(StorageLockedError, match=r"fork.*write_spool"):
            storage.append([tell(0)])
        storage.close()
    storage.append([tell(0)])
    assert positions(storage) == [0]


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_processes_are_known_by_number_and_start(monkeypatch, platform):
    if platform != sys.platform:
        pytest.importorskip("psutil")
        monkeypatch.setattr(sys, "platform", platform)
    mine = _driver.this_process()
    assert mine == _driver.this_process()
    assert mine.may_run()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    other = _driver.Process(mine.host, mine.machine, child.pid, _driver._start_of(child.pid))
    assert other.started != mine.started
    assert other.may_run()
    assert not _driver.Process(mine.host, mine.machine, child.pid, mine.started).may_run()
    child.kill()
    until = time.monotonic() + 10
    while other.may_run() and time.monotonic() < until:
        time.sleep(0.01)
    assert other.may_run() is False  # a zombie
    child.communicate()
    assert other.may_run() is False
    assert _driver.Process("north", "north", child.pid, "1").may_run() is None


def test_threads_of_the_driver_append_in_turn(storage):
    def work(first):
        for k in range(10):
            storage.append([tell(first + k)])

    threads = [threading.Thread(target=work, args=(100 * k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(positions(storage)) == [100 * k + j for k in range(3) for j in range(10)]


# -------------------------------------------------------------------------------------- the spool


def test_results_in_the_spool_come_in_order_and_stay_until_discarded(storage):
    folder = storage.spool_path
    assert storage.take_spool() == []
    for name in ("b", "a.2", "c"):
        write_spool(folder, name, {"name": name, "value": math.inf})
    write_spool(folder, "b", {"name": "b", "value": 1})  # replaced, and now the newest
    (folder / ".d.1234.part").write_text('{"name": "d"')  # of a worker that was killed
    expected = [("a.2", math.inf), ("c", math.inf), ("b", 1)]
    for _ in range(2):
        found = storage.take_spool()
        assert found == [(name, {"name": name, "value": value}) for name, value in expected]
    storage.discard_spool(["a.2", "b", "absent"])
    assert [name for name, _ in storage.take_spool()] == ["c"]


def test_damaged_results_are_set_aside_and_reported(storage):
    folder = storage.spool_path
    write_spool(folder, "good", {"n": 1})
    write_spool(folder, "short", {"n": 2})
    (folder / "short.json").write_text('{"name": "short", "ti')
    (folder / "bytes.json").write_bytes(b"\xff\xfe")
    (folder / "list.json").write_text("[1, 2]")
    (folder / "renamed.json").write_text((folder / "good.json").read_text())
    with pytest.warns(UserWarning, match=r"set aside.*bytes\.json.*list.*renamed.*short"):
        found = storage.take_spool()
    assert found == [("good", {"n": 1})]
    assert storage.take_spool() == found
    bad = sorted(path.name for path in folder.glob("*.bad"))
    assert bad == ["bytes.json.bad", "list.json.bad", "renamed.json.bad", "short.json.bad"]


@pytest.mark.parametrize("name", ["", "../a", "a/b", ".a", "a" * 101, "a b", 3, "a\n"])
def test_names_that_are_no_file_names_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="name must be"):
        write_spool(tmp_path, name, {})


def test_a_payload_that_json_cannot_hold_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        write_spool(tmp_path / "spool", "a", {"x": object()})
    assert not (tmp_path / "spool").exists()


def test_killed_workers_leave_whole_results(tmp_path):
    code = (
        "import sys, itertools\nfrom skmolal.storage import write_spool\n"
        "for k in itertools.count():\n"
        "    write_spool(sys.argv[1], f'{sys.argv[2]}-{k}', {'pad': 'x' * 20000})\n"
        "    print(k + 1, flush=True)\n"
    )
    with CampaignStorage(tmp_path / "hunt.db") as storage:
        storage.create({})
        for name, wait in [("a", 0.0), ("b", 0.05), ("c", 0.1)]:
            command = [sys.executable, "-c", code, str(storage.spool_path), name]
            worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            first = worker.stdout.readline()
            time.sleep(wait)
            storage.take_spool()  # while it writes
            worker.kill()
            said = int((first + worker.communicate()[0]).split()[-1])
            left = [entry for entry, _ in storage.take_spool() if entry.startswith(name)]
            assert left == [f"{name}-{k}" for k in range(len(left))]
            assert said <= len(left) <= said + 1
        assert list(storage.spool_path.glob("*.bad")) == []


def test_each_campaign_has_a_spool_of_its_own(tmp_path):
    path = tmp_path / "hunt.db"
    with CampaignStorage(path) as storage:
        storage.create({})
        write_spool(storage.spool_path, "a", {})
        assert storage.spool_path.parent == tmp_path / "hunt.db.spool"
        assert CampaignStorage(path).spool_path == storage.spool_path
        assert CampaignStorage(path, spool="~/s").spool_path.parent == Path("~/s").expanduser()
    path.unlink()
    with CampaignStorage(path) as another:
        another.create({})
        assert another.take_spool() == []


def test_an_empty_spool_is_taken_away_but_not_the_users_folder(tmp_path):
    for name, spool, left in [("a.db", None, False), ("b.db", tmp_path / "mine", True)]:
        with CampaignStorage(tmp_path / name, spool=spool) as storage:
            storage.create({})
            write_spool(storage.spool_path, "a", {})
            home = storage.spool_path.parent
            storage.close()
            assert storage.spool_path.exists()
            storage.open()
            storage.discard_spool(["a"])
            folder = storage.spool_path
        assert not folder.exists()
        assert home.exists() == left
