"""The command in a search for the best: nothing held out, another model beside, sorted files."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import hypergeom

from skmolal.cli import main
from skmolal.cli._sizes import choose_sizes
from skmolal.datasets import _enamine10k
from skmolal.model_selection._checkpoint import write_json

pytestmark = [
    pytest.mark.filterwarnings("ignore:All .* predicted standard deviations"),
    pytest.mark.filterwarnings("ignore:The optimal value found"),
]

ENDS = ("", "O", "N", "F", "C#N", "C=O", "Cl", "S")
SMILES = ["C" * n + end for n in range(1, 16) for end in ENDS]
SEARCH = ["--task", "search", "--test-size", "0", "--top-share", "0.1", "--minimize"]
SEARCH += ["--descriptor", "morgan", "--n-jobs", "1"]
SMALL = ["--n-initial", "0.1", "--batches", "0.1", "12", "--seeds", "2"]


def write_library(path, reverse=False):
    """Write docking scores with one decimal, best first as such files often are."""
    score = np.round(-np.array([text.count("C") + 3 * ("N" in text) for text in SMILES]) / 2, 1)
    frame = pd.DataFrame({"smiles": SMILES, "score": score}).sort_values("score", kind="stable")
    (frame[::-1] if reverse else frame).to_csv(path, index=False)
    return frame["score"].to_numpy()


def call(folder, *options):
    out = ["--out", folder / "out"]
    arguments = ["run", "--data", folder / "library.csv", "--target", "score", *options, *out]
    return main([str(argument) for argument in arguments])


def read(folder):
    summary = json.loads((folder / "out" / "summary.json").read_text())
    return (
        summary,
        pd.read_csv(folder / "out" / "curves.csv"),
        pd.read_csv(folder / "out" / "picks.csv"),
    )


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    write_library(folder / "library.csv")
    assert call(folder, *SEARCH, *SMALL) == 0
    return folder


NAMES = ["random", "greedy", "target", "forest (greedy)"]


def test_a_search_for_the_best_compares_with_a_forest(searched):
    summary, curves, picks = read(searched)
    assert list(summary["tasks"]) == ["search"]
    assert list(summary["tasks"]["search"]) == summary["settings"]["strategies"] == NAMES
    assert "RandomForestRegressor" in summary["settings"]["compared_with"]
    assert "GaussianProcessRegressor" in summary["settings"]["model"]
    for frame in (curves, picks):
        assert list(frame["strategy"].unique()) == NAMES
    assert "f1" not in curves
    assert all(figures["f1"] is None for figures in summary["tasks"]["search"].values())
    assert not (searched / "out" / "checkpoint").exists()


def test_both_models_start_from_the_same_labels(searched):
    _, curves, picks = read(searched)
    for _, rows in curves.groupby("strategy"):
        assert list(rows["n_labelled"]) == [12, 24, 36] * 2
    first = picks[picks["round"] == 0].groupby(["repeat", "strategy"])["id"].apply(tuple)
    assert (first.groupby("repeat").nunique() == 1).all()
    assert first.nunique() == 2
    last = picks[picks["round"] == 2].groupby(["repeat", "strategy"])["id"].apply(tuple)
    assert last[0].nunique() > 2


def test_all_molecules_are_the_pool_and_the_share_found_counts_ties_once(searched):
    summary, curves, picks = read(searched)
    score = np.sort(pd.read_csv(searched / "library.csv")["score"])
    settings = summary["settings"]
    assert settings["test_size"] == 0
    assert settings["n_best"] == 12
    assert settings["high"] == score[11]
    assert settings["n_in_range"] == (score <= score[11]).sum() > 12
    hits = picks[picks["label"] <= score[11]].groupby(["strategy", "repeat"]).size()
    expected = np.minimum(hits, 12) / 12
    last = curves[curves["n_labelled"] == 36].set_index(["strategy", "repeat"])["discovery"]
    np.testing.assert_allclose(last[expected.index], expected)
    for name, figures in summary["tasks"]["search"].items():
        assert figures["recall"] == pytest.approx(expected[name].mean(), abs=1e-6)
        assert figures["found"] == pytest.approx(12 * expected[name].mean(), abs=1e-4)


def test_the_table_has_no_column_for_what_was_not_measured(tmp_path, capsys):
    write_library(tmp_path / "library.csv")
    options = ["--strategies", "random", "--compare-with", "none"]
    assert call(tmp_path, *SEARCH, *SMALL, *options) == 0
    said = capsys.readouterr().out
    assert "none for testing" in said
    assert "of which 12 are wanted" in said
    assert "f1" not in said
    assert "forest" not in said
    assert read(tmp_path)[0]["settings"]["compared_with"] is None


def test_another_model_to_compare_with(tmp_path, capsys):
    write_library(tmp_path / "library.csv")
    options = ["--model", "forest", "--compare-with", "sklearn.dummy:DummyRegressor"]
    assert call(tmp_path, *SEARCH, *SMALL, "--strategies", "random", *options) == 0
    assert "sklearn.dummy:DummyRegressor (greedy)" in capsys.readouterr().out
    # A forest as the model is not compared with itself.
    assert call(tmp_path, *SEARCH, *SMALL, "--strategies", "random", *options[:2]) == 0
    assert list(read(tmp_path)[0]["tasks"]["search"]) == ["random"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--test-size", "0"], "--test-size 0 leaves no molecules .* as --task both does"),
        (["--test-size", "0.0", "--task", "pruning"], "as --task pruning does"),
        (["--task", "pruning", "--compare-with", "forest"], "for the best of a search, got"),
        (["--task", "search", "--compare-with", "gpr"], "another model than --model, got gpr"),
        (
            ["--low", "-3", "--high", "-2", "--compare-with", "forest"],
            "with two ends, -3 to -2",
        ),
        (["--top-share", "0.1", "--low", "-3"], "--top-share stands in place of --low"),
        (["--top-share", "0.1", "--high-quantile", "0.1"], "--top-share stands in place of"),
        (["--test-size", "0.001"], "0 of 120 molecules leaves no pool or no test"),
        (["--compare-with", "trees"], "must be gpr, forest, ensemble or module:function"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(tmp_path, capsys, options, message):
    write_library(tmp_path / "library.csv")
    assert call(tmp_path, "--descriptor", "morgan", *options) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    with pytest.raises(ValueError, match=message):
        raise ValueError(error)


def test_sizes_may_be_shares_of_the_pool(capsys):
    sizes = choose_sizes(10_449, n_initial=0.01, batches=[0.01, 50], seeds=5, test_size=0)
    assert (sizes.n_initial, sizes.batches, sizes.n_test) == (104, [104, 50], 0)
    sizes = choose_sizes(1000, n_initial=0.1, batches=[0.0001], seeds=5, test_size=0.2)
    assert (sizes.n_initial, sizes.batches) == (80, [1])
    with pytest.raises(ValueError, match="ask for 1100 labels, but 1000 molecules less 0"):
        choose_sizes(1000, n_initial=0.5, batches=[0.6], seeds=5, test_size=0)
    with pytest.raises(SystemExit):
        main(["run", "--n-initial", "1.5"])
    assert "must lie between 0 and 1, got 1.5" in capsys.readouterr().err


@pytest.mark.parametrize("random_state", [0, 1])
def test_the_place_in_a_sorted_file_helps_nobody(tmp_path, random_state):
    score = write_library(tmp_path / "library.csv")
    options = ["--model", "sklearn.dummy:DummyRegressor", "--strategies", "greedy"]
    options += ["--compare-with", "none", "--random-state", str(random_state), *SMALL]
    assert call(tmp_path, *SEARCH, *options) == 0
    summary, _, forward = read(tmp_path)
    write_library(tmp_path / "library.csv", reverse=True)
    assert call(tmp_path, *SEARCH, *options) == 0
    reverse = read(tmp_path)[2]
    # What is asked for depends on the place after shuffling alone, the same rows of both files ...
    np.testing.assert_array_equal(reverse["id"], forward["id"])
    # ... so that as many are found as by chance, with the best first or last.
    n_hits = int((score <= summary["settings"]["high"]).sum())
    low, high = hypergeom(len(SMILES), n_hits, 36).interval(0.999)
    for picks in (forward, reverse):
        for repeat in (0, 1):
            labels = picks.loc[picks["repeat"] == repeat, "label"]
            assert low <= (labels <= summary["settings"]["high"]).sum() <= high


def test_the_data_set_of_docking_scores(tmp_path, capsys, monkeypatch):
    score = write_library(tmp_path / "library.csv")
    table = pd.read_csv(tmp_path / "library.csv")
    home = tmp_path / "home" / "enamine10k"
    home.mkdir(parents=True)
    table.to_csv(home / "Enamine10k_scores.csv.gz", index=False)
    remote = _enamine10k._FILE._replace(checksum=None)
    monkeypatch.setattr(_enamine10k, "_FILE", remote)
    monkeypatch.setenv("SKMOLAL_DATA", str(home.parent))
    out = ["--out", str(tmp_path / "out"), "--strategies", "target", "--compare-with", "none"]
    assert main(["run", "--dataset", "enamine10k", *SEARCH, *SMALL, *out]) == 0
    assert "120 molecules of enamine10k, none for testing" in capsys.readouterr().out
    summary, _, picks = read(tmp_path)
    assert summary["dataset"] == "enamine10k"
    assert summary["settings"]["target"] == "score"
    assert summary["settings"]["high"] == score[11]
    np.testing.assert_array_equal(picks["label"], table["score"][picks["id"]])
    np.testing.assert_array_equal(picks["smiles"], table["smiles"][picks["id"]])
    first = picks[(picks["round"] == 0) & (picks["repeat"] == 0)]["id"]
    assert first.max() > 60  # the rows of a sorted file are shuffled
    arguments = ["run", "--dataset", "enamine10k", "--target", "homo", *SEARCH, *SMALL, *out]
    assert main(arguments) == 2
    assert "enamine10k: there is no 'homo'; it has ['smiles', 'score']" in capsys.readouterr().err


def test_a_run_that_ends_within_the_other_model_is_continued(searched, tmp_path, monkeypatch):
    written = []

    def write_and_interrupt(path, content):
        write_json(path, content)
        written.append(path)
        if sum(path.parent.name == "compared" for path in written) == 2:
            raise KeyboardInterrupt

    write_library(tmp_path / "library.csv")
    with monkeypatch.context() as patch:
        patch.setattr("skmolal.model_selection._replicates.write_json", write_and_interrupt)
        assert call(tmp_path, *SEARCH, *SMALL) == 130
    assert len(written) == 3 * 2 * 4 + 2
    assert call(tmp_path, *SEARCH, *SMALL, "--resume") == 0
    pd.testing.assert_frame_equal(read(tmp_path)[2], read(searched)[2])
