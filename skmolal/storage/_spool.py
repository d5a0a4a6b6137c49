"""Finished results on disk, left by workers until the driver has stored them.

A result is one JSON file, which appears whole or not at all.
"""

import json
import os
import re
import time
import uuid
import warnings
from pathlib import Path

__all__ = ["discard_spool", "read_spool", "write_spool"]


def write_spool(folder, name, payload):
    """Leave a finished result where the campaign's driver will find it.

    A worker calls this before it answers, so that its work survives the death of the driver.

    Parameters
    ----------
    folder : str or path-like
        The `spool_path` of the storage; made where it is missing.
    name : str
        The result's name: letters, digits, ``.``, ``_`` and ``-``, at most 100. A result of the
        same name is replaced.
    payload : dict
        Anything that JSON can hold, NaN and infinities too.

    Raises
    ------
    ValueError
        If the name is none.
    TypeError
        If JSON cannot hold the payload.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_spool(folder, "17", {"properties": {"gap": 6.2}})
    ...     os.listdir(folder)
    ['17.json']
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", name):
        raise ValueError(
            "name must be up to 100 letters, digits, '.', '_' and '-', and not begin with '.', "
            f"got {name!r}"
        )
    text = json.dumps({"name": name, "time": time.time(), "payload": payload})
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{name}.{uuid.uuid4().hex}.part"
    try:
        with part.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, folder / f"{name}.json")
    finally:
        part.unlink(missing_ok=True)
    if os.name == "posix":  # the name lies in the folder, which has to reach the disk too
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def read_spool(folder):
    """Return pairs (name, payload), oldest first; set aside and report what is damaged."""
    found, damaged = [], []
    for path in sorted(Path(folder).glob("[!.]*.json")):
        try:
            entry = json.loads(path.read_text(encoding="utf-8"))
            if entry["name"] != path.stem or not isinstance(entry["payload"], dict):
                raise ValueError("it is no result")
            found.append((float(entry["time"]), entry["name"], entry["payload"]))
        except FileNotFoundError:
            continue  # another has just discarded it
        except (OSError, ValueError, TypeError, KeyError) as error:
            os.replace(path, path.with_name(f"{path.name}.bad"))
            damaged.append(f"{path.name} ({error})")
    if damaged:
        warnings.warn(
            f"damaged results in {folder} were set aside as *.bad: {'; '.join(damaged)}",
            stacklevel=3,
        )
    return [(name, payload) for _, name, payload in sorted(found, key=lambda entry: entry[:2])]


def discard_spool(folder, names):
    """Remove results by name; those that are gone already are no error."""
    for name in names:
        (Path(folder) / f"{name}.json").unlink(missing_ok=True)
