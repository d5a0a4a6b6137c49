"""Learning curves of query strategies: strategies x repeats x batches."""

from numbers import Integral
from time import perf_counter

import joblib
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import check_scoring
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.validation import check_array, column_or_1d
from tqdm.auto import tqdm

from skmolal._rows import n_rows, take_rows
from skmolal.active_learning import ActiveLearningRegressor
from skmolal.active_learning._features import split_steps
from skmolal.active_learning._pool import as_pool, digest
from skmolal.batch_sizes import check_size
from skmolal.metrics._curves import TIMES
from skmolal.metrics._scorers import needs_test_molecules
from skmolal.model_selection._checkpoint import (
    check_settings,
    read_json,
    replicate_path,
)
from skmolal.model_selection._replicates import Features, Replicate, play_all, play_replicate
from skmolal.query_strategies import check_query_strategy
from skmolal.query_strategies._machinery.needs import check_needs

__all__ = ["active_learning_curve"]

# The features of several repeats are held at once, so that no worker waits for the next repeat.
_HELD_BYTES = 2**30


def active_learning_curve(
    estimator,
    X,
    y,
    *,
    query_strategies=("random", "uncertainty"),
    batch_sizes=None,
    n_initial=100,
    test_size=0.2,
    n_repeats=5,
    scoring=None,
    groups=None,
    test_idx=None,
    stopping=None,
    n_jobs=None,
    random_state=None,
    checkpoint_dir=None,
    verbose=False,
):
    """Compare query strategies: play campaigns over repeats and score them after each round.

    In each repeat a test set is drawn; no model, transformer or strategy sees it. All strategies
    of a repeat share the test set and the initial labels, so they can be compared in pairs.

    Parameters
    ----------
    estimator : estimator
        A regressor, or a Pipeline that ends in one. Its leading transformers that need no `y`
        are fitted once per repeat on all molecules outside the test set; without one, once.
    X : array-like, sparse matrix, DataFrame or sequence of ase.Atoms, n_samples rows
        Molecules or features.
    y : array-like of shape (n_samples,)
        The property of all of `X`.
    query_strategies : sequence or dict, default=("random", "uncertainty")
        Names, objects from :func:`skmolal.query_strategies.get_query_strategy`, functions with
        modAL's signature, or a dict from the name to use in the results to one of these.
    batch_sizes : sequence of int, schedule or None, default=None
        Labels of each round after the first, see :mod:`skmolal.batch_sizes`; None is one round
        of `n_initial`.
    n_initial : int, default=100
        Labels of the first round, drawn at random.
    test_size : int or float, default=0.2
        Number or share of the test molecules (of the groups, where `groups` is given). With 0
        all of `X` is the pool, and `scoring` must not need test molecules.
    n_repeats : int, default=5
        Number of seeds.
    scoring : str, callable, sequence of str or dict, default=None
        Scorers, or a dict from a column name to a scorer; larger is better. None is
        ``"neg_mean_absolute_error"``. With ``test_size=0`` scorers of the pool, such as
        :func:`~skmolal.metrics.make_discovery_scorer`, or functions of your own, which are given
        no test molecules.
    groups : array-like of shape (n_samples,), default=None
        Molecules with the same label, such as conformers of one, are never split between test
        set and pool.
    test_idx : array-like of int, default=None
        Positions of a test set to use in all repeats; `test_size` is not used then.
    stopping : rule, sequence of rules or None, default=None
        When a campaign ends before `batch_sizes` does, see :mod:`skmolal.stopping`.
    n_jobs : int, default=None
        Campaigns to play at once, as in joblib: None is 1 unless in a ``parallel_config``. Each
        worker process computes with one thread unless ``inner_max_num_threads`` says otherwise.
    random_state : int, RandomState instance or None, default=None
        Seeds test sets and campaigns. Repeat k is the same however many repeats are run.
    checkpoint_dir : str or path-like, default=None
        Folder in which every round is stored when it ends. A curve started again with the same
        arguments continues there; more repeats or strategies may be added. Needs an int as
        `random_state`.
    verbose : bool, default=False
        Whether to show a progress bar over campaigns, with the last scores of the latest, and with
        a `checkpoint_dir` those of the latest round (not on Windows).

    Returns
    -------
    curve : Bunch
        ``frame`` (DataFrame with columns ``strategy``, ``repeat``, ``n_labelled``, one per
        scorer, and seconds: ``transform_time`` of making the features, shared by the strategies
        of a repeat and told in its first round, ``fit_time``, ``query_time``, of which
        ``predict_time`` was spent in the model's ``predict``, and ``score_time``), ``picks``
        (DataFrame with ``strategy``, ``repeat``, ``round``, ``position`` in `X`, ``predicted``
        and ``label``)
        and ``settings`` (dict with ``n_repeats``, ``n_initial``, and ``n_pool`` and ``n_test``,
        the molecules of a repeat's pool and test set; with `groups`, means over repeats; without
        a test set ``n_test`` is 0, and comparisons hold for this pool alone).

    Raises
    ------
    ValueError
        If an argument is out of range, a scorer needs test molecules where there are none, or
        `checkpoint_dir` holds another curve.

    See Also
    --------
    skmolal.plotting.ActiveLearningCurveDisplay : Draws the result.
    skmolal.metrics.data_savings : What a strategy saves.
    skmolal.metrics.compare_strategies : Which differences are real.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import BayesianRidge
    >>> from skmolal.model_selection import active_learning_curve
    >>> X = np.random.RandomState(0).uniform(size=(100, 2))
    >>> curve = active_learning_curve(
    ...     BayesianRidge(), X, X.sum(axis=1), n_initial=10, batch_sizes=[10, 20],
    ...     n_repeats=2, random_state=0)
    >>> curve.frame[["strategy", "repeat", "n_labelled"]].tail(2)
           strategy  repeat  n_labelled
    10  uncertainty       1          20
    11  uncertainty       1          40
    """
    X = as_pool(X)
    y = check_array(column_or_1d(y, warn=True), ensure_2d=False, dtype=np.float64, input_name="y")
    if n_rows(X) != len(y):
        raise ValueError(f"X and y must have the same length, got {n_rows(X)} and {len(y)}")
    strategies = name_strategies(query_strategies)
    for strategy in strategies.values():
        check_needs(strategy, estimator)
    scorers = _name_scorers(estimator, scoring)
    if test_idx is None and _is_none(test_size):
        _refuse_scorers_of_test_molecules(scorers)
    n_initial = check_size(n_initial, "n_initial")
    n_repeats = check_size(n_repeats, "n_repeats")
    if checkpoint_dir is not None:
        if isinstance(random_state, bool) or not isinstance(random_state, Integral):
            raise ValueError(
                "checkpoint_dir needs an int as random_state, to be able to continue; "
                f"got {random_state!r}"
            )
        check_settings(
            checkpoint_dir,
            {
                "estimator": estimator.__repr__(N_CHAR_MAX=10**6),
                "X": digest(X),
                "y": digest(y),
                "groups": None if groups is None else digest(np.asarray(groups)),
                "test_idx": None if test_idx is None else np.asarray(test_idx).tolist(),
                "test_size": test_size,
                "n_initial": n_initial,
                "batch_sizes": repr(batch_sizes),
                "stopping": repr(stopping),
                "scoring": sorted(scorers),
                "random_state": int(random_state),
            },
        )
    seed = int(check_random_state(random_state).randint(2**31 - 1))
    n_workers = joblib.effective_n_jobs(n_jobs)
    with tqdm(total=n_repeats * len(strategies), desc="campaigns", disable=not verbose) as progress:
        results, calls, held, n_pool, features = {}, {}, 0, [], None
        for repeat in range(n_repeats):
            repeat_seed = int(np.random.SeedSequence([seed, repeat]).generate_state(1)[0] >> 1)
            pool_idx, held_out = _split(X, y, test_size, groups, test_idx, repeat_seed)
            n_pool.append(len(pool_idx))
            # Of a repeat, made if something is left to do; for all strategies, and where nothing
            # is held out, so that all repeats have the same pool, for all repeats.
            features = None if len(held_out) else features
            for name, strategy in strategies.items():
                path = checkpoint_dir and replicate_path(checkpoint_dir, name, repeat)
                stored = read_json(path) if path else None
                if stored is not None and stored["finished"]:
                    results[name, repeat] = Replicate(stored["rows"], stored["picks"], pool_idx)
                    progress.update()
                    continue
                if features is None:
                    features = _fit_features(estimator, X, pool_idx, held_out)
                    held += _n_bytes(features.X_pool) + _n_bytes(features.X_test)
                learner = ActiveLearningRegressor(
                    clone(features.regressor),
                    strategy,
                    n_initial=n_initial,
                    batch_sizes=batch_sizes,
                    stopping=stopping,
                    random_state=repeat_seed,
                )
                calls[name, repeat] = (
                    joblib.delayed(play_replicate)(
                        learner,
                        features,
                        y[pool_idx],
                        y[held_out],
                        scorers,
                        stored,
                        path,
                    ),
                    pool_idx,
                    path,
                )
            if repeat == n_repeats - 1 or (held > _HELD_BYTES and len(calls) >= n_workers):
                results |= play_all(calls, n_jobs, n_workers, progress)
                calls, held = {}, 0
    frame, picks = _gather(
        results, [(s, r) for s in strategies for r in range(n_repeats)], list(scorers)
    )
    settings = {
        "n_repeats": n_repeats,
        "n_initial": n_initial,
        "n_pool": round(np.mean(n_pool)),
        "n_test": round(len(y) - np.mean(n_pool)),
    }
    return Bunch(frame=frame, picks=picks, settings=settings)


