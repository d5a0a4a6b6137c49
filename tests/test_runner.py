"""Calculations that label records: kept running, taken as they come, repeated when they fail."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pytest
from ase.build import molecule
from sklearn.linear_model import BayesianRidge
from sklearn.pipeline import make_pipeline

from skmolal import Campaign
from skmolal._workers import _executors
from skmolal._workers._work import Work, calculate
from skmolal.active_learning import OracleFailuresError, _runner
from skmolal.descriptors import CoulombMatrixTransformer
from skmolal.oracles import OracleError
from skmolal.stopping import Budget

X = np.linspace(0, 1, 60).reshape(-1, 1)
Y = np.sin(5 * X[:, 0])


def make_campaign(X=X, **options):
    options = {"query_strategy": "uncertainty", "random_state": 0, **options}
    return Campaign(BayesianRidge(), X, **options)


@pytest.fixture
def threads():
    with ThreadPoolExecutor(3) as executor:
        yield executor


class Sine:
    """An oracle that remembers what it was asked, and fails as it is told to."""

    def __init__(self, fails=lambda x, n: None):
        self.asked, self.fails = [], fails
        self.lock = threading.Lock()

    def __call__(self, row):
        with self.lock:
            self.asked.append(float(row[0]))
            n = self.asked.count(float(row[0]))
        error = self.fails(float(row[0]), n)
        if error is not None:
            raise error
        return {"sine": float(np.sin(5 * row[0])), "x": float(row[0])}

    def __reduce__(self):  # the tests' threads use this very object
        return _find, (_keep(self),)


_kept = {}


def _keep(thing):
    return _kept.setdefault(id(thing), thing) and id(thing)


def _find(key):
    return _kept[key]


def run(campaign, oracle, n_labels, executor, **options):
    options = {"target": "sine", "n_parallel": 3, "n_initial": 6, **options}
    return campaign.run(oracle, n_labels, executor=executor, **options)


def test_every_label_is_its_records_and_none_is_calculated_twice(threads):
    campaign, oracle = make_campaign(), Sine()
    summary = run(campaign, oracle, 40, threads)
    np.testing.assert_allclose(campaign.y, Y[campaign.labelled])
    assert len(campaign.y) == 40 == len(set(oracle.asked)) == len(oracle.asked)
    assert summary.reason == "40 labels reached"
    assert (summary.n_told, summary.n_failed, summary.n_dropped) == (40, 0, 0)
    assert 0 <= summary.idle <= 1
    assert len(campaign.pending) == 0
    results = campaign.results
    assert {r["id"]: r["properties"]["sine"] for r in results} == dict(
        zip(campaign.labelled.tolist(), campaign.y, strict=True)
    )
    assert all(set(r["properties"]) == {"sine", "x"} for r in results)
    more = run(campaign, oracle, 45, threads)
    assert more.n_told == 5
    assert len(oracle.asked) == 45


def test_the_pool_is_emptied_and_that_is_said(threads):
    campaign = make_campaign(X[:10])
    assert run(campaign, Sine(), 50, threads).reason == "nothing left to ask for with 10 labels"


def test_labels_are_kept_on_their_way_while_the_model_chooses(threads):
    n_pending = []

    class Watched(Campaign):
        def _ask(self, n_instances, **more):
            n_pending.append(len(self.pending))
            return super()._ask(n_instances, **more)

    slow = Sine()
    slow.fails = lambda x, n: time.sleep(0.02)
    campaign = Watched(BayesianRidge(), X, query_strategy="uncertainty", random_state=0)
    run(campaign, slow, 50, threads, batch_size=4)
    assert n_pending[0] == 0
    assert max(n_pending) < 6  # two for each worker are enough
    assert np.mean(np.array(n_pending[1:]) >= 2) > 0.5  # they are not waited for
    assert campaign.history[2]["n_asked"] == 4


def test_a_failure_is_kept_and_tried_again(threads):
    broken = X[[3, 30], 0].tolist()
    oracle = Sine(lambda x, n: OracleError(f"no. {n}") if x in broken and n < 3 else None)
    campaign = make_campaign(X[:40], initial=[3, 30])
    summary = run(campaign, oracle, 20, threads, retries=2)
    assert summary.n_failed == 4
    assert summary.n_dropped == 0
    assert {3, 30} <= set(campaign.labelled.tolist())
    assert sorted((f["id"], f["reason"]) for f in campaign.failures) == [
        (3, "no. 1"), (3, "no. 2"), (30, "no. 1"), (30, "no. 2"),
    ]  # fmt: skip


def test_a_record_that_fails_for_good_is_dropped_and_replaced(threads):
    oracle = Sine(lambda x, n: ValueError("two\nlines") if x == X[3, 0] else None)
    campaign = make_campaign(initial=[3])
    summary = run(campaign, oracle, 20, threads, retries=1)
    assert summary.n_dropped == 1
    assert campaign.dropped == {3: "ValueError: two lines"}
    assert len(campaign.y) == 20
    assert oracle.asked.count(X[3, 0]) == 2


def test_too_many_failures_end_the_campaign_with_the_commonest_words(threads):
    oracle = Sine(lambda x, n: OracleError("no licence" if x > 0.2 else "something else"))
    campaign = make_campaign()
    with pytest.raises(OracleFailuresError, match=r"\d+ of the last \d+ .*50%.*no licence"):
        run(campaign, oracle, 40, threads, retries=0)
    assert len(campaign.pending) == 0
    assert len(campaign.failures) >= 10
    half = make_campaign()
    odd = Sine(lambda x, n: OracleError("odd") if round(x * 59) % 2 else None)
    assert run(half, odd, 25, threads, retries=0, max_failures=1.0).n_told == 25


def test_a_missing_package_ends_it_at_once(threads):
    oracle = Sine(lambda x, n: ImportError("no module named 'dft'"))
    campaign = make_campaign()
    with pytest.raises(ImportError, match="dft"):
        run(campaign, oracle, 40, threads)
    assert len(campaign.pending) == 0
    assert len(oracle.asked) <= 12


def test_a_result_that_nobody_has_named_ends_it_at_once_and_costs_no_record(threads):
    campaign = make_campaign()
    with pytest.raises(
        ValueError, match=r"name a target, one of the results: \['cosine', 'sine'\]"
    ):
        run(campaign, Two(), 20, threads, target=None, retries=0)
    assert len(campaign.pending) == len(campaign.dropped) == len(campaign.failures) == 0
    # What gave no label binds nobody.
    assert run(campaign, Two(), 20, threads, target="sine").n_told == 20
    with pytest.raises(ValueError, match=r"target is not that .* sine, got cosine"):
        run(campaign, Two(), 25, threads, target="cosine")


class Two:
    def __call__(self, x):
        return {"sine": float(np.sin(x[0])), "cosine": float(np.cos(x[0]))}


def test_what_is_no_label_is_a_failure():
    def work(answer, target):
        return calculate(Work(_pickled(Answer(answer)), X[0], target, 0, "key", None))

    assert work({"gap": 1}, None)["label"] == 1.0
    for answer, target, message in [
        (1.0, None, "dict of floats, got '1.0'"),
        ({}, None, "dict of floats"),
        ({"gap": 1.0, "homo": 2.0}, None, r"name a target, one of the results: ['gap', 'homo']"),
        ({"gap": 1.0}, "homo", "target 'homo' is not one of the results: ['gap']"),
        ({"gap": "wide"}, "gap", "gap must be a number, got 'wide'"),
        ({"gap": float("nan")}, "gap", "gap is nan, labels must be finite"),
        ({"gap": float("inf")}, "gap", "gap is inf, labels must be finite"),
    ]:
        outcome = work(answer, target)
        assert message in outcome["error"]
        assert outcome["fatal"] == ("ValueError" if "name a target" in message else None)
    nothing = calculate(Work(b"nonsense", X[0], None, 0, "key", None))
    assert nothing["fatal"] == "ImportError"
    assert "cannot be loaded by a worker" in nothing["error"]


class Answer:
    def __init__(self, answer):
        self.answer = answer

    def __call__(self, record):
        return self.answer


def _pickled(oracle):
    return _runner._pickle(oracle)


def count_atoms(atoms):
    return {"n": float(len(atoms))}


def test_the_same_molecule_is_calculated_once(threads):
    water, ethanol = molecule("H2O"), molecule("CH3CH2OH")
    pool = [water.copy(), ethanol, water.copy(), water.copy(), molecule("CH4")]
    calls = []

    def oracle(atoms):
        calls.append(len(atoms))
        return count_atoms(atoms)

    oracle_in_threads = Shared(oracle)
    campaign = Campaign(make_pipeline(CoulombMatrixTransformer(), BayesianRidge()), pool)
    campaign.run(oracle_in_threads, 5, executor=threads, n_parallel=3, n_initial=5)
    assert sorted(calls) == [3, 5, 9]
    assert dict(zip(campaign.labelled.tolist(), campaign.y, strict=True)) == {
        0: 3, 1: 9, 2: 3, 3: 3, 4: 5,
    }  # fmt: skip
    campaign.correct([0, 1])
    campaign.run(oracle_in_threads, 5, executor=threads, n_parallel=3)
    assert len(campaign.y) == 5
    assert sorted(calls) == [3, 5, 9]  # the results were there


class Shared:
    """Stands for one object in all threads."""

    def __init__(self, function):
        self.function = function

    def __call__(self, record):
        return self.function(record)

    def __reduce__(self):
        return _find, (_keep(self),)


def test_a_twin_of_a_molecule_that_failed_is_tried_too(threads):
    pool = [molecule("H2O"), molecule("H2O"), molecule("CH4")]
    failures = iter([OracleError("first")])

    def oracle(atoms):
        if (error := next(failures, None)) is not None:
            raise error
        return count_atoms(atoms)

    campaign = Campaign(
        make_pipeline(CoulombMatrixTransformer(), BayesianRidge()), pool, initial=[0, 1]
    )
    campaign.run(Shared(oracle), 2, executor=threads, n_parallel=3, n_initial=2, retries=0)
    assert campaign.dropped == {0: "first"}
    assert sorted(campaign.labelled.tolist()) == [1, 2]


def test_what_people_were_asked_for_stays_theirs(threads):
    campaign, oracle = make_campaign(), Sine()
    theirs = campaign.ask(5)
    run(campaign, oracle, 20, threads)
    assert list(campaign.pending) == list(theirs)
    assert not set(oracle.asked) & set(X[theirs, 0])
    campaign.tell(theirs, Y[theirs])


def test_a_stopping_rule_ends_it_and_what_was_begun_is_finished(threads):
    campaign, oracle = make_campaign(), Sine()
    summary = run(campaign, oracle, 50, threads, stopping=Budget(12))
    assert summary.reason == campaign.history[-1]["stopped"]
    assert "12" in summary.reason
    assert len(campaign.pending) == 0
    assert 12 <= len(campaign.y) == len(set(oracle.asked)) <= 24


def test_another_oracle_or_target_is_refused_unless_forced(threads):
    campaign = make_campaign()
    run(campaign, Sine(), 5, threads)
    with pytest.raises(ValueError, match=r"target is not that .*force=True.* sine, got x"):
        run(campaign, Sine(), 8, threads, target="x")
    with pytest.raises(ValueError, match=r"oracle is not that .*Sine.*count_atoms"):
        run(campaign, count_atoms, 8, threads)
    assert run(campaign, Sine(), 8, threads, target="x", force=True).n_told == 3


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_labels": 0}, ValueError, "n_labels"),
        ({"n_parallel": 0}, ValueError, "n_parallel"),
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"n_initial": 1.5}, (TypeError, ValueError), "n_initial"),
        ({"timeout": 0}, ValueError, "timeout must be a positive number of seconds, got 0"),
        ({"retries": -1}, ValueError, "retries must be an integer of at least 0, got -1"),
        ({"max_failures": 2}, ValueError, "max_failures must be between 0 and 1, got 2"),
        ({"executor": 3, "n_parallel": 1}, TypeError, "executor must be None, a dask client"),
        ({"executor": Answer(1)}, ValueError, "n_parallel must be given for this executor"),
        ({"oracle": 3}, TypeError, "oracle must be callable, got int"),
        ({"oracle": threading.Lock().__enter__}, TypeError, "oracle cannot be sent to a worker"),
    ],
)
def test_wrong_use_is_named_and_nothing_is_asked_for(options, error, message):
    campaign = make_campaign()
    options = {"oracle": count_atoms, "n_labels": 3, **options}
    with pytest.raises(error, match=message):
        campaign.run(options.pop("oracle"), options.pop("n_labels"), **options)
    assert campaign.n_rounds == 0


def test_the_report_is_written_while_it_runs(threads, monkeypatch):
    monkeypatch.setattr(_runner, "_REPORT_EVERY", 0.0)
    seen = []
    run(make_campaign(), Sine(), 30, threads, report=lambda c: seen.append(len(c.y)))
    assert seen[-1] == 30
    assert len(seen) > 2
    assert seen == sorted(seen)


def test_state_and_results_survive_as_json(threads):
    campaign = make_campaign()
    run(campaign, Sine(), 12, threads)
    again = Campaign.from_json(campaign.to_json(), BayesianRidge(), X)
    assert again.results == campaign.results
    assert again.history == campaign.history
    assert list(again.ask(3)) == list(campaign.ask(3))


class BreaksOnce:
    """Workers that end while nobody needs them, then others that do what they should."""

    made: list = []  # noqa: RUF012

    def __init__(self, n_workers, timeout):
        self.is_broken = not self.made
        self.made.append(self)
        self.executor = ThreadPoolExecutor(n_workers)

    def submit(self, work):
        if self.is_broken and work.position % 3 == 0:
            future = Future()
            future.set_exception(BrokenProcessPool("all workers expired"))
            return future
        return self.executor.submit(calculate, work)

    def stop(self):
        self.executor.shutdown()


def test_our_own_workers_are_made_anew_and_no_record_is_blamed(monkeypatch):
    monkeypatch.setattr(BreaksOnce, "made", [])
    monkeypatch.setattr(_executors, "OwnWorkers", BreaksOnce)
    monkeypatch.setattr(_runner, "OwnWorkers", BreaksOnce)
    campaign = make_campaign()
    run(campaign, Sine(), 30, None)
    assert len(campaign.y) == 30
    assert campaign.failures == []
    assert len(BreaksOnce.made) == 2


class Broken(ThreadPoolExecutor):
    def submit(self, *args, **kwargs):
        raise BrokenProcessPool("a child died")


def test_a_broken_executor_of_the_users_ends_the_run_and_nothing_stays_pending():
    campaign = make_campaign()
    with pytest.raises(RuntimeError, match=r"takes no more work: a child died"):
        run(campaign, Sine(), 30, Broken(1))
    assert len(campaign.pending) == 0
    assert campaign.failures == []


# ------------------------------------------------------------------------ processes of our own

# No guard around the calls, and an oracle of the script's own: workers must not run it again.
SCRIPT = """
import os, sys, time
import numpy as np
from sklearn.linear_model import BayesianRidge
from skmolal import Campaign

