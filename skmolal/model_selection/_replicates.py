"""Campaigns of a learning curve: one strategy in one repeat, and many of them in parallel."""

import os
import warnings
from contextlib import contextmanager, suppress
from threading import Event, Thread
from time import perf_counter
from typing import NamedTuple

import joblib
import numpy as np

from skmolal.active_learning import ActiveLearningRegressor, Campaign
from skmolal.metrics._curves import TIMES
from skmolal.model_selection._checkpoint import read_json, write_json

__all__ = ["Features", "Replicate", "play_all", "play_replicate"]

_NO_SCORES = ("n_labelled", *TIMES)
_PERIOD = 0.5  # seconds between two looks at what has been stored


class Features(NamedTuple):
    """What the campaigns of one repeat share."""

    regressor: object
    X_pool: object
    X_test: object
    seconds: float  # to make them


class Replicate(NamedTuple):
    """One strategy in one repeat."""

    rows: list
    picks: list
    pool_idx: np.ndarray


class _Scored(ActiveLearningRegressor):
    """Predicts the test set once per round, however many scorers ask."""

    def predict(self, X, **params):
        key = (len(self.query_idx_), tuple(sorted(params.items())))
        if X is not self._X_test:
            return super().predict(X, **params)
        if getattr(self, "_memory", (None,))[0] != key:
            self._memory = (key, super().predict(X, **params))
        return self._memory[1]


def play_replicate(learner, features, y_pool, y_test, scorers, stored, path):
    """Play one strategy in one repeat; store every round where there is a path."""
    # XLA's own pool of threads follows this variable where JAX has not started yet.
    if os.environ.get("OMP_NUM_THREADS"):
        os.environ.setdefault("NPROC", os.environ["OMP_NUM_THREADS"])
    X_pool, X_test, transform_time = features.X_pool, features.X_test, features.seconds
    learner = _Scored(**learner.get_params(deep=False))
    learner._X_test = X_test
    rows, campaign = [], None
    if stored is not None:
        rows = stored["rows"]
        campaign = Campaign.from_json(
            stored["campaign"], learner.estimator, X_pool, query_strategy=learner.query_strategy
        )
    for played in learner._play(X_pool, y_pool, campaign):
        start = perf_counter()
        scores = {name: float(score(played, X_test, y_test)) for name, score in scorers.items()}
        latest = played.history_[-1]
        rows.append(
            {
                "n_labelled": latest["n_labelled"],
                **scores,
                "transform_time": 0.0 if rows else transform_time,
                "fit_time": latest["fit_time"],
                "query_time": latest["query_time"],
                "predict_time": latest["predict_time"],
                "score_time": perf_counter() - start,
            }
        )
        if path is not None:
            state = played.campaign_.to_json()
            write_json(path, {"finished": False, "rows": rows, "campaign": state})
    picks = learner.campaign_.picks()
    if path is not None:
        write_json(path, {"finished": True, "rows": rows, "picks": picks})
    return rows, picks


def play_all(calls, n_jobs, n_workers, progress):
    """Play campaigns in parallel, each in a process with one thread where there are several."""
    paths = {path: name for (name, _), (_, _, path) in calls.items() if path is not None}
    with (
        joblib.parallel_config(**_one_thread_each(n_workers)),
        _following(paths, progress),
        warnings.catch_warnings(),
    ):
        # loky replaces a worker whose memory has grown, as with what JAX compiles: nothing is lost.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs were given")
        played = joblib.Parallel(n_jobs=n_jobs, pre_dispatch="n_jobs", return_as="generator")(
            call for call, _, _ in calls.values()
        )
        results = {}
        for key, (rows, picks) in zip(calls, played, strict=True):
            results[key] = Replicate(rows, picks, calls[key][1])
            progress.set_postfix_str(_say_last(key[0], rows[-1]), refresh=False)
            progress.update()
    return results


@contextmanager
def _following(paths, progress):
    """Show the scores of each round when it is stored: long before its campaign ends.

    Not on Windows, where a file that is read cannot be replaced.
    """
    if progress.disable or not paths or os.name != "posix":
        yield
        return
    over, seen = Event(), {path: _changed(path) for path in paths}

    def look():
        while not over.wait(_PERIOD):
            for path, name in paths.items():
                changed = _changed(path)
                if changed != seen[path]:
                    seen[path] = changed
                    with suppress(OSError, TypeError):  # it is gone again
                        progress.set_postfix_str(_say_last(name, read_json(path)["rows"][-1]))

    thread = Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _changed(path):
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _say_last(strategy, row):
    """Say where a campaign has come to."""
    scores = [f"{name} {value:.3g}" for name, value in row.items() if name not in _NO_SCORES]
    return f"{strategy}, {row['n_labelled']} labels: {', '.join(scores)}"


def _one_thread_each(n_workers):
    """Return the settings under which worker processes do not fight over the cores."""
    backend, _ = joblib.parallel.get_active_backend()
    given = getattr(backend, "inner_max_num_threads", None)
    if n_workers > 1 and given is None and getattr(backend, "supports_inner_max_num_threads", 0):
        return {"backend": "loky", "inner_max_num_threads": 1}
    return {}
