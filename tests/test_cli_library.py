"""The command on libraries: describe, begin, ask, tell, look."""

import json

import numpy as np
import pandas as pd
import pytest

from skmolal.cli import main
from skmolal.datasets import load_qm9_sample
from skmolal.library import Library

SMILES = load_qm9_sample().frame["smiles"].tolist()[:150]

pytestmark = pytest.mark.filterwarnings(
    "ignore:All .* predicted standard deviations",
    "ignore:.*:sklearn.exceptions.ConvergenceWarning",
    "ignore:The fit explains nothing",
)


def call(*arguments):
    return main([str(argument) for argument in arguments])


@pytest.fixture
def library(tmp_path, capsys):
    path = tmp_path / "part.smi"
    path.write_text("".join(f"{text} name{k}\n" for k, text in enumerate(SMILES)) + "nonsense x\n")
    assert call("describe", path, "--out", tmp_path / "library", "--n-jobs", 1) == 0
    out = capsys.readouterr().out
    assert "150 molecules, 1 records left out; next: skmolal new CAMPAIGN --library" in out
    return tmp_path / "library"


def test_a_campaign_on_a_library(library, tmp_path, capsys):
    hunt, batch = tmp_path / "hunt", tmp_path / "batch.csv"
    options = ["--descriptor", "morgan", "--top-share", "0.05", "--target", "size"]
    assert call("new", hunt, "--library", library, *options) == 0
    assert "--oracle" not in capsys.readouterr().out  # there are no coordinates
    assert sorted(path.name for path in hunt.iterdir()) == ["campaign.db", "settings.json"]
    for _ in range(3):
        assert call("ask", hunt, 12, "--out", batch) == 0
        rows = pd.read_csv(batch, dtype={"label": float})
        assert [SMILES[k] for k in rows["id"]] == rows["smiles"].tolist()
        rows["label"] = [float(len(text)) for text in rows["smiles"]]
        rows.to_csv(batch, index=False)
        assert call("tell", hunt, batch) == 0
        batch.unlink()
    assert np.isfinite(rows[["predicted", "std"]]).all(axis=None)
    capsys.readouterr()
    assert call("drop", hunt, rows["id"][0]) == 2
    assert "already labelled" in capsys.readouterr().err
    assert call("drop", hunt, "150") == 2
    assert "unknown ids 150" in capsys.readouterr().err
    assert call("status", hunt, "--json") == 0
    assert json.loads(capsys.readouterr().out)["n_labelled"] == 36
    table, report = tmp_path / "labels.csv", tmp_path / "report.html"
    assert call("export", hunt, "--out", table) == 0
    assert pd.read_csv(table)["name"].str.startswith("name").all()
    assert call("report", hunt, "--out", report) == 0
    text = report.read_text(encoding="utf-8")
    assert f"name{rows['id'][0]}" in text
    assert rows["smiles"][0] in text
    assert call("label", hunt, "--oracle", "xtb", "--n-labels", 40) == 2
    assert "an oracle needs coordinates" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give --data, a file of molecules, or --library"),
        (["--library", "LIBRARY", "--data", "x.csv"], "give --data, a file of molecules, or"),
        (["--library", "LIBRARY", "--descriptor", "atom_pair"], "the library was described by"),
        (["--library", "LIBRARY", "--descriptor", "mbtr"], "a --library holds no coordinates"),
        (["--library", "."], "there is no library"),
    ],
)
def test_what_does_not_fit_is_refused(options, message, library, tmp_path, capsys):
    options = [str(library) if option == "LIBRARY" else option for option in options]
    if "--descriptor" not in options:
        options += ["--descriptor", "morgan"]
    assert call("new", tmp_path / "hunt", *options) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "hunt").exists()


def test_describing_again_goes_on(library, tmp_path, capsys):
    digest = Library(library).digest
    assert call("describe", tmp_path / "part.smi", "--out", library) == 0
    assert Library(library).digest == digest
    other = ["--descriptor", "topological_torsion"]
    assert call("describe", tmp_path / "part.smi", "--out", library, *other) == 2
    assert "holds a library with transformer" in capsys.readouterr().err