def _fit_features(estimator, X, pool_idx, held_out):
    """Fit the steps that need no `y` on the pool, and transform pool and test set."""
    start = perf_counter()
    preprocessor, regressor = split_steps(estimator)
    X_pool, X_test = take_rows(X, pool_idx), take_rows(X, held_out)
    if preprocessor is not None:
        X_pool = preprocessor.fit_transform(X_pool)
        X_test = preprocessor.transform(X_test) if len(held_out) else take_rows(X_pool, held_out)
    return Features(regressor, X_pool, X_test, perf_counter() - start)


def _n_bytes(X):
    return getattr(X, "nbytes", 0)  # of molecules, the pointers


def _split(X, y, test_size, groups, test_idx, seed):
    """Return positions of pool and test set."""
    n_samples = len(y)
    if groups is not None:
        groups = np.asarray(groups)
        if groups.shape != (n_samples,):
            raise ValueError(f"groups must have shape ({n_samples},), got {groups.shape}")
    if test_idx is not None:
        test_idx = np.asarray(test_idx)
        if test_idx.ndim != 1 or test_idx.dtype.kind not in "iu" or len(test_idx) == 0:
            raise ValueError("test_idx must be a 1-D array of integer positions, not empty")
        if test_idx.min() < 0 or test_idx.max() >= n_samples:
            raise ValueError(
                f"test_idx must lie in [0, {n_samples}), got {test_idx.min()} to {test_idx.max()}"
            )
        is_test = np.zeros(n_samples, dtype=bool)
        is_test[test_idx] = True
        if is_test.all():
            raise ValueError("test_idx must leave molecules for the pool, got all of them")
        if groups is not None:
            shared = np.intersect1d(groups[is_test], groups[~is_test])
            if len(shared):
                raise ValueError(f"test_idx splits group {shared[0]} between test set and pool")
        return np.flatnonzero(~is_test), np.flatnonzero(is_test)
    if _is_none(test_size):
        return np.arange(n_samples), np.empty(0, dtype=np.intp)
    splitter = ShuffleSplit if groups is None else GroupShuffleSplit
    split = splitter(n_splits=1, test_size=test_size, random_state=seed)
    pool_idx, held_out = next(split.split(np.zeros(n_samples), y, groups))
    return np.sort(pool_idx), np.sort(held_out)


