"""The command for campaigns whose labels do not exist yet."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import skmolal
from skmolal.cli import main
from skmolal.cli._folder import CampaignFolder, Pool
from skmolal.datasets import load_qm9_sample
from skmolal.storage import CampaignStorage

# With a handful of labels a model knows nothing, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:All .* predicted standard deviations")


@pytest.fixture(scope="module")
def sample():
    bunch = load_qm9_sample()
    return [(f"m{k}", bunch.data[k].info["smiles"], float(bunch.target[k])) for k in range(60)]


@pytest.fixture
def table(sample, tmp_path):
    """Sixty molecules of which five are labelled."""
    path = tmp_path / "pool.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["code", "smiles", "homo"])
        for k, (name, smiles, homo) in enumerate(sample):
            writer.writerow([name, smiles, homo if k < 5 else ""])
    return path


@pytest.fixture
def hunt(table, tmp_path):
    folder = tmp_path / "hunt"
    assert begin(folder, table) == 0
    return folder


def begin(folder, table, *more):
    arguments = ["new", folder, "--data", table, "--target", "homo", "--id", "code"]
    arguments += ["--descriptor", "morgan", "--top-share", "0.1", "--n-initial", "8", *more]
    return main([str(argument) for argument in arguments])


def call(*arguments):
    return main([str(argument) for argument in arguments])


def status(folder, capsys):
    capsys.readouterr()
    assert call("status", folder, "--json") == 0
    return json.loads(capsys.readouterr().out)


def fill(path, labels):
    """Write labels into a batch as a person would, with a spreadsheet's habits."""
    rows = pd.read_csv(path, dtype=str)
    rows["label"] = [labels.get(name, "") for name in rows["id"]]
    rows.to_csv(path, index=False, sep=";", encoding="utf-8-sig")
    return rows


def test_a_campaign_by_hand(hunt, sample, tmp_path, capsys):
    truth = {name: homo for name, _, homo in sample}
    assert sorted(path.name for path in hunt.iterdir()) == [
        "campaign.db",
        "pool.npz",
        "settings.json",
    ]
    batch = tmp_path / "batch.csv"
    assert call("ask", hunt, 6, "--out", batch) == 0
    rows = pd.read_csv(batch)
    assert list(rows.columns) == ["id", "smiles", "predicted", "std", "label"]
    assert not batch.with_suffix(".extxyz").exists()  # nothing was embedded
    smiles = {name: text for name, text, _ in sample}
    assert [smiles[name] for name in rows["id"]] == list(rows["smiles"])
    assert np.isfinite(rows[["predicted", "std"]]).all(axis=None)

    names = list(rows["id"])
    labels = {name: f"{truth[name]:.4f}".replace(".", ",") for name in names[:4]}
    fill(batch, {**labels, names[4]: "failed"})
    assert call("tell", hunt, batch) == 0
    assert call("tell", hunt, batch) == 0  # the same table again, or with more in it
    assert status(hunt, capsys) == {
        "n_pool": 60,
        "n_labelled": 9,
        "n_pending": 1,
        "n_failed": 1,
        "n_dropped": 1,
        "best": pytest.approx(
            max(truth[name] for name in [f"m{k}" for k in range(5)] + names[:4]), abs=1e-4
        ),
        "threshold": pytest.approx(-6, abs=1),
        "stopped": None,
    }
    assert call("release", hunt, names[5]) == 0
    assert call("drop", hunt, names[5], "--reason", "cannot be bought") == 0
    found = status(hunt, capsys)
    assert (found["n_pending"], found["n_dropped"], found["n_failed"]) == (0, 2, 1)

    second = tmp_path / "second.csv"
    assert call("ask", hunt, "--out", second) == 0  # the batch size of the campaign
    again = pd.read_csv(second)
    assert len(again) == 10
    assert not set(again["id"]) & set(names)

    labels = tmp_path / "labels.csv"
    assert call("export", hunt, "--out", labels) == 0
    told = pd.read_csv(labels)
    assert list(told.columns) == ["id", "name", "smiles", "label", "predicted", "round"]
    assert len(told) == 9
    assert told["round"].isna().sum() == 5
    for row in told.itertuples():
        assert row.label == pytest.approx(truth[row.id], abs=1e-4)


