"""Read QM9 from its files: the CSV files of qm9pack, or the archive its authors published."""

import tarfile
from importlib.util import find_spec
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np

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
    import pandas as pd
    from ase.data import atomic_numbers
    from tqdm.auto import tqdm

    texts = ["SMILES", "Elements", "XYZ_Ang"]
    numeric = ["Index", *(source for source, _ in PROPERTIES.values())]
    geometries, parts = [], []
    for path in paths:
        try:
            part = pd.read_csv(
                path,
                usecols=[*texts, *numeric],
                dtype=dict.fromkeys(texts, str),
                float_precision="round_trip",
            )
        except ValueError as error:
            raise ValueError(f"{path}: not a table of qm9pack: {error}") from error
        rows = zip(part["SMILES"], part["Elements"], part["XYZ_Ang"], strict=True)
        progress = tqdm(rows, total=len(part), desc=Path(path).name, disable=not verbose)
        for record, (smiles, elements, xyz) in enumerate(progress):
            try:
                if not all(isinstance(text, str) for text in (smiles, elements, xyz)):
                    raise ValueError("SMILES, elements or coordinates are missing")
                numbers = [atomic_numbers[s] for s in elements.translate(_BRACKETS).split(",")]
                words = xyz.translate(_BRACKETS).replace("*^", "e").split(",")
                values = np.array(words, dtype=np.float64)
                geometries.append(check_geometry(numbers, values.reshape(-1, 3)))
            except (KeyError, ValueError) as error:
                raise malformed(path, record, error) from error
        parts.append(
            part[["SMILES"]].assign(**{key: _to_float(part[key], path) for key in numeric})
        )
    frame = pd.concat(parts, ignore_index=True)
    return _to_table(
        geometries,
        frame["Index"].to_numpy(dtype=np.int64),
        frame["SMILES"].tolist(),
        frame[numeric[1:]].to_numpy(dtype=np.float64),
    )


def _to_float(column, path):
    """Convert a column that is text where a value has ``*^`` for the exponent."""
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(column):
        text = column.str.replace("*^", "e", regex=False)
        column = pd.to_numeric(text, errors="coerce")
    bad = np.flatnonzero(column.isna())
    if len(bad):
        raise malformed(path, bad[0], f"{column.name} must be a number")
    return column


def read_qm9_archive(archive, uncharacterized, verbose=False):
    """Read ``dsgdb9nsd.xyz.tar.bz2`` but for the molecules that ``uncharacterized.txt`` lists.

    The archive is read as a stream; nothing is extracted from it.
    """
    from tqdm.auto import tqdm

    dropped = set(read_uncharacterized(uncharacterized))
    geometries, index, smiles, values = [], [], [], []
    with tqdm(total=133_885, desc=archive.name, disable=not verbose) as progress:
        for record, text in _iter_members(archive):
            try:
                number, one_smiles, properties, geometry = _parse_record(text)
            except ValueError as error:
                raise malformed(archive, record, error) from error
            progress.update()
            if number not in dropped:
                geometries.append(geometry)
                index.append(number)
                smiles.append(one_smiles)
                values.append(properties)
    if not geometries:
        raise ValueError(f"{archive}: the archive holds no molecule")
    return _to_table(geometries, np.array(index), smiles, np.array(values))


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


def _to_table(geometries, index, smiles, values):
    """Assemble the table in the order of the QM9 index, energies in eV."""
    columns = {"qm9_index": index.astype(np.int64), "smiles": smiles}
    for column, (name, (_, unit)) in enumerate(PROPERTIES.items()):
        columns[name] = values[:, column] * unit
    table = MoleculeTable.from_geometries(geometries, columns)
    order = np.argsort(index, kind="stable")
    return table if np.array_equal(order, np.arange(len(order))) else table.take(order)