print("main", flush=True)
folder, n_labels, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
X = np.linspace(0, 1, 200).reshape(-1, 1)

def log(word, x):
    with open(os.path.join(folder, "log"), "a") as stream:
        stream.write(f"{word} {os.getpid()} {round(x * 199)}\\n")

def sine(row):
    x = float(row[0])
    log("begin", x)
    if mode == "faults":
        if round(x * 199) == 0:
            os._exit(3)
        if round(x * 199) == 1:
            time.sleep(100)
        if round(x * 199) == 2:
            raise ValueError("no")
    assert os.environ["OMP_NUM_THREADS"] == "1"
    time.sleep({"faults": 0.0, "slow": 0.2, "endless": 100}[mode])
    log("end", x)
    return {"sine": float(np.sin(5 * x)), "pid": os.getpid()}

storage = sys.argv[4] if len(sys.argv) > 4 else os.path.join(folder, "hunt.db")
from skmolal.storage import CampaignStorage
opened = CampaignStorage(storage, spool=os.path.join(folder, "spool"))
options = dict(query_strategy="uncertainty", random_state=0)
if opened.exists():
    campaign = Campaign.load(opened, BayesianRidge(), X)
else:
    campaign = Campaign(BayesianRidge(), X, storage=opened, initial=[0, 1, 2], **options)
