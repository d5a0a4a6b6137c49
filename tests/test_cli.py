"""The command: its files, its options and how it ends when something is wrong."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from ase.io import write
from sklearn.utils import Bunch

from skmolal.cli import main
from skmolal.cli._compiled import keep_compiled
from skmolal.cli._report import format_verdicts
from skmolal.datasets import load_qm9_sample
from skmolal.model_selection._checkpoint import write_json

# Ten labels teach a model little; that it says so is not what these tests are about.
pytestmark = pytest.mark.filterwarnings("ignore:All .* predicted standard deviations are equal")

SMALL = ["--n-initial", "10", "--batches", "5", "10", "--seeds", "2", "--n-jobs", "1"]


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """Sixty molecules in a file of the user's own."""
    bunch = load_qm9_sample()
    molecules = []
    for k in range(60):
        atoms = bunch.data[k].copy()
        atoms.info = {"homo": float(bunch.target[k]), "name": f"mol-{k}"}
        molecules.append(atoms)
    path = tmp_path_factory.mktemp("pool") / "pool.extxyz"
    write(path, molecules)
    return path


@pytest.fixture(scope="module")
def results(pool, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "results"
    arguments = ["run", "--data", str(pool), "--target", "homo", "--id", "name"]
    arguments += ["--low-quantile", "0.8", "--out", str(out), *SMALL]
    assert main([*arguments]) == 0
    return out


def test_a_run_leaves_its_four_files_and_nothing_else(results):
    names = sorted(path.name for path in results.iterdir())
    assert names == ["curves.csv", "curves.png", "picks.csv", "summary.json"]
    assert (results / "curves.png").read_bytes().startswith(b"\x89PNG")
    frame = pd.read_csv(results / "curves.csv")
    assert list(frame.columns[:3]) == ["strategy", "repeat", "n_labelled"]
    assert len(frame) == 5 * 2 * 3


def test_picks_lead_back_to_the_records(results, pool):
    from ase.io import read

    label = {atoms.info["name"]: atoms.info["homo"] for atoms in read(pool, ":")}
    picks = pd.read_csv(results / "picks.csv")
    columns = ["id", "round", "strategy", "repeat", "predicted", "label", "smiles", "name"]
    assert list(picks.columns) == columns
    np.testing.assert_allclose(picks["label"], picks["id"].map(label))
    assert not picks.duplicated(["strategy", "repeat", "id"]).any()
    assert picks["predicted"].isna().sum() == 5 * 2 * 10


def test_summary_follows_from_the_tables(results):
    summary = json.loads((results / "summary.json").read_text())
    picks = pd.read_csv(results / "picks.csv")
    frame = pd.read_csv(results / "curves.csv")
    assert summary["n_molecules"] == 60
    low = summary["settings"]["low"]
    found = picks[picks["label"] >= low].groupby("strategy").size() / 2
    last = frame[frame["n_labelled"] == 25].groupby("strategy")
    for name, figures in summary["tasks"]["search"].items():
        assert figures["found"] == pytest.approx(found[name])
        assert figures["recall"] == pytest.approx(last["discovery"].mean()[name], abs=1e-6)
        assert set(figures) == {"n_labelled", "found", "recall", "recall_std", "f1", "savings"}
    for name, figures in summary["tasks"]["pruning"].items():
        expected = -last["neg_mean_absolute_error"].mean()[name]
        assert figures["mae"] == pytest.approx(expected, abs=1e-6)
    assert summary["tasks"]["search"]["random"]["savings"] is None
    assert summary["settings"]["versions"]["skmolal"]


def test_csv_of_smiles_and_one_task(tmp_path, capsys):
    path = tmp_path / "pool.csv"
    smiles = ["C" * n + end for n in range(1, 6) for end in ("", "O", "N", "F")]
    rows = [f"{s},{len(s) + 0.1 * k},{k}" for k, s in enumerate(smiles)]
    path.write_text("smiles,size,key\n" + "\n".join(rows) + "\n")
    arguments = ["--task", "search", "--high", "3", "--strategies", "random", "target"]
    arguments += ["--n-initial", "5", "--batches", "4", "--seeds", "1", "--n-jobs", "1"]
    arguments += ["--out", str(tmp_path / "out"), "--noise", "0.01"]
    assert main(["run", "--data", str(path), "--target", "size", *arguments]) == 0
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert list(summary["tasks"]) == ["search"]
    assert summary["settings"]["high"] == 3.0
    assert summary["settings"]["low"] is None
    picks = pd.read_csv(tmp_path / "out/picks.csv")
    sizes = pd.read_csv(path)["size"]
    np.testing.assert_allclose(picks["label"], sizes[picks["id"]])
    printed = capsys.readouterr().out
    assert "labels saved" in printed
    assert "MAE" not in printed


def test_verdicts_stand_under_the_table(pool, tmp_path, capsys):
    arguments = ["run", "--data", str(pool), "--target", "homo", "--out", str(tmp_path / "out")]
    arguments += ["--task", "pruning", "--strategies", "random", "cluster", *SMALL]
    assert main(arguments) == 0
    assert "too few seeds to tell a difference from chance: 2 of the 6" in capsys.readouterr().out


def test_verdicts_name_each_strategy_once_per_metric():
    noise = np.random.RandomState(0).normal(scale=0.02, size=(4, 8, 4, 3))
    frame = pd.DataFrame(
        [
            {"strategy": name, "repeat": r, "n_labelled": 100 * 2**k, "fit_time": 1.0}
            | {"query_time": cost, "neg_mean_absolute_error": slope * k + noise[s, r, k, 0]}
            | {"discovery": slope * k + noise[s, r, k, 1], "f1": noise[s, r, k, 2]}
            for s, (name, slope, cost) in enumerate(
                [("random", 0.1, 0), ("target", 0.3, 9), ("cluster", 0.1, 9), ("k_center", 0, 0)]
            )
            for r in range(8)
            for k in range(4)
        ]
    )
    settings = {"n_repeats": 8, "n_initial": 100, "n_pool": 4000, "n_test": 1000}
    lines = format_verdicts(Bunch(frame=frame, settings=settings)).splitlines()
    flat = "flat while the set grows: at 800 labels not distinguishable from 100"
    assert lines[1:] == [
        "  MAE: better: target; worse: k_center; not distinguishable: cluster",
        f"    k_center: {flat}",
        "  share found: better: target; worse: k_center; not distinguishable: cluster",
        f"    k_center: {flat}",
        "  f1: not distinguishable: target, cluster, k_center",
        f"    target, cluster, k_center: {flat}",
        "  cluster: cost without gain: 40 s a campaign against 4 s",
    ]
    for alone in ("strategy == 'target'", "strategy == 'random'", "n_labelled == 100"):
        assert not format_verdicts(Bunch(frame=frame.query(alone), settings=settings))


@pytest.mark.parametrize(("end", "maximize"), [("--low", True), ("--high", False)])
def test_every_strategy_gets_the_range_in_its_own_options(end, maximize):
    from skmolal.cli._strategies import configure_strategy
    from skmolal.query_strategies import get_query_strategy_names

    low, high = (-6.0, np.inf) if end == "--low" else (-np.inf, -6.0)
    for name in get_query_strategy_names():
        params = configure_strategy(name, low=low, high=high).get_params()
        assert params.get("low", low) == low
        assert params.get("high", high) == high
        assert params.get("threshold", -6.0) == -6.0
        assert params.get("maximize", maximize) is maximize


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "gap"], r"there is no 'gap'; it has \['homo', 'name'\]"),
        (
            ["--target", "name"],
            "none of 60 records is left: 60 name is no finite number; the first: .*'mol-0'",
        ),
        ([], "--data needs --target"),
        (["--target", "homo", "--low", "5"], r"no molecule has homo in \[5.0, inf\]"),
        (["--target", "homo", "--low", "-5", "--high", "-6"], "low must not be above high"),
        (["--target", "homo", "--strategies", "nonsense"], r"--strategies: unknown \['nonsense'\]"),
        (["--target", "homo", "--n-initial", "100"], "ask for 107 labels, but 60 molecules"),
        (["--target", "hoom"], r"there is no 'hoom' \(did you mean 'homo'\?\); it has"),
        (["--target", "homo", "--id", "homo_eV"], "there is no 'homo_eV'"),
        (["--target", "homo", "--test-size", "60"], "--test-size: 60 of 60"),
        (["--target", "homo", "--id", "key"], "there is no 'key'"),
        (["--target", "homo", "--out", "/dev/null/x"], "--out: cannot write to /dev/null/x"),
    ],
)
def test_wrong_input_is_one_clear_line(pool, tmp_path, capsys, arguments, message):
    out = ["--out", str(tmp_path / "out")]
    assert main(["run", "--data", str(pool), *out, *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("skmolal: error: ")
    import re

    assert re.search(message, error)
    folder = tmp_path / "out"
    assert not folder.exists() or not list(folder.iterdir())


SMILES = ["C" * n + end for n in range(1, 6) for end in ("", "O", "N", "F", "C#N", "C=O")]


@pytest.fixture(scope="module")
def dirty():
    """Thirty molecules, two labels missing, two records unparsable, three duplicates, each."""
    rows = [(f"m{k}", text, f"{-5 - 0.01 * k:.2f}") for k, text in enumerate(SMILES)]
    rows[4] = (*rows[4][:2], "")
    rows[9] = (*rows[9][:2], "failed")
    rows.insert(12, ("b0", "c1ccc1C(", "-5"))
    rows.insert(20, ("b1", "CC(C)(C)(C)C", "-5"))
    rows += [(f"m{k}", f"[H]{SMILES[k]}" if k == 0 else SMILES[k], "-7") for k in (0, 5, 7)]
    return pd.DataFrame(rows, columns=["key", "smiles", "homo"])


def write_sdf(path, frame):
    """Write drawings; RDKit cannot read the records that are no molecules."""
    from rdkit import Chem

    with open(path, "w") as file:
        for row in frame.itertuples():
            mol = Chem.MolFromSmiles(row.smiles) if row.key[0] != "b" else None
            block = "\n\n\n  1  0\n" if mol is None else Chem.MolToMolBlock(mol)
            file.write(f"{row.key}{block[block.index(chr(10)) :]}> <homo>\n{row.homo}\n\n$$$$\n")


WRITERS = {
    "a.csv": lambda path, frame: frame.to_csv(path, index=False),
    "semicolons.csv": lambda path, frame: frame.to_csv(
        path, index=False, sep=";", encoding="utf-8-sig"
    ),
    "a.csv.gz": lambda path, frame: frame.to_csv(path, index=False),
    "a.tsv": lambda path, frame: frame.to_csv(path, index=False, sep="\t"),
    "a.xlsx": lambda path, frame: frame.to_excel(path, index=False),
    "a.parquet": lambda path, frame: frame.to_parquet(path),
    "a.sdf": write_sdf,
}


def load(path, *arguments, conformers=False):
    from skmolal.cli._data import load_data
    from skmolal.cli._parser import make_parser

    options = make_parser().parse_args(["run", "--data", str(path), "--target", "homo", *arguments])
    return load_data(options, conformers=conformers)


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_keeps_and_leaves_out_the_same_records(tmp_path, dirty, name):
    WRITERS[name](tmp_path / name, dirty)
    data = load(tmp_path / name)
    reasons = data.rejected.set_index("record")["reason"].to_dict()
    assert reasons.keys() == {4, 9, 12, 20, 32, 33, 34}
    assert reasons[4] == "no homo"
    assert reasons[9] == "homo is no finite number: 'failed'"
    assert reasons[12].startswith("cannot be parsed")
    assert reasons[20].startswith("cannot be parsed")
    assert [reasons[k] for k in (32, 33, 34)] == ["duplicate"] * 3
    assert data.describe_rejected() == (
        "7 of 35 records left out, see rejected.csv: 3 duplicate, 2 cannot be parsed, 1 no homo, "
        "1 homo is no finite number"
    )
    np.testing.assert_allclose(data.y, dirty["homo"][data.ids].astype(float))
    assert len(data.y) == len(data.X) == len(data.names) == 28
    assert data.groups is None
    assert not np.array_equal(data.ids, np.sort(data.ids))  # shuffled
    np.testing.assert_array_equal(data.ids, load(tmp_path / name).ids)
    assert not np.array_equal(data.ids, load(tmp_path / name, "--random-state", "1").ids)


def test_duplicates_are_merged_as_told(tmp_path, dirty):
    dirty.to_csv(tmp_path / "a.csv", index=False)

    def labels(*arguments):
        data = load(tmp_path / "a.csv", "--id", "key", *arguments)
        return data, pd.Series(data.y, data.ids)

    assert labels()[1]["m5"] == pytest.approx(-5.05)
    assert labels("--duplicates", "mean")[1]["m5"] == pytest.approx((-5.05 - 7) / 2)
    assert labels("--duplicates", "mean")[1]["m6"] == pytest.approx(-5.06)
    data, kept = labels("--duplicates", "keep")
    assert sorted(kept["m5"]) == pytest.approx([-7, -5.05])
    assert len(data.rejected) == 4
    assert len(np.unique(data.groups)) == 28
    for key in ("m0", "m5", "m7"):
        assert len(np.unique(data.groups[data.ids == key])) == 1


def test_an_id_of_two_molecules_is_refused(tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_text("key,smiles,homo\n1,C,1\n1,OC,2\n1,CO,3\n")
    arguments = ["run", "--data", str(path), "--target", "homo", "--out", str(tmp_path / "out")]
    assert main([*arguments, "--id", "key"]) == 2
    assert "key=1 names two molecules, records 0 and 1" in capsys.readouterr().err
    path.write_text("key,smiles,homo\n2,C,1\n1,OC,2\n1,CO,3\n,N,4\n")
    data = load(path, "--id", "key")
    assert sorted(data.ids) == [1, 2]
    assert data.rejected["reason"].tolist() == ["duplicate", "no key"]


def test_nothing_is_embedded_before_all_is_checked(tmp_path, dirty, capsys, monkeypatch):
    monkeypatch.setattr("skmolal.molecules._conformers.embed", None)
    path = tmp_path / "a.csv"
    dirty.to_csv(path, index=False)
    arguments = ["run", "--data", str(path), "--out", str(tmp_path / "out")]
    for wrong in (["--target", "hoom"], ["--target", "homo", "--id", "name"]):
        assert main([*arguments, *wrong]) == 2
    assert "did you mean 'homo'" in capsys.readouterr().err
    assert main([*arguments, "--target", "homo", "--strict"]) == 2
    error = capsys.readouterr().err
    assert "7 of 35 records cannot be used: record 4 ('CC#N'): no homo; record 9 " in error
    for record in (4, 9, 12, 20, 32, 33, 34):
        assert f"record {record} (" in error
    assert not list((tmp_path / "out").iterdir())


def test_a_dirty_file_runs_at_sizes_that_fit(tmp_path, dirty, capsys):
    path = tmp_path / "a.csv"
    cage = pd.DataFrame([("c", "CN1C(=O)[C@]23C[C@H](O2)[C@@H]13", "-5")], columns=dirty.columns)
    pd.concat([dirty, cage]).to_csv(path, sep=";", index=False, encoding="utf-8-sig")
    out = tmp_path / "out"
    arguments = ["run", "--data", str(path), "--target", "homo", "--out", str(out)]
    arguments += ["--strategies", "random", "uncertainty", "--n-jobs", "1", "--task", "pruning"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "8 of 36 records left out, see rejected.csv: 3 duplicate, 2 cannot be parsed" in printed
    assert "1 cannot be embedded" in printed
    assert "2 first labels, then 2 + 4 + 8; 6 seeds" in printed
    rejected = pd.read_csv(out / "rejected.csv")
    assert list(rejected.columns) == ["record", "name", "smiles", "reason"]
    assert rejected["record"].tolist() == [4, 9, 12, 20, 32, 33, 34, 35]
    picks = pd.read_csv(out / "picks.csv")
    assert not picks["id"].isin(rejected["record"]).any()
    np.testing.assert_allclose(picks["label"], dirty["homo"][picks["id"]].astype(float))
    assert json.loads((out / "summary.json").read_text())["settings"]["seeds"] == 6
    # The table of records left out goes when there are none.
    clean = dirty.drop(index=rejected["record"][:-1])
    clean.to_csv(path, index=False)
    assert main([*arguments, "--seeds", "1", "--quiet"]) == 0
    assert not (out / "rejected.csv").exists()


def test_duplicates_kept_stay_on_one_side(tmp_path, monkeypatch):
    from skmolal.model_selection import _curve

    path = tmp_path / "a.csv"
    rows = [f"{text},{k + 0.1 * r}" for k, text in enumerate(SMILES[:10]) for r in range(3)]
    path.write_text("smiles,homo\n" + "\n".join(rows) + "\n")
    splits = []

    def spy(X, y, *arguments):
        splits.append([np.floor(y[idx] + 1e-9) for idx in split(X, y, *arguments)])
        return split(X, y, *arguments)

    split = _curve._split
    monkeypatch.setattr(_curve, "_split", spy)
    arguments = ["--duplicates", "keep", "--strategies", "random", "--n-jobs", "1", "--quiet"]
    arguments += ["--task", "pruning", "--seeds", "4", "--noise", "0.1"]
    path_and_out = ["--data", str(path), "--out", str(tmp_path / "out")]
    assert main(["run", *path_and_out, "--target", "homo", *arguments]) == 0
    assert len(splits) == 4
    for pool, test in splits:
        assert len(pool) + len(test) == 30
        assert not np.intersect1d(pool, test).size


@pytest.mark.parametrize(
    ("n_samples", "expected"),
    [
        (5000, (100, [100, 200, 400], 3, 1000, 1000)),
        (130_831, (100, [100, 200, 400], 3, 26_166, 26_166)),
        (600, (30, [30, 60, 120], 6, 120, 120)),
        (100, (5, [5, 10, 20], 6, 20, 20)),
        (20, (2, [2, 4, 8], 6, 4, 4)),
    ],
)
def test_sizes_fit_the_file(n_samples, expected):
    from skmolal.cli._sizes import choose_sizes

    free = {"n_initial": None, "batches": None, "seeds": None, "test_size": 0.2}
    assert choose_sizes(n_samples, **free) == expected
    given = choose_sizes(n_samples, **(free | {"n_initial": 8, "seeds": 2}))
    assert (given.n_initial, given.seeds) == (8, 2)
    assert 8 + sum(given.batches) <= n_samples - given.n_test
    given = choose_sizes(n_samples, **(free | {"batches": [10, 4]}))
    assert given.batches == [10, 4]
    assert 1 <= given.n_initial <= n_samples - given.n_test - 14
    groups = np.r_[np.zeros(9, int), np.arange(1, n_samples - 8)]
    grouped = choose_sizes(n_samples, groups=groups, **free)
    assert grouped.n_test == grouped.test_size + 8  # the worst case: the large group is held out
    few = "default sizes takes at least 8 labels, but 9 molecules less 2 for testing leave 7; give"
    with pytest.raises(ValueError, match=few):
        choose_sizes(9, **free)
    with pytest.raises(ValueError, match="--n-initial and --batches ask for 8 labels, but 9"):
        choose_sizes(9, **(free | {"n_initial": 8, "batches": []}))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--noise", "-1"], "must be a positive number"),
        (["--seeds", "0"], "must be a positive integer"),
        (["--low-quantile", "1.5"], "must lie between 0 and 1"),
        (["--low", "1", "--low-quantile", "0.5"], "not allowed with"),
        (["--batches", "x"], "invalid size value"),
        (["--dataset", "qm7"], "invalid choice"),
    ],
)
def test_options_out_of_range_are_usage_errors(capsys, arguments, message):
    with pytest.raises(SystemExit) as caught:
        main(["run", *arguments])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_a_missing_file_is_named(tmp_path, capsys):
    missing = tmp_path / "absent.xyz"
    assert main(["run", "--data", str(missing), "--target", "y", "--out", str(tmp_path)]) == 2
    assert f"no such file: {missing}" in capsys.readouterr().err


def interrupt():
    signal.raise_signal(signal.SIGINT)


def interrupt_in_a_callback():
    """Interrupt where Python drops the exception, as in JAX's callback of the garbage collector."""

    class Dropped:
        def __del__(self):
            interrupt()

    Dropped()
    for _ in range(600):  # the interrupt is to end the run here, not after it
        time.sleep(0.1)


@pytest.mark.parametrize("interrupt", [interrupt, interrupt_in_a_callback])
def test_interrupt_ends_with_one_line_and_resume_finishes(
    pool, tmp_path, capsys, monkeypatch, interrupt
):
    # A shell starts background jobs with the interrupt ignored.
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    rounds = []

    def write_and_interrupt(path, content):
        write_json(path, content)
        rounds.append(path)
        if len(rounds) == 5:
            interrupt()

    out = tmp_path / "out"
    arguments = ["run", "--data", str(pool), "--target", "homo", "--out", str(out), *SMALL]
    arguments += ["--low-quantile", "0.8", "--strategies", "random", "target"]
    try:
        with monkeypatch.context() as patch:
            patch.setattr("skmolal.model_selection._replicates.write_json", write_and_interrupt)
            assert main(arguments) == 130
    finally:
        signal.signal(signal.SIGINT, previous)
    assert len(rounds) == 5
    error = capsys.readouterr().err
    assert error.strip().splitlines()[-1].startswith("skmolal: interrupted")
    assert "Traceback" not in error
    assert [path.name for path in out.iterdir()] == ["checkpoint"]
    assert main([*arguments, "--resume"]) == 0
    resumed = pd.read_csv(out / "picks.csv")
    assert main(arguments) == 0  # from the beginning
    pd.testing.assert_frame_equal(resumed, pd.read_csv(out / "picks.csv"))
    capsys.readouterr()


def test_version(capsys):
    import skmolal

    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"skmolal {skmolal.__version__}\n"


def test_a_second_run_compiles_nothing(tmp_path):
    """The command keeps what JAX compiles, apart for each kind of processor, and in the cache."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JAX_")}
    environment |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    names = ["C" * n + end for n in range(1, 16) for end in ("", "O", "N")]
    rows = [f"{name},{len(name)}.{k}" for k, name in enumerate(names)]
    (tmp_path / "pool.csv").write_text("\n".join(["smiles,y", *rows]))
    command = "run --data pool.csv --target y --descriptor morgan --top-share 0.2 --n-jobs 1"
    script = f"from skmolal.cli import main; main('{command} --strategies random'.split())"
    files = []
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-c", script],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            check=True,
        )
        found = tmp_path.rglob("compiled-*/*-cache")
        files.append({path: path.stat().st_mtime_ns for path in found})
        shutil.rmtree(tmp_path / "results")
    assert len(files[0]) > 5
    assert files[0] == files[1]


def test_a_cache_of_the_users_own_is_left_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "elsewhere")
    keep_compiled()
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == "elsewhere"
    assert not any(tmp_path.iterdir())
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "pool.csv" / "no folder"))
    (tmp_path / "pool.csv").touch()
    keep_compiled()
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ
