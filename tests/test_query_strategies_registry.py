"""Strategies by name, as parameters of estimators, and what users bring themselves."""

import functools
import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone

from skmolal import query_strategies
from skmolal.query_strategies import (
    QueryStrategy,
    check_query_result,
    check_query_strategy,
    get_query_strategy,
    get_query_strategy_names,
    target_sampling,
    uncertainty_sampling,
)
from tests.strategy_checks import FixedPosterior

POOL = np.column_stack([np.arange(6.0), np.arange(6.0, 0, -1)])


def test_names_are_those_of_the_functions():
    names = get_query_strategy_names()
    assert {"random", "uncertainty", "cluster", "uncertainty_cluster", "target"} <= set(names)
    functions = {name for name in query_strategies.__all__ if name.endswith("_sampling")}
    assert functions == {f"{name}_sampling" for name in names}


def test_repr_shows_what_was_changed():
    assert repr(get_query_strategy("target", low=-5.5, rule="mean")) == (
        "target(low=-5.5, rule='mean')"
    )
    assert repr(get_query_strategy("target", rule="mean", low=-5.5)) == (
        "target(low=-5.5, rule='mean')"
    )
    assert repr(get_query_strategy("uncertainty_cluster", fraction=0.5)) == "uncertainty_cluster()"


def test_unknown_names_and_options_are_told_the_known_ones():
    with pytest.raises(
        ValueError, match=r"unknown query strategy 'best'.*random, straddle, target"
    ):
        get_query_strategy("best")
    with pytest.raises(ValueError, match=r"option 'lo' of strategy 'target'.*low, high, rule"):
        get_query_strategy("target", lo=1.0)
    with pytest.raises(ValueError, match=r"option 'low' of strategy 'random': it has no options"):
        get_query_strategy("random", low=1.0)
    with pytest.raises(ValueError, match="unknown option 'random_state'"):
        get_query_strategy("random", random_state=1)


def test_equality_is_by_name_and_options():
    strategy = get_query_strategy("target", low=-5.5)
    assert strategy == get_query_strategy("target", low=-5.5, high=float("inf"))
    assert strategy != get_query_strategy("target", low=-5.0)
    assert strategy != get_query_strategy("random")
    assert strategy != "target"


def test_parameters_of_an_estimator():
    """A grid may vary ``query_strategy__low``; clones do not share."""

    class Loop(BaseEstimator):
        def __init__(self, query_strategy=None):
            self.query_strategy = query_strategy

    loop = Loop(get_query_strategy("target", low=0.0))
    assert loop.get_params()["query_strategy__low"] == 0.0
    assert loop.get_params()["query_strategy__rule"] == "probability"
    twin = clone(loop).set_params(query_strategy__low=2.0, query_strategy__rule="mean")
    assert repr(twin.query_strategy) == "target(low=2.0, rule='mean')"
    assert repr(loop.query_strategy) == "target(low=0.0)"
    assert "target(low=0.0)" in repr(loop)
    loop.set_params(query_strategy=get_query_strategy("random"))
    assert loop.get_params()["query_strategy__name"] == "random"


def test_set_params_checks_before_it_sets():
    strategy = get_query_strategy("target", low=0.0, high=1.0)
    with pytest.raises(ValueError, match="must not be empty"):
        strategy.set_params(low=2.0)
    assert repr(strategy) == "target(low=0.0, high=1.0)"
    strategy.set_params(low=2.0, high=3.0)  # at once
    assert repr(strategy) == "target(low=2.0, high=3.0)"
    assert repr(strategy.set_params(name="random")) == "random()"
    with pytest.raises(ValueError, match="unknown option 'low'"):
        strategy.set_params(low=1.0)


def plain(learner, X_pool, n_instances=1):
    return np.arange(n_instances), np.ones(n_instances)


def seeded(learner, X_pool, n_instances=1, random_state=None):
    return np.arange(n_instances), np.full(n_instances, float(random_state))


def modal_like(learner, X_pool, n_instances=1, random_tie_break=False, **measure_kwargs):
    assert not measure_kwargs
    return np.arange(n_instances), np.ones(n_instances)


