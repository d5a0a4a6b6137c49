"""CommandOracle with small Python scripts as the programs."""

import json
import os
import shlex
import sys
import time

import numpy as np
import pytest
from ase.build import molecule
from ase.io import read

from skmolal.oracles import CommandOracle, OracleError

ANSWER = """
import json, sys
from pathlib import Path
settings = json.loads(Path("input.json").read_text())
lines = Path(sys.argv[1]).read_text().splitlines()
answer = {"n_atoms": int(lines[0]), "charge": settings["charge"], "spin": settings["spin"]}
Path("output.json").write_text(json.dumps(answer))
"""
SAY = "import sys; print(sys.argv[1]); sys.exit(int(sys.argv[2]))"


@pytest.fixture
def program(tmp_path):
    """Write a Python script and return the words that run it."""

    def make(code):
        path = tmp_path / "a program.py"  # a space in the path on purpose
        path.write_text(code)
        return [sys.executable, str(path)]

    return make


def say(text, status=0):
    return [sys.executable, "-c", SAY, text, str(status)]


def test_json_answer(program):
    oracle = CommandOracle([*program(ANSWER), "{input}"], "n_atoms")
    assert oracle(molecule("CH3OH")) == {"n_atoms": 6.0, "charge": 0.0, "spin": 0.0}
    cation = molecule("CH3OH")
    cation.info["charge"] = 1
    assert oracle(cation) == {"n_atoms": 6.0, "charge": 1.0, "spin": 1.0}


def test_shell_and_list_do_the_same(program):
    words = program(ANSWER)
    line = " ".join(shlex.quote(word) for word in words) + " {input} && echo '{done}' > log"
    assert CommandOracle(line)(molecule("H2O")) == CommandOracle([*words, "{input}"])(
        molecule("H2O")
    )


def test_files_hold_the_molecule(program, tmp_path):
    copy = f"""
import shutil
from pathlib import Path
for name in ("input.xyz", "input.json"):
    shutil.copy(name, {str(tmp_path)!r})
Path("output.json").write_text('{{"x": 1}}')
"""
    atoms = molecule("CH3OH")
    atoms.info.update(
        {"charge": np.int64(-1), "solvent": "water", "name": "a, b", "v": np.arange(2), "f": {1, 2}}
    )
    assert CommandOracle(program(copy))(atoms) == {"x": 1.0}
    written = read(tmp_path / "input.xyz")
    np.testing.assert_array_equal(written.numbers, atoms.numbers)
    np.testing.assert_allclose(written.positions, atoms.positions, atol=1e-8)
    assert written.info == {"charge": -1, "spin": 1}
    assert json.loads((tmp_path / "input.json").read_text()) == {
        "charge": -1,
        "spin": 1,
        "solvent": "water",
        "info": {"charge": -1, "solvent": "water", "name": "a, b", "v": [0, 1]},
    }


def test_placeholders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = "import sys, os; print(*sys.argv[1:]); print(os.getcwd())"
    atoms = molecule("CH3")
    atoms.info["charge"] = -2
    patterns = {"charge": r"^charge=(\S+)", "spin": r"spin=(\d+)", "braces": r"(\d+)\} \{a\}"}
    words = [sys.executable, "-c", code, "charge={charge}", "spin={spin}", "{1} {a}"]
    assert CommandOracle(words, patterns=patterns)(atoms) == {
        "charge": -2.0,
        "spin": 1.0,
        "braces": 1.0,
    }
    (tmp_path / "seven.txt").write_text("7")
    cat = CommandOracle(
        f"{shlex.quote(sys.executable)} -c "
        "'import sys; print(open(sys.argv[1]).read())' {cwd}/seven.txt",
        patterns={"x": r"(\d)"},
    )
    assert cat(atoms) == {"x": 7.0}
    assert sorted(os.listdir(tmp_path)) == ["seven.txt"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("E = -1.5", -1.5), ("E = 1.5D-3", 1.5e-3), ("E = 2e5", 2e5), ("E = 1\nE = 2\nx", 2.0)],
)
def test_patterns(text, value):
    oracle = CommandOracle(say(text), patterns={"energy": r"^E = *(\S+)"})
    assert oracle(molecule("H2O")) == {"energy": value}


