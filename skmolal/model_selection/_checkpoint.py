"""What a curve leaves on disk after each round, so that it can be resumed."""

import json
import os
import re
from hashlib import sha256
from pathlib import Path

__all__ = ["check_settings", "read_json", "replicate_path", "write_json"]


def write_json(path, content):
    """Write `content` beside `path` and rename, so that the file is never half-written."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    beside.write_text(json.dumps(content), encoding="utf-8")
    os.replace(beside, path)


def read_json(path):
    """Return the content of a file, None where there is no such file."""
    path = Path(path)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def replicate_path(folder, strategy, repeat):
    """Return the file of one strategy and repeat; the name survives odd characters."""
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", strategy)[:60]
    if slug != strategy:
        slug += "-" + sha256(strategy.encode()).hexdigest()[:8]
    return Path(folder) / f"{slug}.{repeat}.json"


def check_settings(folder, settings):
    """Create the folder, or refuse one that holds another curve.

    Parameters
    ----------
    folder : str or path-like
        The checkpoint folder.
    settings : dict
        What must be equal for results to belong together; JSON.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "settings.json"
    settings = json.loads(json.dumps(settings))
    stored = read_json(path)
    if stored is None:
        write_json(path, settings)
        return
    for name, value in settings.items():
        if stored.get(name) != value:
            raise ValueError(
                f"checkpoint_dir={str(folder)!r} holds another curve: {name} was "
                f"{stored.get(name)!r}, now it is {value!r}; name another folder, or delete it"
            )
