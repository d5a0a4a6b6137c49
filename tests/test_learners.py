"""modAL's learners, mended: what scikit-learn, modAL and molecules expect of them."""

import pickle
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from ase import Atoms
from modAL import models
from modAL.acquisition import max_EI, max_UCB
from modAL.batch import uncertainty_batch_sampling
from modAL.disagreement import max_std_sampling
from modAL.uncertainty import uncertainty_sampling
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.ensemble import RandomForestClassifier, VotingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.validation import check_is_fitted

from skmolal import ActiveLearner, BayesianOptimizer, CommitteeRegressor
from skmolal.compat import _modal_patched
from skmolal.query_strategies import target_sampling

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = np.sin(X).sum(axis=1)
MOLECULES = [
    Atoms(f"C{c}H{h}", positions=RNG.normal(size=(c + h, 3)))
    for c in range(1, 7)
    for h in range(1, 7)
]
Y_MOLECULES = np.array([len(atoms) ** 0.5 for atoms in MOLECULES])


def count_elements(molecules):
    """The smallest descriptor: how many carbons and hydrogens; of a molecule array only."""
    assert isinstance(molecules, np.ndarray)
    assert molecules.ndim == 1
    return np.array([[np.sum(a.numbers == z) for z in (6, 1)] for a in molecules], dtype=float)


def make_gpr(**params):
    return GaussianProcessRegressor(RBF(2.0), alpha=1e-4, optimizer=None, **params)


def make_molecule_pipeline():
    return make_pipeline(FunctionTransformer(count_elements), StandardScaler(), make_gpr())


def largest_std(learner, X_pool, n_instances=1):
    std = learner.predict(X_pool, return_std=True)[1]
    query_idx = np.argsort(-std, kind="stable")[:n_instances]
    return query_idx, std[query_idx]


def last_of_first(learner, X_pool, n_instances):
    return np.arange(n_instances)[::-1]


def indices_only(learner, X_pool, n_instances=1):
    return largest_std(learner, X_pool, n_instances)[0]


def play(learner, X_pool, y_pool, n_rounds=4, **query):
    """Run a modAL loop and return the positions in the first pool that were picked."""
    left = np.arange(len(y_pool))
    picks = []
    for _ in range(n_rounds):
        query_idx, X_query = learner.query(X_pool, **query)
        picks.extend(left[query_idx].tolist())
        learner.teach(X_query, y_pool[query_idx])
        keep = np.setdiff1d(np.arange(len(left)), query_idx)
        X_pool, y_pool, left = X_pool[keep], y_pool[keep], left[keep]
    return picks


def to_object_array(molecules):
    array = np.empty(len(molecules), dtype=object)
    for i, atoms in enumerate(molecules):
        array[i] = atoms
    return array


# The same loop with the stock classes and with ours


def run_both(make_learner, *args, **query):
    with _modal_patched():
        stock_picks = play(stock := make_learner(models), *args, **query)
    ours_picks = play(ours := make_learner(None), *args, **query)
    assert len(set(ours_picks)) == len(ours_picks)
    assert ours_picks == stock_picks
    return stock, ours


def of(modal, name):
    ours = {
        "ActiveLearner": ActiveLearner,
        "BayesianOptimizer": BayesianOptimizer,
        "CommitteeRegressor": CommitteeRegressor,
    }
    return ours[name] if modal is None else getattr(modal, name)


@pytest.mark.parametrize("n_instances", [1, 3])
def test_picks_equal_those_of_stock_modal(n_instances):
    def make(modal):
        return of(modal, "ActiveLearner")(make_gpr(), largest_std, X[:5], Y[:5])

    stock, ours = run_both(make, X[5:], Y[5:], n_instances=n_instances)
    np.testing.assert_array_equal(ours.X_training, stock.X_training)
    np.testing.assert_array_equal(ours.y_training, stock.y_training)
    np.testing.assert_array_equal(ours.predict(X), stock.predict(X))


