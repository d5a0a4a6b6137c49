"""How long a run will take, from a small part of it."""

from time import perf_counter

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

__all__ = ["estimate_seconds", "say_seconds"]

_PROBE = 100  # labels of the fit that is timed
# Measured: a fit takes time as n to the power of 1.75 between 100 and 800 labels for the Gaussian
# process, whose time goes into the search for hyperparameters, and about n for trees.
_POWER = {"GaussianProcessRegressor": 1.75}


def estimate_seconds(model, X, y, sizes, n_strategies, n_jobs):
    """Estimate the seconds of a whole run.

    One fit and one prediction are timed, after one that compiles.

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
    n = min(_PROBE, sizes.n_initial, len(y))
    describe, regressor = Pipeline(model.steps[:-1]), model.steps[-1][1]
    start = perf_counter()
    some = describe.fit_transform(X[:n])
    describing = (perf_counter() - start) * len(y) / n
    for _ in range(2):
        start = perf_counter()
        fitted = clone(regressor).fit(some, y[:n])
        fitting = perf_counter() - start
        start = perf_counter()
        fitted.predict(some)
        predicting = (perf_counter() - start) * len(y) / n
    labels = np.cumsum([sizes.n_initial, *sizes.batches])
    power = _POWER.get(type(regressor).__name__, 1.0)
    rounds = sum(fitting * (size / n) ** power + 2 * predicting * size / n for size in labels)
    workers = min(joblib.cpu_count() if n_jobs < 0 else n_jobs, n_strategies * sizes.seeds)
    return sizes.seeds * (n_strategies * rounds / workers + describing)


def say_seconds(seconds):
    """Round a time to what an estimate can promise."""
    if seconds < 50:
        return "less than a minute"
    if seconds < 5400:
        minutes = round(seconds / 60)
        return "about a minute" if minutes == 1 else f"about {minutes} minutes"
    return f"about {seconds / 3600:.0f} hours"