class Callable:
    def __call__(self, learner, X_pool, n_instances, **kwargs):
        return np.arange(n_instances), np.ones(n_instances)


@pytest.mark.parametrize("function", [plain, seeded, modal_like, Callable()])
def test_plain_callables(function):
    strategy = check_query_strategy(function)
    query_idx, metrics = strategy(None, POOL, 2, random_state=7)
    np.testing.assert_array_equal(query_idx, [0, 1])
    np.testing.assert_array_equal(metrics, [7.0 if function is seeded else 1.0] * 2)
    assert strategy.name == getattr(function, "__name__", "Callable") == repr(strategy)
    assert check_query_strategy(strategy) is strategy
    pickle.loads(pickle.dumps(strategy))


def test_partials_take_their_seed():
    strategy = check_query_strategy(functools.partial(target_sampling, low=2.5, rule="random"))
    picks = {tuple(strategy(FixedPosterior(), POOL, 2, random_state=seed)[0]) for seed in range(9)}
    assert len(picks) > 1
    assert strategy.name == "target_sampling"


def test_our_own_functions_become_named_objects():
    assert check_query_strategy(uncertainty_sampling) == QueryStrategy("uncertainty")
    with pytest.raises(ValueError, match="give low, high or both"):
        check_query_strategy(target_sampling)


def test_options_go_with_a_name():
    assert repr(check_query_strategy("target", {"high": 1})) == "target(high=1)"
    assert repr(check_query_strategy("random", {})) == "random()"
    for strategy in (get_query_strategy("random"), plain):
        with pytest.raises(ValueError, match="query_options are for a query_strategy given by"):
            check_query_strategy(strategy, {"low": 1})


def test_what_is_no_strategy():
    for strategy in (None, 3, ["random"], QueryStrategy):
        with pytest.raises(TypeError, match="query_strategy must be a name"):
            check_query_strategy(strategy)
    with pytest.raises(
        ValueError, match=r"<lambda> must take .* got the parameters \(learner, X\)"
    ):
        check_query_strategy(lambda learner, X: 0)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (([0, 0], [1, 1]), "distinct positions, got 0 2 times"),
        (([0, 6], [1, 1]), "from 0 to 5, got 6"),
        (([0, -1], [1, 1]), "from 0 to 5, got -1"),
        (([0], [1]), "2 positions, got 1"),
        (([0, 1, 2], [1, 1, 1]), "2 positions, got 3"),
        (([0.0, 1.0], [1, 1]), "array of integers.* dtype float64"),
        (([True, False], [1, 1]), "array of integers.* dtype bool"),
        (([[0, 1]], [1, 1]), r"shape \(1, 2\)"),
        (([], []), "2 positions, got 0"),
        (([0, [1, 2]], [1]), "1-D array of positions"),
        ((0, 1, 2), r"\(query_idx, metrics\), got 3 items"),
        (None, "array of integers"),
    ],
)
def test_bad_results_name_the_strategy(result, message):
    for strategy, name in (
        (plain, "plain"),
        (get_query_strategy("target", low=1), r"target\(low=1\)"),
        (check_query_strategy(plain), "plain"),
    ):
        with pytest.raises(ValueError, match=rf"query strategy {name} must return .*{message}"):
            check_query_result(result, 6, 2, strategy)


def test_good_results():
    query_idx, metrics = check_query_result(([3, 1], [0.5, 0.1]), 6, 2, plain)
    assert query_idx.dtype == np.intp
    np.testing.assert_array_equal(metrics, [0.5, 0.1])
    # a scalar, as in modAL's examples, with the instance in the second place
    query_idx, metrics = check_query_result((np.int64(4), POOL[4]), 6, 1, plain)
    np.testing.assert_array_equal(query_idx, [4])
    np.testing.assert_array_equal(metrics, [np.nan])
    # positions only
    query_idx, metrics = check_query_result(np.array([2, 0]), 6, 2, plain)
    np.testing.assert_array_equal(query_idx, [2, 0])
    assert np.isnan(metrics).all()
    # the pool was smaller
    assert len(check_query_result((np.arange(6), np.ones(6)), 6, 50, plain)[0]) == 6
