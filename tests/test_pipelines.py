"""The parts together, as user code joins them: molecules to picks."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn import config_context
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process.kernels import RBF, ConstantKernel
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline

from skmolal import (
    ActiveLearner,
    ActiveLearningRegressor,
    Campaign,
    GaussianProcessRegressor,
    MBTRTransformer,
)
from skmolal.datasets import load_qm9_sample
from skmolal.metrics import make_discovery_scorer
from skmolal.query_strategies import get_query_strategy, uncertainty_sampling

K2 = {
    "geometry": {"function": "inverse_distance"},
    "grid": {"min": 0, "max": 1.1, "n": 30, "sigma": 0.05},
    "weighting": {"function": "exp", "scale": 0.5, "threshold": 1e-3},
}


@pytest.fixture(scope="module")
def data():
    bunch = load_qm9_sample()
    return bunch.data[:150], bunch.target[:150]


def make_pipeline():
    kernel = ConstantKernel(1.0, "fixed") * RBF(30.0, "fixed")
    return Pipeline(
        [
            ("mbtr", MBTRTransformer(k2=K2, species=["C", "F", "H", "N", "O"])),
            ("gpr", GaussianProcessRegressor(kernel, alpha=0.05, normalize_y=True)),
        ]
    )


def test_a_modal_loop_and_a_campaign_make_the_same_picks(data):
    molecules, y = data
    campaign = ActiveLearningRegressor(
        make_pipeline(), "uncertainty", n_initial=20, batch_sizes=[5, 5, 5], random_state=0
    ).fit(molecules, y)
    initial = campaign.query_idx_[:20]
    learner = ActiveLearner(make_pipeline(), uncertainty_sampling, molecules[initial], y[initial])
    pool = np.setdiff1d(np.arange(150), initial)
    picks = []
    for _ in range(3):
        query_idx, _ = learner.query(molecules[pool], n_instances=5)
        picks += list(pool[query_idx])
        learner.teach(molecules[pool[query_idx]], y[pool[query_idx]])
        pool = np.delete(pool, query_idx)
    assert picks == list(campaign.query_idx_[20:])
    np.testing.assert_allclose(learner.predict(molecules), campaign.predict(molecules), atol=1e-8)


STOCK_LOOP = """
import numpy as np
from modAL.models import ActiveLearner as Stock
from skmolal import ActiveLearner, GaussianProcessRegressor, MBTRTransformer
from skmolal.compat import patch_modal
from skmolal.datasets import load_qm9_sample
from skmolal.query_strategies import get_query_strategy
from sklearn.gaussian_process.kernels import RBF
from sklearn.pipeline import make_pipeline

patch_modal()
bunch = load_qm9_sample()
molecules, y = bunch.data[:120], bunch.target[:120]

def play(learner_class):
    gpr = GaussianProcessRegressor(RBF(100.0, "fixed"), alpha=0.05, normalize_y=True)
    model = make_pipeline(MBTRTransformer(species=["C", "F", "H", "N", "O"]), gpr)
    strategy = get_query_strategy("target", low=-6.0)
    learner = learner_class(model, strategy, X_training=molecules[:20], y_training=y[:20])
    pool, picks = np.arange(20, 120), []
    for _ in range(4):
        query_idx, _ = learner.query(molecules[pool], n_instances=3)
        picks += pool[query_idx].tolist()
        learner.teach(molecules[pool[query_idx]], y[pool[query_idx]])
        pool = np.delete(pool, query_idx)
    return picks