def test_picks_of_a_pipeline_from_molecules_equal_those_of_stock_modal():
    molecules = to_object_array(MOLECULES)

    def make(modal):
        return of(modal, "ActiveLearner")(
            make_molecule_pipeline(), largest_std, molecules[:4], Y_MOLECULES[:4]
        )

    _, ours = run_both(make, molecules[4:], Y_MOLECULES[4:], n_instances=2)
    assert ours.X_training.shape == (12,)


def test_picks_of_a_classifier_and_the_default_strategy_equal_those_of_stock_modal():
    def make(modal):
        forest = RandomForestClassifier(n_estimators=5, random_state=0)
        return of(modal, "ActiveLearner")(forest, X_training=X[:8], y_training=Y[:8] > 0)

    _, ours = run_both(make, X[8:], Y[8:] > 0)
    assert ours.query_strategy is uncertainty_sampling


def test_picks_of_the_optimizer_equal_those_of_stock_modal():
    def make(modal):
        return of(modal, "BayesianOptimizer")(make_gpr(), X_training=X[:3], y_training=Y[:3])

    stock, ours = run_both(make, X[3:], Y[3:], n_rounds=6)
    assert ours.query_strategy is max_EI
    assert ours.y_max == stock.y_max == ours.y_training.max()
    np.testing.assert_array_equal(ours.get_max()[0], stock.get_max()[0])


@pytest.mark.parametrize("bootstrap", [False, True])
def test_picks_of_a_committee_equal_those_of_stock_modal(bootstrap):
    def make(modal):
        np.random.seed(0)  # noqa: NPY002, modAL bootstraps from the global state
        members = [
            of(modal, "ActiveLearner")(
                DecisionTreeRegressor(random_state=0),
                X_training=X[:10],
                y_training=Y[:10],
                bootstrap_init=bootstrap,
            )
            for _ in range(3)
        ]
        members[1].teach(X[10:12], Y[10:12], bootstrap=True)
        committee = of(modal, "CommitteeRegressor")(members)
        committee.rebag()
        return committee

    stock, ours = run_both(make, X[12:], Y[12:], n_instances=2)
    assert ours.query_strategy is max_std_sampling
    np.testing.assert_array_equal(ours.vote(X), stock.vote(X))
    for mine, theirs in zip(ours, stock, strict=True):
        np.testing.assert_array_equal(mine.X_training, theirs.X_training)


@pytest.mark.parametrize("name", ["ActiveLearner", "BayesianOptimizer", "CommitteeRegressor"])
@pytest.mark.parametrize("bootstrap", [False, True])
def test_teach_with_only_new_equals_stock_modal(name, bootstrap):
    def taught(modal):
        np.random.seed(1)  # noqa: NPY002, modAL bootstraps from the global state
        learner = of(
            modal, "BayesianOptimizer" if name == "BayesianOptimizer" else "ActiveLearner"
        )(LinearRegression(), X_training=X[:5], y_training=Y[:5], query_strategy=largest_std)
        whole = of(modal, name)([learner]) if name == "CommitteeRegressor" else learner
        whole.teach(X[5:9], Y[5:9], bootstrap=bootstrap, only_new=True)
        return learner

    with _modal_patched():
        stock = taught(models)
    ours = taught(None)
    np.testing.assert_array_equal(ours.estimator.coef_, stock.estimator.coef_)
    np.testing.assert_array_equal(ours.X_training, stock.X_training)


# Containers


def pools():
    molecules = to_object_array(MOLECULES)
    index = RNG.permutation(len(X))
    return {
        "array": (make_gpr(), X),
        "csr": (Ridge(), sp.csr_array(X)),
        # Integer column labels in another order: df[[0, 2]] would be columns.
        "frame": (make_gpr(), pd.DataFrame(X, index=index, columns=[2, 0, 1])),
        "molecules": (make_molecule_pipeline(), molecules),
        "molecule_list": (make_molecule_pipeline(), MOLECULES),
        "molecule_series": (make_molecule_pipeline(), pd.Series(molecules, index=index[:36])),
    }


