"""What the command says of warnings: one line each, once, and not what nobody can act on."""

import os
import re
import sys
import warnings
from contextlib import contextmanager

__all__ = ["readable_warnings"]

# What few labels make common, and the user of a command cannot act on: an optimum at a bound. Or a
# file of the cache that a kill left incomplete, which costs one compilation.
_COMMON = (
    "The optimal value found",
    "Error reading persistent compilation cache",
    "Error writing persistent compilation cache",
)
# In a simulation also: all predictions are as uncertain, of few test molecules none is a target
# (an undefined figure is a dash in the table).
_IN_SIMULATIONS = (*_COMMON, "All ", "f1 is undefined")


@contextmanager
def readable_warnings(simulation):
    """Show warnings as lines for people, the common ones not at all, nor in the workers."""
    messages = _IN_SIMULATIONS if simulation else _COMMON
    before = os.environ.get("PYTHONWARNINGS")
    ignored = [f"ignore:{message}" for message in messages]
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, [before, *ignored]))
    try:
        with warnings.catch_warnings():
            for message in messages:
                warnings.filterwarnings("ignore", message=message)
            warnings.showwarning = _show_once()
            yield
    finally:
        if before is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = before


def _show_once():
    """Return what shows a warning, unless one that differs in its numbers alone was shown."""
    shown = set()

    def show(message, category, filename, lineno, file=None, line=None):
        text = " ".join(str(message).split())
        kind = re.sub(r"[-+.\d]+(e[-+]?\d+)?", "0", text)
        if kind not in shown:
            shown.add(kind)
            print(f"skmolal: warning: {text}", file=file or sys.stderr)

    return show
