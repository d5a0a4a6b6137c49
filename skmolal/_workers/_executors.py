"""Where calculations run: worker processes of our own, or anything with ``submit``.

Both have ``submit(work) -> Future`` and ``stop()``; `outcome` reads a finished future.
"""

import concurrent.futures
import os
import pickle
import signal
import subprocess
import sys

from skmolal._workers._work import become_worker, calculate

__all__ = ["BrokenExecutorError", "OwnWorkers", "as_executor", "outcome"]

# One thread for each calculation; libraries read these when they are imported.
_ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "NUMBA_NUM_THREADS",
    ),
    "1",
)


class BrokenExecutorError(RuntimeError):
    """The executor takes no more work; what it had is lost, and no record's fault."""


def as_executor(executor, n_parallel, timeout):
    """Return what a campaign submits its calculations to.

    Parameters
    ----------
    executor : None, dask client or concurrent.futures.Executor
        None is processes of our own.
    n_parallel : int
        Number of those.
    timeout : float or None
        Seconds after which a calculation has failed.
    """
    if executor is None:
        return OwnWorkers(n_parallel, timeout)
    if hasattr(executor, "get_executor"):  # a client of dask.distributed
        # Not pure: a retry is another calculation, not the failure of the first.
        executor = executor.get_executor(pure=False)
    if not callable(getattr(executor, "submit", None)):
        raise TypeError(
            "executor must be None, a dask client or a concurrent.futures.Executor, "
            f"got {type(executor).__name__}"
        )
    return Executor(executor, timeout)


class OwnWorkers:
    """Worker processes that never import the caller's main module.

    pebble's pool ends a process whose time is up, and one that dies is the failure of its task
    alone; loky starts processes without a look at ``__main__``, with an environment of their own.
    """

    def __init__(self, n_workers, timeout):
        from loky.backend.context import LokyContext
        from loky.backend.process import LokyProcess
        from pebble import ProcessPool

        class Context(LokyContext):
            @staticmethod
            def Process(**options):
                return LokyProcess(env=_ONE_THREAD, **options)

        self._timeout = timeout
        self._pool = ProcessPool(
            n_workers, context=Context(), initializer=become_worker, initargs=(os.getpid(),)
        )

    def submit(self, work):
        try:
            return self._pool.schedule(calculate, (work,), timeout=self._timeout)
        except RuntimeError as error:
            raise BrokenExecutorError(f"the workers end as soon as they begin: {error}") from error

    def stop(self):
        """End all workers at once, whatever they do."""
        self._pool.stop()
        self._pool.join()


class Executor:
    """An executor of the user's: it is given calculations, and left as it was."""

    def __init__(self, executor, timeout):
        self._executor = executor
        self._timeout = timeout
        self._futures = set()

    def submit(self, work):
        try:
            if self._timeout is None:
                future = self._executor.submit(calculate, work)
            else:
                future = self._executor.submit(calculate_in_time, work, self._timeout)
        except (concurrent.futures.BrokenExecutor, RuntimeError) as error:
            raise BrokenExecutorError(f"the executor takes no more work: {error}") from error
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        return future

    def stop(self):
        for future in tuple(self._futures):
            future.cancel()


def calculate_in_time(work, timeout):
    """Calculate in a process of its own, which is ended when its time is up.

    That process starts anew for each calculation, as pools of processes are refused within
    workers of dask and others.
    """
    command = [sys.executable, "-m", "skmolal._workers._work", str(os.getpid())]
    own_group = {"start_new_session": True} if os.name == "posix" else {}
    environment = {
        **os.environ,
        **_ONE_THREAD,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, **own_group
    ) as process:
        process.stdout.read(1)  # it has begun: its start does not count
        try:
            answer, _ = process.communicate(pickle.dumps(work), timeout)
        except subprocess.TimeoutExpired:
            process.terminate()  # it ends its programs
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
            return {"error": _out_of_time(timeout), "fatal": None}
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        return {"error": _died(process.returncode), "fatal": None}
    return pickle.loads(answer)


def outcome(future, timeout):
    """Return the outcome of a finished calculation, whatever became of it.

    Raises
    ------
    BrokenExecutorError
        If the executor as a whole has failed.
    """
    try:
        return future.result()
    except concurrent.futures.BrokenExecutor as error:
        raise BrokenExecutorError(f"the executor broke: {error}") from error
    except concurrent.futures.CancelledError:
        message = "cancelled"
    except TimeoutError:
        message = _out_of_time(timeout)
    except Exception as error:
        # Pebble's word for a worker that has ended; others have words of their own.
        exitcode = getattr(error, "exitcode", None)
        message = f"{type(error).__name__}: {error}" if exitcode is None else _died(exitcode)
    return {"error": " ".join(message.split()), "fatal": None}


def _out_of_time(timeout):
    return "not finished in time" if timeout is None else f"not finished in {timeout:g} s"


def _died(status):
    if status < 0:
        try:
            return f"the worker died ({signal.Signals(-status).name})"
        except ValueError:
            pass
    return f"the worker died (exit status {status})"