def rows_of(X):
    X = X.toarray() if sp.issparse(X) else X
    return [row if isinstance(row, Atoms) else row.tolist() for row in getattr(X, "values", X)]


@pytest.mark.parametrize("name", pools())
@pytest.mark.parametrize("y_type", [np.asarray, pd.Series, list])
def test_rows_of_any_pool_are_taken_by_position(name, y_type):
    estimator, X_pool = pools()[name]
    y = (Y_MOLECULES if "molecule" in name else Y)[::-1].copy()
    first, second = X_pool[:4], X_pool[4:9]
    learner = ActiveLearner(
        estimator, lambda learner, X, n: np.arange(n)[::-1], first, y_type(y[:4])
    )
    for n in (1, 2, 3):
        query_idx, X_query = learner.query(second, n)
        assert query_idx.tolist() == list(range(n))[::-1]
        assert rows_of(X_query) == [rows_of(second)[i] for i in query_idx]
        assert type(X_query) is type(X_pool)
        learner.teach(X_query, y_type(y[query_idx]))
    assert rows_of(learner.X_training) == [
        rows_of(X_pool)[i] for i in [0, 1, 2, 3, 4, 5, 4, 6, 5, 4]
    ]
    assert np.asarray(learner.y_training).tolist() == y[[0, 1, 2, 3, 0, 1, 0, 2, 1, 0]].tolist()
    if "molecule" in name:
        assert learner.X_training.dtype == object
        assert learner.X_training.shape == (10,)


def test_a_committee_of_pipelines_plays_on_molecules():
    molecules = to_object_array(MOLECULES)
    committee = CommitteeRegressor(
        [
            ActiveLearner(
                make_molecule_pipeline(), X_training=molecules[i], y_training=Y_MOLECULES[i]
            )
            for i in (slice(0, 5), slice(5, 11))
        ]
    )
    picks = play(committee, molecules[11:], Y_MOLECULES[11:], n_instances=3)
    assert len(picks) == 12
    assert [len(learner.y_training) for learner in committee] == [17, 18]
    mean, std = committee.predict(MOLECULES, return_std=True)
    votes = committee.vote(MOLECULES)
    np.testing.assert_allclose(mean, votes.mean(axis=1))
    np.testing.assert_allclose(std, votes.std(axis=1))


def test_a_committee_votes_on_a_sparse_pool():
    members = [ActiveLearner(Ridge(a), X_training=sp.csr_array(X), y_training=Y) for a in (0, 9)]
    committee = CommitteeRegressor(members)
    query_idx, X_query = committee.query(sp.csr_array(X), n_instances=2)
    assert X_query.shape == (2, 3)
    committee.teach(X_query, Y[query_idx])
    assert members[0].X_training.shape == (42, 3)


def test_the_optimizer_keeps_the_best_molecule_of_any_series():
    index = np.roll(np.arange(len(MOLECULES)), 7)
    molecules = pd.Series(to_object_array(MOLECULES), index=index)
    y = pd.Series(-np.abs(Y_MOLECULES - 2.4), index=index)
    optimizer = BayesianOptimizer(
        make_molecule_pipeline(), max_UCB, X_training=molecules[:4], y_training=y[:4]
    )
    for _ in range(5):
        query_idx, X_query = optimizer.query(molecules, n_instances=2)
        optimizer.teach(X_query, y.iloc[query_idx])
    X_max, y_max = optimizer.get_max()
    best = int(np.argmax(optimizer.y_training))
    assert X_max is optimizer.X_training[best]
    assert y_max == np.max(optimizer.y_training)


def test_the_optimizer_forgets_its_maximum_with_the_data():
    optimizer = BayesianOptimizer(make_gpr())
    assert optimizer.get_max() == (None, -np.inf)
    optimizer.fit(X[:5], Y[:5] + 100)
    optimizer.fit(X[5:10], Y[5:10].reshape(-1, 1))
    assert optimizer.y_max == Y[5:10].max()
    np.testing.assert_array_equal(optimizer.X_max, X[5 + np.argmax(Y[5:10])])


# Querying


