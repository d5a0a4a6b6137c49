"""What the command says of warnings: one line each, and not those that nobody can act on."""

import os
import sys
import warnings
from contextlib import contextmanager

__all__ = ["readable_warnings"]

# With a hundred labels an optimum at a bound is common and says nothing the user could act on in
# a command whose kernel is given.
_BOUNDS = "The optimal value found"


@contextmanager
def readable_warnings():
    """Show warnings as lines for people; keep those about bounds away, in the workers too."""
    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, [before, f"ignore:{_BOUNDS}"]))
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=_BOUNDS)
            warnings.showwarning = _show
            yield
    finally:
        if before is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = before


def _show(message, category, filename, lineno, file=None, line=None):
    print(f"skmolal: warning: {' '.join(str(message).split())}", file=file or sys.stderr)
