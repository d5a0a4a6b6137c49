"""The report of a campaign: what the page says, and how it behaves in a browser."""

import base64
import csv
import io
import json
import os
import time
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skmolal import Campaign
from skmolal.datasets import load_qm9_sample
from skmolal.report import write_report
from skmolal.report._molecules import choose_drawn, draw
from tests.browser import CHROMIUM, Browser

N = 60
EVIL = "<script>window.hacked = 1</script>"


def count_atoms(molecules):
    return np.array([[(a.numbers == z).sum() for z in (1, 6, 7, 8, 9)] for a in molecules], float)


def make_gpr():
    return GaussianProcessRegressor(RBF(3.0), alpha=0.05, optimizer=None, normalize_y=True)


def make_model():
    return make_pipeline(FunctionTransformer(count_atoms), make_gpr())


def play(estimator=None, X=None, n_rounds=3, **options):
    """Play a campaign with everything that may happen in one."""
    molecules, homo = load_qm9_sample(return_X_y=True)
    options = {"query_strategy": "target", "query_options": {"top": 0.2}} | options
    X = molecules[:N] if X is None else X
    estimator = (
        make_pipeline(FunctionTransformer(count_atoms), make_gpr())
        if estimator is None
        else estimator
    )
    names = options.setdefault("ids", [f"m{i:02d}" for i in range(N)])
    label = dict(zip(names, homo[:N].tolist(), strict=True))
    campaign = Campaign(estimator, X, random_state=0, **options)
    campaign.tell(names[:2], [label[i] for i in names[:2]])  # never asked for
    campaign.release(campaign.ask(3))
    for _ in range(n_rounds):
        ids = campaign.ask(8).tolist()
        campaign.fail(ids[:2], "SCF did not converge")
        campaign.drop(ids[:1], "failed twice")
        campaign.tell(ids[1:-1], [label[i] for i in ids[1:-1]])
    campaign.correct(names[:1], [label[names[0]] + 1.0])
    return campaign