@pytest.mark.parametrize("n_instances", [1, 2, 3])
def test_an_index_array_of_any_length_is_not_a_pair(n_instances):
    learner = ActiveLearner(make_gpr(), indices_only, X[:5], Y[:5])
    query_idx, X_query = learner.query(X, n_instances=n_instances)
    assert query_idx.shape == (n_instances,)
    np.testing.assert_array_equal(X_query, X[query_idx])
    with pytest.warns(UserWarning, match="return_metrics"):
        *_, metrics = learner.query(X, n_instances=n_instances, return_metrics=True)
    assert metrics is None


def test_metrics_are_those_of_the_strategy():
    learner = ActiveLearner(make_gpr(), largest_std, X[:5], Y[:5])
    query_idx, _, metrics = learner.query(X, 2, return_metrics=True)
    np.testing.assert_array_equal(metrics, learner.predict(X, return_std=True)[1][query_idx])


@pytest.mark.parametrize("committee", [False, True])
def test_a_failing_strategy_runs_once_and_its_error_surfaces(committee):
    calls = []

    def failing(learner, X_pool):
        calls.append(1)
        raise TypeError("cannot unpack what I made")

    learner = ActiveLearner(make_gpr(), failing, X[:5], Y[:5])
    asked = CommitteeRegressor([learner], failing) if committee else learner
    with pytest.raises(TypeError, match="cannot unpack what I made"):
        asked.query(X)
    assert len(calls) == 1


def test_a_strategy_sees_molecules_as_an_object_array():
    seen = []
    learner = ActiveLearner(make_molecule_pipeline(), lambda _, pool: seen.append(pool) or [1])
    query_idx, X_query = learner.query(MOLECULES)
    assert seen[0].shape == (len(MOLECULES),)
    assert (query_idx, X_query) == ([1], [MOLECULES[1]])


def test_a_strategy_can_be_given_by_name():
    from skmolal.query_strategies import get_query_strategy

    named = ActiveLearner(make_gpr(), "uncertainty", X[:5], Y[:5])
    assert named.query_strategy == "uncertainty"
    same = ActiveLearner(make_gpr(), get_query_strategy("uncertainty"), X[:5], Y[:5])
    assert play(named, X[5:], Y[5:], n_instances=3) == play(same, X[5:], Y[5:], n_instances=3)
    committee = CommitteeRegressor([named, same], "uncertainty")
    assert committee.query(X, n_instances=4)[1].shape == (4, 3)


def test_parameters_of_a_strategy_are_parameters_of_the_learner():
    from skmolal.query_strategies import get_query_strategy

    learner = ActiveLearner(make_gpr(), get_query_strategy("target", low=1.0), X[:5], Y[:5])
    assert clone(learner).query(X, 3)[0].tolist() == learner.query(X, 3)[0].tolist()


@pytest.mark.parametrize("strategy", [3, None])
def test_what_is_no_strategy_is_refused(strategy):
    with pytest.raises(TypeError, match=f"query_strategy must be .* got {strategy}"):
        ActiveLearner(make_gpr(), strategy)
    with pytest.raises(TypeError, match="query_strategy must be"):
        CommitteeRegressor([ActiveLearner(make_gpr())], strategy)


# Teaching


def state(learner):
    return learner.X_training, learner.y_training


@pytest.mark.parametrize(
    ("X_new", "y_new", "message"),
    [
        (X[:3], Y[:2], "got 3 rows in X and 2 in y"),
        (X[:0], Y[:0], "at least one row"),
        (X[:2], [0.0, np.nan], "y contains NaN"),
        (X[:2, :2], Y[:2], "must match exactly"),
        (np.full((2, 3), np.nan), Y[:2], "NaN"),
        (X[:2], Y[:2].reshape(2, 1), "dimension"),
    ],
)
@pytest.mark.parametrize("kind", ["learner", "optimizer", "committee"])
def test_a_failed_teach_changes_no_training_data(X_new, y_new, message, kind):
    cls = BayesianOptimizer if kind == "optimizer" else ActiveLearner
    learners = [cls(make_gpr(), X_training=X[:5], y_training=Y[:5]) for _ in range(2)]
    before = [state(learner) for learner in learners]
    taught = CommitteeRegressor(learners) if kind == "committee" else learners[0]
    with pytest.raises(ValueError, match=message):
        taught.teach(X_new, y_new)
    for learner, (X_before, y_before) in zip(learners, before, strict=True):
        assert learner.X_training is X_before
        assert learner.y_training is y_before
    if kind == "optimizer":
        assert learners[0].y_max == Y[:5].max()


