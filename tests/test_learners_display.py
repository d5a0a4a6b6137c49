"""What a learner shows of itself, as text and as HTML."""

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import BayesianRidge, Lasso, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmolal import ActiveLearner, BayesianOptimizer, CommitteeRegressor
from skmolal.datasets import load_qm9_sample
from skmolal.query_strategies import get_query_strategy

X = np.arange(500.0).reshape(-1, 1)
Y = X[:, 0] ** 2


def test_the_text_names_estimator_strategy_and_size():
    learner = ActiveLearner(Ridge(0.5), "random", X_training=X[:300], y_training=Y[:300])
    start = "ActiveLearner(estimator=Ridge(alpha=0.5), query_strategy='random', n_labelled="
    assert repr(learner) == start + "300)"
    learner.teach(X[300:302], Y[300:302])
    assert repr(learner) == str(learner) == start + "302)"
    assert "n_labelled=0" in repr(ActiveLearner(Ridge()))


def test_the_text_of_a_strategy_is_its_name():
    strategy = get_query_strategy("target", low=0.5)
    assert f"query_strategy={strategy!r}," in repr(ActiveLearner(BayesianRidge(), strategy))
    assert "query_strategy=max_EI," in repr(BayesianOptimizer(Ridge()))
    learner = ActiveLearner(Ridge(), on_transformed=True)
    assert "on_transformed=True, query_strategy=uncertainty_sampling" in repr(learner)


def test_the_text_of_a_committee_is_that_of_its_members():
    first = ActiveLearner(Ridge(), "random", X_training=X[:3], y_training=Y[:3])
    second = ActiveLearner(Lasso(), "random")
    committee = CommitteeRegressor([first, second], "uncertainty")
    assert repr(committee) == (
        f"CommitteeRegressor(learner_list=[{first!r}, {second!r}], "
        "query_strategy='uncertainty', n_labelled=[3, 0])"
    )
    members = [ActiveLearner(Ridge(), "random") for _ in range(20)]
    text = repr(CommitteeRegressor(members))
    assert text.count("ActiveLearner(") == 3
    assert ", ... 20 in all]" in text
    assert text.endswith("n_labelled=0)")


def make_learners():
    def learner(estimator):
        return ActiveLearner(estimator, "random", X_training=X[:17], y_training=Y[:17])

    return {
        "learner": learner(make_pipeline(StandardScaler(), Ridge())),
        "optimizer": BayesianOptimizer(Ridge(), "random", X_training=X[:17], y_training=Y[:17]),
        "committee": CommitteeRegressor([learner(Ridge()), learner(Lasso())], "random"),
    }


@pytest.mark.parametrize("name", make_learners())
def test_the_html_shows_size_strategy_and_diagram(name):
    learner = make_learners()[name]
    html = learner._repr_html_()
    assert type(learner).__name__ in html
    assert ">17</td>" in html
    assert "&#x27;random&#x27;</td>" in html
    for estimator in {"learner": ["StandardScaler", "Ridge"], "committee": ["Ridge", "Lasso"]}.get(
        name, ["Ridge"]
    ):
        assert estimator in html
    assert "sk-top-container" in html
    assert (">256.0</td>" in html) == (name == "optimizer")
    bundle = learner._repr_mimebundle_()
    assert bundle["text/plain"] == repr(learner)
    assert type(learner).__name__ in bundle["text/html"]


def test_the_html_shows_members_that_are_alike_once():
    def committee(n_members):
        return CommitteeRegressor([ActiveLearner(Ridge()) for _ in range(n_members)])

    assert committee(9)._repr_html_().count("sk-top-container") == (
        committee(1)._repr_html_().count("sk-top-container")
    )
    assert ">9</td>" in committee(9)._repr_html_()


def test_the_html_is_escaped():
    def strategy(learner, X_pool):
        return 0, None

    strategy.__qualname__ = "<b>bold"
    html = ActiveLearner(Ridge(), strategy)._repr_html_()
    assert "&lt;b&gt;bold" in html
    assert "<b>bold" not in html


def test_no_html_where_text_is_asked_for():
    learner = ActiveLearner(Ridge())
    with sklearn.config_context(display="text"):
        assert not hasattr(learner, "_repr_html_")
        assert learner._repr_mimebundle_() == {"text/plain": repr(learner)}


def test_molecules_are_counted():
    molecules = load_qm9_sample().data[:30]
    learner = ActiveLearner(Ridge())
    learner.X_training, learner.y_training = molecules, np.zeros(30)
    assert repr(learner).endswith("n_labelled=30)")
    assert ">30</td>" in learner._repr_html_()
