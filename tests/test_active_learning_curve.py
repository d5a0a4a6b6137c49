"""active_learning_curve: splits, pairing, parallel runs and resuming."""

import json
import os
import time
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import Ridge
from sklearn.metrics import make_scorer, mean_absolute_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmolal.metrics import compare_strategies, make_discovery_scorer, make_target_scorer
from skmolal.model_selection import _curve, _replicates, active_learning_curve
from skmolal.query_strategies import get_query_strategy

TIMES = ["transform_time", "fit_time", "query_time", "predict_time", "score_time"]


def make_problem(n_samples=80):
    X = np.random.RandomState(0).uniform(size=(n_samples, 2))
    return X, np.sin(5 * X[:, 0]) + X[:, 1]


def fixed_gp():
    return GaussianProcessRegressor(RBF(0.5), alpha=1e-4, optimizer=None)


def curve(**kwargs):
    X, y = make_problem()
    settings = {
        "query_strategies": ["random", "uncertainty"],
        "n_initial": 6,
        "batch_sizes": [4, 8],
        "test_size": 20,
        "n_repeats": 2,
        "random_state": 0,
    } | kwargs
    return active_learning_curve(settings.pop("estimator", fixed_gp()), X, y, **settings)


def untimed(result):
    return result.frame.drop(columns=TIMES)


def test_frame_has_a_row_per_strategy_repeat_and_round():
    result = curve(scoring={"mae": "neg_mean_absolute_error", "r2": "r2"})
    assert list(result.frame.columns) == [
        *("strategy", "repeat", "n_labelled", "mae", "r2"),
        *TIMES,
    ]
    assert list(result.frame["n_labelled"]) == [6, 10, 18] * 4
    assert list(result.frame["strategy"]) == ["random"] * 6 + ["uncertainty"] * 6
    assert (result.frame[TIMES] >= 0).all(axis=None)
    assert (result.frame["predict_time"] <= result.frame["query_time"]).all()
    asked = result.frame[result.frame["n_labelled"] > 6].groupby("strategy")["predict_time"]
    assert asked.max()["random"] == 0 < asked.min()["uncertainty"]
    later = result.frame["n_labelled"] > 6
    assert (result.frame.loc[later, "transform_time"] == 0).all()
    counts = result.picks.groupby(["strategy", "repeat"]).size()
    assert (counts == 18).all()
    assert result.settings == {"n_repeats": 2, "n_initial": 6, "n_pool": 60, "n_test": 20}


def test_scores_are_those_of_a_hand_written_loop():
    X, y = make_problem()
    result = curve()
    picks = result.picks.query("strategy == 'uncertainty' and repeat == 1")
    labelled = picks["position"].to_numpy()
    others = curve(query_strategies=["random"], batch_sizes=[54]).picks.query("repeat == 1")
    held_out = np.setdiff1d(np.arange(80), others["position"])
    assert len(held_out) == 20
    for n, score in zip(
        (6, 10, 18),
        result.frame.query("strategy == 'uncertainty' and repeat == 1")["neg_mean_absolute_error"],
        strict=True,
    ):
        model = fixed_gp().fit(X[labelled[:n]], y[labelled[:n]])
        assert score == pytest.approx(-mean_absolute_error(y[held_out], model.predict(X[held_out])))
    np.testing.assert_array_equal(picks["label"], y[labelled])
    asked = picks.query("round == 1")
    model = fixed_gp().fit(X[labelled[:6]], y[labelled[:6]])
    np.testing.assert_allclose(asked["predicted"], model.predict(X[asked["position"]]))
    assert picks.query("round == 0")["predicted"].isna().all()


def test_strategies_start_from_the_same_labels_and_repeats_differ():
    picks = curve().picks.query("round == 0")
    starts = picks.groupby(["strategy", "repeat"])["position"].agg(list)
    assert starts["random", 0] == starts["uncertainty", 0]
    assert starts["random", 1] == starts["uncertainty", 1]
    assert starts["random", 0] != starts["random", 1]


