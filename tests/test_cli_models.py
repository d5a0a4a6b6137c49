"""What the command can choose: descriptor, model, kernel, and which end is wanted."""

import csv
import json
import sys

import numpy as np
import pandas as pd
import pytest
from ase import Atoms
from ase.io import read, write
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin, clone
from sklearn.pipeline import Pipeline

from skmolal.cli import _estimate, main
from skmolal.cli._estimate import estimate_seconds, say_seconds
from skmolal.cli._folder import CampaignFolder
from skmolal.cli._model import build_model, needs_coordinates
from skmolal.cli._options import DESCRIPTORS, KERNELS
from skmolal.cli._sizes import choose_sizes
from skmolal.datasets import load_qm9_sample
from skmolal.descriptors import CoulombMatrixTransformer, XTBTransformer
from skmolal.molecules import _conformers
from skmolal.oracles import XTBOracle

SMALL = ["--n-initial", "12", "--batches", "6", "6", "--seeds", "2", "--n-jobs", "1"]


@pytest.fixture(scope="module")
def molecules():
    return load_qm9_sample().data[:40]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    bunch = load_qm9_sample()
    path = tmp_path_factory.mktemp("table") / "pool.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["name", "smiles", "y"])
        for k in range(80):
            writer.writerow([f"m{k}", bunch.data[k].info["smiles"], bunch.target[k]])
    return path


