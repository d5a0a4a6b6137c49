"""Campaign: ask and tell, and its life as JSON."""

import json

import numpy as np
import pandas as pd
import pytest
from ase.build import molecule
from scipy import sparse
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import BayesianRidge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skmolal import Campaign
from skmolal import GaussianProcessRegressor as Warm
from skmolal.query_strategies import get_query_strategy


def make_problem(n_samples=60, random_state=0):
    X = np.random.RandomState(random_state).uniform(size=(n_samples, 2))
    return X, np.sin(5 * X[:, 0]) + X[:, 1]


def fixed_gp():
    return GaussianProcessRegressor(RBF(0.5), alpha=1e-4, optimizer=None)


def play(campaign, y, sizes):
    for size in sizes:
        ids = campaign.ask(size)
        campaign.tell(ids, y[ids])
    return campaign


def test_uncertainty_picks_are_those_of_a_hand_written_loop():
    X, y = make_problem()
    campaign = play(Campaign(fixed_gp(), X, query_strategy="uncertainty", random_state=1), y, [5])
    labelled = list(campaign.labelled)
    for _ in range(4):
        ids = campaign.ask(3)
        campaign.tell(ids, y[ids])
        model = fixed_gp().fit(X[labelled], y[labelled])
        pool = np.setdiff1d(np.arange(len(X)), labelled)
        std = model.predict(X[pool], return_std=True)[1]
        expected = pool[np.argsort(-std, kind="stable")[:3]]
        assert list(ids) == list(expected)
        labelled += list(expected)


def test_first_round_is_random_and_the_same_for_all_strategies():
    X, _ = make_problem()
    first = [
        list(Campaign(fixed_gp(), X, query_strategy=s, random_state=5).ask(10))
        for s in ("random", "uncertainty", "cluster")
    ]
    assert first[0] == first[1] == first[2]
    assert first[0] != list(Campaign(fixed_gp(), X, random_state=6).ask(10))
    assert len(set(first[0])) == 10


def test_rounds_have_their_own_seed():
    X, y = make_problem()
    campaign = play(Campaign(fixed_gp(), X, random_state=0), y, [5])
    second = campaign.ask(5)
    ranks = np.searchsorted(campaign.unlabelled, second)
    campaign.tell(second, y[second])
    assert list(np.searchsorted(campaign.unlabelled, campaign.ask(5))) != list(ranks)


@pytest.mark.parametrize("stop_after", [0, 1, 2, 3])
@pytest.mark.parametrize("strategy", ["random", "uncertainty", "uncertainty_cluster"])
def test_a_stored_campaign_asks_what_the_first_would_have_asked(tmp_path, stop_after, strategy):
    X, y = make_problem()
    estimator = GaussianProcessRegressor(RBF(0.5), alpha=1e-2, n_restarts_optimizer=1)
    sizes = [6, 4, 8, 5]
    whole = play(Campaign(estimator, X, query_strategy=strategy, random_state=3), y, sizes)
    part = Campaign(estimator, X, query_strategy=strategy, random_state=3)
    play(part, y, sizes[:stop_after])
    part.to_json(tmp_path / "campaign.json")
    again = Campaign.from_json(tmp_path / "campaign.json", estimator, X)
    play(again, y, sizes[stop_after:])
    np.testing.assert_array_equal(again.labelled, whole.labelled)
    np.testing.assert_array_equal(again.estimator_.predict(X), whole.estimator_.predict(X))
    assert list(tmp_path.iterdir()) == [tmp_path / "campaign.json"]


def test_pending_question_survives_json():
    X, y = make_problem()
    campaign = play(Campaign(fixed_gp(), X, query_strategy="uncertainty", random_state=0), y, [5])
    ids = campaign.ask(3)
    again = Campaign.from_json(campaign.to_json(), fixed_gp(), X)
    again.tell(ids, y[ids])
    assert again.history[-1]["batch_mae"] is not None
    assert [pick["predicted"] for pick in again.picks()[-3:]] == pytest.approx(
        fixed_gp().fit(X[campaign.labelled], campaign.y).predict(X[ids])
    )


def test_strategy_options_survive_json_and_functions_must_be_given_again():
    X, y = make_problem()
    strategy = get_query_strategy("target", low=1.0, rule="mean")
    campaign = play(Campaign(fixed_gp(), X, query_strategy=strategy, random_state=0), y, [5])
    assert Campaign.from_json(campaign.to_json(), fixed_gp(), X).strategy == strategy

    def first(learner, X_pool, n_instances=1):
        return np.arange(n_instances), np.zeros(n_instances)

    text = play(Campaign(fixed_gp(), X, query_strategy=first, random_state=0), y, [5]).to_json()
    with pytest.raises(ValueError, match="pass query_strategy="):
        Campaign.from_json(text, fixed_gp(), X)
    assert Campaign.from_json(text, fixed_gp(), X, query_strategy=first).n_rounds == 1


