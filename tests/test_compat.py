"""patch_modal: the stock modAL classes on current scikit-learn and pandas."""

import subprocess
import sys
import textwrap

import modAL
import modAL.batch
import modAL.models.base
import modAL.models.learners
import modAL.utils
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from ase import Atoms
from modAL.batch import uncertainty_batch_sampling
from modAL.models import ActiveLearner, BayesianOptimizer, Committee, CommitteeRegressor
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import skmolal
from skmolal.compat import _modal_patched, _repairs, patch_modal

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3))
Y = RNG.normal(size=20)
FRAME = pd.DataFrame(X, index=RNG.permutation(20), columns=[2, 0, 1])


@pytest.fixture
def patched():
    with _modal_patched():
        yield


def run(code):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def first_rows(learner, X_pool, n_instances=1):
    return np.arange(n_instances), None


def test_patch_modal_repairs_a_user_program_and_an_import_does_not():
    assert (
        run(
            """
        import numpy as np
        from modAL.models import ActiveLearner
        from modAL.utils.data import data_vstack
        from sklearn.linear_model import Ridge
        import modAL.models.learners, modAL.utils.data, skmolal, skmolal.compat, skmolal.learners

        names = ("data_vstack", "retrieve_rows", "check_X_y")
        stock = [getattr(modAL.models.learners, name) for name in names]
        assert stock[0] is data_vstack, "an import has patched modAL"

        skmolal.compat.patch_modal()
        repaired = [getattr(modAL.models.learners, name) for name in names]
        assert not any(a is b for a, b in zip(stock, repaired))
        skmolal.compat.patch_modal()
        again = [getattr(modAL.models.learners, name) for name in names]
        assert all(a is b for a, b in zip(repaired, again))

        import modAL.batch  # imported only now, and still repaired
        assert modAL.batch.data_vstack is modAL.utils.data.data_vstack is repaired[0]

        learner = ActiveLearner(Ridge(), lambda l, X: ([2], None), np.eye(3), np.arange(3.0))
        query_idx, X_query = learner.query(np.eye(3))
        learner.teach(X_query, np.array([2.0]))
        print(learner.X_training.shape)
        """
        )
        == "(4, 3)"
    )


def test_the_test_fixture_leaves_modal_as_it_was():
    before = {(id(holder), name): getattr(holder, name) for holder, name, _ in _repairs()}
    with _modal_patched():
        patch_modal()
        assert modAL.batch.data_vstack is not before[id(modAL.batch), "data_vstack"]
    after = {(id(holder), name): getattr(holder, name) for holder, name, _ in _repairs()}
    assert after == before


@pytest.mark.usefixtures("patched")
@pytest.mark.parametrize("only_new", [False, True])
@pytest.mark.parametrize("bootstrap", [False, True])
@pytest.mark.parametrize("cls", [ActiveLearner, BayesianOptimizer, Committee, CommitteeRegressor])
def test_frames_and_arrays_teach_the_same(cls, bootstrap, only_new):
    labels = Y > 0 if cls is Committee else Y

    def taught(X_all, y_all):
        np.random.seed(0)  # noqa: NPY002, modAL bootstraps from the global state
        if cls is Committee:
            estimator = RandomForestClassifier(3, random_state=0)
        else:
            estimator = LinearRegression()
        one = BayesianOptimizer if cls is BayesianOptimizer else ActiveLearner
        learner = one(estimator, first_rows, X_all[:8], y_all[:8])
        whole = learner if one is cls else cls([learner], first_rows)
        _, X_query = whole.query(X_all[8:], n_instances=3)
        whole.teach(X_query, y_all[8:][:3], bootstrap=bootstrap, only_new=only_new)
        return learner

    series = pd.Series(labels, index=FRAME.index)
    of_arrays, of_frames = taught(X, labels), taught(FRAME, series)
    # Another memory layout may cost the last bit.
    np.testing.assert_allclose(of_frames.predict(FRAME), of_arrays.predict(X), rtol=1e-12)
    np.testing.assert_array_equal(of_frames.X_training, of_arrays.X_training)
    np.testing.assert_array_equal(of_frames.y_training, of_arrays.y_training)
    assert of_frames.X_training.index.tolist() == FRAME.index[: len(of_arrays.X_training)].tolist()
    if cls is BayesianOptimizer:
        assert of_frames.y_max == of_arrays.y_max
        np.testing.assert_array_equal(of_frames.X_max, of_arrays.X_max)


