"""How long a run will take, from a small part of it."""

from time import perf_counter

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

__all__ = ["estimate_seconds", "say_seconds"]

_PROBE = 100  # labels of the fit that is timed
_ROWS = 500  # molecules that are described and predicted; of few, calls take the time
# Measured: a fit takes time as n to the power of 1.4 between 100 and 800 labels for the Gaussian
# process, whose time goes into the search for hyperparameters, and about n for trees. Below 100
# labels it is the calls that take the time, however few the labels.
_POWER = {"GaussianProcessRegressor": 1.4}


def estimate_seconds(model, X, y, sizes, n_strategies, n_jobs):
    """Estimate the seconds of a whole run.

    Features, a fit and predictions are timed, after ones that compile; each process compiles
    anew, for each size of the training set.

    Parameters
    ----------
    model : Pipeline
        Of :func:`build_model`.
    X : ndarray of shape (n_samples,), dtype object
        Molecules or SMILES.
    y : ndarray of shape (n_samples,)
        Labels.
    sizes : Sizes
        Of the run.
    n_strategies : int
        Strategies that are played in each repeat.
    n_jobs : int
        Processes, as in joblib.
    """
    labels = np.cumsum([sizes.n_initial, *sizes.batches])
    n_rows = min(_ROWS, len(y))
    n = min(_PROBE, labels[-1], n_rows)
    describe, regressor = Pipeline(model.steps[:-1]), model.steps[-1][1]
    describe.fit_transform(X[:n])
    describing, some = _time(lambda: describe.fit_transform(X[:n_rows]))
    few = some[: max(1, n_rows // 10)]
    compiling, fitted = _time(lambda: clone(regressor).fit(some[:n], y[:n]))
    for rows in (few, some):
        compiling += _time(lambda rows=rows: fitted.predict(rows))[0]
    fitting, fitted = _time(lambda: clone(regressor).fit(some[:n], y[:n]))
    calling, predicting = (
        min(_time(lambda rows=rows: fitted.predict(rows))[0] for _ in range(3))
        for rows in (few, some)
    )
    per_row = max(0.0, predicting - calling) / max(1, n_rows - n_rows // 10)
    power = _POWER.get(type(regressor).__name__, 1.0)
    rounds = sum(
        fitting * max(1.0, size / n) ** power
        + 2 * (calling + per_row * len(y) * max(1.0, size / n))
        for size in labels
    )
    workers = min(joblib.cpu_count() if n_jobs < 0 else n_jobs, n_strategies * sizes.seeds)
    return (
        max(0.0, compiling - fitting - predicting) * len(labels)
        + sizes.seeds * n_strategies * rounds / workers
        + sizes.seeds * describing * len(y) / n_rows
    )


def _time(call):
    """Return the seconds that a call takes, and its result."""
    start = perf_counter()
    result = call()
    return perf_counter() - start, result


def say_seconds(seconds):
    """Round a time to what an estimate can promise."""
    if seconds < 50:
        return "less than a minute"
    if seconds < 5400:
        minutes = round(seconds / 60)
        return "about a minute" if minutes == 1 else f"about {minutes} minutes"
    return f"about {seconds / 3600:.0f} hours"