@pytest.fixture
def no_embedding(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("something was embedded")

    monkeypatch.setattr(_conformers, "embed_smiles", refuse)


@pytest.mark.filterwarnings("ignore:All .* predicted standard deviations")
@pytest.mark.parametrize("model", ["forest", "gpr"])
def test_a_search_on_smiles_embeds_nothing(table, tmp_path, capsys, no_embedding, model):
    out = tmp_path / "results"
    arguments = ["run", "--data", table, "--target", "y", "--descriptor", "morgan"]
    arguments += ["--model", model, "--minimize", "--top-share", "0.2", "--out", out, *SMALL]
    assert main([str(argument) for argument in arguments]) == 0
    said = capsys.readouterr().out
    assert "this will take " in said
    y = pd.read_csv(table)["y"]
    summary = json.loads((out / "summary.json").read_text())
    assert summary["settings"]["high"] == np.sort(y)[15]  # the sixteenth of eighty
    assert summary["settings"]["n_best"] == 13  # of the 64 in the pool
    assert summary["settings"]["low"] is None
    assert summary["settings"]["maximize"] is False
    picks = pd.read_csv(out / "picks.csv")
    smiles = pd.read_csv(table)["smiles"]
    assert list(picks["smiles"]) == list(smiles[picks["id"]])
    assert (out / "found.png").read_bytes().startswith(b"\x89PNG")
    from skmolal.query_strategies import get_query_strategy  # the strategy does not know the range

    assert "top" in get_query_strategy("target", top=0.2).options


def test_target_is_told_the_share_and_others_the_range(monkeypatch):
    from skmolal.cli._strategies import configure_strategy

    assert configure_strategy("target", low=1.0, top=0.1).options == {"top": 0.1, "maximize": True}
    assert configure_strategy("straddle", high=1.0, top=0.1).options == {"threshold": 1.0}
    assert configure_strategy("expected_improvement", maximize=False).options["maximize"] is False
    with pytest.raises(ValueError, match="needs an end"):
        configure_strategy("target")


@pytest.mark.filterwarnings("ignore:The optimal value found")
@pytest.mark.filterwarnings("ignore:All .* predicted standard deviations")
@pytest.mark.parametrize("descriptor", DESCRIPTORS)
def test_every_descriptor_makes_a_model(molecules, descriptor):
    y = np.array([len(atoms) for atoms in molecules], dtype=float)
    X = molecules
    if not needs_coordinates(descriptor):
        X = np.array([atoms.info["smiles"] for atoms in molecules], dtype=object)
    model = build_model(X, descriptor).fit(X[:30], y[:30])
    mean, std = model.predict(X[30:], return_std=True)
    assert np.isfinite(mean).all()
    assert (std >= 0).all()
    clone(model)


@pytest.mark.filterwarnings("ignore:The optimal value found")
@pytest.mark.parametrize("kernel", KERNELS)
def test_every_kernel_learns(molecules, kernel):
    X = np.array([atoms.info["smiles"] for atoms in molecules], dtype=object)
    y = np.array([len(atoms) for atoms in molecules], dtype=float)
    model = build_model(X, "morgan", kernel=kernel).fit(X[:30], y[:30])
    assert np.abs(model.predict(X[:30]) - y[:30]).mean() < np.abs(y - y.mean()).mean()


@pytest.mark.parametrize("name", ["forest", "ensemble", "sklearn.linear_model:BayesianRidge"])
def test_every_model_predicts_with_a_std(molecules, name):
    X = np.array([atoms.info["smiles"] for atoms in molecules], dtype=object)
    y = np.array([len(atoms) for atoms in molecules], dtype=float)
    model = build_model(X, "morgan", name)
    if ":" in name:
        model.steps.insert(1, ("dense", Dense()))
    model.fit(X[:30], y[:30])
    _, std = model.predict(X[30:], return_std=True)
    assert (std > 0).any()


class Dense:
    """BayesianRidge takes no sparse features."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X.toarray()

    fit_transform = lambda self, X, y=None: X.toarray()  # noqa: E731


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"descriptor": "mbtr", "kernel": "tanimoto"}, "--kernel tanimoto compares fingerprints"),
        ({"model": "forest", "kernel": "rbf"}, "--kernel and --noise are for --model gpr"),
        ({"model": "forest", "noise": 0.1}, "--kernel and --noise are for --model gpr"),
        ({"model": "trees"}, "must be gpr, forest, ensemble or module:function"),
        ({"model": "nowhere:f"}, "No module named 'nowhere'"),
        ({"model": "os:getcwd"}, "must return a scikit-learn regressor, got str"),
    ],
)
def test_what_does_not_fit_is_refused(molecules, options, message):
    with pytest.raises(ValueError, match=message):
        build_model(molecules, **options)


def test_a_warm_model_is_for_campaigns(molecules):
    model = build_model(molecules, warm_start=True).named_steps["model"]
    assert model.warm_start
    assert model.reoptimize_growth == 1.25


def test_the_estimate_grows_with_the_work(molecules):
    X = np.array([atoms.info["smiles"] for atoms in molecules], dtype=object)
    y = np.arange(40.0)
    model = build_model(X, "morgan", "forest")

    def sizes(seeds):
        return choose_sizes(40, n_initial=10, batches=[5], seeds=seeds, test_size=0.2)

    short, long = (estimate_seconds(model, X, y, sizes(n), 5, 1) for n in (1, 100))
    assert 0 < short < long


class Clock:
    """Tells a time that only what costs something moves on."""

    now = 0.0

    def __call__(self):
        return Clock.now


class Costly(RegressorMixin, TransformerMixin, BaseEstimator):
    """A step that takes 60 s the first time, and then 1 s whatever it is given."""

    called = 0

    def fit(self, X, y=None):
        Clock.now += 1.0 if type(self).called else 60.0
        type(self).called += 1
        return self

    def transform(self, X):
        return X

    def predict(self, X):
        return np.zeros(len(X))


class CostlyModel(Costly):
    called = 0


def test_the_estimate_takes_a_first_call_for_what_it_is(monkeypatch):
    monkeypatch.setattr(_estimate, "perf_counter", Clock())
    model = Pipeline([("descriptor", Costly()), ("model", CostlyModel())])
    sizes = choose_sizes(285, n_initial=None, batches=None, seeds=None, test_size=0.2)
    assert (sizes.n_initial, sizes.batches, sizes.seeds) == (14, [14, 28, 56], 6)
    X = y = np.arange(285.0)
    fits = 6 * 5 * (3 + 112 / 100) / 2  # by two processes, at 14, 28, 56 and 112 labels
    expected = 59 * 4 + fits + 6  # each compiles at each size, and describes once a repeat
    assert estimate_seconds(model, X, y, sizes, 5, 2) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (3, "less than a minute"),
        (61, "about a minute"),
        (170, "about 3 minutes"),
        (2 * 3600 + 60, "about 2 hours"),
    ],
)
def test_times_are_said_as_people_do(seconds, said):
    assert say_seconds(seconds) == said


# ------------------------------------------------------------------- a cheap calculation under it


@pytest.fixture
def structures(tmp_path, monkeypatch):
    """Molecules with GFN2-xTB's numbers in a file, on a machine without tblite."""
    monkeypatch.setitem(sys.modules, "tblite.interface", None)
    bunch = load_qm9_sample(xtb=True)
    molecules = [atoms.copy() for atoms in bunch.data[:80]]
    for atoms, label in zip(molecules, bunch.target, strict=False):
        atoms.info["homo"] = label
    write(tmp_path / "pool.extxyz", molecules)
    bare = [atoms.copy() for atoms in molecules[:30]]
    for atoms in bare:
        atoms.info = {"homo": atoms.info["homo"]}
    write(tmp_path / "bare.extxyz", bare)
    return tmp_path


def call(*arguments):
    return main([str(argument) for argument in arguments])


def test_a_run_with_a_baseline(structures, capsys):
    task = ["--data", structures / "pool.extxyz", "--target", "homo", "--task", "both"]
    task += ["--strategies", "target", "--quiet", *SMALL]
    frames = {}
    for name, options in (("plain", []), ("xtb", ["--baseline", "xtb"])):
        assert call("run", *task, *options, "--out", structures / name) == 0
        frames[name] = pd.read_csv(structures / name / "curves.csv")
    error = {name: -frame["neg_mean_absolute_error"].mean() for name, frame in frames.items()}
    assert error["xtb"] < 0.8 * error["plain"]
    settings = json.loads((structures / "xtb" / "summary.json").read_text())["settings"]
    assert settings["baseline"] == "xtb"
    assert "XTBTransformer" in settings["model"]
    assert "ColumnKernel" in settings["model"]
    assert sorted(p.name for p in (structures / "xtb").iterdir()) == sorted(
        p.name for p in (structures / "plain").iterdir()
    )


def test_what_the_command_builds_with_a_baseline(molecules):
    model = build_model(molecules, noise=0.01, baseline="xtb", warm_start=True)
    assert model["gpr"].alpha == 0.01
    assert "WhiteKernel" not in str(model["gpr"].kernel)
    assert model["gpr"].warm_start
    terms = dict(model["features"].transformer_list)["descriptor"]
    assert (terms.k2["grid"]["n"], terms.k3["grid"]["n"]) == (100, 50)
    other = dict(build_model(molecules, "coulomb", baseline="xtb")["features"].transformer_list)
    assert isinstance(other["descriptor"], CoulombMatrixTransformer)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--descriptor", "morgan"], "needs coordinates, and --descriptor morgan looks at"),
        (["--model", "forest"], "kernel of its own"),
        (["--kernel", "rbf"], "kernel of its own"),
        (["--target", "gfn2_homo"], "--target gfn2_homo is what --baseline xtb calculates"),
        (["--target", "copy"], "feature 'gfn2_homo' is the target y"),
        (["--data", "bare.extxyz"], "XTBOracle needs tblite: python -m pip install tblite"),
    ],
)
@pytest.mark.parametrize("command", ["run", "new"])
def test_a_baseline_is_refused_in_one_line(
    structures, monkeypatch, capsys, command, options, message
):
    monkeypatch.chdir(structures)
    molecules = read("pool.extxyz", ":")
    for atoms in molecules:
        atoms.info["copy"] = atoms.info["gfn2_homo"]
    write("pool.extxyz", molecules)
    task = ["--data", "pool.extxyz", "--target", "homo", "--baseline", "xtb", "--n-jobs", "1"]
    where = ["run", "--out", "out", "--quiet", *SMALL] if command == "run" else ["new", "hunt"]
    assert call(*where, *task, *options) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1
    assert not (structures / "hunt").exists()


