"""Who drives a campaign: a process that can be told from every other, also after it has ended."""

import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Process", "this_process"]


@dataclass(frozen=True)
class Process:
    """A process somewhere.

    Attributes
    ----------
    host : str
        The host's name, for people.
    machine : str
        What processes can see each other: the boot of a machine, and there a container.
    pid : int
        The process number.
    started : str
        When it began. Numbers are given again, a number and its start together are not.
    """

    host: str
    machine: str
    pid: int
    started: str

    def may_run(self):
        """Tell whether the process lives; None where that cannot be seen from here."""
        if self.machine != _machine():
            return None
        return _start_of(self.pid) == self.started


def this_process():
    """Describe the process that asks."""
    pid = os.getpid()
    return Process(socket.gethostname(), _machine(), pid, _start_of(pid))


def _machine():
    if sys.platform != "linux":
        return socket.gethostname()
    # Host names are not unique (clones, containers), the random number of a boot is.
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot} {os.readlink('/proc/self/ns/pid')}"


def _start_of(pid):
    """Return when a living process began, as a text; None where there is none."""
    if sys.platform == "linux":
        # Ticks since the boot: unlike a time of day they do not move when the clock is set.
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return None
        fields = stat.rpartition(")")[2].split()  # the name before may hold anything
        return None if fields[0] in "ZX" else fields[19]
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return repr(process.create_time())
    except psutil.NoSuchProcess:
        return None