def test_test_molecules_are_never_seen():
    seen = []

    class Spy(StandardScaler):
        def fit(self, X, y=None, sample_weight=None):
            seen.append(("fit", X))
            return super().fit(X)

    def watching(learner, X_pool, n_instances=1):
        seen.append(("query", X_pool))
        return np.arange(n_instances), np.zeros(n_instances)

    X, y = make_problem()
    test_idx = np.arange(0, 80, 4)
    active_learning_curve(
        make_pipeline(Spy(with_mean=False, with_std=False), fixed_gp()),
        X,
        y,
        query_strategies={"w": watching},
        n_initial=5,
        batch_sizes=[5, 5],
        n_repeats=1,
        test_idx=test_idx,
        random_state=0,
    )
    assert [kind for kind, _ in seen] == ["fit", "query", "query"]
    held_out = {tuple(row) for row in X[test_idx]}
    for _, rows in seen:
        assert not held_out & {tuple(row) for row in rows}
    assert len(seen[0][1]) == 60


def test_groups_are_not_split():
    X, y = make_problem()
    groups = np.repeat(np.arange(20), 4)
    result = active_learning_curve(
        fixed_gp(),
        X,
        y,
        groups=groups,
        test_size=0.25,
        query_strategies=["random"],
        n_initial=30,
        batch_sizes=[30],
        n_repeats=3,
        random_state=0,
    )
    for _, picks in result.picks.groupby("repeat"):
        in_pool = set(groups[picks["position"]])
        assert len(picks) == 60
        assert len(in_pool) == 15  # of 20 groups; 5 are whole in the test set
    with pytest.raises(ValueError, match="test_idx splits group 0"):
        curve(groups=groups, test_idx=[0])
    with pytest.raises(ValueError, match=r"groups must have shape \(80,\)"):
        curve(groups=groups[:-1])


def test_parallel_runs_equal_serial_ones():
    serial = curve(scoring={"d": make_discovery_scorer(1.5), "f1": make_target_scorer(1.5)})
    parallel = curve(
        scoring={"d": make_discovery_scorer(1.5), "f1": make_target_scorer(1.5)}, n_jobs=2
    )
    pd.testing.assert_frame_equal(untimed(serial), untimed(parallel))
    pd.testing.assert_frame_equal(serial.picks, parallel.picks)


def test_features_of_few_repeats_are_held_at_once(monkeypatch):
    whole = curve(n_repeats=4)
    monkeypatch.setattr(_curve, "_HELD_BYTES", 1)
    calls = []
    play_all = _curve.play_all
    monkeypatch.setattr(
        _curve, "play_all", lambda calls_, *a: calls.append(len(calls_)) or play_all(calls_, *a)
    )
    pd.testing.assert_frame_equal(untimed(whole), untimed(curve(n_repeats=4)))
    assert calls == [2, 2, 2, 2]


def test_more_repeats_leave_the_first_as_they_were():
    two, three = curve(), curve(n_repeats=3)
    kept = untimed(three).query("repeat < 2").reset_index(drop=True)
    pd.testing.assert_frame_equal(untimed(two), kept)


class Interrupt:
    """A scorer that stops the run after some rounds, as a kill would."""

    def __init__(self, after):
        self.after = after

    def __call__(self, estimator, X, y):
        self.after -= 1
        if self.after < 0:
            raise KeyboardInterrupt
        return 0.0


@pytest.mark.parametrize("after", [0, 1, 2, 3, 5, 11])
def test_a_resumed_curve_equals_an_uninterrupted_one(tmp_path, after):
    options = {
        "query_strategies": ["random", "uncertainty_cluster"],
        "estimator": GaussianProcessRegressor(RBF(0.5), alpha=1e-4, n_restarts_optimizer=1),
    }
    whole = curve(**options, scoring={"s": Interrupt(100)})
    with pytest.raises(KeyboardInterrupt):
        curve(**options, scoring={"s": Interrupt(after)}, checkpoint_dir=tmp_path)
    assert not list(tmp_path.glob("*.part"))
    resumed = curve(**options, scoring={"s": Interrupt(100)}, checkpoint_dir=tmp_path)
    pd.testing.assert_frame_equal(untimed(whole), untimed(resumed))
    pd.testing.assert_frame_equal(whole.picks, resumed.picks)