def test_another_pool_is_refused():
    X, y = make_problem()
    text = play(Campaign(fixed_gp(), X, random_state=0), y, [5]).to_json()
    for other in (X[::-1], X[:-1], X + 1e-9):
        with pytest.raises(ValueError, match="X is not the pool of this campaign"):
            Campaign.from_json(text, fixed_gp(), other)
    molecules = [molecule("H2O"), molecule("CH4")]
    text = Campaign(BayesianRidge(), molecules, random_state=0).to_json()
    with pytest.raises(ValueError, match="X is not the pool"):
        Campaign.from_json(text, BayesianRidge(), molecules[::-1])


@pytest.mark.parametrize("text", ["{}", '{"format": "x"}', "{"])
def test_what_is_no_campaign_is_refused(text):
    with pytest.raises(ValueError, match="not a campaign's JSON"):
        Campaign.from_json(text, fixed_gp(), make_problem()[0])


@pytest.mark.parametrize(
    ("ids", "y", "message"),
    [
        ([0, 0], [1.0, 2.0], "a record twice"),
        ([60], [1.0], "unknown id 60"),
        ([-1], [1.0], "unknown id -1"),
        ([1.0], [1.0], "unknown id 1.0"),
        ([0, 1], [1.0], "one number for each of the 2 ids"),
        ([2, 3], [1.0, np.nan], r"label of record 3 is nan.*drop"),
        ([], [], "at least one record"),
    ],
)
def test_a_wrong_tell_records_nothing(ids, y, message):
    campaign = Campaign(fixed_gp(), make_problem()[0], random_state=0)
    before = campaign.to_json()
    with pytest.raises(ValueError, match=message):
        campaign.tell(ids, y)
    assert campaign.to_json() == before


def test_a_record_is_told_once():
    X, y = make_problem()
    campaign = Campaign(fixed_gp(), X, random_state=0).tell([1, 2], y[[1, 2]])
    with pytest.raises(ValueError, match=r"record 2 is already labelled: correct\(ids, y\)"):
        campaign.tell([2, 3], y[[2, 3]])
    assert list(campaign.labelled) == [1, 2]


def test_names_replace_positions():
    X, y = make_problem(8)
    names = np.array(list("abcdefgh"))
    campaign = Campaign(fixed_gp(), X, query_strategy="uncertainty", ids=names, random_state=0)
    ids = campaign.ask(3)
    label = dict(zip(names, y, strict=True))
    campaign.tell(ids, [label[name] for name in ids])
    assert set(ids) <= set(names)
    np.testing.assert_array_equal(campaign.y, y[campaign.labelled])
    again = Campaign.from_json(campaign.to_json(), fixed_gp(), X)
    assert list(again.ask(2)) == list(campaign.ask(2))
    assert campaign.picks()[0]["id"] == ids[0]


@pytest.mark.parametrize(
    ("ids", "message"),
    [(["a"], "shape"), (["a"] * 4, "unique"), ([1.5, 2, 3, 4], "integers or strings")],
)
def test_wrong_names_are_refused(ids, message):
    with pytest.raises(ValueError, match=message):
        Campaign(fixed_gp(), make_problem(4)[0], ids=ids)


def test_dropped_records_are_never_asked_for():
    X, y = make_problem(10)
    campaign = Campaign(fixed_gp(), X, random_state=0).drop([0, 1, 2])
    campaign = Campaign.from_json(campaign.to_json(), fixed_gp(), X)
    with pytest.warns(UserWarning, match="batch of 50 was clipped to the 7 records left"):
        ids = campaign.ask(50)
    assert sorted(ids) == [3, 4, 5, 6, 7, 8, 9]
    campaign.tell(ids, y[ids])
    with pytest.raises(ValueError, match="nothing left to ask for"):
        campaign.ask(1)


def test_labels_known_before_the_first_question_are_used():
    X, y = make_problem()
    campaign = Campaign(fixed_gp(), X, query_strategy="uncertainty", random_state=0)
    campaign.tell(np.arange(10), y[:10])
    std = fixed_gp().fit(X[:10], y[:10]).predict(X[10:], return_std=True)[1]
    assert campaign.ask(1)[0] == 10 + np.argmax(std)


def test_steps_that_need_no_y_are_fitted_once_on_the_whole_pool():
    X, y = make_problem()
    fits = []

    class Counting(StandardScaler):
        def fit(self, X, y=None, sample_weight=None):
            fits.append(len(X))
            return super().fit(X)

    pipeline = make_pipeline(Counting(), fixed_gp())
    campaign = play(Campaign(pipeline, X, query_strategy="uncertainty", random_state=0), y, [5, 3])
    assert fits == [60]
    estimator = campaign.estimator_
    assert [name for name, _ in estimator.steps] == [name for name, _ in pipeline.steps]
    np.testing.assert_allclose(estimator[0].mean_, X.mean(axis=0))
    scaled = StandardScaler().fit_transform(X)
    model = fixed_gp().fit(scaled[campaign.labelled], campaign.y)
    np.testing.assert_allclose(estimator.predict(X), model.predict(scaled))