@pytest.mark.parametrize(
    ("oracle", "message"),
    [
        (CommandOracle(say("my last words", 3)), r"exit status 3: .*ends with 'my last words'"),
        (CommandOracle(say("hello")), r"no output.json: its output ends with 'hello'"),
        (CommandOracle(say("")), "no output.json: no output"),
        (CommandOracle(say("a"), patterns={"x": "b(.)"}), r"matches the pattern of 'x': .*'a'"),
        (CommandOracle(say("ab"), patterns={"x": "a(.)"}), r"pattern of 'x' finds 'b', no number"),
        (CommandOracle(say("nan"), patterns={"x": "(nan)"}), "x must be a finite number, got nan"),
        (CommandOracle("no-such-program-here {input}"), "exit status 127: .*not found"),
        (CommandOracle(["no-such-program-here"]), "FileNotFoundError: .*no-such-program-here"),
    ],
)
def test_failures_in_one_line(oracle, message):
    with pytest.raises(OracleError, match=message) as caught:
        oracle(molecule("H2O"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("[1]", r"must be an object of numbers, got \[1\]"),
        ("{}", "must be an object of numbers"),
        ("{", "output.json is no JSON"),
        ('{"gap": NaN}', "gap must be a finite number, got nan"),
        ('{"gap": null}', "gap must be a finite number, got None"),
        ('{"gap": true}', "gap must be a finite number, got True"),
        ('{"gap": "1"}', "gap must be a finite number, got '1'"),
    ],
)
def test_bad_json_answers(program, answer, message):
    oracle = CommandOracle(program(f"open('output.json', 'w').write({answer!r})"))
    with pytest.raises(OracleError, match=message):
        oracle(molecule("H2O"))


def test_error_output_is_quoted():
    with pytest.raises(OracleError, match=r"exit status 1: .*ZeroDivisionError: division by zero"):
        CommandOracle([sys.executable, "-c", "1 / 0"])(molecule("H2O"))


def test_same_failure_has_the_same_message():
    messages = set()
    for name in ("H2O", "CH4"):
        with pytest.raises(OracleError) as caught:
            CommandOracle(say("boom", 1))(molecule(name))
        messages.add(str(caught.value))
    assert len(messages) == 1


def test_scratch_folder_is_removed_or_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    patterns = {"x": r"(\d)"}
    CommandOracle(say("1"), patterns=patterns)(molecule("H2O"))
    with pytest.raises(OracleError):
        CommandOracle(say("boom", 1))(molecule("H2O"))
    assert os.listdir(tmp_path) == []

    kept = tmp_path / "kept"
    CommandOracle(say("1"), patterns=patterns, scratch_dir=kept)(molecule("H2O"))
    assert os.listdir(kept) == []
    with pytest.raises(OracleError, match=r"\(files in .*failed-"):
        CommandOracle(say("boom", 1), scratch_dir=kept)(molecule("H2O"))
    (folder,) = kept.iterdir()
    assert (folder / "stdout.txt").read_text().strip() == "boom"
    assert len(read(folder / "input.xyz")) == 3


@pytest.mark.skipif(os.name == "nt", reason="process groups are POSIX's")
@pytest.mark.parametrize("as_shell", [False, True])
def test_timeout_kills_what_the_program_started(program, tmp_path, as_shell):
    code = f"""
import subprocess, sys, time
child = "import time; time.sleep(2); open({str(tmp_path / "alive")!r}, 'w')"
subprocess.Popen([sys.executable, "-c", child])
time.sleep(60)
"""
    words = program(code)
    command = " ".join(shlex.quote(word) for word in words) + "; true" if as_shell else words
    start = time.monotonic()
    with pytest.raises(OracleError, match=r"not finished in 0\.7 s"):
        CommandOracle(command, timeout=0.7)(molecule("H2O"))
    assert time.monotonic() - start < 10
    time.sleep(2.0)
    assert not (tmp_path / "alive").exists()


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        ({"x": "(a"}, r"patterns\['x'\] is no regular expression"),
        ({"x": "a"}, r"patterns\['x'\] must have one group, got 'a'"),
        ({"x": "(a)(b)"}, r"patterns\['x'\] must have one group"),
    ],
)
def test_invalid_patterns(patterns, message):
    with pytest.raises(ValueError, match=message):
        CommandOracle("true", patterns=patterns)(molecule("H2O"))


@pytest.mark.parametrize("params", [{"command": 3}, {"command": "true", "timeout": 0}])
def test_invalid_parameters(params):
    with pytest.raises(ValueError, match=r"The '(command|timeout)' parameter"):
        CommandOracle(**params)(molecule("H2O"))
