"""What a worker does: one calculation, whose result is on disk before it is answered.

Nothing of the model is imported here, and what goes over the wire is plain data.
"""

import os
import pickle
import signal
import sys
import threading
import time
from functools import lru_cache
from typing import NamedTuple

from skmolal.oracles._errors import OracleError, one_line
from skmolal.oracles._programs import end_programs
from skmolal.storage._spool import write_spool

__all__ = ["Work", "become_worker", "calculate"]

_LOOKS_PER_SECOND = 4


class Work(NamedTuple):
    """One calculation, ready to be sent to a worker."""

    oracle: bytes  # by cloudpickle, so functions of a script or notebook can be sent
    record: object  # one ase.Atoms, or whatever the pool holds
    target: str | None
    position: int
    key: str  # of the molecule and the method
    spool: str | None  # folder for the result, where one is kept


class _NoTargetError(OracleError):
    """Nobody has said which of the results is the label."""


def calculate(work):
    """Run the oracle on one record.

    Returns
    -------
    outcome : dict
        ``properties``, ``label`` and ``seconds`` of a calculation; or ``error``, one line, and
        ``fatal``: what to raise where every other record would fail for the same reason, or None.
    """
    start = time.perf_counter()
    try:
        oracle = _load(work.oracle)
    except Exception as error:
        # Its module is not found here, or raises: that is so for every record.
        return _failure(f"the oracle cannot be loaded by a worker: {_name(error)}", "ImportError")
    try:
        properties, label = _pick(oracle(work.record), work.target)
    except _NoTargetError as error:
        return _failure(str(error), "ValueError")
    except OracleError as error:
        return _failure(str(error))
    except ImportError as error:
        return _failure(_name(error), "ImportError")
    except Exception as error:  # a user's function raises anything
        return _failure(_name(error))
    outcome = {"properties": properties, "label": label, "seconds": time.perf_counter() - start}
    if work.spool is not None:
        payload = {"position": work.position, "key": work.key, **outcome}
        write_spool(work.spool, spool_name(work), payload)
    return outcome


def spool_name(work):
    """Return the name of a result in the spool."""
    return f"{work.position}-{work.key[:16]}"


def become_worker(parent):
    """Prepare a process of our own: it ends with its driver, and its programs end with it.

    Parameters
    ----------
    parent : int
        The driver's process number.
    """
    end = signal.getsignal(signal.SIGTERM)

    def end_with_programs(number, frame):
        end_programs()
        end(number, frame) if callable(end) else os._exit(1)

    signal.signal(signal.SIGTERM, end_with_programs)
    # A thread, as a calculation in compiled code looks at nothing else.
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent):
    while _is_parent(parent):
        time.sleep(1 / _LOOKS_PER_SECOND)
    end_programs()
    os._exit(1)


def _is_parent(parent):
    if os.name == "posix":
        return os.getppid() == parent
    import psutil

    return psutil.pid_exists(parent)


@lru_cache(maxsize=4)
def _load(oracle):
    return pickle.loads(oracle)


def _pick(answer, target):
    """Check an oracle's answer, and return it with the label that is in it."""
    if not isinstance(answer, dict) or not answer:
        raise OracleError(f"an oracle must return a dict of floats, got {one_line(answer, 80)!r}")
    properties = {}
    for name, value in answer.items():
        try:
            properties[str(name)] = float(value)
        except (TypeError, ValueError):
            raise OracleError(f"{name} must be a number, got {one_line(value, 80)!r}") from None
    if target is None:
        if len(properties) > 1:
            raise _NoTargetError(f"name a target, one of the results: {sorted(properties)}")
        target = next(iter(properties))
    if target not in properties:
        raise OracleError(f"target {target!r} is not one of the results: {sorted(properties)}")
    label = properties[target]
    if not abs(label) < float("inf"):
        raise OracleError(f"{target} is {label}, labels must be finite")
    return properties, label


def _failure(message, fatal=None):
    return {"error": one_line(message), "fatal": fatal}


def _name(error):
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":  # a process for one calculation: work comes in, the outcome goes out
    become_worker(int(sys.argv[1]))
    _answer, sys.stdout = sys.stdout, sys.stderr  # an oracle may print
    _answer.buffer.write(b".")
    _answer.flush()
    pickle.dump(calculate(pickle.load(sys.stdin.buffer)), _answer.buffer)
