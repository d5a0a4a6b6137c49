"""More than one machine: the parts that run in parallel, on the workers of a dask cluster."""

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse as sp
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skmolal import as_molecules
from skmolal.datasets import load_qm9_sample
from skmolal.descriptors import CoulombMatrixTransformer, MBTRTransformer
from skmolal.model_selection import active_learning_curve

distributed = pytest.importorskip("distributed")

SPECIES = ["H", "C", "N", "O", "F"]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    settings = {
        "n_workers": 2,
        "threads_per_worker": 1,
        "dashboard_address": ":0",
        "local_directory": tmp_path_factory.mktemp("dask"),
    }
    with distributed.LocalCluster(**settings) as cluster, distributed.Client(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def data():
    bunch = load_qm9_sample()
    return bunch.data[:1200], bunch.target[:1200]  # three blocks of rows


def count_tasks(client):
    """Count what each worker has done so far."""
    done = client.run(lambda dask_worker: dask_worker.state.executed_count)
    return np.array([done[worker] for worker in sorted(done)])


@pytest.mark.parametrize(
    "transformer",
    [
        MBTRTransformer(species=SPECIES).set_params(k2__grid__n=20),
        MBTRTransformer(species=SPECIES, sparse=True).set_params(k2__grid__n=20),
        CoulombMatrixTransformer(),
    ],
    ids=["threads", "sparse", "processes"],
)
def test_descriptors_are_computed_by_the_workers(client, data, transformer):
    molecules, _ = data
    expected = transformer.fit_transform(molecules)
    before = count_tasks(client)
    with joblib.parallel_config(backend="dask"):
        X = transformer.fit_transform(molecules)
    assert (count_tasks(client) > before).all()
    assert type(X) is type(expected)
    difference = X - expected
    assert (difference.nnz if sp.issparse(X) else np.abs(difference).max()) == 0


def test_a_given_array_is_filled_by_the_workers(client, data, tmp_path):
    molecules, _ = data
    mbtr = MBTRTransformer(species=SPECIES).set_params(k2__grid__n=5).fit(molecules)
    expected = mbtr.transform(molecules)
    out = np.lib.format.open_memmap(
        tmp_path / "out.npy", "w+", dtype=expected.dtype, shape=expected.shape
    )
    with joblib.parallel_config(backend="dask"):
        assert mbtr.transform(molecules, out=out) is out
    np.testing.assert_array_equal(out, expected)


def test_errors_of_workers_name_the_molecule(client, data):
    molecules = as_molecules([atoms.copy() for atoms in data[0]])
    molecules[1100].info["smiles"] = "C("
    pytest.importorskip("rdkit")
    from skmolal.descriptors import MorganFingerprintTransformer

    with (
        joblib.parallel_config(backend="dask"),
        pytest.raises(ValueError, match=r"molecules\[1100\]: RDKit cannot parse"),
    ):
        MorganFingerprintTransformer(n_bits=16).fit_transform(molecules)


def test_campaigns_are_played_by_the_workers(client, data):
    molecules, y = data[0][:120], data[1][:120]
    model = make_pipeline(
        MBTRTransformer(species=SPECIES).set_params(k2__grid__n=20),
        GaussianProcessRegressor(RBF(30.0), alpha=0.1, optimizer=None, normalize_y=True),
    )
    settings = {
        "query_strategies": ("random", "uncertainty"),
        "n_initial": 20,
        "batch_sizes": [10],
        "test_size": 20,
        "n_repeats": 2,
        "random_state": 0,
    }
    expected = active_learning_curve(model, molecules, y, **settings)
    before = count_tasks(client)
    with joblib.parallel_config(backend="dask"):
        curve = active_learning_curve(model, molecules, y, **settings)
    assert (count_tasks(client) - before).sum() >= 4
    pd.testing.assert_frame_equal(curve.picks, expected.picks)
    times = [name for name in curve.frame if name.endswith("_time")]
    pd.testing.assert_frame_equal(
        curve.frame.drop(columns=times), expected.frame.drop(columns=times)
    )


def test_a_search_with_descriptors_inside_runs_on_the_workers(client, data):
    molecules, y = data[0][:600], data[1][:600]
    model = make_pipeline(MBTRTransformer(species=SPECIES, dtype="float64"), Ridge(100.0))
    search = GridSearchCV(
        model, {"mbtrtransformer__k2__grid__n": [5, 10]}, cv=2, error_score="raise"
    )
    expected = search.fit(molecules, y).cv_results_["mean_test_score"]
    with joblib.parallel_config(backend="dask"):
        scores = search.fit(molecules, y).cv_results_["mean_test_score"]
    np.testing.assert_allclose(scores, expected, rtol=1e-10)