def test_a_step_that_needs_y_is_fitted_on_labels_only():
    from sklearn.feature_selection import SelectKBest, f_regression

    X, y = make_problem()
    pipeline = make_pipeline(StandardScaler(), SelectKBest(f_regression, k=1), fixed_gp())
    campaign = play(Campaign(pipeline, X, query_strategy="uncertainty", random_state=0), y, [8, 4])
    labelled = campaign.labelled
    scaled = StandardScaler().fit_transform(X)
    expected = make_pipeline(SelectKBest(f_regression, k=1), fixed_gp())
    expected.fit(scaled[labelled], y[labelled])
    np.testing.assert_allclose(campaign.estimator_.predict(X), expected.predict(scaled))


def test_molecules_and_sparse_pools():
    molecules = [molecule(n) for n in ("H2O", "CH4", "CO", "N2", "C2H6", "CH3OH")]

    def sizes(molecules):
        return np.array([[len(a), a.get_masses().sum()] for a in molecules])

    pipeline = make_pipeline(FunctionTransformer(sizes), BayesianRidge())
    y = np.arange(6.0)
    campaign = play(Campaign(pipeline, molecules, query_strategy="uncertainty"), y, [2, 2])
    assert campaign.estimator_.predict(molecules).shape == (6,)
    X = sparse.csr_array(sizes(molecules))
    campaign = play(Campaign(BayesianRidge(), X.toarray(), random_state=0), y, [2, 2])
    assert len(campaign.labelled) == 4


def test_a_pool_of_smiles_is_the_same_in_any_container():
    pytest.importorskip("rdkit")
    from skmolal import make_fingerprint_model

    smiles = ["C" * n + end for n in range(1, 7) for end in ("O", "N", "F", "")]
    y = np.array([len(text) + text.count("O") for text in smiles], dtype=float)
    pools = [smiles, np.array(smiles), np.array([*np.array(smiles)], dtype=object)]
    pools += [pd.Series(smiles), pd.Series(smiles, index=range(7, 31)).to_frame("smiles")]
    model = make_fingerprint_model()
    picks = []
    for pool in pools:
        campaign = Campaign(model, pool, query_strategy="uncertainty", random_state=0)
        picks.append(play(campaign, y, [6, 3, 3]).labelled.tolist())
        # stored from one container, continued with another
        again = Campaign.from_json(campaign.to_json(), model, smiles)
        assert again.ask(3).tolist() == campaign.ask(3).tolist()
    assert picks == picks[:1] * len(pools)
    with pytest.raises(ValueError, match="not the pool of this campaign"):
        Campaign.from_json(campaign.to_json(), model, [*smiles[:-1], "CC(C)C"])


def test_a_strategy_that_returns_a_bad_index_is_named():
    X, y = make_problem()

    def twice(learner, X_pool, n_instances=1):
        return np.zeros(n_instances, dtype=int), np.zeros(n_instances)

    campaign = play(Campaign(fixed_gp(), X, query_strategy=twice, random_state=0), y, [5])
    with pytest.raises(ValueError, match="twice"):
        campaign.ask(2)
    assert len(campaign.labelled) == 5


def test_history_says_what_happened():
    X, y = make_problem()
    estimator = GaussianProcessRegressor(RBF(0.5), alpha=1e-4)
    campaign = Campaign(estimator, X, query_strategy="uncertainty", random_state=0)
    rounds = [c.n_rounds for c in campaign.play(y.__getitem__, [5, 10], n_initial=8)]
    assert rounds == [1, 2, 3]
    history = campaign.history
    assert [r["n_labelled"] for r in history] == [8, 13, 23]
    assert history[0]["batch_mae"] is None
    assert history[1]["batch_mae"] >= 0
    assert history[2]["hyperparameters"] == list(campaign.estimator_.kernel_.theta)
    json.dumps(history)


def test_random_states_left_open_are_seeded_by_the_campaign():
    X, y = make_problem()
    estimator = GaussianProcessRegressor(RBF(0.5), alpha=1e-4, n_restarts_optimizer=2)
    seeds = [
        play(Campaign(estimator, X, random_state=s), y, [6]).estimator_.random_state
        for s in (0, 0, 1)
    ]
    assert seeds[0] == seeds[1] != seeds[2]
    assert estimator.random_state is None


def test_no_label_no_model():
    with pytest.raises(ValueError, match="no label yet"):
        Campaign(fixed_gp(), make_problem()[0]).fit()