def test_a_finished_curve_is_read_and_can_be_extended(tmp_path):
    first = curve(checkpoint_dir=tmp_path)
    pd.testing.assert_frame_equal(first.frame, curve(checkpoint_dir=tmp_path).frame)
    more = curve(
        query_strategies=["random", "uncertainty", "cluster"], checkpoint_dir=tmp_path, n_repeats=3
    )
    kept = more.frame.query("repeat < 2 and strategy != 'cluster'").reset_index(drop=True)
    pd.testing.assert_frame_equal(first.frame, kept)


def test_another_curve_in_the_folder_is_refused(tmp_path):
    curve(checkpoint_dir=tmp_path)
    with pytest.raises(ValueError, match=r"holds another curve: batch_sizes was '\[4, 8\]'"):
        curve(checkpoint_dir=tmp_path, batch_sizes=[4, 9])
    with pytest.raises(ValueError, match="needs an int as random_state"):
        curve(checkpoint_dir=tmp_path, random_state=None)
    assert json.loads((tmp_path / "settings.json").read_text())["n_initial"] == 6


def test_without_a_test_set_all_is_the_pool():
    seen = []

    def count(estimator, X, y):
        seen.append((len(X), len(y)))
        return len(estimator.query_idx_)

    y = make_problem()[1]
    counting = make_pipeline(StandardScaler(), fixed_gp())
    result = curve(
        estimator=counting,
        test_size=0,
        scoring={"found": make_discovery_scorer(low=1.0), "n": count},
        batch_sizes=[4, 70],
    )
    assert (result.settings["n_pool"], result.settings["n_test"]) == (80, 0)
    assert set(seen) == {(0, 0)}
    np.testing.assert_array_equal(result.frame["n"], result.frame["n_labelled"])
    last = result.frame[result.frame["n_labelled"] == 80]
    assert len(last) == 4
    assert (last["found"] == 1.0).all()
    for _, picks in result.picks.groupby(["strategy", "repeat"]):
        assert sorted(picks["position"]) == list(range(80))
        np.testing.assert_array_equal(picks["label"], y[picks["position"]])


def test_without_a_test_set_features_are_made_once_and_repeats_differ():
    class Counting(StandardScaler):
        fits = 0

        def fit(self, X, y=None):
            Counting.fits += 1
            return super().fit(X, y)

    scoring = {"found": make_discovery_scorer(low=1.0)}
    result = curve(
        estimator=make_pipeline(Counting(), fixed_gp()), test_size=0, scoring=scoring, n_repeats=3
    )
    assert Counting.fits == 1
    first = result.picks[result.picks["round"] == 0].groupby(["repeat", "strategy"])["position"]
    first = first.apply(tuple)
    assert (first.groupby("repeat").nunique() == 1).all()
    assert first.nunique() == 3


@pytest.mark.parametrize(
    "scoring",
    [
        None,
        "r2",
        {"found": make_discovery_scorer(low=1.0), "f1": make_target_scorer(low=1.0)},
        {"mae": make_scorer(mean_absolute_error, greater_is_better=False)},
    ],
)
def test_a_scorer_of_test_molecules_needs_some(scoring):
    for test_size in (0, 0.0):
        with pytest.raises(ValueError, match="needs test molecules, and test_size=0 holds none"):
            curve(test_size=test_size, scoring=scoring)
    curve(test_size=0, test_idx=[0, 1, 2], scoring=scoring, n_repeats=1)