def test_no_member_keeps_rows_that_one_member_cannot_learn():
    class Stubborn(Ridge):
        def fit(self, X, y):
            if len(y) > 5:
                raise RuntimeError("full")
            return super().fit(X, y)

    learners = [ActiveLearner(e, X_training=X[:5], y_training=Y[:5]) for e in (Ridge(), Stubborn())]
    with pytest.raises(RuntimeError, match="full"):
        CommitteeRegressor(learners).teach(X[5:6], Y[5:6])
    assert [len(learner.y_training) for learner in learners] == [5, 5]


def test_training_data_of_the_constructor_is_checked():
    with pytest.raises(ValueError, match="given together"):
        ActiveLearner(make_gpr(), X_training=X)
    with pytest.raises(ValueError, match="40 rows in X and 39 in y"):
        ActiveLearner(make_gpr(), X_training=X, y_training=Y[1:])
    with pytest.raises(TypeError, match="single Atoms"):
        ActiveLearner(make_gpr(), X_training=MOLECULES[0], y_training=[1.0])


def test_the_given_arrays_are_not_written_to():
    X_first, y_first = X[:5].copy(), Y[:5].copy()
    learner = ActiveLearner(make_gpr(), largest_std, X_first, y_first)
    play(learner, X[5:], Y[5:])
    np.testing.assert_array_equal(X_first, X[:5])
    np.testing.assert_array_equal(y_first, Y[:5])


def test_sample_weights_follow_the_bootstrap():
    class Recorder(Ridge):
        def fit(self, X, y, sample_weight=None):
            self.pairs_ = np.column_stack([y, sample_weight])
            return super().fit(X, y, sample_weight)

    learner = ActiveLearner(Recorder())
    learner.fit(X, Y, bootstrap=True, sample_weight=Y**2)
    np.testing.assert_array_equal(
        learner.estimator.pairs_[:, 0] ** 2, learner.estimator.pairs_[:, 1]
    )


def test_the_bootstrap_has_a_seed():
    class Recorder(Ridge):
        def fit(self, X, y):
            self.y_ = np.array(y)
            return super().fit(X, y)

    def drawn(seed):
        members = [ActiveLearner(Recorder(), X_training=X[:8], y_training=Y[:8]) for _ in range(2)]
        committee = CommitteeRegressor(members)
        rows = []
        for step in (
            lambda: committee.fit(X[:8], Y[:8], bootstrap=True, random_state=seed),
            lambda: committee.teach(X[8:12], Y[8:12], bootstrap=True, random_state=seed),
            lambda: committee.rebag(random_state=seed),
        ):
            state = np.random.get_state()[1].copy()  # noqa: NPY002
            step()
            np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
            first, second = (member.estimator.y_ for member in members)
            assert not np.array_equal(first, second)
            rows += [first, second]
        return np.concatenate(rows)

    np.testing.assert_array_equal(drawn(3), drawn(3))
    assert not np.array_equal(drawn(3), drawn(4))


def test_a_committee_without_data_cannot_rebag():
    committee = CommitteeRegressor([ActiveLearner(make_gpr())])
    with pytest.raises(NotFittedError, match="no training data"):
        committee.rebag()


@pytest.mark.parametrize("members", [[], (ActiveLearner(Ridge()),), [Ridge()]])
def test_a_committee_is_a_list_of_learners(members):
    with pytest.raises((TypeError, ValueError), match="learner_list must"):
        CommitteeRegressor(members)


