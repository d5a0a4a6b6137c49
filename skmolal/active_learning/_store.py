"""A campaign's state as JSON text: small, explicit, never unpickled."""

import json
import os
from pathlib import Path

from skmolal.query_strategies import QueryStrategy, get_query_strategy

__all__ = ["read_state", "write_state"]

_FORMAT = "skmolal.Campaign/1"


def write_state(state, strategy, path=None):
    """Return the JSON text of a state; where there is a path, replace that file in one step."""
    state = {"format": _FORMAT, "query_strategy": None, **state}
    if isinstance(strategy, QueryStrategy):
        stored = {"name": strategy.name, "options": strategy.options}
        try:
            json.dumps(stored)
        except TypeError:  # options that are objects: the caller names the strategy again
            stored = None
        state["query_strategy"] = stored
    text = json.dumps(state)
    if path is not None:
        path = Path(path)
        beside = path.with_name(f"{path.name}.{os.getpid()}.part")
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    return text


def read_state(source):
    """Return the state that a text or file holds, and its strategy, None if it was not stored."""
    text = str(source)
    if not text.lstrip().startswith("{"):
        text = Path(source).read_text(encoding="utf-8")
    try:
        state = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"source is not a campaign's JSON: {error}") from error
    if not isinstance(state, dict) or state.get("format") != _FORMAT:
        raise ValueError(f"source is not a campaign's JSON: expected format {_FORMAT!r}")
    stored = state["query_strategy"]
    strategy = None if stored is None else get_query_strategy(stored["name"], **stored["options"])
    return state, strategy