def test_known_labels_are_told_at_once(hunt, sample, capsys):
    found = status(hunt, capsys)
    assert (found["n_labelled"], found["n_pending"]) == (5, 0)
    with CampaignStorage(hunt / "campaign.db") as storage:
        _, events = storage.read()
    assert [event["kind"] for event in events] == ["tell"]
    assert sorted(events[0]["y"]) == pytest.approx(sorted(homo for _, _, homo in sample[:5]))


def test_rows_are_shuffled_by_the_seed_alone(table, tmp_path):
    ids = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert begin(tmp_path / name, table, "--random-state", seed) == 0
        ids.append(CampaignFolder.open(tmp_path / name).pool.ids.tolist())
    assert ids[0] == ids[1] != ids[2]
    assert sorted(ids[0]) == sorted(ids[2]) == sorted(f"m{k}" for k in range(60))


def test_a_table_with_faults_records_nothing_and_names_them_all(hunt, tmp_path, capsys):
    batch = tmp_path / "batch.csv"
    call("ask", hunt, 4, "--out", batch)
    names = list(pd.read_csv(batch)["id"])
    lines = ["id,label", f"{names[0]},-6.1", f"{names[1]},about six", "nobody,1.0"]
    batch.write_text("\n".join([*lines, f"{names[0]},-6.1", "m0,99", f"{names[2]},nan"]))
    capsys.readouterr()
    assert call("tell", hunt, batch) == 2
    said = capsys.readouterr().err
    for part in (
        "'about six' is neither a number nor 'failed' nor empty",
        "unknown id 'nobody'",
        f"id '{names[0]}' is there twice",
        "'m0' has the label",
        "'nan' is neither a number",
        "nothing was recorded",
    ):
        assert part in said
    assert status(hunt, capsys)["n_labelled"] == 5


def test_labels_are_not_written_over(hunt, tmp_path, capsys):
    batch = tmp_path / "batch.csv"
    batch.write_text("id,label\nm7,-6\n")
    assert call("ask", hunt, 4, "--out", batch) == 2
    assert "is there already" in capsys.readouterr().err
    assert status(hunt, capsys)["n_pending"] == 0


def test_a_batch_that_cannot_be_written_is_released(hunt, tmp_path, capsys):
    assert call("ask", hunt, 4, "--out", tmp_path / "no" / "folder" / "batch.csv") == 2
    assert status(hunt, capsys)["n_pending"] == 0


def test_a_folder_in_use_is_left_alone(hunt, table, capsys):
    before = (hunt / "settings.json").read_bytes()
    assert begin(hunt, table) == 2
    assert "is there already" in capsys.readouterr().err
    assert (hunt / "settings.json").read_bytes() == before


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--model", "nowhere:nothing"], "nowhere"),
        (["--strategy", "best"], "unknown"),
        (["--low", "1"], "--top-share stands in place of --low and --high"),
        (["--id", "cod"], "did you mean 'code'"),
        (["--model", "sklearn.linear_model:LinearRegression"], "return_std"),
    ],
)
def test_what_cannot_begin_leaves_nothing(table, tmp_path, capsys, more, message):
    folder = tmp_path / "new"
    assert begin(folder, table, *more) == 2
    assert message in capsys.readouterr().err
    assert not folder.exists()


@pytest.mark.parametrize("command", ["ask", "status", "report", "release", "export"])
def test_what_is_no_campaign_is_named(command, tmp_path, capsys):
    assert call(command, tmp_path) == 2
    assert "is not the folder of a campaign" in capsys.readouterr().err


