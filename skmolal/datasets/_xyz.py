"""Read xyz text: frames, and files of frames with their labels."""

from itertools import islice
from math import isfinite

import numpy as np
from ase.data import atomic_numbers
from ase.symbols import Symbols

from skmolal.datasets._storage import MoleculeTable


def malformed(path, record, reason):
    """Make the error for a record that cannot be read; records are counted from 0."""
    if isinstance(reason, Exception):
        reason = f"{type(reason).__name__}: {reason}"
    return ValueError(f"{path}: record {record} is malformed: {reason}")


def parse_float(text):
    """Convert to a finite float, also where ``*^`` stands for the exponent (Mathematica's way)."""
    value = float(text.replace("*^", "e"))
    if not isfinite(value):
        raise ValueError(f"expected a finite number, got {text!r}")
    return value


def parse_atoms(lines):
    """Convert lines of "symbol x y z ..." to atomic numbers and positions (angstrom).

    What follows the coordinates is passed over. Raises ValueError.
    """
    numbers, positions = [], []
    for line in lines:
        words = line.split()
        if len(words) < 4 or words[0] not in atomic_numbers:
            raise ValueError(f"expected an element and three coordinates, got {line.strip()!r}")
        numbers.append(atomic_numbers[words[0]])
        positions.append([parse_float(word) for word in words[1:4]])
    return check_geometry(numbers, positions)


def check_geometry(numbers, positions):
    """Convert to arrays; raise ValueError unless there are atoms, all at finite positions."""
    numbers = np.asarray(numbers, dtype=np.uint8)
    positions = np.asarray(positions, dtype=np.float64)
    if len(numbers) == 0:
        raise ValueError("a molecule without atoms")
    if positions.shape != (len(numbers), 3):
        raise ValueError(f"{len(numbers)} atoms, but coordinates of shape {positions.shape}")
    if not numbers.all():
        raise ValueError("an atom of no element")
    if not np.isfinite(positions).all():
        raise ValueError("a coordinate is not finite")
    return numbers, positions


def parse_frame(lines):
    """Convert the lines of one xyz frame to (comment, (numbers, positions)). Raises ValueError."""
    try:
        n_atoms = int(lines[0])
    except (IndexError, ValueError):
        got = repr(lines[0].strip()) if lines else "nothing"
        raise ValueError(f"expected the number of atoms, got {got}") from None
    if len(lines) < n_atoms + 2:
        raise ValueError(f"{n_atoms} atoms announced, {max(len(lines) - 2, 0)} given")
    return lines[1].strip(), parse_atoms(lines[2 : n_atoms + 2])


def iter_frames(path):
    """Yield (comment, (numbers, positions)) for each frame of an xyz file."""
    with open(path, encoding="utf-8", errors="replace") as stream:
        for record, line in enumerate(_frame_starts(stream)):
            try:
                # A count that is no number is parse_frame's to report.
                n_lines = int(line) + 1 if line.strip().isdigit() else 0
                yield parse_frame([line, *islice(stream, n_lines)])
            except ValueError as error:
                raise malformed(path, record, error) from error


def _frame_starts(stream):
    for line in stream:
        if line.strip():  # blank lines may stand between frames and at the end
            yield line


def read_labels(path):
    """Read a file of one number per line."""
    with open(path, encoding="utf-8", errors="replace") as stream:
        lines = stream.read().rstrip().split("\n")
    labels = np.empty(len(lines))
    for record, line in enumerate(lines):
        try:
            labels[record] = parse_float(line)
        except ValueError as error:
            raise malformed(path, record, error) from error
    return labels


def read_labelled_xyz(xyz, labels, verbose=False):
    """Read molecules from one file and their HOMO energies, in the same order, from another."""
    from tqdm.auto import tqdm

    homo = read_labels(labels)
    comments, geometries, formulas = [], [], []
    frames = iter_frames(xyz)
    for comment, geometry in tqdm(frames, total=len(homo), desc=xyz.name, disable=not verbose):
        comments.append(comment)
        geometries.append(geometry)
        formulas.append(hill_formula(geometry[0]))
    if len(geometries) != len(homo):
        raise ValueError(
            f"{labels} has {len(homo)} labels for the {len(geometries)} molecules of {xyz}"
        )
    columns = {"record": np.arange(len(homo)), "formula": formulas, "homo": homo}
    if any(comments):
        columns["comment"] = comments
    return MoleculeTable.from_geometries(geometries, columns)


def hill_formula(numbers):
    """Return the formula in Hill's order, such as "C2H6O"."""
    return Symbols(numbers).formula.format("hill")
