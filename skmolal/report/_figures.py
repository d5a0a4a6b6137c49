"""The report's figures, as Plotly's own description of them: plain dicts."""

import html
import itertools

from skmolal.report._data import format_time

__all__ = ["make_figures"]

_BLUE, _ORANGE, _GREEN, _GREY, _RED = "#2463a6", "#d9722e", "#2f8f6b", "#9aa5b1", "#b83232"
_FAINT = "rgba(36, 99, 166, 0.45)"


def make_figures(data):
    """Make the figures that the data allow.

    Parameters
    ----------
    data : dict
        From :func:`~skmolal.report._data.collect`.

    Returns
    -------
    figures : dict
        From the figure's name, the ``id`` of its place in the page, to a dict ``data, layout``.
    """
    figures = {
        "progress": _progress(data),
        "rounds": _rounds(data),
        "best": _best(data),
        "threshold": _threshold(data),
        "parity": _parity(data),
        "calibration": _calibration(data),
        "error": _error(data),
        "gain": _gain(data),
        "seconds": _seconds(data),
    }
    return {name: figure for name, figure in figures.items() if figure is not None}


def _figure(traces, x, y, **layout):
    """Put traces on axes."""
    for trace in traces:
        trace.setdefault("type", "scatter")
    # Names that users chose would be read as markup.
    axes = {
        "xaxis": {"title": {"text": html.escape(x)}},
        "yaxis": {"title": {"text": html.escape(y)}},
    }
    for name in axes:
        axes[name] |= {"automargin": True, "zeroline": False, **layout.pop(name, {})}
    several = len([t for t in traces if t.get("showlegend", True)]) > 1
    return {"data": traces, "layout": {"showlegend": several, **axes, **layout}}


def _progress(data):
    steps = data["steps"]
    if not data["molecules"]:
        return None
    return _figure(
        [
            {
                "x": [format_time(time, "milliseconds") for time, _ in steps],
                "y": [n for _, n in steps],
                "mode": "lines",
                "line": {"shape": "hv", "color": _BLUE},
                "name": "labels",
            }
        ],
        "time (UTC)",
        "labels",
        xaxis={"type": "date"},
        yaxis={"rangemode": "tozero"},
    )


def _rounds(data):
    rounds = [step for step in data["rounds"] if step["round"] is not None]
    if not rounds:
        return None
    x = [step["round"] for step in rounds]
    parts = {
        "told": ([step["batch_size"] for step in rounds], _BLUE),
        "awaited": ([step["n_pending"] for step in rounds], _ORANGE),
        "dropped or put back": (
            [max(s["n_asked"] - s["batch_size"] - s["n_pending"], 0) for s in rounds],
            _GREY,
        ),
    }
    traces = [
        {"type": "bar", "x": x, "y": y, "name": name, "marker": {"color": color}}
        for name, (y, color) in parts.items()
        if any(y)
    ]
    return _figure(traces, "round", "records", barmode="stack", xaxis={"tickformat": "d"})


def _best(data):
    molecules = data["molecules"]
    if not molecules:
        return None
    labels = [row["label"] for row in molecules]
    x = list(range(1, len(labels) + 1))
    traces = [
        {
            "x": x,
            "y": labels,
            "mode": "markers",
            "marker": {"color": _FAINT, "size": 6},
            "name": "told",
            "text": [_say(row) for row in molecules],
        },
        {
            "x": x,
            "y": list(itertools.accumulate(labels, max if data["maximize"] else min)),
            "mode": "lines",
            "line": {"shape": "hv", "color": _GREEN, "width": 2.5},
            "name": "best so far",
        },
    ]
    return _figure(traces, "labels in order", data["target"])


def _threshold(data):
    steps = [s for s in data["rounds"] if s["threshold"] is not None]
    if not steps:
        return None
    x = [step["round"] for step in steps]
    y = [step["threshold"] for step in steps]
    ends = (data["outlook"] or {}).get("ends")
    if ends is not None and data["aim"].top is not None:  # what the next round would take
        x.append(data["counts"]["rounds"])
        y.append(ends[0] if data["aim"].maximize else ends[1])
    trace = {
        "x": x,
        "y": y,
        "mode": "lines+markers",
        "line": {"color": _ORANGE},
        "name": "threshold",
    }
    return _figure([trace], "round", data["target"], xaxis={"tickformat": "d"})