# scikit-learn's conventions


def make_learners():
    learner = ActiveLearner(make_gpr(), largest_std, X[:5], Y[:5])
    return {
        "learner": learner,
        "untaught": ActiveLearner(make_gpr(), "random"),
        "optimizer": BayesianOptimizer(make_gpr(), X_training=X[:5], y_training=Y[:5]),
        "committee": CommitteeRegressor([clone(learner), clone(learner)]),
    }


@pytest.mark.parametrize("name", make_learners())
def test_a_clone_starts_where_the_learner_started(name):
    learner = make_learners()[name]
    params = learner.get_params(deep=False)
    learner.teach(X[5:9], Y[5:9])
    assert all(learner.get_params(deep=False)[key] is value for key, value in params.items())
    copy = clone(learner)
    assert type(copy) is type(learner)
    assert repr(copy) == repr(make_learners()[name])
    for mine, theirs in zip(copy._learners(), learner._learners(), strict=True):
        assert mine.estimator is not theirs.estimator
        if name == "untaught":
            assert mine.X_training is None
        else:
            np.testing.assert_array_equal(mine.X_training, X[:5])
    if name == "untaught":
        assert not hasattr(copy.estimator, "X_train_")
    else:
        check_is_fitted(copy)
        np.testing.assert_array_equal(copy.predict(X), make_learners()[name].predict(X))


@pytest.mark.parametrize("name", make_learners())
def test_a_learner_survives_pickling_mid_loop(name):
    learner = make_learners()[name]
    learner.teach(X[5:9], Y[5:9])
    copy = pickle.loads(pickle.dumps(learner))
    np.testing.assert_array_equal(copy.predict(X), learner.predict(X))
    copy.teach(X[9:12], Y[9:12])
    assert len(copy._learners()[0].y_training) == len(learner._learners()[0].y_training) + 3
    assert copy.get_params(deep=False).keys() == learner.get_params(deep=False).keys()


def test_the_html_repr_can_be_drawn():
    for learner in make_learners().values():
        assert type(learner).__name__ in learner._repr_mimebundle_()["text/html"]


def test_nested_parameters_reach_the_estimator():
    learner = ActiveLearner(make_molecule_pipeline(), "random")
    learner.set_params(estimator__gaussianprocessregressor__alpha=0.5, on_transformed=True)
    assert learner.estimator[-1].alpha == 0.5
    assert learner.on_transformed is True
    learner.set_params(X_training=MOLECULES, y_training=Y_MOLECULES)
    assert learner.get_params()["X_training"] is learner.X_training is MOLECULES


@pytest.mark.parametrize("given", [False, True])
def test_grid_search_over_the_estimator_of_a_learner_equals_that_of_the_estimator(given):
    first = {"X_training": X[:3], "y_training": Y[:3]} if given else {}
    grid = [1e-6, 1e-2, 1.0]
    search = GridSearchCV(
        ActiveLearner(make_gpr(), largest_std, **first), {"estimator__alpha": grid}, cv=3
    ).fit(X, Y)
    plain = GridSearchCV(make_gpr(), {"alpha": grid}, cv=3).fit(X, Y)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )
    assert search.best_params_["estimator__alpha"] == plain.best_params_["alpha"]
    best = search.best_estimator_
    np.testing.assert_array_equal(best.X_training, X)
    best.query(X, n_instances=2)


def test_grid_search_runs_on_molecules():
    search = GridSearchCV(
        ActiveLearner(make_molecule_pipeline(), "random"),
        {"estimator__gaussianprocessregressor__alpha": [1e-3, 1e-1]},
        cv=KFold(3, shuffle=True, random_state=0),
    ).fit(MOLECULES, Y_MOLECULES)
    assert search.best_score_ > 0.5


