"""Properties by any program: files in a folder of its own, numbers from its answer."""

import json
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import contextmanager
from numbers import Real
from pathlib import Path
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from skmolal.oracles._base import Oracle
from skmolal.oracles._errors import OracleError, one_line
from skmolal.oracles._programs import run_program
from skmolal.oracles._state import count_electrons


class CommandOracle(Oracle):
    """Properties by any program.

    For each molecule the program is started in a new folder with two files. ``input.xyz`` is an
    extended XYZ file. ``input.json`` is an object with `charge`, `spin` (number of unpaired
    electrons, the lowest possible if ``atoms.info`` does not say), `solvent` (or null) and
    `info`, what JSON can hold of ``atoms.info``. The program leaves ``output.json``, an object of
    numbers, or prints what `patterns` find.

    Parameters
    ----------
    command : str or list of str
        What to run: a str by the shell, a list directly. ``{input}`` stands for the path of
        ``input.xyz``, ``{charge}`` and ``{spin}`` for the numbers, ``{cwd}`` for the folder
        where Python runs, as the program itself starts in the new folder; other braces stay.
    target : str, default=None
        The property that a campaign is about. All are returned in any case.
    patterns : dict of str to str, default=None
        For each property a regular expression with one group, the number (``1.5D-3`` is read
        too). The last match in the standard output counts. None: ``output.json`` is read.
    timeout : float, default=None
        Seconds after which the program, and all that it has started, is killed.
    scratch_dir : str or path, default=None
        Where the new folders are made. None: where temporary files are, and the folder of a
        failure is removed. Else it is kept, and the message names it.
    version : str, default=None
        Whatever tells this program from an older one under the same command; it is stored with
        the results.

    Attributes
    ----------
    identity : dict
        Command, patterns and `version`, as they are stored with results.

    See Also
    --------
    ASEOracle : Properties by a calculator of ASE.

    Notes
    -----
    A program has failed if its exit status is not 0, if a property is missing, or if it is not a
    finite number; the message has the end of what it printed. Numbers are taken in the units in
    which they come.

    Examples
    --------
    >>> from ase.build import molecule
    >>> from skmolal.oracles import CommandOracle
    >>> oracle = CommandOracle("head -n 1 {input}", "n", patterns={"n": r"^(\\d+)$"})
    >>> oracle(molecule("CH3OH"))
    {'n': 6.0}
    """

    _parameter_constraints: ClassVar[dict] = {
        "command": [str, list, tuple],
        "target": [str, None],
        "patterns": [dict, None],
        "timeout": [Interval(Real, 0, None, closed="neither"), None],
        "scratch_dir": [str, os.PathLike, None],
        "version": [str, None],
    }

    def __init__(
        self,
        command,
        target=None,
        *,
        patterns=None,
        timeout=None,
        scratch_dir=None,
        version=None,
    ):
        self.command = command
        self.target = target
        self.patterns = patterns
        self.timeout = timeout
        self.scratch_dir = scratch_dir
        self.version = version

    def __call__(self, atoms):
        self._compile_patterns()
        return super().__call__(atoms)

    __call__.__doc__ = Oracle.__call__.__doc__

    def _calculate(self, atoms, state):
        n_unpaired = state.n_unpaired(count_electrons(atoms, state.charge))
        with _scratch_folder(self.scratch_dir) as folder:
            _write_input(folder, atoms, state, n_unpaired)
            values = {"input": str(folder / "input.xyz"), "cwd": os.getcwd()}
            values |= {"charge": str(state.charge), "spin": str(n_unpaired)}
            output = self._run(_fill_in(self.command, values), folder)
            if self.patterns is None:
                return _read_json(folder / "output.json", output)
            return {
                name: _find_number(name, pattern, output)
                for name, pattern in self._compile_patterns().items()
            }

    def _run(self, command, folder):
        try:
            status, output, errors = run_program(command, folder, self.timeout)
        except subprocess.TimeoutExpired:
            raise OracleError(f"not finished in {self.timeout:g} s") from None
        if status != 0:
            raise OracleError(f"exit status {status}: {_quote(output + errors)}")
        return output

    def _compile_patterns(self):
        compiled = {}
        for name, pattern in (self.patterns or {}).items():
            try:
                compiled[name] = re.compile(pattern, re.MULTILINE)
            except (re.error, TypeError) as error:
                raise ValueError(f"patterns[{name!r}] is no regular expression: {error}") from None
            if compiled[name].groups != 1:
                raise ValueError(f"patterns[{name!r}] must have one group, got {pattern!r}")
        return compiled

    def _program(self):
        words = self.command.split() if isinstance(self.command, str) else self.command
        return Path(words[0]).name if words else "command"

    def _method(self):
        command = self.command if isinstance(self.command, str) else list(self.command)
        return {"command": command, "patterns": self.patterns, "version": self.version}


@contextmanager
def _scratch_folder(parent):
    if parent is None:
        with tempfile.TemporaryDirectory(prefix="skmolal-", ignore_cleanup_errors=True) as name:
            yield Path(name)
        return
    Path(parent).mkdir(parents=True, exist_ok=True)
    folder = tempfile.TemporaryDirectory(prefix="failed-", dir=parent, ignore_cleanup_errors=True)
    try:
        yield Path(folder.name)
    except OracleError as error:
        folder._finalizer.detach()
        raise OracleError(f"{error} (files in {folder.name})") from error.__cause__
    folder.cleanup()


def _write_input(folder, atoms, state, n_unpaired):
    from ase.io import write

    plain = atoms.copy()
    plain.info = {"charge": state.charge, "spin": n_unpaired}
    write(folder / "input.xyz", plain, format="extxyz")
    content = {
        "charge": state.charge,
        "spin": n_unpaired,
        "solvent": state.solvent,
        "info": {str(key): value for key, value in atoms.info.items() if _fits_json(value)},
    }
    (folder / "input.json").write_text(json.dumps(content, default=_to_json), encoding="utf-8")


def _fill_in(command, values):
    """Put values in place of their names in braces; all other braces belong to the program."""
    quote = shlex.quote if isinstance(command, str) and os.name != "nt" else str

    def fill(text):
        return re.sub(r"\{(input|charge|spin|cwd)\}", lambda match: quote(values[match[1]]), text)

    return fill(command) if isinstance(command, str) else [fill(str(word)) for word in command]


def _read_json(path, output):
    if not path.is_file():
        raise OracleError(f"no output.json: {_quote(output)}")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise OracleError(f"output.json is no JSON: {error}") from None
    if not isinstance(values, Mapping) or not values:
        raise OracleError(f"output.json must be an object of numbers, got {one_line(values, 80)}")
    return dict(values)


def _find_number(name, pattern, output):
    matches = pattern.findall(output)
    if not matches:
        raise OracleError(f"nothing matches the pattern of {name!r}: {_quote(output)}")
    try:
        return float(re.sub("[dD]", "e", matches[-1]))  # Fortran's 1.5D-3
    except ValueError:
        raise OracleError(f"the pattern of {name!r} finds {matches[-1]!r}, no number") from None


def _quote(output):
    return f"its output ends with {one_line(output, 400)!r}" if output.strip() else "no output"


def _to_json(value):
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError


def _fits_json(value):
    try:
        json.dumps(value, default=_to_json)
    except (TypeError, ValueError):
        return False
    return True