def test_a_pool_survives_its_file(tmp_path):
    from ase.build import bulk, molecule

    atoms = [molecule("H2O"), bulk("NaCl", "rocksalt", a=5.64)]
    atoms[0].info = {"charge": 1, "solvent": "water", "smiles": "O"}
    X = np.empty(2, dtype=object)
    X[:] = atoms
    Pool(X, np.array([3, 7]), ["water\nof", ""], ["O", ""]).save(tmp_path / "pool.npz")
    pool = Pool.load(tmp_path / "pool.npz")
    assert pool.ids.tolist() == [3, 7]
    assert pool.names == ["water of", ""]
    assert pool.smiles == ["O", ""]
    for mine, theirs in zip(pool.X, atoms, strict=True):
        np.testing.assert_array_equal(mine.positions, theirs.positions)
        np.testing.assert_array_equal(mine.numbers, theirs.numbers)
        np.testing.assert_array_equal(mine.cell, theirs.cell)
        assert mine.pbc.tolist() == theirs.pbc.tolist()
    assert pool.X[0].info == atoms[0].info


def test_structures_lie_beside_the_batch(sample, tmp_path):
    from ase import Atoms
    from ase.io import read, write

    rng = np.random.default_rng(0)
    molecules = [
        Atoms("OH2", [[0, 0, 0], [0, 0, rng.uniform(0.9, 1.2)], [0, 0.9, -0.3]]) for _ in range(12)
    ]
    write(tmp_path / "pool.extxyz", molecules)
    folder, batch = tmp_path / "water", tmp_path / "batch.csv"
    assert call("new", folder, "--data", tmp_path / "pool.extxyz", "--initial", "spread") == 0
    assert call("ask", folder, 3, "--out", batch) == 0
    rows = pd.read_csv(batch)
    for atoms, row in zip(read(batch.with_suffix(".extxyz"), ":"), rows.itertuples(), strict=True):
        assert atoms.info["id"] == row.id
        np.testing.assert_allclose(atoms.positions, molecules[row.id].positions, atol=1e-7)


# ------------------------------------------------------------------------------------ calculators

CALCULATIONS = """
import time

def properties(atoms):
    return {"mass": atoms.get_masses().sum(), "n_atoms": len(atoms)}

def slow(atoms):
    time.sleep(0.2)
    return properties(atoms)

def diverges(atoms):
    raise RuntimeError("SCF not converged")
"""
PROGRAM = """
import json, sys
n = int(open(sys.argv[1]).readline())
json.dump({"mass": 10.0 * n, "n_atoms": n}, open("output.json", "w"))
"""


@pytest.fixture
def live(tmp_path, monkeypatch):
    """A campaign on forty structures, in a folder with a module and a program of the user's."""
    from ase.io import write

    # As for the installed command: without the current folder, which `label` adds.
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "calculations", raising=False)
    Path("calculations.py").write_text(CALCULATIONS)
    Path("program.py").write_text(PROGRAM)
    write("pool.extxyz", list(load_qm9_sample().data[:40]))
    more = ["--data", "pool.extxyz", "--descriptor", "coulomb", "--n-initial", "8"]
    assert call("new", "live", *more, "--n-jobs", 1) == 0
    return Path("live")


def label(folder, n_labels, *more):
    return call("label", folder, "--n-labels", n_labels, "--workers", 2, *more)