@pytest.mark.parametrize("strategy", ["uncertainty", "cluster", "uncertainty_cluster", "target"])
def test_a_warm_regressor_makes_the_picks_of_a_cold_one(strategy):
    X, y = make_problem()
    options = {"low": 1.2} if strategy == "target" else None
    picks = []
    for warm_start in (False, True):
        model = Warm(RBF(0.5), alpha=1e-2, warm_start=warm_start, optimizer=None)
        campaign = Campaign(
            model, X, query_strategy=strategy, query_options=options, random_state=0
        )
        picks.append(play(campaign, y, [6, 4, 8, 5]).labelled.tolist())
    assert picks[0] == picks[1]


@pytest.mark.parametrize("stop_after", [1, 2, 3])
@pytest.mark.parametrize("growth", [None, 2.0])
def test_a_stored_warm_campaign_continues_bit_for_bit(stop_after, growth):
    X, y = make_problem()
    model = Warm(
        RBF(0.5, (0.1, 10.0)),
        alpha=1e-2,
        n_restarts_optimizer=1,
        warm_start=True,
        reoptimize_growth=growth,
    )
    sizes = [6, 4, 8, 5]
    whole = play(Campaign(model, X, query_strategy="uncertainty", random_state=3), y, sizes)
    part = Campaign(model, X, query_strategy="uncertainty", random_state=3)
    play(part, y, sizes[:stop_after])
    again = play(Campaign.from_json(part.to_json(), model, X), y, sizes[stop_after:])
    np.testing.assert_array_equal(again.labelled, whole.labelled)
    np.testing.assert_array_equal(again.estimator_.predict(X), whole.estimator_.predict(X))
    assert again.history[-1]["hyperparameters"] == whole.history[-1]["hyperparameters"]


def test_a_warm_campaign_copies_no_pool_to_predict_it():
    X, y = make_problem()
    model = Warm(RBF(0.5), alpha=1e-2, warm_start=True, optimizer=None)
    campaign = play(Campaign(model, X, query_strategy="uncertainty", random_state=0), y, [6])
    learner = campaign.fit()._model.learner(campaign._state, campaign.strategy)
    mean, std = learner.predict(learner.X_pool, return_std=True)
    assert "_copied" not in vars(learner.X_pool)
    expected = model.fit(X[campaign.labelled], campaign.y).predict(X[campaign.unlabelled])
    np.testing.assert_allclose(mean, expected)
    np.testing.assert_array_equal(np.asarray(learner.X_pool), X[campaign.unlabelled])
    assert len(std) == len(learner.X_pool) == 54


def make_molecules(n=30):
    """Water molecules of all sizes."""
    rng = np.random.default_rng(0)
    molecules = np.empty(n, dtype=object)
    for k in range(n):
        molecules[k] = molecule("H2O")
        molecules[k].positions *= rng.uniform(0.8, 1.4)
        molecules[k].rotate(rng.uniform(0, 90), "x")
    return molecules


def height(molecules):
    """One feature that is not what the model sees."""
    return np.array([[np.ptp(one.positions[:, 2])] for one in molecules])


def sizes(molecules):
    return np.array([[one.get_distance(0, 1), one.get_distance(1, 2)] for one in molecules])


def test_a_representation_sees_the_molecules():
    molecules = make_molecules()
    y = sizes(molecules).sum(axis=1)
    campaign = Campaign(
        make_pipeline(FunctionTransformer(sizes), fixed_gp()),
        molecules,
        query_strategy=get_query_strategy("k_center", representation=FunctionTransformer(height)),
        random_state=0,
    )
    play(campaign, y, [4])
    labelled, pool = list(campaign.labelled), list(campaign.unlabelled)
    distance = np.abs(height(molecules) - height(molecules).T)
    for pick in campaign.ask(5):  # the farthest point of all that is labelled or chosen
        farthest = distance[np.ix_(pool, labelled)].min(axis=1)
        assert pick == pool[np.argmax(farthest)]
        labelled.append(pick)
        pool.remove(pick)


@pytest.mark.parametrize("name", ["variance_reduction", "target_variance_reduction"])
def test_reference_rows_are_molecules(name):
    molecules = make_molecules()
    y = sizes(molecules).sum(axis=1)
    options = {"low": float(np.median(y))} if name.startswith("target") else {}
    picks = []
    for X, reference, model in (
        (molecules, molecules[:7], make_pipeline(FunctionTransformer(sizes), fixed_gp())),
        (sizes(molecules), sizes(molecules)[:7], fixed_gp()),
    ):
        strategy = get_query_strategy(name, reference=reference, **options)
        campaign = play(Campaign(model, X, query_strategy=strategy, random_state=0), y, [4])
        picks.append(campaign.ask(5).tolist())
    assert picks[0] == picks[1]
