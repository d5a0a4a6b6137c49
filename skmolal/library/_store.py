"""What lies in the folder of a library, and how it grows: whole blocks, whatever is killed when.

============== ==================================================================================
file           what it holds
============== ==================================================================================
library.json   format, transformer, number and type of features, and the files described
blocks.jsonl   a line for each finished block: numbers of records, rows, entries and bytes so far,
               and a digest; the last says that the library is complete
ends.bin       for each row the number of entries up to its end, int64 (sparse features)
columns.bin    column of each entry, uint16, or uint32 of more than 65,536 features
counts.bin     count of each entry, uint8; a larger count is several entries
bits.bin       rows of bits, the first feature lowest, in place of these three (bits, many of them)
dense.bin      rows of float32, in place of these three (dense features)
records.tsv    number of the record in the files, SMILES and name of each row
offsets.bin    where the line of each row ends in records.tsv, int64
rejected.tsv   number, SMILES and reason of each record that cannot be described
============== ==================================================================================

Data are appended first, then the line of the block. What lies behind the last line is not counted
and is overwritten when the description is continued. Nothing is unpickled.
"""

import hashlib
import json
import os
from contextlib import ExitStack

import numpy as np
from scipy import sparse

__all__ = ["FORMAT", "Store", "column_type", "pays_to_pack"]

FORMAT = 1
LARGEST_COUNT = 255
_PACKED_AT_A_TIME = 1000  # rows that are dense for a moment
_SPARSE = ("ends", "columns", "counts")
_TEXTS = {"records": "records.tsv", "rejected": "rejected.tsv"}
_NOTHING = {"n_read": 0, "n_rows": 0, "n_entries": 0, "n_rejected": 0, "digest": ""}


def column_type(n_features):
    """Return the type of the columns of entries."""
    return np.dtype(np.uint16 if n_features <= 1 << 16 else np.uint32)