def name_strategies(query_strategies):
    """Return a dict from a name to a checked strategy."""
    if isinstance(query_strategies, dict):
        named = {str(name): check_query_strategy(s) for name, s in query_strategies.items()}
    elif isinstance(query_strategies, str) or not hasattr(query_strategies, "__iter__"):
        raise ValueError(
            "query_strategies must be a sequence of strategies or a dict from name to strategy, "
            f"got {query_strategies!r}"
        )
    else:
        checked = [check_query_strategy(strategy) for strategy in query_strategies]
        names = [getattr(s, "name", None) or getattr(s, "__name__", repr(s)) for s in checked]
        # The same strategy with two settings is told apart by its repr, which shows them.
        names = [
            repr(strategy) if names.count(name) > 1 else name
            for strategy, name in zip(checked, names, strict=True)
        ]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"query_strategies holds {name!r} twice; name them apart with a dict"
                )
        named = dict(zip(names, checked, strict=True))
    if not named:
        raise ValueError("query_strategies must hold at least one strategy, got none")
    return named


def _name_scorers(estimator, scoring):
    """Return a dict from column name to scorer."""
    if scoring is None:
        scoring = ["neg_mean_absolute_error"]
    if isinstance(scoring, str) or callable(scoring):
        name = scoring if isinstance(scoring, str) else getattr(scoring, "__name__", "score")
        scoring = {name: scoring}
    elif not isinstance(scoring, dict):
        scoring = {name: name for name in scoring}
    reserved = {"strategy", "repeat", "n_labelled", *TIMES}
    for name in scoring:
        if name in reserved:
            raise ValueError(f"scoring: the name {name!r} is one of the frame's own columns")
    if not scoring:
        raise ValueError("scoring must hold at least one scorer, got none")
    return {name: check_scoring(estimator, scorer) for name, scorer in scoring.items()}


def _is_none(test_size):
    return not isinstance(test_size, bool) and test_size == 0


def _refuse_scorers_of_test_molecules(scorers):
    wrong = [name for name, scorer in scorers.items() if needs_test_molecules(scorer)]
    if wrong:
        raise ValueError(
            f"scoring: {', '.join(map(repr, wrong))} needs test molecules, and test_size=0 holds "
            "none out; give scorers of the pool, such as make_discovery_scorer or "
            "make_label_efficiency_scorer, or functions of your own"
        )


def _gather(results, order, scorers):
    """Put the replicates' rows and picks into two frames, in the order given."""
    rows, picks = [], []
    for name, repeat in order:
        replicate = results[name, repeat]
        rows += [{"strategy": name, "repeat": repeat, **row} for row in replicate.rows]
        picks += [
            {
                "strategy": name,
                "repeat": repeat,
                "round": pick["round"],
                "position": int(replicate.pool_idx[pick["position"]]),
                "predicted": pick["predicted"],
                "label": pick["label"],
            }
            for pick in replicate.picks
        ]
    frame = pd.DataFrame(rows, columns=["strategy", "repeat", "n_labelled", *scorers, *TIMES])
    picks = pd.DataFrame(picks)
    picks["predicted"] = picks["predicted"].astype(float)
    return frame, picks
