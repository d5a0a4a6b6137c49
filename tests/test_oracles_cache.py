"""The cache of results: content, processes at a time, kills, foreign files."""

import json
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from ase.build import molecule
from hypothesis import given, settings
from hypothesis import strategies as st

from skmolal.oracles import CachedOracle, OracleError, content_key, oracle_identity
from skmolal.oracles._cache import ResultCache

results = st.dictionaries(
    st.text(), st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False))
)


@settings(max_examples=20)  # each waits for the disk
@given(results=results)
def test_results_come_back_bit_for_bit(results, tmp_path_factory):
    cache = ResultCache(tmp_path_factory.mktemp("cache") / "cache.db")
    cache.put(results, {"oracle": "a"})
    assert cache.get([*results, "another"]) == results
    assert len(cache) == len(results)


def test_empty_cache_makes_no_file(tmp_path):
    cache = ResultCache(tmp_path / "cache.db")
    assert cache.get(["a"]) == {}
    assert len(cache) == 0
    assert os.listdir(tmp_path) == []


def test_many_keys(tmp_path):
    cache = ResultCache(tmp_path / "cache.db")
    many = {str(i): {"x": float(i)} for i in range(3000)}
    cache.put(many, {})
    assert cache.get(many) == many


def test_first_result_stays(tmp_path):
    cache = ResultCache(tmp_path / "cache.db")
    cache.put({"a": {"x": 1.0}}, {})
    cache.put({"a": {"x": 2.0}, "b": {"x": 3.0}}, {})
    assert cache.get(["a", "b"]) == {"a": {"x": 1.0}, "b": {"x": 3.0}}


def test_put_is_all_or_nothing(tmp_path):
    cache = ResultCache(tmp_path / "cache.db")
    with pytest.raises(ValueError, match="JSON"):
        cache.put({"a": {"x": 1.0}, "b": {"x": float("nan")}}, {})
    assert len(cache) == 0


def test_who_calculated_is_stored(tmp_path):
    ResultCache(tmp_path / "cache.db").put({"a": {"x": 1.0}}, {"oracle": "mine", "version": 3})
    connection = sqlite3.connect(tmp_path / "cache.db")
    rows = connection.execute("SELECT * FROM results").fetchall()
    connection.close()
    assert [(key, json.loads(x), json.loads(y)) for key, x, y in rows] == [
        ("a", {"x": 1.0}, {"oracle": "mine", "version": 3})
    ]


def test_files_of_others_are_refused(tmp_path):
    foreign = tmp_path / "foreign.db"
    connection = sqlite3.connect(foreign)
    connection.execute("CREATE TABLE results (key TEXT, result TEXT)")
    connection.close()
    before = foreign.read_bytes()
    for use in (lambda c: c.get(["a"]), lambda c: c.put({"a": {}}, {}), len):
        with pytest.raises(ValueError, match="no cache of results of skmolal"):
            use(ResultCache(foreign))
    assert foreign.read_bytes() == before

    newer = ResultCache(tmp_path / "newer.db")
    newer.put({}, {})
    connection = sqlite3.connect(newer.path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ValueError, match="version 99, this skmolal reads up to 1"):
        newer.get(["a"])

    (tmp_path / "text.db").write_text("no database at all, but long enough to be looked at" * 9)
    with pytest.raises(OSError, match=r"text\.db': file is not a database"):
        ResultCache(tmp_path / "text.db").get(["a"])


WRITE = """
import sys
from skmolal.oracles._cache import ResultCache
cache, name = ResultCache(sys.argv[1]), sys.argv[2]
for i in range(int(sys.argv[3])):
    cache.put({f"{name}-{i}": {"x": float(i)}, f"shared-{i}": {"x": float(i)}}, {})
    print(i, flush=True)
"""


def start(path, name, n):
    command = [sys.executable, "-c", WRITE, str(path), name, str(n)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_several_processes_write_at_a_time(tmp_path):
    path = tmp_path / "cache.db"
    workers = [start(path, name, 15) for name in "abc"]
    for worker in workers:
        worker.communicate(timeout=60)
        assert worker.returncode == 0
    assert len(ResultCache(path)) == 4 * 15


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX's")
def test_what_was_put_before_a_kill_is_there(tmp_path):
    path = tmp_path / "cache.db"
    for name, seconds in zip("ab", (0.03, 0.11), strict=True):
        worker = start(path, name, 100_000)
        worker.stdout.readline()
        time.sleep(seconds)
        worker.send_signal(signal.SIGKILL)
        said = worker.communicate(timeout=20)[0].split()
        last = max([0, *(int(i) for i in said[:-1])])  # the last line may be cut
        found = ResultCache(path).get([f"{name}-{i}" for i in range(last + 1)])
        assert len(found) == last + 1
    ResultCache(path).put({"after": {"x": 1.0}}, {})


class Counting:
    """An oracle that counts its calls."""

    target = "n"

    def __init__(self):
        self.calls = 0

    def __call__(self, atoms):
        self.calls += 1
        if len(atoms) == 1:
            raise OracleError("too small")
        return {"n": float(len(atoms))}


def test_same_molecule_is_calculated_once(tmp_path):
    inner = Counting()
    oracle = CachedOracle(inner, tmp_path / "cache.db")
    assert oracle.target == "n"
    assert oracle.identity == oracle_identity(inner)
    water, charged = molecule("H2O"), molecule("H2O")
    charged.info["charge"] = 1
    for atoms in (water, charged, water, molecule("CH4"), charged):
        assert oracle(atoms) == {"n": float(len(atoms))}
    assert inner.calls == 3
    again = CachedOracle(Counting(), tmp_path / "cache.db")
    assert again(water) == {"n": 3.0}
    assert again.oracle.calls == 0
    assert content_key(oracle.identity, water) in ResultCache(tmp_path / "cache.db").get(
        [content_key(oracle.identity, water)]
    )


def test_failures_are_tried_again(tmp_path):
    inner = Counting()
    oracle = CachedOracle(inner, tmp_path / "cache.db")
    for _ in range(2):
        with pytest.raises(OracleError, match="too small"):
            oracle(molecule("H"))
    assert inner.calls == 2


def test_oracles_share_a_file(tmp_path):
    path = tmp_path / "cache.db"

    def one(atoms):
        return {"x": 1.0}

    def two(atoms):
        return {"x": 2.0}

    assert CachedOracle(one, path)(molecule("H2O")) == {"x": 1.0}
    assert CachedOracle(two, path)(molecule("H2O")) == {"x": 2.0}
    assert CachedOracle(one, path).target is None


def test_cached_oracle_is_pickled_and_shown(tmp_path):
    oracle = pickle.loads(pickle.dumps(CachedOracle(Counting(), str(tmp_path / "cache.db"))))
    assert oracle(molecule("H2O")) == {"n": 3.0}
    assert repr(oracle).startswith("CachedOracle(oracle=")
    assert oracle._repr_mimebundle_() == {"text/plain": repr(oracle)}