def test_to_scikit_learn_a_learner_is_what_its_estimator_is():
    assert is_regressor(ActiveLearner(make_gpr()))
    assert is_regressor(CommitteeRegressor([ActiveLearner(make_gpr())]))
    learner = ActiveLearner(RandomForestClassifier(5, random_state=0))
    assert is_classifier(learner)
    assert not hasattr(learner, "classes_")
    learner.fit(X, Y > 0)
    assert learner.classes_.tolist() == [False, True]
    labels = np.repeat([0, 1], [36, 4])  # without stratification some folds have one class
    scores = cross_val_score(learner, X, labels, scoring="roc_auc", cv=4)
    assert np.isfinite(scores).all()


def test_a_learner_is_fitted_when_its_estimator_is():
    learner = ActiveLearner(Ridge())
    with pytest.raises(NotFittedError):
        check_is_fitted(learner)
    check_is_fitted(learner.fit(X, Y))
    assert not hasattr(learner, "predict_proba")


def test_a_committee_scores_its_mean_prediction():
    committee = CommitteeRegressor([ActiveLearner(Ridge(a)) for a in (0.1, 10.0)])
    committee.fit(X, Y)
    residual = ((Y - committee.predict(X)) ** 2).sum() / ((Y - Y.mean()) ** 2).sum()
    assert committee.score(X, Y) == pytest.approx(1 - residual)


@pytest.mark.parametrize("routing", [False, True])
def test_std_passes_through_a_pipeline(routing):
    gpr = make_gpr()
    context = sklearn.config_context(enable_metadata_routing=True) if routing else nullcontext()
    with context:
        if routing:
            gpr.set_predict_request(return_std=True)
        learner = ActiveLearner(make_pipeline(StandardScaler(), gpr), largest_std, X[:5], Y[:5])
        assert len(play(learner, X[5:], Y[5:], n_instances=2)) == 8


# Features of a Pipeline


def test_features_are_those_the_last_step_sees():
    pipeline = make_molecule_pipeline()
    learner = ActiveLearner(pipeline, X_training=MOLECULES, y_training=Y_MOLECULES)
    molecules = to_object_array(MOLECULES)
    features = pipeline[:-1].transform(molecules)
    np.testing.assert_array_equal(learner.transform_without_estimating(molecules), features)
    committee = CommitteeRegressor([learner, learner])
    np.testing.assert_array_equal(
        committee.transform_without_estimating(molecules), np.hstack([features, features])
    )
    plain = ActiveLearner(make_gpr())
    assert plain.transform_without_estimating(X) is X


def test_features_of_an_ensemble_stand_side_by_side_also_as_frames():
    scaled = make_pipeline(StandardScaler().set_output(transform="pandas"), Ridge())
    learner = ActiveLearner(
        VotingRegressor([("a", scaled), ("b", clone(scaled)), ("c", Ridge())]),
        X_training=X,
        y_training=Y,
    )
    features = learner.transform_without_estimating(X)
    assert isinstance(features, pd.DataFrame)
    scaled_X = StandardScaler().fit_transform(X)
    np.testing.assert_allclose(features, np.hstack([scaled_X, scaled_X]))


def test_the_batch_strategy_of_modal_works_on_transformed_molecules():
    learner = ActiveLearner(
        make_pipeline(
            FunctionTransformer(count_elements), RandomForestClassifier(5, random_state=0)
        ),
        uncertainty_batch_sampling,
        X_training=MOLECULES[::6],
        y_training=Y_MOLECULES[::6] > 2.5,
        on_transformed=True,
    )
    query_idx, X_query = learner.query(MOLECULES, n_instances=4)
    assert len(set(query_idx.tolist())) == 4
    learner.teach(X_query, Y_MOLECULES[query_idx] > 2.5)
    assert len(learner.X_training) == 10


@pytest.mark.parametrize("strategy", ["uncertainty", target_sampling])
def test_what_a_strategy_needs_is_checked_when_the_learner_is_made(strategy):
    model = make_pipeline(StandardScaler(), Ridge())
    with pytest.raises(TypeError, match=r"which Ridge lacks.*EnsembleRegressor"):
        ActiveLearner(model, strategy)
    ActiveLearner(model, "random")
    ActiveLearner(model, lambda learner, X, n_instances=1: None)  # the user's own affair