class Store:
    """The folder of a library.

    Parameters
    ----------
    folder : Path
        Where it lies.

    Attributes
    ----------
    header : dict or None
        Content of ``library.json``.
    blocks : list of dict
        Content of ``blocks.jsonl``.
    """

    def __init__(self, folder):
        self.folder = folder
        self.header, self.blocks = None, []
        if (folder / "library.json").is_file():
            self.header = json.loads((folder / "library.json").read_text(encoding="utf-8"))
            if self.header.get("format") != FORMAT:
                raise ValueError(
                    f"{folder}: a library of format {self.header.get('format')!r}; this version "
                    f"reads {FORMAT}"
                )
            lines = b""
            if self.path("blocks").is_file():
                lines = self.path("blocks").read_bytes()
            self.blocks = [
                json.loads(line) for line in lines[: lines.rfind(b"\n") + 1].split(b"\n")[:-1]
            ]

    def path(self, name):
        """Return the path of one of the files."""
        if name == "blocks":
            return self.folder / "blocks.jsonl"
        return self.folder / _TEXTS.get(name, f"{name}.bin")

    @property
    def last(self):
        """What the last finished block says."""
        return self.blocks[-1] if self.blocks else dict(_NOTHING)

    @property
    def complete(self):
        """Whether the last record has been described."""
        return bool(self.blocks) and self.last.get("complete", False)

    def begin(self, header):
        """Write the header of a new library."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / ".library.json.part"
        part.write_text(json.dumps({"format": FORMAT, **header}, indent=2), encoding="utf-8")
        part.replace(self.folder / "library.json")
        self.header = {"format": FORMAT, **header}

    @property
    def packed(self):
        """Whether features are kept as rows of bits."""
        return self.header.get("packed", False)

    def _names(self):
        arrays = ("bits",) if self.packed else _SPARSE if self.header["sparse"] else ("dense",)
        return [*arrays, "records", "offsets", "rejected"]

    def open_for_append(self):
        """Return a :class:`_Appender`; what an interrupted block has left is cut off."""
        return _Appender(self)


class _Appender(ExitStack):
    """Appends blocks to the files of a store."""

    def __init__(self, store):
        super().__init__()
        self.store = store
        self.files = {}
        sizes = store.last.get("sizes", {})
        for name in [*store._names(), "blocks"]:
            file = self.enter_context(store.path(name).open("ab"))
            if name == "blocks":
                content = store.path(name).read_bytes()
                file.truncate(content.rfind(b"\n") + 1)
            else:
                file.truncate(sizes.get(name, 0))
            file.seek(0, os.SEEK_END)
            self.files[name] = file

    def append(self, features, records, rejected, n_read, complete):
        """Append a block; it counts when this returns.

        Parameters
        ----------
        features : csr_matrix or ndarray of shape (n_rows, n_features), or None
            Of the records that could be described; None of none.
        records : list of Record
            These records.
        rejected : list of (Record, str)
            The others, and why.
        n_read : int
            Records read so far.
        complete : bool
            Whether these were the last.
        """
        last, files = self.store.last, self.files
        hashed = hashlib.sha256(last["digest"].encode())

        def write(name, data):
            files[name].write(data)
            hashed.update(data)

        n_entries = last["n_entries"]
        if features is not None and self.store.packed:
            write("bits", _pack(features).tobytes())
        elif features is not None and self.store.header["sparse"]:
            ends, columns, counts = split_counts(features)
            columns = columns.astype(column_type(self.store.header["n_features"]))
            write("ends", (n_entries + ends).astype(np.int64).tobytes())
            write("columns", columns.tobytes())
            write("counts", counts.astype(np.uint8).tobytes())
            n_entries += len(columns)
        elif features is not None:
            write("dense", np.ascontiguousarray(features, dtype=np.float32).tobytes())
        lines = [f"{r.number}\t{r.smiles}\t{r.name}\n".encode() for r in records]
        begin = files["records"].tell()
        ends = begin + np.cumsum([len(line) for line in lines], dtype=np.int64)
        write("records", b"".join(lines))
        write("offsets", ends.tobytes())
        for record, reason in rejected:
            text = f"{record.number}\t{record.smiles}\t{' '.join(reason.split())}\n"
            write("rejected", text.encode())
        for name, file in files.items():
            if name != "blocks":
                file.flush()
                os.fsync(file.fileno())
        block = {
            "n_read": n_read,
            "n_rows": last["n_rows"] + len(records),
            "n_entries": n_entries,
            "n_rejected": last["n_rejected"] + len(rejected),
            "sizes": {name: files[name].tell() for name in files if name != "blocks"},
            "digest": hashed.hexdigest(),
            "complete": complete,
        }
        files["blocks"].write(json.dumps(block).encode() + b"\n")
        files["blocks"].flush()
        os.fsync(files["blocks"].fileno())
        self.store.blocks.append(block)


def pays_to_pack(features):
    """Tell whether a bit for each feature takes less than numbers, or the entries of a CSR."""
    if not sparse.issparse(features):
        return True
    n_rows, n_features = features.shape
    entry = column_type(n_features).itemsize + 1  # its column and its count
    return n_rows * (n_features / 8) < n_rows * 8 + features.nnz * entry


def _pack(features):
    parts = []
    for start in range(0, features.shape[0], _PACKED_AT_A_TIME):
        values = features[start : start + _PACKED_AT_A_TIME]
        values = values.toarray() if sparse.issparse(values) else values
        bits = values.astype(bool)
        if not np.array_equal(bits, values):
            raise ValueError("the transformer has counts=False, but features that are not 0 or 1")
        parts.append(np.packbits(bits, axis=1, bitorder="little"))
    return np.concatenate(parts)


def split_counts(features):
    """Return ends of rows, columns and counts, of which none is above 255."""
    counts = features.data.astype(np.int64)
    lengths = np.diff(features.indptr)
    times = np.maximum(1, -(-counts // LARGEST_COUNT))
    if (times == 1).all():
        return features.indptr[1:].astype(np.int64), features.indices, counts
    row = np.repeat(np.repeat(np.arange(len(lengths)), lengths), times)
    columns = np.repeat(features.indices, times)
    first = np.cumsum(times) - times
    nth = np.arange(times.sum()) - np.repeat(first, times)
    left = np.repeat(counts, times) - nth * LARGEST_COUNT
    ends = np.cumsum(np.bincount(row, minlength=len(lengths)))
    return ends, columns, np.minimum(left, LARGEST_COUNT)