@pytest.mark.usefixtures("patched")
def test_queried_rows_of_a_frame_are_rows():
    learner = ActiveLearner(Ridge(), first_rows, FRAME, Y)
    _, X_query = learner.query(FRAME, n_instances=3)
    pd.testing.assert_frame_equal(X_query, FRAME.iloc[:3])


@pytest.mark.usefixtures("patched")
def test_molecules_are_taught():
    molecules = np.empty(4, dtype=object)
    for i in range(4):
        molecules[i] = Atoms("CO")

    class Counter(Ridge):
        def fit(self, X, y):
            return super().fit(np.array([[len(atoms)] for atoms in X]), y)

    learner = ActiveLearner(Counter(), first_rows, molecules, np.arange(4.0))
    _, X_query = learner.query(molecules, n_instances=3)
    learner.teach(X_query, np.arange(3.0))
    learner.teach([Atoms("CH")], np.arange(1.0))
    assert learner.X_training.shape == (8,)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        learner.teach(molecules, np.arange(3.0))


@pytest.mark.usefixtures("patched")
def test_lists_of_molecules_are_stacked_and_taken():
    molecules = [Atoms("CO"), Atoms("N2"), Atoms("O2")]
    assert modAL.models.base.retrieve_rows(molecules, np.array([2, 0])) == molecules[::-2]
    assert modAL.utils.data_vstack((molecules, molecules[:1])) == [*molecules, molecules[0]]


@pytest.mark.usefixtures("patched")
def test_sparse_data_is_taught_and_voted_on():
    pool = sp.csr_matrix(X)
    learners = [ActiveLearner(Ridge(a), first_rows, pool[:9], Y[:9]) for a in (0.1, 9.0)]
    committee = CommitteeRegressor(learners)
    query_idx, X_query = committee.query(pool, n_instances=2)
    committee.teach(X_query, Y[query_idx])
    assert learners[1].X_training.format == "csr"
    assert committee.vote(pool).shape == (20, 2)


@pytest.mark.usefixtures("patched")
@pytest.mark.parametrize("output", ["default", "pandas"])
def test_the_batch_strategy_takes_transformed_frames(output):
    forest = RandomForestClassifier(3, random_state=0)
    pipes = [make_pipeline(StandardScaler().set_output(transform=output), forest) for _ in "ab"]
    vote = VotingClassifier([("a", pipes[0]), ("b", pipes[1])], voting="soft")
    learner = ActiveLearner(vote, uncertainty_batch_sampling, FRAME[:9], Y[:9] > 0)
    features = learner.transform_without_estimating(FRAME)
    assert isinstance(features, pd.DataFrame if output == "pandas" else np.ndarray)
    assert features.shape == (20, 6)


@pytest.mark.usefixtures("patched")
def test_what_is_not_finite_is_refused_unless_allowed():
    X_nan = np.full((2, 3), np.nan)
    learner = ActiveLearner(Ridge(), first_rows, X, Y)
    with pytest.raises(ValueError, match="NaN"):
        learner.teach(X_nan, Y[:2])
    learner.force_all_finite = False
    with pytest.raises(ValueError, match="NaN"):  # now from Ridge, after the rows were added
        learner.teach(X_nan, Y[:2])
    assert len(learner.X_training) == 22


@pytest.mark.usefixtures("patched")
def test_modal_still_refuses_what_does_not_stack():
    learner = ActiveLearner(Ridge(), first_rows, X, Y)
    with pytest.raises(ValueError, match="dimensions"):
        learner.teach(X[:, :2], Y)
    with pytest.raises(TypeError, match="not supported"):
        modAL.utils.data_vstack((1, 1))


