"""Run programs, so that none outlives its time or the process that has started it."""

import os
import signal
import subprocess

__all__ = ["end_programs", "run_program"]

_ON_WINDOWS = os.name == "nt"
_running = set()  # programs of this process, which has to end them when it is ended itself


def run_program(command, folder, timeout):
    """Run a program in a folder.

    Parameters
    ----------
    command : str or list of str
        Text is for the shell.
    folder : pathlib.Path
        Where it runs, and leaves what it prints: ``stdout.txt`` and ``stderr.txt``.
    timeout : float or None
        Seconds after which it is ended with all that it has started.

    Returns
    -------
    status : int
        Exit status.
    output, errors : str
        What it has printed.

    Raises
    ------
    subprocess.TimeoutExpired
        If it has not finished in time.
    """
    # files, not pipes: a pipe stays open as long as anything that the program left behind
    with open(folder / "stdout.txt", "w+b") as out, open(folder / "stderr.txt", "w+b") as err:
        process = subprocess.Popen(
            command,
            shell=isinstance(command, str),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=not _ON_WINDOWS,
        )
        _running.add(process)
        try:
            status = process.wait(timeout)
        finally:
            _kill(process)
            _running.discard(process)
        return status, _read_back(out), _read_back(err)


def end_programs():
    """End all programs that run now: this process is about to end."""
    for process in tuple(_running):
        _kill(process)


def _kill(process):
    """End the program and what it has started, if it still runs."""
    if process.poll() is None:
        if _ON_WINDOWS:
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)  # it leads a group of its own
        process.wait()


def _read_back(file):
    file.seek(0)
    return file.read().decode("utf-8", errors="replace")