@pytest.fixture
def with_uranium(tmp_path):
    """A file with a record beyond GFN2-xTB."""
    pytest.importorskip("tblite.interface", reason="tblite is not installed")
    molecules = [Atoms("H2", [(0, 0, 0), (0, 0, 0.74 + 0.01 * k)]) for k in range(40)]
    molecules[7] = Atoms("U")
    for k, atoms in enumerate(molecules):
        atoms.info = {"homo": float(k), "name": f"m{k}"}
    write(tmp_path / "pool.extxyz", molecules)
    return tmp_path


FAILS = ("--target", "homo", "--id", "name", "--baseline", "xtb", "--n-jobs", "1")


def test_a_campaign_leaves_out_records_on_which_the_calculation_fails(with_uranium, capsys):
    where = ["new", with_uranium / "hunt", "--data", with_uranium / "pool.extxyz"]
    assert call(*where, *FAILS) == 0
    said = capsys.readouterr().out
    assert f"1 of 40 records left out, see {with_uranium / 'hunt' / 'rejected.csv'}" in said
    assert "39 records, 39 of them labelled" in said
    rejected = pd.read_csv(with_uranium / "hunt" / "rejected.csv")
    assert rejected[["record", "name", "reason"]].values.tolist() == [[7, "m7", "GFN2-xTB fails"]]
    assert sorted(path.name for path in with_uranium.iterdir()) == ["hunt", "pool.extxyz"]


