"""Take from README.md what a reader would run: ``commands`` prints, ``code`` executes."""

import os
import re
import sys
import tempfile
from pathlib import Path

TEXT = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language):
    """Return the fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)


if sys.argv[1] == "commands":
    commands = blocks("bash")
    assert len(commands) == 2, f"README.md must show two commands, found {len(commands)}"
    print(commands[int(sys.argv[2]) - 1], end="")
else:
    source = blocks("python")
    assert source, "README.md shows no code"
    with tempfile.TemporaryDirectory() as folder:  # it writes files
        home = os.getcwd()
        os.chdir(folder)
        exec(compile("\n".join(source), "README.md", "exec"), {"__name__": "__main__"})
        os.chdir(home)