def test_expected_error_is_imported_and_numpy_left_alone():
    done = run(
        """
        import warnings, numpy as np
        try:
            import modAL.expected_error
        except AttributeError:
            print("cannot be imported")
        except SyntaxWarning:
            print("cannot be imported")
        names = set(vars(np))
        from skmolal.compat import patch_modal
        patch_modal()
        import modAL.expected_error, modAL.utils.data
        assert modAL.expected_error.add_row is modAL.utils.data.add_row
        lazy = {"char", "rec", "strings", "testing"}
        assert not hasattr(np, "float") and set(vars(np)) - names <= lazy
        np.float = kept = object()  # a name that someone else has put there stays
        del __import__("sys").modules["modAL.expected_error"]
        patch_modal()
        assert np.float is kept
        """
    )
    assert done == "cannot be imported"


CONTAINERS = {
    "array": np.asarray,
    "list": np.ndarray.tolist,
    "frame of other labels": lambda X: pd.DataFrame(X, index=FRAME.index[: len(X)] + 3),
    "frame of names": lambda X: pd.DataFrame(X, index=list("abcdefghijklmnopqrst")[: len(X)]),
    "csr_matrix": sp.csr_matrix,
    "csr_array": sp.csr_array,
    "coo_array": sp.coo_array,
}


@pytest.mark.usefixtures("patched")
@pytest.mark.parametrize("loss", ["binary", "log"])
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("cls", [ActiveLearner, skmolal.ActiveLearner])
def test_expected_error_is_that_of_a_plain_loop(cls, container, loss):
    labels = (Y > 0).astype(int)
    pool, make = X[6:], CONTAINERS[container]
    proba = LogisticRegression().fit(X[:6], labels[:6]).predict_proba(pool)
    expected = np.zeros(len(pool))
    for i, row in enumerate(pool):
        rest = np.delete(pool, i, axis=0)
        for label in (0, 1):
            model = LogisticRegression().fit(np.vstack([X[:6], row]), [*labels[:6], label])
            p = model.predict_proba(rest)
            errors = 1 - p.max(axis=1) if loss == "binary" else -(p * np.log(p)).sum(axis=1)
            expected[i] += errors.sum() * proba[i, label]

    learner = cls(
        LogisticRegression(),
        modAL.expected_error.expected_error_reduction,
        X_training=make(X[:6]),
        y_training=labels[:6],
    )
    query_idx, _, metrics = learner.query(make(pool), loss, n_instances=3, return_metrics=True)
    assert set(query_idx) == set(np.argsort(expected)[:3])
    np.testing.assert_allclose(metrics, expected[query_idx], rtol=1e-6)


@pytest.mark.usefixtures("patched")
@pytest.mark.parametrize("container", [list, skmolal.as_molecules, pd.Series])
def test_expected_error_takes_molecules(container):
    # Pairs of atoms, which np.vstack and np.delete would take apart.
    molecules = [Atoms("CO", positions=[[0, 0, 0], [0, 0, 1 + i / 10]]) for i in range(8)]
    length = FunctionTransformer(lambda X: [[atoms.get_distance(0, 1)] for atoms in X])
    learner = skmolal.ActiveLearner(
        make_pipeline(length, LogisticRegression()),
        modAL.expected_error.expected_error_reduction,
        X_training=container([molecules[i] for i in (0, 2, 5, 7)]),
        y_training=np.array([0, 0, 1, 1]),
    )
    query_idx, X_query = learner.query(container([molecules[i] for i in (1, 3, 4, 6)]))
    assert len(query_idx) == len(X_query) == 1


@pytest.mark.usefixtures("patched")
def test_expected_error_keeps_the_types_of_columns():
    kinds = pd.Categorical(["a", "b", "a", "b", "a", "b"])
    frame = pd.DataFrame({"kind": kinds, "size": np.arange(6), "x": X[:6, 0]}, index=list("uvwxyz"))
    seen = []

    def record(X):
        seen.append(X.dtypes)
        return X.assign(kind=X["kind"].cat.codes)

    learner = skmolal.ActiveLearner(
        make_pipeline(FunctionTransformer(record), DecisionTreeClassifier(random_state=0)),
        modAL.expected_error.expected_error_reduction,
        X_training=frame.iloc[:4],
        y_training=np.array([0, 1, 0, 1]),
    )
    learner.query(frame)
    assert len(seen) > 6
    assert all(dtypes.equals(frame.dtypes) for dtypes in seen)