def test_a_run_leaves_out_records_on_which_the_calculation_fails(with_uranium, capsys):
    where = ["run", "--out", with_uranium / "out", "--data", with_uranium / "pool.extxyz"]
    sizes = ["--n-initial", "5", "--batches", "5", "--seeds", "1", "--strategies", "random"]
    assert call(*where, *FAILS, *sizes) == 0
    said = capsys.readouterr().out
    assert "1 of 40 records left out, see rejected.csv: 1 GFN2-xTB fails" in said
    assert "39 molecules of" in said
    picks = pd.read_csv(with_uranium / "out" / "picks.csv")
    assert "m7" not in set(picks["id"])


@pytest.mark.parametrize("command", ["run", "new"])
def test_a_strict_file_has_no_record_on_which_the_calculation_fails(with_uranium, capsys, command):
    where = ["run", "--out", with_uranium / "out"] if command == "run" else ["new", "hunt"]
    where = [with_uranium / name if name == "hunt" else name for name in where]
    task = ["--data", with_uranium / "pool.extxyz", *FAILS, "--strict"]
    assert call(*where, *task) == 2
    (said,) = capsys.readouterr().err.splitlines()
    message = (
        f"skmolal: error: {with_uranium / 'pool.extxyz'}: 1 of 40 records cannot be used: "
        "record 7 (m7): GFN2-xTB fails (--strict)"
    )
    assert not (with_uranium / "hunt").exists()
    if command == "run":
        assert said == message
    else:  # what was calculated is not lost, and the message says where it is
        cache = with_uranium / "hunt.xtb.db"
        assert said == f"{message}; what is calculated is kept in {cache}"
        assert call(*where, *task[:-1]) == 0
        assert not cache.exists()


def test_a_label_that_a_baseline_has_is_refused_beside_records_that_fail(with_uranium, capsys):
    molecules = read(with_uranium / "pool.extxyz", ":")
    good = [atoms for atoms in molecules if len(atoms) > 1]
    columns = XTBTransformer().fit(good)
    place = columns.get_feature_names_out().tolist().index("gfn2_homo")
    for atoms, row in zip(good, columns.transform(good), strict=True):
        atoms.info["homo"] = float(row[place])
    write(with_uranium / "pool.extxyz", molecules)
    where = ["new", with_uranium / "hunt", "--data", with_uranium / "pool.extxyz"]
    assert call(*where, *FAILS) == 2
    assert "feature 'gfn2_homo' is the target y" in capsys.readouterr().err


def test_a_wrong_option_costs_no_calculation_and_no_checkpoint(with_uranium, monkeypatch, capsys):
    def calculate(oracle, atoms):
        raise AssertionError("nothing is to be calculated")

    monkeypatch.setattr(XTBOracle, "__call__", calculate)
    checkpoint = with_uranium / "out" / "checkpoint"
    checkpoint.mkdir(parents=True)
    (checkpoint / "random.0.json").write_text("{}")
    data = ["--data", with_uranium / "pool.extxyz", *FAILS]
    assert call("run", "--out", with_uranium / "out", *data, "--low", "999") == 2
    assert "no molecule has homo in" in capsys.readouterr().err
    assert (checkpoint / "random.0.json").exists()
    wrong = ["--initial", "strategy", "--target", "other"]
    assert call("new", with_uranium / "hunt", *data, *wrong) == 2
    assert "--initial strategy needs an estimate" in capsys.readouterr().err


