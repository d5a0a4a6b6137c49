"""The page: template, styles and script put together, and written in one step."""

import csv
import io
import math
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from skmolal.report._data import collect, format_time
from skmolal.report._figures import make_figures
from skmolal.report._molecules import choose_drawn, draw, rank

__all__ = ["render_report", "write_report"]

_HERE = Path(__file__).parent
_MAX_DRAWN = 300
_MAX_LISTED = 200  # of failures, dropped and pending records
_N_BEST = 12
_NOTHING = "\N{EN DASH}"
_PACKAGES = ("skmolal", "numpy", "scipy", "scikit-learn", "jax", "ase", "dscribe", "rdkit")
_CSV = (
    *("id", "name", "smiles", "formula", "label", "predicted", "std", "error", "round", "why"),
    *("probability", "threshold", "asked", "told", "seconds"),
)


def write_report(
    campaign, path, *, title=None, target=None, maximize=None, smiles=None, names=None
):
    """Write the report of a campaign, one HTML file that needs no network.

    Parameters
    ----------
    campaign : Campaign
        It is left as it is.
    path : str or path-like
        File to write; it is replaced in one step, never left half-written.
    title, target, maximize, smiles, names : object, default=None
        As :meth:`~skmolal.Campaign.report` takes them.

    Raises
    ------
    ValueError
        If `smiles` or `names` are not as many as the records.
    """
    text = render_report(
        campaign, title=title, target=target, maximize=maximize, smiles=smiles, names=names
    )
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def render_report(campaign, *, title=None, **options):
    """Return the page as text; the options are those of :func:`write_report`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from plotly.offline import get_plotlyjs

    data = collect(campaign, **options)
    molecules, best = data["molecules"], []
    if molecules:
        drawn = choose_drawn(molecules, data["maximize"], _MAX_DRAWN)
        for place in sorted(drawn):
            molecules[place]["drawing"] = draw(molecules[place]["smiles"])
        best = [molecules[k] for k in rank(molecules, data["maximize"])[:_N_BEST]]
    pending = data["pending"][:_MAX_LISTED]
    for row in pending:
        row["drawing"] = draw(row["smiles"])
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "time": _time, "exact": _exact, "count": _count}
    return environment.get_template("template.html").render(
        data,
        title=title or "Campaign",
        best_molecules=best,
        n_drawn=sum(1 for row in molecules if row.get("drawing")),
        max_drawn=_MAX_DRAWN,
        listed=_MAX_LISTED,
        listed_pending=pending,
        has=_find_columns(molecules + data["pending"] + data["dropped"]),
        figures=make_figures(data),
        wanted=_describe_target(data),
        settings=_list_settings(campaign),
        csv=_write_csv(molecules),
        style=(_HERE / "style.css").read_text(encoding="utf-8"),
        script=(_HERE / "page.js").read_text(encoding="utf-8"),
        plotly=get_plotlyjs(),
    )


def _list_settings(campaign):
    """Return what it takes to repeat the campaign, as pairs of names and texts."""
    settings, model, state = campaign._settings, campaign._model, campaign._state
    pairs = [
        ("strategy", repr(campaign.strategy)),
        ("estimator", settings["estimator"]),
        ("kernel, fitted", str(getattr(model.last_step, "kernel_", ""))),
        ("first batch", str(settings["initial"])),
        ("seed of the rounds", str(settings["seed"])),
        ("records", str(settings["n_samples"])),
        ("SHA-256 of the records", settings["X_digest"]),
    ]
    for event in campaign._events:
        if event["kind"] == "change":
            pairs.append((f"changed {format_time(event['time'])}", event["estimator"]))
    seen = []
    for run in getattr(state, "runs", []):
        for name in ("oracle", "target"):
            pair = (name, str(run.get(name)))
            if run.get(name) is not None and pair not in seen:
                seen.append(pair)
    versions = [f"Python {platform.python_version()}"]
    for package in _PACKAGES:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:  # such as a checkout that is not installed
            continue
    pairs += [*seen, ("versions, of this report", ", ".join(versions))]
    return [(name, text) for name, text in pairs if text]


def _describe_target(data):
    """Say what is a find, in words."""
    outlook, aim, name = data["outlook"], data["aim"], data["target"]
    if outlook is None or outlook["ends"] is None:
        return ""
    low, high = outlook["ends"]
    if low == high:
        wanted = f"{name} = {_number(low)}"
    elif high == math.inf:
        wanted = f"{name} ≥ {_number(low)}"
    elif low == -math.inf:
        wanted = f"{name} ≤ {_number(high)}"
    else:
        wanted = f"{_number(low)} ≤ {name} ≤ {_number(high)}"
    if aim.top is None:
        return wanted
    side = "highest" if aim.maximize else "lowest"
    return f"the {side} {100 * aim.top:g}% of all records, now estimated to be {wanted}"


def _find_columns(rows):
    """Return which columns have anything to show."""
    return {name: any(row.get(name) not in (None, "") for row in rows) for name in _CSV}


def _write_csv(molecules):
    """Return the table as CSV text, numbers with all their digits."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, _CSV, extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    for row in molecules:
        times = {name: "" if row[name] is None else _time(row[name]) for name in ("asked", "told")}
        writer.writerow(row | times)
    return stream.getvalue()


# ------------------------------------------------------------------------- the page's filters


def _number(value, digits=4):
    """Format a number for people; a dash where there is none."""
    if value is None:
        return _NOTHING
    if isinstance(value, int):
        return f"{value:,}"
    if value != 0 and math.isfinite(value) and not 1e-4 <= abs(value) < 1e7:
        return f"{value:.{digits - 1}e}"
    # Five digits of 12345.6 would hide the decimals that its neighbours show.
    decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0) if value else 0
    return f"{value:,.{min(decimals, digits)}f}".replace("-", "\N{MINUS SIGN}")


def _count(value):
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def _exact(value):
    """Format a value by which the page sorts; nothing where there is none."""
    return "" if value is None else str(value)


def _time(value):
    return _NOTHING if value is None else format_time(value)
