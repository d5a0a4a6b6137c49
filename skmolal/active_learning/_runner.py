"""The loop that keeps workers busy with calculations, and the model informed of what they give.

It uses of a campaign only what anybody may: ask, tell, fail, drop and release.
"""

import concurrent.futures
import contextlib
import signal
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass

from skmolal._workers._executors import (
    BrokenExecutorError,
    OwnWorkers,
    as_executor,
    outcome,
)
from skmolal._workers._work import Work, spool_name
from skmolal.oracles._identity import content_key, oracle_identity
from skmolal.stopping import stop_reason

__all__ = ["OracleFailuresError", "RunSummary", "Runner"]

_RECENT = 20  # attempts, of which a share may fail
_JUDGED_FROM = 10  # attempts; fewer say little
_REPORT_EVERY = 30.0  # seconds
_LOOK_EVERY = 0.25  # seconds, at signals
_FATAL = {error.__name__: error for error in (ImportError, ValueError)}
_REPAIRS = 3  # of our own workers, without a result in between


class OracleFailuresError(RuntimeError):
    """Too many calculations failed; the message has the commonest words of theirs."""


@dataclass(frozen=True)
class RunSummary:
    """How a run of a campaign went.

    Parameters
    ----------
    reason : str
        Why it has ended.
    n_told : int
        Labels that it has told the campaign.
    n_failed : int
        Attempts that failed.
    n_dropped : int
        Records taken out of the pool, as all attempts failed.
    seconds : float
        It took.
    seconds_asking : float
        Seconds of these in which the campaign fitted its model and chose (the calculations went
        on meanwhile).
    seconds_storing : float
        Seconds in which results were taken in and stored.
    seconds_calculating : float
        Seconds of all calculations that gave a label, summed over the workers.
    idle : float
        Share of the workers' time in which they calculated nothing that became a label.
    """

    reason: str
    n_told: int
    n_failed: int
    n_dropped: int
    seconds: float
    seconds_asking: float
    seconds_storing: float
    seconds_calculating: float
    idle: float