class Page(HTMLParser):
    """What a browser would read of a page."""

    def __init__(self, path):
        super().__init__()
        self.text = path.read_text(encoding="utf-8")
        self.tags, self.words, self.data, self.tables = [], [], {}, {}
        self._inside = self._table = None
        self.feed(self.text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        self._inside = tag if tag in ("script", "style") else None
        if tag == "script" and "id" in attributes:
            self._inside = f"#{attributes['id']}"
        if tag == "table":
            self._table = self.tables.setdefault(attributes.get("id"), [])
        if tag == "tr":
            self._table.append([])
        if tag == "td":
            self._table[-1].append(attributes.get("data-v"))

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self._inside = None

    def handle_data(self, data):
        if self._inside is None:
            self.words.append(data)
        elif self._inside.startswith("#"):
            self.data[self._inside[1:]] = json.loads(data)

    @property
    def said(self):
        return " ".join(" ".join(self.words).split())

    def column(self, k):
        return [row[k] for row in self.tables["labels"][1:]]


def write(campaign, tmp_path, **options):
    path = tmp_path / "report.html"
    assert campaign.report(path, **options) is None
    return Page(path)


# ---------------------------------------------------------------------------------- what it says


@pytest.fixture(scope="module")
def campaign():
    return play()


@pytest.fixture(scope="module")
def page(campaign, tmp_path_factory):
    return write(campaign, tmp_path_factory.mktemp("report"), title="A search", target="HOMO (eV)")


def test_table_file_and_figures_hold_the_campaigns_numbers(campaign, page):
    picks = campaign.picks()
    assert len(page.tables["labels"]) == len(picks) + 1
    rows = list(csv.DictReader(io.StringIO(page.data["csv"], newline="")))
    for name in ("label", "predicted", "std", "round"):
        expected = ["" if pick[name] is None else repr(pick[name]) for pick in picks]
        assert [row[name] for row in rows] == expected
    assert [row["id"] for row in rows] == [pick["id"] for pick in picks]
    molecules = load_qm9_sample(return_X_y=True)[0]
    assert [r["smiles"] for r in rows] == [molecules[p["position"]].info["smiles"] for p in picks]
    assert page.column(2) == [repr(pick["label"]) for pick in picks]
    predicted = [pick["predicted"] for pick in picks]
    assert page.column(3) == ["" if value is None else repr(value) for value in predicted]
    thresholds = {step["round"]: step["threshold"] for step in campaign.history}
    expected = ["" if (t := thresholds[p["round"]]) is None else repr(t) for p in picks]
    assert [row["threshold"] for row in rows] == expected
    why = {row["round"]: row["why"] for row in rows}
    assert why == {"": "told, not asked for"} | dict.fromkeys("123", "target(top=0.2)")

    figures = page.data["figures"]
    labels = [pick["label"] for pick in picks]
    told, best = figures["best"]["data"]
    assert told["y"] == labels
    assert best["y"] == np.maximum.accumulate(labels).tolist()
    parity = figures["parity"]["data"][1]
    known = [pick for pick in picks if pick["predicted"] is not None]
    assert parity["x"] == [pick["predicted"] for pick in known]
    assert parity["y"] == [pick["label"] for pick in known]
    assert parity["error_x"]["array"] == [pick["std"] for pick in known]
    steps = [step for step in campaign.history if step["batch_mae"] is not None]
    assert figures["error"]["data"][1]["y"] == [step["batch_mae"] for step in steps]
    moved = [s["threshold"] for s in campaign.history if s["threshold"] is not None]
    assert figures["threshold"]["data"][0]["y"][:-1] == moved
    assert figures["progress"]["data"][0]["y"][-1] == len(labels)


def test_probability_of_a_pick_is_that_of_its_round(campaign, page):
    rows = list(csv.DictReader(io.StringIO(page.data["csv"], newline="")))
    asked = [row for row in rows if row["std"]]
    assert len(asked) == 18
    for row in asked:
        z = (float(row["predicted"]) - float(row["threshold"])) / float(row["std"])
        assert float(row["probability"]) == pytest.approx(norm.cdf(z))
    assert [row["probability"] for row in rows[:2]] == ["", ""]


def test_expected_finds_are_the_sum_of_probabilities(campaign, page):
    """By the model's posterior, computed anew, and the variance of independent finds."""
    molecules = load_qm9_sample(return_X_y=True)[0][:N]
    known = campaign.labelled
    model = make_gpr().fit(count_atoms(molecules)[known], campaign.y)
    rest = np.setdiff1d(np.arange(N), known)
    rest = rest[[f"m{i:02d}" not in campaign.dropped for i in rest]]
    mean, std = model.predict(count_atoms(molecules)[rest], return_std=True)
    threshold = page.data["figures"]["threshold"]["data"][0]["y"][-1]
    p = norm.sf((threshold - mean) / std)
    found = int(np.sum(campaign.y >= threshold))
    assert found + p.sum() == pytest.approx(0.2 * (len(known) + len(rest)), abs=0.5)
    width = 1.96 * np.sqrt(np.sum(p * (1 - p)))
    low, high = max(int(np.floor(p.sum() - width)), 0), int(np.ceil(p.sum() + width))
    assert f"{found} found; among the {len(rest)} records without label" in page.said
    assert f"{p.sum():.1f} further finds are expected (95% interval {low} to {high})" in page.said
    gain = page.data["figures"]["gain"]["data"][0]["y"]
    assert gain[1:] == pytest.approx(np.cumsum(np.sort(p)[::-1])[: len(gain) - 1])


def test_calibration_counts_labels_inside_intervals(campaign, page):
    picks = [pick for pick in campaign.picks() if pick["std"] is not None]
    curve = page.data["figures"]["calibration"]["data"][1]
    for percent, share in zip(curve["x"], curve["y"], strict=True):
        inside = 0
        for pick in picks:
            low, high = norm.interval(percent / 100, pick["predicted"], pick["std"])
            inside += low <= pick["label"] <= high
        assert share == pytest.approx(100 * inside / len(picks))
    error = np.mean([abs(pick["predicted"] - pick["label"]) for pick in picks])
    assert f"Mean absolute error of 18 predictions: {error:.4f}" in page.said


def test_failures_drops_and_settings_are_listed(campaign, page):
    assert len(campaign.failures) == 6
    assert "6 \N{MULTIPLICATION SIGN} SCF did not converge" in page.said
    assert "3 records dropped" in page.said
    for text in ("failed twice", "GaussianProcessRegressor", str(campaign._settings["seed"])):
        assert text in page.said
    assert f"{len(campaign.pending)} records were asked for and have no label yet" in page.said


def test_oracle_and_seconds_are_shown_where_a_run_left_them(tmp_path):
    campaign = play(n_rounds=1)
    assert "calculations" not in write(campaign, tmp_path).said
    first = campaign.picks()[0]["position"]
    campaign._state.runs = [{"oracle": {"name": "GFN2-xTB"}, "target": "gap"}] * 2
    campaign._state.seconds = {first: 2.5}
    page = write(campaign, tmp_path)
    assert page.said.count("GFN2-xTB") == 1
    assert "calculations 2.50 s" in page.said
    assert page.data["csv"].splitlines()[1].endswith(",2.5")


def test_a_stopping_rules_reason_is_said(tmp_path):
    campaign = play(n_rounds=1)
    assert "No stopping rule" in write(campaign, tmp_path).said
    campaign._record("note", stopped="the budget of 8 labels is spent")
    said = write(campaign, tmp_path).said
    assert "has ended the campaign: the budget of 8 labels is spent" in said


@pytest.mark.parametrize(
    ("options", "maximize"),
    [({"low": -6.0}, True), ({"high": -7.0}, False), ({"top": 0.1, "maximize": False}, False)],
)
def test_best_is_what_the_strategy_is_after(options, maximize, tmp_path):
    campaign = play(n_rounds=1, query_options=options)
    best = (max if maximize else min)(campaign.y)
    for given in (None, not maximize):
        curve = write(campaign, tmp_path, maximize=given).data["figures"]["best"]["data"][1]["y"]
        assert (curve[-1] == best) == (given is None)
    found = write(campaign, tmp_path).said.count("further finds are expected")
    assert found == 1


# ------------------------------------------------------------------- where something is missing


def test_without_any_label(tmp_path):
    X = np.arange(20.0).reshape(-1, 1)
    campaign = Campaign(make_gpr(), X, query_strategy="uncertainty", random_state=0)
    page = write(campaign, tmp_path)
    assert "No label has come yet." in page.said
    assert page.data["figures"] == {}
    ids = campaign.ask(4)
    page = write(campaign, tmp_path)
    assert "No label has come yet; 4 records are awaited." in page.said
    assert [str(i) in page.said for i in ids] == [True] * 4
    assert list(page.data["figures"]) == ["rounds", "seconds"]


def test_without_smiles_there_are_ids_and_formulas(tmp_path):
    molecules = load_qm9_sample(return_X_y=True)[0][:N]
    for atoms in molecules:
        del atoms.info["smiles"]
    page = write(play(X=molecules), tmp_path)
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert molecules[0].get_chemical_formula("hill") in page.said
    page = write(play(make_gpr(), X=count_atoms(molecules)), tmp_path)
    assert "m00" in page.said
    assert len(page.tables["labels"]) == 21


def test_a_smiles_that_cannot_be_read_is_not_drawn(tmp_path):
    smiles = ["CCO"] * (N - 1) + ["C1CC"]
    campaign = Campaign(make_gpr(), np.arange(float(N))[:, None], random_state=0)
    campaign.tell([0, N - 1], [1.0, 2.0])
    page = write(campaign, tmp_path, smiles=smiles, names=["spirit"] * N)
    assert {a["alt"] for tag, a in page.tags if tag == "img"} == {"CCO"}
    assert "C1CC" in page.said
    assert "spirit" in page.said


def test_a_model_without_std(tmp_path):
    molecules = load_qm9_sample(return_X_y=True)[0][:N]
    campaign = play(
        LinearRegression(), X=count_atoms(molecules), query_strategy="random", query_options=None
    )
    assert {pick["std"] for pick in campaign.picks()} == {None}
    page = write(campaign, tmp_path)
    assert "no standard deviation" in page.said
    assert "calibration" not in page.data["figures"]
    assert "error_x" not in page.data["figures"]["parity"]["data"][1]


def test_a_strategy_without_target(tmp_path):
    page = write(play(query_strategy="uncertainty", query_options=None), tmp_path)
    assert "searches for no range" in page.said
    assert "gain" not in page.data["figures"]


def test_campaigns_stored_before_there_were_stds(campaign, tmp_path):
    stored = json.loads(campaign.to_json())
    for event in stored["events"]:
        event.pop("std", None)
    molecules = load_qm9_sample(return_X_y=True)[0][:N]
    again = Campaign.from_json(json.dumps(stored), make_model(), molecules)
    assert {pick["std"] for pick in again.picks()} == {None}
    assert [p["predicted"] for p in again.picks()] == [p["predicted"] for p in campaign.picks()]
    assert "No standard deviations are known" in write(again, tmp_path).said


# -------------------------------------------------------------------------------------- the file


def test_nothing_outside_the_file_is_referred_to(page):
    for tag, attributes in page.tags:
        assert tag not in ("iframe", "object", "embed", "base", "form")
        for name in ("src", "href", "srcset", "action", "poster"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:")), (tag, name, value)
    style = page.text.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    policy = next(a["content"] for tag, a in page.tags if "http-equiv" in a)
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_what_users_wrote_is_text(tmp_path):
    ids = [f"{EVIL}{i}" for i in range(N)]
    campaign = play(ids=ids, n_rounds=1)
    campaign.fail(campaign.pending[:1], EVIL)
    campaign.drop(campaign.pending[:1], EVIL)
    names = ["</script><img src=x onerror=alert(1)>"] * N
    page = write(campaign, tmp_path, title=EVIL, target=EVIL, names=names)
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert len(scripts) == 4
    assert not [a for _, a in page.tags if "onerror" in a]
    assert page.said.count(EVIL) > 10
    layout = page.data["figures"]["best"]["layout"]
    assert layout["yaxis"]["title"]["text"] == "&lt;script&gt;window.hacked = 1&lt;/script&gt;"


def test_same_campaign_same_file_and_the_campaign_is_left_alone(tmp_path):
    campaign = play()
    before = campaign.to_json()
    assert campaign._model.fitted_version != campaign._state.version  # labels it has not seen
    campaign.report(tmp_path / "a.html")
    write_report(campaign, tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert campaign.to_json() == before
    assert campaign._model.fitted_version != campaign._state.version


def test_a_campaign_loaded_to_be_read_can_be_reported(tmp_path):
    molecules = load_qm9_sample(return_X_y=True)[0][:N]
    play(storage=tmp_path / "hunt.db").close()
    reader = Campaign.load(tmp_path / "hunt.db", make_model(), molecules, read_only=True)
    assert "further finds are expected" in write(reader, tmp_path).said


def test_an_interrupted_write_leaves_the_old_file(campaign, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        campaign.report(path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.html"]


@pytest.mark.parametrize("name", ["smiles", "names"])
def test_one_smiles_and_one_name_for_each_record(campaign, name, tmp_path):
    with pytest.raises(ValueError, match=f"{name} must hold one for each of the 60 records, got 1"):
        campaign.report(tmp_path / "report.html", **{name: ["C"]})


def test_of_many_molecules_some_are_drawn_and_all_are_listed(tmp_path):
    n = 700
    campaign = Campaign(make_gpr(), np.arange(float(n))[:, None], random_state=0)
    campaign.tell(np.arange(n), np.sin(np.arange(n)))
    page = write(campaign, tmp_path, smiles=["CCO"] * n)
    assert len(page.tables["labels"]) == n + 1
    assert len([tag for tag, _ in page.tags if tag == "img"]) == 300 + 12
    assert "The best and the latest, 300 in all, are drawn" in page.said


def test_the_best_and_the_latest_are_drawn():
    molecules = [{"label": float(value)} for value in (5, 1, 9, 2, 3, 4)]
    assert choose_drawn(molecules, True, 4) == {2, 0, 5, 4}
    assert choose_drawn(molecules, False, 4) == {1, 3, 5, 4}
    assert choose_drawn(molecules, True, 6) == set(range(6))


def test_a_drawing_is_an_svg_image():
    head, _, data = draw("c1ccccc1O").partition(",")
    assert head == "data:image/svg+xml;base64"
    root = ET.fromstring(base64.b64decode(data))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(root.findall(".//{http://www.w3.org/2000/svg}path")) >= 7
    assert draw("no molecule") is None
    assert draw("") is None


def test_plotly_knows_every_property_of_the_figures(page):
    from plotly.graph_objects import Figure

    assert len(page.data["figures"]) == 9
    for figure in page.data["figures"].values():
        Figure(figure)  # which refuses unknown names and values


# ----------------------------------------------------------------------------------- the browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: how the report behaves in a browser is not tested")
    with Browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def opened(browser, campaign, tmp_path):
    campaign.report(tmp_path / "report.html", target="HOMO (eV)")
    browser.errors.clear()
    browser.requests.clear()
    browser.open(tmp_path / "report.html")
    return browser


def test_plots_are_drawn_without_errors_and_requests(opened):
    plots = "[...document.querySelectorAll('.plot')]"
    assert (
        opened.evaluate(f"{plots}.map(p => p.querySelector('svg.main-svg') !== null)") == [True] * 9
    )
    points = "document.querySelectorAll('#figure-parity .scatterlayer .point').length"
    assert opened.evaluate(points) == 18
    pictures = "[...document.images].every(i => i.complete && i.naturalWidth > 0)"
    opened.wait_for(pictures)
    assert opened.errors == []
    assert {r.partition(":")[0] for r in opened.requests} <= {"file", "data"}
    assert len([r for r in opened.requests if r.startswith("file:")]) == 1


def test_the_browser_refuses_whatever_would_leave_the_file(opened):
    answer = opened.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', e => 'refused')")
    assert answer == "refused"
    assert any("Content Security Policy" in error for error in opened.errors)


def test_a_click_on_a_heading_sorts(opened, campaign):
    column = "[...document.querySelectorAll('#labels tbody tr')].map(r => r.cells[{}].dataset.v)"
    heading = "#labels th:nth-child({}) button"
    labels = [repr(y) for y in np.sort(campaign.y).tolist()]
    opened.click(heading.format(3))
    assert opened.evaluate(column.format(2)) == labels
    opened.click(heading.format(3))
    assert opened.evaluate(column.format(2)) == labels[::-1]
    for direction in (1, -1):  # no value comes last
        opened.click(heading.format(4))
        values = opened.evaluate(column.format(3))
        assert values[-2:] == ["", ""]
        assert [float(v) for v in values[:-2]] == sorted(map(float, values[:-2]))[::direction]
    names = "[...document.querySelectorAll('#labels tbody tr')].map(r => r.cells[1].textContent)"
    opened.click(heading.format(2))
    assert opened.evaluate(names) == sorted(pick["id"] for pick in campaign.picks())


def test_the_table_can_be_saved(opened, page):
    opened.click("#download")
    path = os.path.join(opened.downloads, "labels.csv")
    end = time.monotonic() + 20
    while not os.path.exists(path):
        assert time.monotonic() < end, "nothing was saved"
        time.sleep(0.05)
    with open(path, encoding="utf-8-sig", newline="") as stream:
        assert stream.read() == page.data["csv"]


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(browser, width, tmp_path):
    ids = ["x" * 90 + EVIL + str(i) for i in range(N)]
    pages = {
        "long": (play(ids=ids, n_rounds=1), {"title": "y" * 200, "target": EVIL + "z" * 90}),
        "empty": (Campaign(make_gpr(), np.zeros((3, 1))), {}),
        "full": (play(), {"names": ["A name"] * N}),
    }
    for name, (campaign, options) in pages.items():
        path = tmp_path / f"{name}.html"
        campaign.report(path, **options)
        browser.errors.clear()
        browser.open(path, width)
        assert browser.evaluate("innerWidth") == width, name
        assert browser.evaluate("document.documentElement.scrollWidth") <= width, name
        assert browser.evaluate("window.hacked") is None
        assert browser.errors == []