def test_a_function_labels_and_then_a_program(live, capsys):
    oracle = ["--oracle", "calculations:properties", "--target", "mass"]
    assert label(live, 12, *oracle, "--report", "report.html") == 0
    assert "12 labels, 0 records dropped: 12 labels reached" in capsys.readouterr().out
    found = status(live, capsys)
    assert (found["n_labelled"], found["n_pending"], found["n_failed"]) == (12, 0, 0)
    assert call("export", live, "--out", "labels.csv") == 0
    told = pd.read_csv("labels.csv")
    pool = CampaignFolder.open(live).pool
    molecules = dict(zip(pool.ids.tolist(), pool.X, strict=True))
    for row in told.itertuples():
        assert row.mass == row.label == pytest.approx(molecules[row.id].get_masses().sum())
        assert row.n_atoms == len(molecules[row.id])
    assert found["best"] == told["mass"].max()
    page = Path("report.html").read_text(encoding="utf-8")
    assert "live" in page
    assert "mass" in page  # the target, which the campaign has from its calculations

    program = ["--command", f"{sys.executable} {{cwd}}/program.py {{input}}"]
    capsys.readouterr()
    assert label(live, 16, *program) == 2
    said = capsys.readouterr().err
    assert "oracle is not that of the labels" in said
    assert "--force" in said
    assert label(live, 16, *program, "--force") == 0  # the target is known by now
    call("export", live, "--out", "labels.csv")
    told = pd.read_csv("labels.csv")
    assert len(told) == 16
    np.testing.assert_array_equal(told["mass"][12:], 10.0 * told["n_atoms"][12:])


def test_calculations_that_fail_end_it_and_can_be_put_back(live, capsys):
    oracle = ["--oracle", "calculations:diverges", "--target", "mass"]
    assert label(live, 30, *oracle, "--retries", 0) == 1
    said = capsys.readouterr().err
    assert "calculations failed, more than 50%; most often" in said
    assert "SCF not converged" in said
    assert "skmolal release live --dropped" in said
    found = status(live, capsys)
    assert (found["n_labelled"], found["n_pending"]) == (0, 0)
    assert found["n_failed"] == found["n_dropped"] >= 10
    assert call("release", live, "3", "--dropped") == 2  # one or the other
    assert call("release", live, "--dropped") == 0
    assert status(live, capsys)["n_dropped"] == 0


def test_the_result_that_is_the_label_has_to_be_named(live, capsys):
    assert label(live, 12, "--oracle", "calculations:properties") == 2
    assert "name a target, one of the results: ['mass', 'n_atoms']" in capsys.readouterr().err
    found = status(live, capsys)
    assert (found["n_pending"], found["n_failed"], found["n_dropped"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "give --oracle xtb, dft or module:function, or --command"),
        (["--oracle", "dtf"], "'xtb', 'dft' or 'module:function', got 'dtf'"),
        (["--oracle", "nowhere:gap"], "nowhere"),
        (["--oracle", "calculations:gap"], "has no 'gap'"),
    ],
)
def test_what_is_no_oracle_is_named(live, capsys, more, message):
    assert label(live, 12, *more) == 2
    assert message in capsys.readouterr().err


def test_an_oracle_needs_coordinates(hunt, capsys):
    assert label(hunt, 12, "--oracle", "json:dumps") == 2
    assert "this campaign has SMILES alone" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_one_driver_at_a_time_and_an_interrupt_keeps_what_is_finished(live, capsys):
    command = [sys.executable, "-m", "skmolal.cli", "label", "live", "--n-labels", "40"]
    more = ["--oracle", "calculations:slow", "--target", "mass", "--workers", "2"]
    environment = os.environ | {"PYTHONPATH": str(Path(skmolal.__file__).parents[1])}
    with subprocess.Popen(
        command + more, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as driver:
        try:
            deadline = time.monotonic() + 60
            while status(live, capsys)["n_labelled"] < 3:  # anybody may look meanwhile
                assert driver.poll() is None, driver.stderr.read()
                assert time.monotonic() < deadline
                time.sleep(0.1)
            capsys.readouterr()
            assert label(live, 40, *more[:4]) == 1
            assert f"in use by process {driver.pid} " in capsys.readouterr().err
            driver.send_signal(signal.SIGINT)
            _, said = driver.communicate(timeout=30)
        finally:
            driver.kill()
    assert driver.returncode == 130
    assert "interrupted; what was finished is stored, the same command continues" in said
    found = status(live, capsys)
    assert found["n_labelled"] >= 3
    assert (found["n_pending"], found["n_failed"]) == (0, 0)
