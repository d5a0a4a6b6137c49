"""Files as text: compressed or not, and whatever encoding a spreadsheet gave them."""

import gzip
import lzma
from pathlib import Path

__all__ = ["file_kind", "read_text"]

_OPENERS = {".gz": gzip.open, ".xz": lzma.open}
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def file_kind(path):
    """Return the suffix in small letters, that of what is inside for a compressed file."""
    path = Path(path)
    if path.suffix.lower() in _OPENERS:
        path = path.with_suffix("")
    return path.suffix.lower()


def read_text(path):
    """Return the text of a file: UTF-8 with or without a byte order mark, UTF-16, else Latin-1.

    Lines end with a newline, whatever they end with in the file.

    Raises
    ------
    ValueError
        If a compressed file is damaged.
    """
    try:
        with _OPENERS.get(path.suffix.lower(), open)(path, "rb") as file:
            data = file.read()
    except (gzip.BadGzipFile, lzma.LZMAError, EOFError) as error:
        raise ValueError(f"{path}: the compressed file is damaged: {error}") from error
    return _decode(data).replace("\r\n", "\n").replace("\r", "\n")


def _decode(data):
    for mark, encoding in _BOMS.items():
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")  # what old spreadsheets write; every byte has a meaning