def test_a_curve_without_a_test_set_is_resumed_and_compared(tmp_path):
    options = {"test_size": 0, "scoring": {"found": make_discovery_scorer(low=1.5)}}
    short = curve(**options, n_repeats=1, checkpoint_dir=tmp_path)
    resumed = curve(**options, n_repeats=3, checkpoint_dir=tmp_path)
    pd.testing.assert_frame_equal(resumed.picks, curve(**options, n_repeats=3).picks)
    assert len(short.frame) == 6
    assert compare_strategies(resumed).iloc[0]["n_repeats"] == 3


def test_strategies_are_named_in_every_form():
    low, high = (get_query_strategy("target", low=v) for v in (1.0, 1.5))

    def mine(learner, X_pool, n_instances=1):
        return np.arange(n_instances), np.zeros(n_instances)

    def names(strategies):
        return list(curve(query_strategies=strategies, n_repeats=1).frame["strategy"].unique())

    assert names(["random", low, mine]) == ["random", "target", "mine"]
    assert names([low, high]) == ["target(low=1.0)", "target(low=1.5)"]
    assert names({"A": "random", "E": high}) == ["A", "E"]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"query_strategies": []}, "at least one strategy"),
        ({"query_strategies": "random"}, "must be a sequence of strategies or a dict"),
        ({"query_strategies": ["random", "random"]}, "twice"),
        ({"query_strategies": ["nonsense"]}, "nonsense"),
        ({"scoring": {"fit_time": "r2"}}, "'fit_time' is one of the frame's own columns"),
        ({"scoring": []}, "at least one scorer"),
        ({"n_repeats": 0}, "n_repeats must be a positive integer"),
        ({"n_initial": 0}, "n_initial must be a positive integer"),
        ({"test_idx": [80]}, r"test_idx must lie in \[0, 80\)"),
        ({"test_idx": [0.5]}, "1-D array of integer positions"),
        ({"test_idx": np.arange(80)}, "leave molecules for the pool"),
    ],
)
def test_wrong_arguments_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        curve(**kwargs)


def test_what_a_strategy_needs_is_checked_before_anything_is_played():
    X = np.random.RandomState(0).uniform(size=(40, 2))
    with pytest.raises(TypeError, match=r"which Ridge lacks.*EnsembleRegressor"):
        active_learning_curve(Ridge(), X, X.sum(axis=1), query_strategies=["random", "uncertainty"])


@pytest.mark.parametrize("stored", [True, False])
def test_the_bar_tells_of_campaigns_and_where_they_are_stored_of_rounds(
    tmp_path, monkeypatch, capsys, stored
):
    monkeypatch.setattr(_replicates, "_PERIOD", 0.005)

    def slow(model, X, y):
        time.sleep(0.05)
        return model.history_[-1]["n_labelled"] / 7

    curve(
        scoring={"size": slow},
        n_repeats=1,
        verbose=True,
        **({"checkpoint_dir": tmp_path} if stored else {}),
    )
    said = capsys.readouterr().err
    assert "2/2" in said
    assert "uncertainty, 18 labels: size 2.57]" in said
    assert ("random, 6 labels: size 0.857]" in said) == (stored and os.name == "posix")
    assert "_time" not in said


def test_a_worker_that_is_replaced_is_no_news():
    def score(model, X, y):
        warnings.warn("A worker stopped while some jobs were given to the executor.", stacklevel=2)
        return 1.0

    assert (curve(scoring={"one": score}).frame["one"] == 1).all()
    with pytest.warns(UserWarning, match="other news"):
        curve(scoring={"one": lambda *_: warnings.warn("other news", stacklevel=2) or 1.0})


def test_workers_map_large_features_and_do_not_copy_them():
    X = np.random.RandomState(0).uniform(size=(640, 500))  # above joblib's megabyte for each half
    result = active_learning_curve(
        fixed_gp(),
        X,
        X[:, 0],
        query_strategies=["random", "uncertainty"],
        n_initial=6,
        batch_sizes=[4],
        test_size=0.5,
        scoring={"mapped": lambda model, X, y: float(isinstance(X, np.memmap))},
        n_jobs=2,
        random_state=0,
    )
    assert (result.frame["mapped"] == 1).all()