stock, ours = play(Stock), play(ActiveLearner)
assert stock == ours and len(set(stock)) == 12, (stock, ours)
"""


def test_the_stock_modal_loop_makes_the_same_picks_as_ours():
    subprocess.run([sys.executable, "-c", STOCK_LOOP], check=True)


def test_grid_over_noise_strategy_and_descriptor_starts_at_molecules(data):
    molecules, y = data
    low = np.quantile(y, 0.8)
    target = get_query_strategy("target", low=low)
    search = GridSearchCV(
        ActiveLearningRegressor(make_pipeline(), n_initial=20, batch_sizes=[20], random_state=0),
        {
            "query_strategy": ["random", target],
            "estimator__gpr__alpha": [0.01, 0.1],
            "estimator__mbtr__k2__grid__sigma": [0.02, 0.1],
        },
        scoring={"found": make_discovery_scorer(low), "mae": "neg_mean_absolute_error"},
        refit="found",
        cv=KFold(2),
        error_score="raise",
    ).fit(molecules, y)
    results = search.cv_results_
    assert len(results["params"]) == 8
    assert search.best_params_["query_strategy"] == target
    # Each of the three parameters reaches the model: the errors all differ.
    maes = {}
    for params, mae in zip(results["params"], results["mean_test_mae"], strict=True):
        key = (
            repr(params["query_strategy"]),
            params["estimator__gpr__alpha"],
            params["estimator__mbtr__k2__grid__sigma"],
        )
        maes[key] = mae
    assert len(set(maes.values())) == 8
    # ... and a cell is what a hand-written loop gives.
    train, test = next(iter(KFold(2).split(molecules)))
    model = ActiveLearningRegressor(
        make_pipeline().set_params(gpr__alpha=0.1, mbtr__k2__grid__sigma=0.1),
        target,
        n_initial=20,
        batch_sizes=[20],
        random_state=0,
    ).fit(molecules[train], y[train])
    cell = next(
        k for k, p in enumerate(results["params"]) if list(p.values()) == [0.1, 0.1, target]
    )
    expected = -np.abs(model.predict(molecules[test]) - y[test]).mean()
    assert results["split0_test_mae"][cell] == pytest.approx(expected, abs=1e-8)


def play_by_hand(model, strategy, batch_sizes, molecules, y, initial):
    """Fit, ask, label, fit: a campaign without any of our loops."""
    labelled = list(initial)
    for size in batch_sizes:
        model.fit(molecules[labelled], y[labelled])
        pool = np.setdiff1d(np.arange(len(y)), labelled)
        query_idx, _ = strategy(model, molecules[pool], size)
        labelled += pool[query_idx].tolist()
    return model.fit(molecules[labelled], y[labelled])


def test_every_cell_of_a_grid_with_the_schedule_equals_a_loop_by_hand(data):
    molecules, y = data[0][:120], data[1][:120]
    grid = {
        "query_strategy": [
            get_query_strategy("uncertainty"),
            get_query_strategy("target", low=np.quantile(y, 0.8)),
        ],
        "batch_sizes": [[12], [4, 4, 4]],
        "estimator__gpr__alpha": [0.01, 0.1],
        "estimator__mbtr__k2__grid__sigma": [0.02, 0.1],
    }
    search = GridSearchCV(
        ActiveLearningRegressor(make_pipeline(), n_initial=10, random_state=0),
        grid,
        scoring="neg_mean_absolute_error",
        refit=False,
        cv=KFold(2),
        error_score="raise",
    ).fit(molecules, y)
    results = search.cv_results_
    assert len(results["params"]) == 16
    for split, (train, test) in enumerate(KFold(2).split(molecules)):
        initial = Campaign(make_pipeline(), molecules[train], random_state=0).ask(10)
        scores = results[f"split{split}_test_score"]
        for params, score in zip(results["params"], scores, strict=True):
            model = make_pipeline().set_params(
                gpr__alpha=params["estimator__gpr__alpha"],
                mbtr__k2__grid__sigma=params["estimator__mbtr__k2__grid__sigma"],
            )
            strategy, batch_sizes = params["query_strategy"], params["batch_sizes"]
            play_by_hand(model, strategy, batch_sizes, molecules[train], y[train], initial)
            expected = -np.abs(model.predict(molecules[test]) - y[test]).mean()
            assert score == pytest.approx(expected, abs=1e-8), params
        # No two cells are alike: each of the four parameters reaches the campaign.
        assert len(set(scores)) == 16


def test_a_frozen_transformer_serves_a_modal_loop(data):
    molecules, y = data
    mbtr = FrozenEstimator(MBTRTransformer(k2=K2).fit(molecules))
    model = Pipeline([("mbtr", mbtr), ("gpr", make_pipeline()[-1])])
    learner = ActiveLearner(model, "uncertainty", molecules[:5], y[:5])
    query_idx, picked = learner.query(molecules[5:], n_instances=4)
    assert len(picked) == 4
    campaign = ActiveLearningRegressor(model, "uncertainty", n_initial=5, random_state=0)
    campaign.fit(molecules, y)
    assert campaign.estimator_[0] is not None
    assert len(set(campaign.query_idx_)) == 10
    assert len(query_idx) == 4


def test_metadata_routing_lets_std_through_a_pipeline(data):
    molecules, y = data
    with config_context(enable_metadata_routing=True):
        model = make_pipeline()
        model[-1].set_predict_request(return_std=True)
        mean, std = model.fit(molecules[:50], y[:50]).predict(molecules, return_std=True)
    assert mean.shape == std.shape == (150,)
