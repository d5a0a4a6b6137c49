"""Read QM9 from the CSV files of the PyPI package ``qm9pack``."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from skmolal.datasets._storage import MoleculeTable

# CODATA 2018.
HARTREE_IN_EV = 27.211386245988

# Our column name -> the column of qm9pack, and what turns its unit into ours.
_COLUMNS = {
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
    """Read qm9pack's CSV files into a MoleculeTable, in the order of the QM9 index."""
    import pandas as pd
    from ase.data import atomic_numbers
    from tqdm.auto import tqdm

    texts = ["SMILES", "Elements", "XYZ_Ang"]
    wanted = ["Index", *texts, *(source for source, _ in _COLUMNS.values())]
    geometries, parts = [], []
    for path in paths:
        try:
            part = pd.read_csv(
                path, usecols=wanted, float_precision="round_trip", dtype=dict.fromkeys(texts, str)
            )
        except ValueError as error:
            raise ValueError(f"{path}: not a table of qm9pack: {error}") from error
        part = part.assign(**{name: _to_float(part[name], path) for name in wanted[4:]})
        rows = zip(part["Elements"], part["XYZ_Ang"], strict=True)
        for i, (elements, xyz) in enumerate(
            tqdm(rows, total=len(part), desc=Path(path).name, disable=not verbose)
        ):
            try:
                numbers = [atomic_numbers[s] for s in elements.translate(_BRACKETS).split(",")]
                values = xyz.translate(_BRACKETS).replace("*^", "e").split(",")
                positions = np.array(values, dtype=np.float64).reshape(len(numbers), 3)
            except (AttributeError, KeyError, ValueError) as error:
                raise ValueError(
                    f"{path}: record {i} is malformed: {type(error).__name__}: {error}"
                ) from error
            geometries.append((numbers, positions))
        parts.append(part.drop(columns=["Elements", "XYZ_Ang"]))
    frame = pd.concat(parts, ignore_index=True)
    columns = {
        "qm9_index": frame["Index"].to_numpy(dtype=np.int64),
        "smiles": frame["SMILES"].tolist(),
    }
    for name, (source, unit) in _COLUMNS.items():
        columns[name] = frame[source].to_numpy(dtype=np.float64) * unit
    table = MoleculeTable.from_geometries(geometries, columns)
    order = np.argsort(columns["qm9_index"], kind="stable")
    if np.array_equal(order, np.arange(len(order))):
        return table
    return table.take(order)


def _to_float(column, path):
    """Convert a column that may be text with ``*^`` for the exponent."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return column
    numbers = pd.to_numeric(column.str.replace("*^", "e", regex=False), errors="coerce")
    bad = np.flatnonzero(numbers.isna())
    if len(bad):
        raise ValueError(
            f"{path}: record {bad[0]} is malformed: {column.name} must be a number, "
            f"got {column.iloc[bad[0]]!r}"
        )
    return numbers
