"""Labels on their way: what is reserved, what the next question knows, what comes late."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.ensemble import RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor as ScikitLearn
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import BayesianRidge
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from skmolal import Campaign, GaussianProcessRegressor
from skmolal.acquisition import threshold_of_top
from skmolal.ensemble import EnsembleRegressor
from skmolal.gaussian_process import GaussianProcessRegressorCV
from skmolal.query_strategies import get_query_strategy, get_query_strategy_names

# A handful of labels often puts the optimum at a bound, which is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:The optimal value found")

KERNEL = ConstantKernel(1.0) * RBF(0.5, (0.1, 5.0)) + WhiteKernel(1e-3)


def make_problem(n_samples=60, random_state=0):
    X = np.random.RandomState(random_state).uniform(size=(n_samples, 2))
    return X, np.sin(5 * X[:, 0]) + X[:, 1] + 3.0 + 0.05 * np.cos(1000 * X[:, 1])


def make_models():
    return {
        "cold": GaussianProcessRegressor(KERNEL, normalize_y=True),
        "warm": GaussianProcessRegressor(
            KERNEL, normalize_y=True, warm_start=True, reoptimize_growth=2.0
        ),
        "scikit-learn": ScikitLearn(KERNEL, normalize_y=True),
        "pipeline": make_pipeline(
            StandardScaler(), GaussianProcessRegressor(KERNEL, normalize_y=True)
        ),
        "chosen noise": GaussianProcessRegressorCV(
            [1e-3, 1e-2], kernel=ConstantKernel() * RBF(0.5)
        ),
    }


def believer(model, X, X_new):
    """Fit scikit-learn's process anew to known and believed labels, in the model's own units."""
    model = getattr(model, "regressor_", model)
    y = np.asarray(model.y_train_).ravel()
    mean, std = (float(np.ravel(v)[0]) for v in (model._y_train_mean, model._y_train_std))
    believed = (model.predict(X_new) - mean) / std
    oracle = ScikitLearn(model.kernel_, alpha=model.alpha, optimizer=None)
    oracle.fit(np.vstack([X, X_new]), np.concatenate([y, believed]))

    def predict(X):
        m, s = oracle.predict(X, return_std=True)
        return m * std + mean, s * std

    return predict


@pytest.mark.parametrize("name", make_models())
def test_the_next_question_is_that_of_a_model_that_believes_its_means(name):
    X, y = make_problem()
    campaign = Campaign(make_models()[name], X, query_strategy="uncertainty", random_state=1)
    first = campaign.ask(12)
    campaign.tell(first, y[first])
    asked = list(campaign.ask(4))
    model = campaign._model.last_step
    rows = campaign.features
    for _ in range(3):
        predict = believer(model, rows[campaign.labelled], rows[asked])
        mean, std = predict(rows[campaign.unlabelled])
        learner = campaign._model.learner(campaign._state, campaign.strategy)
        ours = learner.predict(learner.X_pool, return_std=True)
        np.testing.assert_allclose(ours[0], mean, rtol=0, atol=1e-8)
        np.testing.assert_allclose(ours[1], std, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(ours[0], model.predict(rows[campaign.unlabelled]), atol=1e-8)
        expected = campaign.unlabelled[np.argsort(-std, kind="stable")[:2]]
        ids = campaign.ask(2)
        np.testing.assert_array_equal(ids, expected)
        asked += list(ids)
    assert list(campaign.pending) == asked


def test_a_warm_model_is_not_changed_by_what_it_believed():
    X, y = make_problem(200)
    model = GaussianProcessRegressor(KERNEL, warm_start=True, optimizer=None)
    campaign = Campaign(model, X, query_strategy="uncertainty", random_state=0)
    ids = campaign.ask(20)
    campaign.tell(ids, y[ids])
    for _ in range(4):
        campaign.ask(3)
        done = campaign.pending[:2]
        campaign.tell(done, y[done])
        mean, std = campaign.pool_posterior()
        cold = ScikitLearn(KERNEL, optimizer=None).fit(X[campaign.labelled], campaign.y)
        expected = cold.predict(X[campaign.unlabelled], return_std=True)
        np.testing.assert_allclose(mean, expected[0], atol=1e-9)
        np.testing.assert_allclose(std, expected[1], rtol=1e-6)


@pytest.mark.parametrize("strategy", get_query_strategy_names())
def test_no_strategy_asks_for_what_is_on_its_way(strategy):
    X, y = make_problem()
    options = (
        {"low": 3.5}
        if "low" in get_query_strategy(strategy, **_required(strategy)).get_params()
        else _required(strategy)
    )
    campaign = Campaign(
        GaussianProcessRegressor(KERNEL),
        X,
        query_strategy=strategy,
        query_options=options,
        random_state=0,
    )
    ids = campaign.ask(8)
    campaign.tell(ids[:6], y[ids[:6]])
    asked = [*ids]
    for _ in range(4):
        asked += list(campaign.ask(5))
    assert len(set(asked)) == len(asked)
    assert not set(campaign.unlabelled) & set(asked)


def _required(strategy):
    try:
        get_query_strategy(strategy)
    except ValueError:
        return {"threshold": 3.5} if strategy == "straddle" else {"low": 3.5}
    return {}


@pytest.mark.parametrize(
    "model", [BayesianRidge(), EnsembleRegressor(RandomForestRegressor(5), n_estimators=1)]
)
def test_other_models_leave_pending_records_out(model):
    X, y = make_problem()
    campaign = Campaign(model, X, query_strategy="uncertainty", random_state=0)
    ids = campaign.ask(10)
    campaign.tell(ids, y[ids])
    pending = campaign.ask(5)
    std = campaign.estimator_.predict(X[campaign.unlabelled], return_std=True)[1]
    ids = campaign.ask(5)
    assert not set(ids) & set(pending)
    np.testing.assert_array_equal(
        np.sort(std)[::-1][:5].round(9),
        np.sort(std[np.isin(np.setdiff1d(np.arange(60), [*campaign.labelled, *pending]), ids)])[
            ::-1
        ].round(9),
    )


def test_labels_told_one_by_one_belong_to_the_batch_they_were_asked_in():
    X, y = make_problem()
    campaign = Campaign(GaussianProcessRegressor(KERNEL), X, query_strategy="uncertainty")
    first = campaign.ask(6)
    campaign.tell(first, y[first])
    batch = campaign.ask(4)
    second = campaign.ask(2)
    predicted = campaign.estimator_.predict(X[batch])
    for k in (2, 0):
        campaign.tell([batch[k]], [y[batch[k]]])
    campaign.tell(second, y[second])
    campaign.drop([batch[1]], "did not converge")
    campaign.tell([batch[3]], [y[batch[3]]])
    rounds = campaign.history
    assert [one["round"] for one in rounds] == [0, 1, 2]
    assert [one["n_asked"] for one in rounds] == [6, 4, 2]
    assert [one["batch_size"] for one in rounds] == [6, 3, 2]
    assert [one["n_labelled"] for one in rounds] == [6, 11, 10]
    assert [one["n_pending"] for one in rounds] == [0, 0, 0]
    left = [0, 2, 3]
    assert rounds[1]["batch_mae"] == pytest.approx(
        np.mean(np.abs(predicted[left] - y[batch[left]]))
    )
    picks = {pick["id"]: pick for pick in campaign.picks()}
    assert [picks[p]["round"] for p in batch[left]] == [1, 1, 1]
    assert [picks[p]["predicted"] for p in batch[left]] == pytest.approx(list(predicted[left]))
    assert campaign.dropped == {batch[1]: "did not converge"}


def test_records_that_were_never_asked_have_a_place_of_their_own():
    X, y = make_problem()
    campaign = Campaign(GaussianProcessRegressor(KERNEL), X, random_state=0)
    campaign.tell([3], y[[3]]).tell([4, 5], y[[4, 5]])
    ids = campaign.ask(4)
    other = [int(campaign.unlabelled[0])]
    campaign.tell([*ids, *other], y[[*ids, *other]])
    history = campaign.history
    assert [one["round"] for one in history] == [None, 0, None]
    assert [one["batch_size"] for one in history] == [3, 4, 1]
    assert campaign.n_rounds == 1
    assert [pick["round"] for pick in campaign.picks()] == [None] * 3 + [0] * 4 + [None]


def test_a_label_can_be_corrected_and_taken_back():
    X, y = make_problem()
    campaign = Campaign(GaussianProcessRegressor(KERNEL), X, random_state=0)
    ids = campaign.ask(10)
    campaign.tell(ids, [*y[ids[:-2]], 99.0, -99.0])
    assert campaign.estimator_.predict(X).max() > 10
    campaign.correct([ids[-2]], [y[ids[-2]]]).correct([ids[-1]])
    np.testing.assert_array_equal(campaign.labelled, ids[:-1])
    np.testing.assert_array_equal(campaign.y, y[ids[:-1]])
    assert ids[-1] in campaign.unlabelled
    expected = GaussianProcessRegressor(KERNEL).fit(X[ids[:-1]], y[ids[:-1]]).predict(X)
    np.testing.assert_allclose(campaign.estimator_.predict(X), expected)
    with pytest.raises(ValueError, match="has no label to correct"):
        campaign.correct([ids[-1]], [1.0])
    with pytest.raises(ValueError, match="labels must be finite"):
        campaign.correct([ids[0]], [np.inf])


def test_released_records_may_be_asked_for_again_and_late_labels_are_welcome():
    X, y = make_problem(10)
    campaign = Campaign(GaussianProcessRegressor(KERNEL), X, random_state=0)
    ids = campaign.ask(10)
    with pytest.raises(ValueError, match="labelled, pending or dropped"):
        campaign.ask(1)
    campaign.release(ids[:4])
    assert sorted(campaign.unlabelled) == sorted(ids[:4])
    campaign.drop(ids[4:6], "no basis")
    campaign.tell(ids[3:5], y[ids[3:5]])  # one released, one dropped
    assert set(campaign.labelled) == set(ids[3:5])
    assert list(campaign.dropped) == [ids[5]]
    campaign.release([ids[5]])  # dropped by mistake
    assert campaign.dropped == {}
    assert ids[5] in campaign.unlabelled
    campaign.release()
    assert len(campaign.pending) == 0
    with pytest.raises(ValueError, match="is not pending"):
        campaign.release([ids[0]])
    with pytest.raises(ValueError, match="is not pending"):
        campaign.fail([ids[0]], "crash")


def test_failures_are_kept_with_their_reason():
    X, _ = make_problem()
    campaign = Campaign(GaussianProcessRegressor(KERNEL), X, random_state=0)
    ids = campaign.ask(2)
    campaign.fail(ids[:1], "SCF did not converge").fail(ids[:1], "time out")
    assert [(f["id"], f["reason"]) for f in campaign.failures] == [
        (ids[0], "SCF did not converge"),
        (ids[0], "time out"),
    ]
    assert list(campaign.pending) == list(ids)


def _some(state, n, rng, what):
    return list(rng.permutation([p for p, now in state.items() if now == what])[:n])


actions = st.lists(
    st.tuples(
        st.sampled_from(["ask", "tell", "unasked", "drop", "release", "correct", "fail"]),
        st.integers(1, 5),
        st.integers(0, 10**6),
    ),
    max_size=25,
)


@given(actions)
@settings(max_examples=40)
def test_whatever_happens_no_record_is_lost_asked_twice_or_counted_twice(actions):
    X, y = make_problem(30)
    campaign = Campaign(BayesianRidge(), X, query_strategy="uncertainty", random_state=0)
    state = dict.fromkeys(range(30), "free")
    for action, n, seed in actions:
        some = partial(_some, state, n, np.random.RandomState(seed))

        if action == "ask" and "free" in state.values():
            ids = campaign.ask(min(n, list(state.values()).count("free")))
            assert all(state[p] == "free" for p in ids)
            state |= dict.fromkeys(ids.tolist(), "pending")
        elif action == "tell" and some("pending"):
            ids = some("pending")
            campaign.tell(ids, y[ids])
            state |= dict.fromkeys(ids, "labelled")
        elif action == "unasked" and (some("free") or some("dropped")):
            ids = some("free") + some("dropped")
            campaign.tell(ids, y[ids])
            state |= dict.fromkeys(ids, "labelled")
        elif action == "drop" and some("pending"):
            ids = some("pending")
            campaign.drop(ids)
            state |= dict.fromkeys(ids, "dropped")
        elif action == "release" and some("pending"):
            ids = some("pending")
            campaign.release(ids)
            state |= dict.fromkeys(ids, "free")
        elif action == "correct" and some("labelled"):
            ids = some("labelled")
            campaign.correct(ids)
            state |= dict.fromkeys(ids, "free")
        elif action == "fail" and some("pending"):
            campaign.fail(some("pending"), "no reason")
        for what, found in (
            ("labelled", campaign.labelled),
            ("pending", campaign.pending),
            ("free", campaign.unlabelled),
            ("dropped", list(campaign.dropped)),
        ):
            assert sorted(found) == [p for p, s in state.items() if s == what]
        np.testing.assert_array_equal(campaign.y, y[campaign.labelled])
        assert sum(one["batch_size"] for one in campaign.history) == len(campaign.labelled)
        json.dumps(campaign.history)
    again = Campaign.from_json(campaign.to_json(), BayesianRidge(), X)
    assert again.history == campaign.history
    assert again.picks() == campaign.picks()
    if "free" in state.values():
        np.testing.assert_array_equal(
            again.ask(2 if len(again.unlabelled) > 1 else 1),
            campaign.ask(2 if len(campaign.unlabelled) > 1 else 1),
        )


@pytest.mark.parametrize("name", ["cold", "warm", "scikit-learn"])
@pytest.mark.parametrize("stop_after", range(0, 9, 2))
def test_given_what_happened_the_next_question_is_the_same_after_a_restart(name, stop_after):
    X, y = make_problem()

    def steps(campaign):
        """Play with labels out of order; stop and continue where asked."""
        yield campaign.ask(8).tolist()
        for _ in range(4):
            done = campaign.pending[1:5]
            campaign.tell(done, y[done])
            yield campaign.ask(3).tolist()
            late = [int(campaign.unlabelled[-1])]
            campaign.tell(late, y[late])
            campaign.correct(late, y[late] + 0.1)
            yield campaign.ask(2).tolist()

    def new():
        return Campaign(make_models()[name], X, query_strategy="uncertainty", random_state=4)

    whole = list(steps(new()))
    part = new()
    running = steps(part)
    for _ in range(stop_after):
        next(running)
    again = Campaign.from_json(part.to_json(), make_models()[name], X)
    assert [one["n_pending"] for one in again.history] == [one["n_pending"] for one in part.history]
    part.__dict__.update(again.__dict__)  # the same loop goes on with the restored state
    assert [*whole[:stop_after], *running] == whole


def test_initial_spread_is_a_clustering_of_the_pool():
    X, _ = make_problem()
    campaign = Campaign(BayesianRidge(), X, initial="spread", random_state=0)
    ids = campaign.ask(6)
    random = Campaign(BayesianRidge(), X, random_state=0).ask(6)

    def farthest(ids):
        return np.linalg.norm(X[:, None] - X[ids][None], axis=2).min(axis=1).max()

    assert farthest(ids) < farthest(random)
    more = campaign.ask(6)  # before any label is known
    assert not set(ids) & set(more)


def test_initial_ids_are_asked_for_first():
    X, _ = make_problem(10)
    names = np.array(list("abcdefghij"))
    campaign = Campaign(BayesianRidge(), X, ids=names, initial=["g", "b", "d"], random_state=0)
    assert list(campaign.ask(2)) == ["g", "b"]
    again = Campaign.from_json(campaign.to_json(), BayesianRidge(), X)
    third = again.ask(3)
    assert third[0] == "d"
    assert len(set(third) | {"g", "b"}) == 5
    with pytest.raises(ValueError, match="initial must be one of 'random', 'spread'"):
        Campaign(BayesianRidge(), X, initial="best")
    with pytest.raises(ValueError, match="unknown id 99"):
        Campaign(BayesianRidge(), X, initial=[99])


END = {"high": {"low": 1.0}, "low": {"high": 0.2}, "top": {"top": 0.1, "maximize": False}}


@pytest.mark.parametrize("container", ["frame", "named", "sparse"])
@pytest.mark.parametrize("end", END)
def test_initial_strategy_takes_half_by_the_baseline_at_the_wanted_end(end, container):
    X, _ = make_problem()
    frame = pd.DataFrame(X, columns=["cheap", "other"])
    strategy = get_query_strategy("target", **END[end])
    regressor = GaussianProcessRegressor(KERNEL)
    scaled = make_union(StandardScaler())  # its features are named standardscaler__cheap, ...
    steps = {
        "frame": [],
        "named": [scaled],
        "sparse": [scaled, FunctionTransformer(csr_array, feature_names_out="one-to-one")],
    }[container]
    model = make_pipeline(*steps, regressor) if steps else regressor
    options = {"query_strategy": strategy, "initial": "strategy", "baseline": "cheap"}
    campaign = Campaign(model, frame, **options, random_state=0)
    best = list(np.argsort(-X[:, 0] if end == "high" else X[:, 0], kind="stable"))
    first = list(campaign.ask(7))
    assert first[:4] == best[:4]
    assert first[4:7] != best[4:7]
    again = Campaign.from_json(campaign.to_json(), model, frame)
    left = [i for i in best if i not in first]
    # seven and one are eight: four of them by the baseline, which are there already
    assert again.ask(1)[0] != left[0]
    assert again.ask(1)[0] == left[0]
    assert len(set(again.pending)) == 9
    other = Campaign(model, frame, **options, random_state=1).ask(7)
    assert list(other[:4]) == first[:4]
    assert set(other[4:]) != set(first[4:])


def test_initial_strategy_is_refused_where_nothing_is_known_before_the_first_label():
    X, _ = make_problem()
    frame = pd.DataFrame(X, columns=["cheap", "other"])
    search = get_query_strategy("target", low=1.0)

    def begin(X=frame, strategy=search, baseline="cheap", initial="strategy"):
        return Campaign(
            BayesianRidge(), X, query_strategy=strategy, initial=initial, baseline=baseline
        )

    for wrong in (None, "chea", "gfn2_homo"):
        with pytest.raises(ValueError, match=rf"got {wrong!r}, the features are cheap, other"):
            begin(baseline=wrong)
    with pytest.raises(ValueError, match="the features are without names"):
        begin(X)
    twice = make_union(StandardScaler(), MinMaxScaler())
    with pytest.raises(
        ValueError, match=r"one feature .* 'cheap', the features are standardscaler"
    ):
        Campaign(
            make_pipeline(twice, BayesianRidge()),
            frame,
            query_strategy=search,
            initial="strategy",
            baseline="cheap",
        )
    for strategy in ("uncertainty", get_query_strategy("target", low=0.0, high=1.0)):
        with pytest.raises(ValueError, match="wants the largest or the smallest"):
            begin(strategy=strategy)
    with pytest.raises(ValueError, match="baseline='cheap' is for initial='strategy'"):
        begin(initial="random")


def test_initial_strategy_passes_records_without_an_estimate_by():
    X, _ = make_problem(10)
    cheap = np.where(np.arange(10) == 3, np.nan, np.arange(10.0))
    frame = pd.DataFrame({"cheap": cheap, "other": X[:, 0]})
    for end, best in (("low", [9, 8, 7, 6, 5]), ("high", [0, 1, 2, 4, 5])):
        campaign = Campaign(
            BayesianRidge(),
            frame,
            query_strategy=get_query_strategy("target", **{end: 0.0}),
            initial="strategy",
            baseline="cheap",
        )
        assert list(campaign.ask(10)[:5]) == best


def test_the_threshold_of_a_top_share_is_told_round_by_round():
    X, y = make_problem()
    campaign = Campaign(
        GaussianProcessRegressor(KERNEL, normalize_y=True),
        X,
        query_strategy="target",
        query_options={"top": 0.1},
        random_state=0,
    )
    for size in (10, 5, 5, 5):
        ids = campaign.ask(size)
        campaign.tell(ids, y[ids])
    thresholds = [one["threshold"] for one in campaign.history]
    assert thresholds[0] is None
    truth = np.quantile(y, 0.9)
    assert abs(thresholds[-1] - truth) < 0.1
    labelled = campaign.labelled[:20]
    model = GaussianProcessRegressor(KERNEL, normalize_y=True).fit(X[labelled], y[labelled])
    rest = np.setdiff1d(np.arange(60), labelled)
    expected = threshold_of_top(y[labelled], *model.predict(X[rest], return_std=True), 0.1)
    assert thresholds[-1] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("strategy", "options", "message"),
    [
        ("uncertainty", None, r"return_std=True\), which RandomForestRegressor.*EnsembleRegressor"),
        ("target", {"low": 1.0}, "EnsembleRegressor"),
        ("max_det", None, "joint posterior"),
        ("expected_improvement", None, "update_variance=False"),
    ],
)
def test_what_a_strategy_needs_is_checked_before_labels_are_paid_for(strategy, options, message):
    X, _ = make_problem()
    model = make_pipeline(StandardScaler(), RandomForestRegressor())
    with pytest.raises(TypeError, match=message):
        Campaign(model, X, query_strategy=strategy, query_options=options)


def test_another_estimator_is_refused_unless_forced():
    X, y = make_problem()
    campaign = Campaign(BayesianRidge(), X, query_strategy="uncertainty", random_state=0)
    ids = campaign.ask(5)
    text = campaign.tell(ids, y[ids]).to_json()
    with pytest.raises(ValueError, match=r"it was BayesianRidge\(\), got BayesianRidge\(tol=0.1\)"):
        Campaign.from_json(text, BayesianRidge(tol=0.1), X)
    changed = Campaign.from_json(text, BayesianRidge(tol=0.1), X, force=True)
    again = Campaign.from_json(changed.to_json(), BayesianRidge(tol=0.1), X)
    assert again.ask(3).tolist() == changed.ask(3).tolist()
    random = Campaign.from_json(text, BayesianRidge(), X, query_strategy="random")
    assert Campaign.from_json(random.to_json(), BayesianRidge(), X).strategy.name == "random"


def test_a_campaign_says_what_it_is():
    X, y = make_problem()
    campaign = Campaign(BayesianRidge(), X, query_strategy="uncertainty", random_state=0)
    ids = campaign.ask(5)
    campaign.tell(ids[:3], y[ids[:3]]).fail(ids[3:4], "<SCF> failed")
    assert repr(campaign) == (
        "<Campaign: 60 records, 3 labelled, 2 pending; query_strategy=uncertainty()>"
    )
    page = campaign._repr_html_()
    assert "&lt;SCF&gt; failed" in page
    assert "<SCF>" not in page