print("ready", len(campaign.y), flush=True)
timeout = {"faults": 1, "slow": 5, "endless": None}[mode]
print(campaign.run(sine, n_labels, target="sine", n_parallel=2, n_initial=6, max_failures=1.0,
                   timeout=timeout).reason, flush=True)
"""


def start(folder, n_labels, mode, *more):
    script = Path(folder) / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, str(script), str(folder), str(n_labels), mode, *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def read_log(folder):
    path = Path(folder) / "log"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(word, int(pid), int(position)) for word, pid, position in map(str.split, lines)]


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_alive(pid):
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def load(folder, *target):
    from skmolal.storage import CampaignStorage

    storage = CampaignStorage(*target or (Path(folder) / "hunt.db",), spool=Path(folder) / "spool")
    return Campaign.load(storage, BayesianRidge(), np.linspace(0, 1, 200).reshape(-1, 1))


def check_nothing_lost(folder, campaign, n_kills):
    """Every result that a worker had left is a label, none twice, few were calculated twice."""
    log = read_log(folder)
    begun = [position for word, _, position in log if word == "begin"]
    repeated = len(begun) - len(set(begun))
    assert repeated <= 2 * n_kills
    np.testing.assert_allclose(campaign.y, np.sin(5 * campaign.labelled / 199))
    assert len(set(campaign.labelled.tolist())) == len(campaign.y)
    told = [p for event in campaign._events if event["kind"] == "tell" for p in event["positions"]]
    assert len(told) == len(set(told))
    asked = [p for event in campaign._events if event["kind"] == "ask" for p in event["positions"]]
    released = [
        p for event in campaign._events if event["kind"] == "release" for p in event["positions"]
    ]
    assert len(asked) - len(set(asked)) <= len(released)
    return begun


def test_workers_that_die_hang_or_raise_cost_their_record_alone(tmp_path):
    process = start(tmp_path, 12, "faults")
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert out.split("\n")[:3] == ["main", "ready 0", "12 labels reached"]  # main ran once
    with load(tmp_path) as campaign:
        assert campaign.dropped == {
            0: "the worker died (exit status 3)",
            1: "not finished in 1 s",
            2: "ValueError: no",
        }
        assert len(campaign.failures) == 6
        assert len(campaign.y) == 12
        pids = {int(result["properties"]["pid"]) for result in campaign.results}
    assert not any(map(is_alive, pids))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stores_or_releases_all_and_ends_the_workers(tmp_path, number):
    process = start(tmp_path, 100, "slow")
    wait_for(lambda: sum(word == "end" for word, *_ in read_log(tmp_path)) >= 3)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in err
    log = read_log(tmp_path)
    wait_for(lambda: not any(is_alive(pid) for _, pid, _ in log))
    with load(tmp_path) as campaign:
        assert len(campaign.pending) == 0
        assert campaign.failures == []
        begun = check_nothing_lost(tmp_path, campaign, n_kills=1)
        assert len(set(begun)) - len(campaign.y) <= 2


def test_a_killed_driver_loses_no_result_and_its_workers_end(tmp_path):
    process = start(tmp_path, 16, "slow")
    wait_for(lambda: sum(word == "end" for word, *_ in read_log(tmp_path)) >= 3)
    process.kill()
    process.communicate()
    log = read_log(tmp_path)
    wait_for(lambda: not any(is_alive(pid) for _, pid, _ in log), seconds=10)
    ended = {position for word, _, position in read_log(tmp_path) if word == "end"}
    with load(tmp_path) as campaign:
        # A worker may die between the last line of the oracle and the end of the writing.
        assert len(ended - set(campaign.labelled.tolist())) <= 2
        assert len(campaign.pending) > 0
    process = start(tmp_path, 16, "slow")
    out, err = process.communicate(timeout=120)
    assert "16 labels reached" in out, err
    with load(tmp_path) as campaign:
        check_nothing_lost(tmp_path, campaign, n_kills=1)
        assert len(campaign.pending) == 0


def kill_at_random(folder, n_labels, n_kills, *storage, between=lambda k: None):
    """Kill the driver as often, in turn at random times of its start and of its work."""
    random = np.random.RandomState(0)
    for kill in range(n_kills):
        # Progress is counted in calculations, not in seconds: machines differ in speed.
        n_begun = len(read_log(folder)) + random.randint(1, 11)
        process = start(folder, n_labels, "slow", *storage)
        assert process.stdout.readline() == "main\n"
        if kill % 2:
            wait_for(lambda n_begun=n_begun: len(read_log(folder)) >= n_begun, seconds=120)
        time.sleep(random.uniform(0.0, 0.4 if kill % 2 else 1.5))
        between(kill)
        process.kill()
        _, err = process.communicate(timeout=300)
        assert process.returncode == -signal.SIGKILL, err
    process = start(folder, n_labels, "slow", *storage)
    out, err = process.communicate(timeout=300)
    assert "labels reached" in out, err


@pytest.mark.slow
def test_twenty_kills_lose_nothing(tmp_path):
    kill_at_random(tmp_path, 180, 20)
    with load(tmp_path) as campaign:
        check_nothing_lost(tmp_path, campaign, 20)
        assert len(campaign.y) == 180


@pytest.mark.slow
def test_kills_on_a_server_that_is_restarted_lose_nothing(tmp_path, postgres_server):
    pytest.importorskip("psycopg")
    url = postgres_server.new_database()

    def restart(k):
        if k in (5, 12):
            postgres_server.stop("immediate")
            postgres_server.start()

    kill_at_random(tmp_path, 180, 20, url, between=restart)
    with load(tmp_path, url) as campaign:
        check_nothing_lost(tmp_path, campaign, 20)
        assert len(campaign.y) == 180


# ------------------------------------------------------------------------------- others' executors


def sleep_or_print(row):
    print("an oracle may print")
    if row[0] > 0.99:
        time.sleep(60)
    return {"sine": float(np.sin(5 * row[0]))}


def test_executors_of_others_keep_the_time(threads):
    campaign = make_campaign(initial=[59, 3])
    options = {"n_parallel": 3, "n_initial": 2, "timeout": 5.0, "retries": 0}
    campaign.run(sleep_or_print, 2, executor=threads, **options)
    assert campaign.dropped == {59: "not finished in 5 s"}
    np.testing.assert_allclose(campaign.y, Y[campaign.labelled])


def test_a_dask_client_calculates(tmp_path):
    distributed = pytest.importorskip("distributed")
    oracle = Sine(lambda x, n: OracleError("once") if n == 1 else None)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
        make_campaign(storage=tmp_path / "hunt.db") as campaign,
    ):
        summary = campaign.run(oracle, 12, target="sine", executor=client, max_failures=1.0)
        assert len(campaign.y) == 12
        # A retry is another calculation, not the failure of the first one.
        assert summary.n_failed == 12
        assert json.loads(campaign.to_json())["events"][0]["n_parallel"] == 2
        np.testing.assert_allclose(campaign.y, Y[campaign.labelled])
