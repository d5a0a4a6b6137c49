"""A pool on the workers of a cluster gives the picks of one process, also when a worker dies."""

import os
import signal
import threading
import time

import numpy as np
import pytest
from sklearn.linear_model import BayesianRidge

from skmolal import Campaign, make_fingerprint_model
from skmolal.datasets import load_qm9_sample
from skmolal.descriptors import MorganFingerprintTransformer
from skmolal.library import describe_library
from skmolal.query_strategies._machinery import one_by_one

distributed = pytest.importorskip("distributed", reason="needs the extra dask")

SMILES = load_qm9_sample().frame["smiles"].tolist()[:600]
X = MorganFingerprintTransformer().fit_transform(SMILES)
Y = np.asarray(X.sum(axis=1), dtype=float).ravel() + X[:, 80].toarray().ravel()
MODEL = make_fingerprint_model(random_state=0)[-1].set_params(optimizer=None)
STRATEGIES = {
    "target": {"low": 40.0},
    "upper_confidence_bound": {},
    "uncertainty": {},
    "expected_improvement": {},
    "probability_of_improvement": {"update_variance": False},
    "straddle": {"threshold": 35.0},
}


@pytest.fixture(autouse=True)
def few_spare_rows(monkeypatch):
    monkeypatch.setattr(one_by_one, "SPARE", 30)


pytestmark = [
    pytest.mark.filterwarnings("ignore:.*unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:.*:sklearn.exceptions.ConvergenceWarning"),
]


@pytest.fixture(scope="module")
def client():
    settings = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    with (
        distributed.LocalCluster(**settings, dashboard_address=":0", silence_logs=50) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def play(pool, strategy, client, n_rounds=3):
    campaign = Campaign(
        MODEL,
        pool,
        query_strategy=strategy,
        query_options=STRATEGIES[strategy],
        random_state=0,
        client=client,
    )
    for _ in range(n_rounds):
        ids = campaign.ask(12)
        campaign.tell(ids, Y[ids])
    return campaign


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_picks_are_those_of_one_process(strategy, client):
    ours, alone = play(X, strategy, client), play(X, strategy, None)
    np.testing.assert_array_equal(ours.labelled, alone.labelled)
    assert ours.history[-1]["predict_time"] > 0


def test_workers_read_their_part_of_a_library(client, tmp_path):
    path = tmp_path / "molecules.smi"
    path.write_text("\n".join(SMILES))
    library = describe_library(path, MorganFingerprintTransformer(), tmp_path / "store")
    ours, alone = play(library, "target", client), play(X, "target", None)
    np.testing.assert_array_equal(ours.labelled, alone.labelled)
    again = Campaign.from_json(ours.to_json(), MODEL, library, client=client)
    np.testing.assert_array_equal(again.ask(7), alone.ask(7))


@pytest.mark.parametrize("dies", ["in a query", "between queries"])
def test_what_a_dead_worker_knew_is_computed_again(dies, client):
    campaign = play(X, "upper_confidence_bound", client)
    alone = play(X, "upper_confidence_bound", None)
    pids = client.run(os.getpid)
    victim = next(iter(pids.values()))

    def kill():
        if dies == "in a query":
            time.sleep(0.02)
        os.kill(victim, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    if dies == "between queries":
        killer.join()
    ids = campaign.ask(12)
    killer.join()
    np.testing.assert_array_equal(ids, alone.ask(12))
    client.wait_for_workers(2, timeout=60)


def test_other_regressors_are_refused():
    with pytest.raises(TypeError, match="client needs GaussianProcessRegressor"):
        Campaign(BayesianRidge(), X.toarray(), client=object())
