"""Events and results as rows: what is asked for in columns, the rest as one JSON text."""

import json
import math
import numbers

__all__ = ["event_row", "from_json", "result_row", "to_json"]


def event_row(event, what):
    """Turn an event into a row; `what` names it in messages."""
    kind, moment = _take(event, what, "kind", "time")
    if not isinstance(kind, str) or not 0 < len(kind) <= 64:
        raise TypeError(f"{what}['kind'] must be a text of 1 to 64 characters, got {kind!r}")
    if not isinstance(moment, numbers.Real) or not math.isfinite(moment):
        raise TypeError(f"{what}['time'] must be a number of unix seconds, got {moment!r}")
    body = {name: value for name, value in event.items() if name not in ("kind", "time")}
    return {"kind": kind, "time": float(moment), "body": to_json(body, what)}


def result_row(result, what):
    """Turn a result into a row; `what` names it in messages."""
    (key,) = _take(result, what, "key")
    if not isinstance(key, str) or not 0 < len(key) <= 255:
        raise TypeError(f"{what}['key'] must be a text of 1 to 255 characters, got {key!r}")
    body = {name: value for name, value in result.items() if name != "key"}
    return {"key": key, "body": to_json(body, what)}


def _take(record, what, *names):
    if not isinstance(record, dict) or any(name not in record for name in names):
        raise TypeError(f"{what} must be a dict with {' and '.join(names)}, got {record!r}")
    return [record[name] for name in names]


def to_json(content, what):
    """Write a dict as JSON; NaN and infinities stay."""
    if not isinstance(content, dict):
        raise TypeError(f"{what} must be a dict, got {content!r}")
    try:
        return json.dumps(content)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} cannot be written as JSON: {error}") from None


def from_json(text):
    """Read what `to_json` wrote; ValueError where that is damaged."""
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("no JSON object")
    return content