def _parity(data):
    rows = [row for row in data["molecules"] if row["predicted"] is not None]
    if not rows:
        return None
    values = [row[name] for row in rows for name in ("predicted", "label")]
    ends = [min(values), max(values)]
    told = {
        "x": [row["predicted"] for row in rows],
        "y": [row["label"] for row in rows],
        "mode": "markers",
        "marker": {
            "size": 6,
            "opacity": 0.75,
            "color": [row["round"] for row in rows],
            "colorscale": "Viridis",
            "colorbar": {"title": {"text": "round"}, "thickness": 10, "tickformat": "d"},
        },
        "text": [_say(row) for row in rows],
        "name": "told",
    }
    if len({row["round"] for row in rows}) == 1:
        told["marker"] |= {"color": _BLUE, "colorbar": None}
    if len(rows) <= 500 and any(row["std"] for row in rows):
        told["error_x"] = {
            "type": "data",
            "array": [row["std"] or 0.0 for row in rows],
            "color": "rgba(120, 130, 140, 0.35)",
            "thickness": 1,
            "width": 0,
        }
    diagonal = {
        "x": ends,
        "y": ends,
        "mode": "lines",
        "line": {"color": _GREY, "dash": "dot"},
        "hoverinfo": "skip",
    }
    name = data["target"]
    return _figure([diagonal, told], f"{name}, predicted", f"{name}, told", showlegend=False)


def _calibration(data):
    found = data["calibration"]
    if found is None:
        return None
    percent = [100 * level for level in found["levels"]]
    traces = [
        {
            "x": [0, 100],
            "y": [0, 100],
            "mode": "lines",
            "line": {"color": _GREY, "dash": "dot"},
            "hoverinfo": "skip",
            "name": "ideal",
        },
        {
            "x": percent,
            "y": [100 * share for share in found["observed"]],
            "mode": "lines+markers",
            "line": {"color": _BLUE},
            "name": "this model",
        },
    ]
    axis = {"range": [0, 102], "ticksuffix": "%"}
    return _figure(
        traces, "interval around the prediction", "labels inside", xaxis=axis, yaxis=axis
    )


def _error(data):
    steps = [step for step in data["rounds"] if step["batch_mae"] is not None]
    if not steps:
        return None
    rows = [row for row in data["molecules"] if row["error"] is not None]
    traces = [
        {
            "x": [row["round"] for row in rows],
            "y": [abs(row["error"]) for row in rows],
            "mode": "markers",
            "marker": {"color": _FAINT, "size": 5},
            "text": [_say(row) for row in rows],
            "name": "each label",
        },
        {
            "x": [step["round"] for step in steps],
            "y": [step["batch_mae"] for step in steps],
            "mode": "lines+markers",
            "line": {"color": _RED},
            "name": "mean of the round",
        },
    ]
    return _figure(
        traces,
        "round",
        f"error of {data['target']}",
        xaxis={"tickformat": "d"},
        yaxis={"rangemode": "tozero"},
    )


def _gain(data):
    gain = (data["outlook"] or {}).get("gain")
    if not gain:
        return None
    shown = gain[: max(10, 2 * sum(1 for k in range(1, len(gain)) if gain[k] - gain[k - 1] > 0.02))]
    step = -(-len(shown) // 500)
    n = list(range(step, len(shown) + 1, step))
    trace = {
        "x": [0, *n],
        "y": [0.0, *(shown[k - 1] for k in n)],
        "mode": "lines",
        "line": {"color": _GREEN, "width": 2.5},
        "name": "expected finds",
    }
    return _figure(
        [trace],
        "further labels, the most likely first",
        "expected finds",
        yaxis={"rangemode": "tozero"},
    )


def _seconds(data):
    rounds = [step for step in data["rounds"] if step["round"] is not None]
    if not any(step["fit_time"] or step["query_time"] for step in rounds):
        return None
    x = [step["round"] for step in rounds]
    predict = [step["predict_time"] or 0.0 for step in rounds]
    query = [max((s["query_time"] or 0.0) - p, 0.0) for s, p in zip(rounds, predict, strict=True)]
    parts = {
        "fit": ([step["fit_time"] or 0.0 for step in rounds], _BLUE),
        "predict": (predict, _ORANGE),
        "query": (query, _GREEN),
    }
    traces = [
        {"type": "bar", "x": x, "y": y, "name": name, "marker": {"color": color}}
        for name, (y, color) in parts.items()
    ]
    return _figure(traces, "round", "seconds", barmode="stack", xaxis={"tickformat": "d"})


def _say(row):
    return html.escape(row["name"] or row["id"])
