"""Read QM9 from its files: the CSV files of qm9pack, or the archive its authors published."""

import csv
import tarfile
from importlib.util import find_spec
from operator import itemgetter
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
from ase.data import atomic_numbers

from skmolal.datasets._storage import MoleculeTable
from skmolal.datasets._xyz import check_geometry, malformed, parse_float, parse_frame

# CODATA 2018.
HARTREE_IN_EV = 27.211386245988

# Our column -> (the column of qm9pack, what turns its unit into ours), in the order in which the
# records of the archive give the values.
PROPERTIES = {
    "A": ("RotA_GHz", 1.0),
    "B": ("RotB_GHz", 1.0),
    "C": ("RotC_GHz", 1.0),
    "mu": ("Dipole_debye", 1.0),
    "alpha": ("Polarizability_bohr3", 1.0),
    "homo": ("HOMO_au", HARTREE_IN_EV),
    "lumo": ("LUMO_au", HARTREE_IN_EV),
    "gap": ("HOMO_LUMO_gap_au", HARTREE_IN_EV),
    "r2": ("R2_bohr2", 1.0),
    "zpve": ("ZPVE_au", HARTREE_IN_EV),
    "u0": ("InternalEnergy_0K_au", HARTREE_IN_EV),
    "u298": ("InternalEnergy_298K_au", HARTREE_IN_EV),
    "h298": ("Enthalphy_298K_au", HARTREE_IN_EV),
    "g298": ("GibbsFreeEnergy_298K_au", HARTREE_IN_EV),
    "cv": ("Heatcapacity_Cv_cal_mol_K", 1.0),
}

_BRACKETS = str.maketrans("", "", "[]' ")
# uncharacterized.txt: these lines of prose, one line per molecule, one closing line.
_N_HEADER_LINES = 9


def find_qm9pack():
    """Return the CSV files of an installed qm9pack, or an empty list.

    The package itself is not imported: its loader needs ``pkg_resources``, which current
    setuptools no longer has.
    """
    spec = find_spec("qm9pack")
    if spec is None or not spec.submodule_search_locations:
        return []
    folder = Path(next(iter(spec.submodule_search_locations))) / "data"
    return sorted(folder.glob("qm9_part*.csv"))


def read_qm9pack(paths, verbose=False):
    """Read qm9pack's CSV files into a MoleculeTable."""
    from tqdm.auto import tqdm

    records = []
    for path in paths:
        with open(path, encoding="utf-8", errors="replace", newline="") as stream:
            before = len(records)
            rows = csv.DictReader(stream)
            try:
                for row in tqdm(rows, desc=Path(path).name, disable=not verbose):
                    records.append(_parse_row(row))
            except (csv.Error, KeyError, ValueError) as error:
                raise malformed(path, len(records) - before, error) from error
    return _to_table(records, source=paths[0])


def _parse_row(row):
    """Convert a row of qm9pack to (index, SMILES, property values, geometry)."""
    if None in row.values():
        raise ValueError("the row is too short")
    numbers = [atomic_numbers[symbol] for symbol in row["Elements"].translate(_BRACKETS).split(",")]
    words = row["XYZ_Ang"].translate(_BRACKETS).replace("*^", "e").split(",")
    positions = np.array(words, dtype=np.float64).reshape(-1, 3)
    values = [parse_float(row[source]) for source, _ in PROPERTIES.values()]
    geometry = check_geometry(numbers, positions)
    return int(parse_float(row["Index"])), row["SMILES"], values, geometry


def read_qm9_archive(archive, uncharacterized, verbose=False):
    """Read ``dsgdb9nsd.xyz.tar.bz2`` but for the molecules that ``uncharacterized.txt`` lists.

    The archive is read as a stream; nothing is extracted from it.
    """
    from tqdm.auto import tqdm

    dropped = set(read_uncharacterized(uncharacterized))
    unseen = set(dropped)
    records = []
    with tqdm(total=133_885, desc=archive.name, disable=not verbose) as progress:
        for number, text in _iter_members(archive):
            try:
                record = _parse_record(text)
            except ValueError as error:
                raise malformed(archive, number, error) from error
            progress.update()
            unseen.discard(record[0])
            if record[0] not in dropped:
                records.append(record)
    if unseen:  # tarfile takes an archive that is cut short between two members for a whole one
        raise ValueError(
            f"{archive}: incomplete, molecule {min(unseen)} of {uncharacterized.name} is not in it"
        )
    return _to_table(records, source=archive)


def read_uncharacterized(path):
    """Read the QM9 indices of the molecules that failed the authors' consistency check."""
    with open(path, encoding="utf-8", errors="replace") as stream:
        lines = stream.read().rstrip().split("\n")[_N_HEADER_LINES:-1]
    index = []
    for record, line in enumerate(lines):
        try:
            index.append(int(line.split()[0]))
        except (IndexError, ValueError) as error:
            raise malformed(path, record, error) from error
    return index


def _iter_members(archive):
    """Yield (record number, text) of the files in a tar archive, in order."""
    record = 0
    try:
        with tarfile.open(archive, mode="r|bz2") as tar:
            for member in tar:
                _check_member(member, archive)
                if member.isfile():
                    yield record, tar.extractfile(member).read().decode(errors="replace")
                    record += 1
    except (tarfile.TarError, EOFError, OSError) as error:
        raise malformed(archive, record, error) from error


def _check_member(member, archive):
    """Refuse an archive that is not what its authors made."""
    parts = PurePosixPath(member.name).parts + PureWindowsPath(member.name).parts
    rooted = member.name.startswith("/") or PureWindowsPath(member.name).anchor
    if rooted or ".." in parts or not (member.isfile() or member.isdir()):
        raise ValueError(
            f"{archive}: refused, because its member {member.name!r} is a link or leads out of the "
            "archive"
        )


def _parse_record(text):
    """Convert a dsgdb9nsd file to (index, SMILES, property values, geometry).

    The SMILES is the first of two, that of GDB-17, as in qm9pack.
    """
    lines = text.splitlines()
    comment, geometry = parse_frame(lines)
    words = comment.split()
    if len(words) != len(PROPERTIES) + 2 or words[0] != "gdb":
        raise ValueError(
            f"expected 'gdb', the index and {len(PROPERTIES)} properties, got {comment!r}"
        )
    smiles = lines[len(geometry[0]) + 3].split() if len(lines) > len(geometry[0]) + 3 else []
    if not smiles:
        raise ValueError("the line of SMILES is missing")
    return int(words[1]), smiles[0], [parse_float(word) for word in words[2:]], geometry


def _to_table(records, source):
    """Assemble (index, SMILES, property values, geometry) in the order of the index, in eV."""
    if not records:
        raise ValueError(f"{source}: the file holds no molecule")
    index, smiles, values, geometries = zip(*sorted(records, key=itemgetter(0)), strict=True)
    columns = {"qm9_index": np.array(index, dtype=np.int64), "smiles": list(smiles)}
    for (name, (_, unit)), column in zip(PROPERTIES.items(), np.array(values).T, strict=True):
        columns[name] = column * unit
    return MoleculeTable.from_geometries(geometries, columns)
