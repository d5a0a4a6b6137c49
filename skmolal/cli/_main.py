"""Options of the command, and how it ends: one clear line and an exit status."""

import contextlib
import sys
import threading
from _thread import interrupt_main
from importlib import import_module

from skmolal.cli._compiled import keep_compiled
from skmolal.cli._parser import make_parser
from skmolal.cli._warnings import readable_warnings

__all__ = ["main"]

# Where each command is; what a command needs is imported only when it is called.
_MODULES = {
    "run": "_run",
    "describe": "_describe",
    "new": "_new",
    **dict.fromkeys(("ask", "tell", "release", "drop"), "_by_people"),
    "label": "_by_oracles",
    **dict.fromkeys(("status", "export", "report"), "_looking"),
}


@contextlib.contextmanager
def _no_interrupt_is_lost():
    """Repeat an interrupt that Python drops.

    One that arrives within a callback of the garbage collector, of which JAX has one, or within a
    finaliser is reported as "Exception ignored" and forgotten.
    """
    report = sys.unraisablehook

    def repeat_or_report(unraisable):
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            threading.Timer(0.05, interrupt_main).start()  # after the callback has ended
        else:
            report(unraisable)

    sys.unraisablehook = repeat_or_report
    try:
        yield
    finally:
        sys.unraisablehook = report


def main(argv=None):
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, default=None
        Arguments; None is those of the process.

    Returns
    -------
    status : int
        0 on success, 1 where a campaign was stopped by failures or is driven by another process,
        2 for bad input, 130 when interrupted.
    """
    options = make_parser().parse_args(argv)
    keep_compiled()
    try:
        module = import_module(f"skmolal.cli.{_MODULES[options.command]}")
        command = getattr(module, options.command)
        with _no_interrupt_is_lost(), readable_warnings(options.command == "run"):
            command(options)
    except KeyboardInterrupt:
        kept = {
            "run": "finished rounds are kept, continue with --resume",
            "describe": "finished blocks are kept, the same command continues",
            "label": "what was finished is stored, the same command continues",
        }
        if getattr(options, "baseline", None) is not None:
            kept["new"] = "calculations under the model are kept, the same command continues"
        print(
            f"skmolal: interrupted; {kept.get(options.command, 'nothing was recorded')}",
            file=sys.stderr,
        )
        return 130
    except (ValueError, TypeError, OSError, ImportError) as error:
        message = " ".join(str(error).split())
        print(f"skmolal: error: {message}", file=sys.stderr)
        return 2
    except RuntimeError as error:  # stopped by failures, or another process drives the campaign
        print(f"skmolal: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0