def test_a_killed_calculation_before_a_campaign_goes_on(with_uranium, monkeypatch, capsys):
    calculated = []

    def calculate(oracle, atoms):
        if len(calculated) == 25:
            raise KeyboardInterrupt
        calculated.append(len(atoms))
        return compute(oracle, atoms)

    compute = XTBOracle.__call__
    monkeypatch.setattr(XTBOracle, "__call__", calculate)
    folder = with_uranium / "deep" / "hunt"
    where = ["new", f"{folder}/", "--data", with_uranium / "pool.extxyz", "--quiet"]
    assert call(*where, *FAILS) == 130
    assert "calculations under the model are kept" in capsys.readouterr().err
    assert not folder.exists()
    calculated[:] = []
    assert call(*where, *FAILS) == 0
    assert len(calculated) < 20  # of 39: the others were kept
    assert [path.name for path in folder.parent.iterdir()] == ["hunt"]


def begin(structures, *options, target="homo"):
    molecules = read(structures / "pool.extxyz", ":")
    for atoms in molecules:
        atoms.info.pop("homo", None)
    write(structures / "pool.extxyz", molecules)
    where = ["new", structures / "hunt", "--data", structures / "pool.extxyz", "--n-jobs", "1"]
    return call(*where, "--target", target, "--baseline", "xtb", "--n-initial", "10", *options)


@pytest.mark.parametrize("end", ["--maximize", "--minimize"])
def test_a_campaign_with_a_baseline_begins_by_it(structures, end):
    assert begin(structures, end) == 0
    folder = CampaignFolder.open(structures / "hunt")
    assert folder.settings["baseline"] == "xtb"
    batch = structures / "batch.csv"
    assert call("ask", structures / "hunt", "--out", batch) == 0
    xtb = np.array([atoms.info["gfn2_homo"] for atoms in folder.pool.X])
    order = folder.pool.ids[np.argsort(-xtb if end == "--maximize" else xtb, kind="stable")]
    asked = pd.read_csv(batch)["id"].to_list()
    assert asked[:5] == order[:5].tolist()
    assert asked[5:] != order[5:10].tolist()
    labels = load_qm9_sample().target
    table = pd.read_csv(batch).assign(label=labels[asked])
    table.to_csv(batch, index=False)
    assert call("tell", structures / "hunt", batch) == 0
    assert call("ask", structures / "hunt", 3, "--out", structures / "next.csv") == 0
    assert pd.read_csv(structures / "next.csv")["predicted"].notna().all()
    assert call("report", structures / "hunt", "--out", structures / "report.html") == 0
    assert "half by the baseline" in (structures / "report.html").read_text()


@pytest.mark.parametrize(
    ("options", "target", "initial"),
    [
        ([], "homo", "strategy"),
        (["--initial", "random"], "homo", "random"),
        ([], "solubility", "random"),
        (["--low", "-7", "--high", "-6"], "homo", "random"),
        (["--strategy", "uncertainty"], "homo", "random"),
    ],
)
def test_how_a_campaign_with_a_baseline_begins_by_default(structures, options, target, initial):
    assert begin(structures, *options, target=target) == 0
    with CampaignFolder.open(structures / "hunt").load_campaign(read_only=True) as campaign:
        assert campaign._settings["initial"] == initial


def test_a_beginning_by_nothing_is_refused(structures, capsys):
    for options, target, message in (
        ([], "solubility", "--initial strategy needs an estimate of the label"),
        (["--strategy", "uncertainty"], "homo", "wants the largest or the smallest"),
    ):
        assert begin(structures, "--initial", "strategy", *options, target=target) == 2
        assert message in capsys.readouterr().err
        assert not (structures / "hunt").exists()
    assert begin(structures) == 0
    assert call("label", structures / "hunt", "--oracle", "xtb", "--n-labels", 5) == 2
    assert "--oracle xtb calculates what --baseline xtb has" in capsys.readouterr().err


def test_a_folder_of_an_earlier_version_has_no_baseline(structures):
    where = ["new", structures / "hunt", "--data", structures / "pool.extxyz", "--target", "homo"]
    assert call(*where, "--n-jobs", "1") == 0
    path = structures / "hunt" / "settings.json"
    settings = json.loads(path.read_text())
    assert settings.pop("baseline") is None
    path.write_text(json.dumps(settings))
    with CampaignFolder.open(structures / "hunt").load_campaign() as campaign:
        assert len(campaign.y) == 80