class Runner:
    """One run of a campaign.

    Parameters
    ----------
    campaign : Campaign
        It drives its storage.
    oracle : callable
        From one record to a dict of floats.
    n_labels, target, executor, n_parallel, batch_size, n_initial, timeout, retries, max_failures,
    stopping, report, verbose : object
        As :meth:`Campaign.run` takes them, checked.
    """

    def __init__(
        self,
        campaign,
        oracle,
        n_labels,
        *,
        target,
        executor,
        n_parallel,
        batch_size,
        n_initial,
        timeout,
        retries,
        max_failures,
        stopping,
        report,
        verbose,
    ):
        self.campaign = campaign
        self.identity = oracle_identity(oracle)
        self.oracle = _pickle(oracle)
        self.n_labels = n_labels
        self.target = target
        self.executor = executor
        self.n_parallel = n_parallel
        self.batch_size = batch_size
        self.n_initial = n_initial
        self.timeout = timeout
        self.retries = retries
        self.max_failures = max_failures
        self.stopping = stopping
        self.report = report
        self.verbose = verbose

        self.work = {}  # future -> Work
        self.like = {}  # key that is calculated -> other positions with the same content
        self.attempts = Counter(f["position"] for f in campaign._state.failures)
        self.recent = deque(maxlen=_RECENT)  # True where an attempt failed
        self.words = Counter()  # of failures
        self.repairs = 0
        self.n_judged = -1  # labels when the stopping rules were last asked
        self.stopped = None
        self.is_interrupted = False
        self.counts = Counter()
        self.seconds = Counter()
        self.next_report = time.monotonic() + _REPORT_EVERY

    # ---------------------------------------------------------------------------- the loop

    def run(self):
        """Play, and leave nothing pending that nobody calculates."""
        start = time.monotonic()
        self.workers = as_executor(self.executor, self.n_parallel, self.timeout)
        with _signals(self._interrupt), self._progress() as bar:
            try:
                self._resume()
                reason = self._loop(bar)
            finally:
                self._end()
        if self.is_interrupted:
            raise KeyboardInterrupt
        self._write_report(at_once=True)
        seconds = time.monotonic() - start
        return RunSummary(
            reason,
            self.counts["told"],
            self.counts["failed"],
            self.counts["dropped"],
            seconds,
            self.seconds["asking"],
            self.seconds["storing"],
            self.seconds["calculating"],
            max(0.0, 1 - self.seconds["calculating"] / (self.n_parallel * seconds)),
        )

    def _loop(self, bar):
        while True:
            self._refill()
            if not self.work or self.is_interrupted:
                return self._why()
            done, _ = concurrent.futures.wait(
                self.work, _LOOK_EVERY, concurrent.futures.FIRST_COMPLETED
            )
            if done:
                self._take(done)
                bar.n = len(self.campaign.y)
                bar.set_postfix(failed=self.counts["failed"], refresh=False)
                bar.update(0)
            self._write_report()

    def _resume(self):
        """Send what an earlier run, which was killed, had asked for."""
        positions = [int(p) for p in self.campaign._state.awaited_by_runner]
        room = max(self.n_labels - len(self.campaign.y), 0)
        if positions[room:]:
            self._release(positions[room:], "as many labels are not wanted")
        self._submit(positions[:room])

    def _refill(self):
        """Ask while there is room: a record in work and one in reserve for each worker."""
        campaign = self.campaign
        while self.stopped is None and not self.is_interrupted:
            n_known, n_pending = len(campaign.y), self._n_outstanding
            room = self.n_labels - n_known - n_pending
            if room <= 0 or n_pending >= 2 * self.n_parallel or len(campaign.unlabelled) == 0:
                return
            start = time.monotonic()
            if n_known != self.n_judged and n_known:
                self.n_judged = n_known
                self.stopped = stop_reason(self.stopping, campaign.fit())
                if self.stopped is not None:
                    campaign._record("note", stopped=self.stopped)
                    self._forget_waiting()
                    return
            size = self.batch_size if n_known or campaign.n_rounds else self.n_initial
            positions = campaign._ask(min(size, room, len(campaign.unlabelled)), by_runner=True)
            self.seconds["asking"] += time.monotonic() - start
            self._submit(positions)

    def _why(self):
        if self.stopped is not None:
            return self.stopped
        n_known = len(self.campaign.y)
        if n_known >= self.n_labels:
            return f"{n_known} labels reached"
        return f"nothing left to ask for with {n_known} labels"

    @property
    def _n_outstanding(self):
        return len(self.work) + sum(map(len, self.like.values()))

    # ------------------------------------------------------------------------ calculations

    def _submit(self, positions):
        """Send records to the workers; what is known already is told at once."""
        campaign, known = self.campaign, []
        works = [self._make_work(int(position)) for position in positions]
        in_work = {work.key for work in self.work.values()}
        for work in works:
            result = campaign._results.get(work.key)
            if result is not None and (label := self._label(result["properties"])) is not None:
                known.append((work, result["properties"], label, 0.0))
            elif work.key in in_work:
                self.like.setdefault(work.key, []).append(work.position)
            else:
                self._send(work)
                in_work.add(work.key)
        self._tell(known)

    def _make_work(self, position):
        from ase import Atoms

        from skmolal._rows import take_rows

        record = take_rows(self.campaign._X, [position])[0]
        key = f"record-{position}"
        if isinstance(record, Atoms):
            record = record.copy()  # without a calculator
            with contextlib.suppress(RuntimeError):  # the worker says what is wrong with it
                key = content_key(self.identity, record)
        storage = self.campaign._storage
        spool = None if storage is None else str(storage.spool_path)
        return Work(self.oracle, record, self.target, position, key, spool)

    def _send(self, work):
        try:
            future = self.workers.submit(work)
        except BrokenExecutorError as error:
            self._repair(error)
            future = self.workers.submit(work)
        self.work[future] = work

    def _repair(self, error):
        """Begin anew with workers of our own; an executor of the user's is not ours to mend."""
        if self.executor is not None or self.repairs == _REPAIRS:
            raise error
        self.repairs += 1
        self.workers.stop()
        self.workers = OwnWorkers(self.n_parallel, self.timeout)
        lost, self.work = list(self.work.values()), {}
        for work in lost:
            self.work[self.workers.submit(work)] = work

    def _label(self, properties):
        target = self.target or (next(iter(properties)) if len(properties) == 1 else None)
        return properties.get(target)

    # ----------------------------------------------------------------------------- results

    def _take(self, done):
        """Take in what has finished: labels in one transaction, then failures."""
        start = time.monotonic()
        told, failed = [], []
        try:
            for future in done:
                result = outcome(future, self.timeout)
                work = self.work.pop(future)
                if "error" in result:
                    failed.append((work, result))
                    continue
                told.append((work, result["properties"], result["label"], result["seconds"]))
                for position in self.like.pop(work.key, ()):
                    twin = work._replace(position=position)
                    told.append((twin, result["properties"], result["label"], 0.0))
        except BrokenExecutorError as error:
            self._tell(told)
            self._repair(error)
            told = []
        self._tell(told)
        for _, result in failed:
            if result["fatal"]:  # no fault of the record: it stays to be asked for
                raise _FATAL[result["fatal"]](result["error"])
        for work, result in failed:
            self._fail(work, result)
        self._judge()
        self.seconds["storing"] += time.monotonic() - start

    def _tell(self, told):
        if not told:
            return
        works, _, labels, seconds = zip(*told, strict=True)
        results = {
            work.key: {
                "key": work.key,
                "record": work.position,
                "oracle": self.identity,
                "properties": found,
                "seconds": second,
            }
            for work, found, _, second in told
            if work.key not in self.campaign._results
        }
        self.campaign._record(
            "tell",
            positions=[work.position for work in works],
            y=list(labels),
            keys=[work.key for work in works],
            seconds=list(seconds),
            results=list(results.values()),
        )
        if self.campaign._storage is not None:
            self.campaign._storage.discard_spool([spool_name(work) for work in works])
        self.repairs = 0
        self.counts["told"] += len(told)
        self.seconds["calculating"] += sum(seconds)
        self.recent.extend([False] * sum(second > 0 for second in seconds))

    def _fail(self, work, result):
        campaign, message = self.campaign, result["error"]
        position = work.position
        campaign._record("fail", positions=[position], reason=message)
        self.counts["failed"] += 1
        self.attempts[position] += 1
        self.words[message] += 1
        self.recent.append(True)
        if self.attempts[position] <= self.retries and self.stopped is None:
            self._send(work)
            return
        if self.attempts[position] > self.retries:
            campaign._record("drop", positions=[position], reason=message)
            self.counts["dropped"] += 1
        else:
            self._release([position], "the campaign was stopped")
        like = self.like.pop(work.key, [])
        if like:  # the next with this content takes its place
            self._send(work._replace(position=like[0]))
            if like[1:]:
                self.like[work.key] = like[1:]

    def _judge(self):
        if len(self.recent) < _JUDGED_FROM:
            return
        share = sum(self.recent) / len(self.recent)
        if share > self.max_failures:
            words, times = self.words.most_common(1)[0]
            raise OracleFailuresError(
                f"{sum(self.recent)} of the last {len(self.recent)} calculations failed, more than "
                f"{self.max_failures:.0%}; most often ({times} times): {words}"
            )

    # ------------------------------------------------------------------------------ the end

    def _forget_waiting(self):
        """Give back what no worker has begun; what is begun has been paid for."""
        waiting = [f for f in self.work if not (f.running() or f.done()) and f.cancel()]
        positions = [self.work.pop(future).position for future in waiting]
        in_work = {work.key for work in self.work.values()}
        for key in [key for key in self.like if key not in in_work]:
            positions += self.like.pop(key)
        self._release(positions, "the campaign was stopped")

    def _release(self, positions, reason):
        if positions:
            self.campaign._record("release", positions=positions, reason=reason)

    def _end(self):
        """Take in what is finished, end the workers, and release the rest."""
        done = [future for future in self.work if future.done() and not future.cancelled()]
        try:
            with contextlib.suppress(OracleFailuresError, BrokenExecutorError, *_FATAL.values()):
                self.stopped = self.stopped or "ended"  # nothing is sent again
                self._take(done)
        finally:
            self.workers.stop()
        self.campaign._take_spool()  # what was finished but not yet answered
        left = [int(position) for position in self.campaign._state.awaited_by_runner]
        self._release(left, "the run ended before them")

    def _interrupt(self, number, frame):
        if self.is_interrupted:  # again: at once, as by a kill
            raise KeyboardInterrupt
        self.is_interrupted = True

    def _write_report(self, at_once=False):
        """Rewrite the report, at most every 30 s and in at most a twentieth of the time."""
        if self.report is None or not (at_once or time.monotonic() >= self.next_report):
            return
        start = time.monotonic()
        if callable(self.report):
            self.report(self.campaign)
        else:
            self.campaign.report(self.report)
        seconds = time.monotonic() - start
        self.next_report = time.monotonic() + max(_REPORT_EVERY, 20 * seconds)

    def _progress(self):
        from tqdm import tqdm

        return tqdm(
            total=self.n_labels,
            initial=len(self.campaign.y),
            unit="label",
            disable=not self.verbose,
        )


@contextlib.contextmanager
def _signals(handler):
    """Let Ctrl-C and SIGTERM set a mark: an interrupt in the middle of an event would lose it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _pickle(oracle):
    import cloudpickle

    try:
        return cloudpickle.dumps(oracle)
    except Exception as error:
        raise TypeError(f"oracle cannot be sent to a worker: {error}") from error
