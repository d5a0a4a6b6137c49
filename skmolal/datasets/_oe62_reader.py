"""Read the json files of OE62."""

import json

import numpy as np

from skmolal.datasets._storage import MoleculeTable
from skmolal.datasets._xyz import malformed, parse_frame

_REFCODE, _SMILES, _XYZ = "refcode_csd", "canonical_smiles", "xyz_pbe_relaxed"
# The level of theory beyond PBE that the whole data set has; its HOMO and LUMO are plain "homo"
# and "lumo", those of other levels have a suffix.
_HEADLINE = "pbe0_vac_tier2"


def read_oe62(path, verbose=False):
    """Read a DataFrame written as json with ``orient="split"`` into a MoleculeTable.

    From the lists of orbital energies the frontier orbitals are taken. pandas' own reader is not
    used: it rounds the last digits and cannot name a bad record.
    """
    from tqdm.auto import tqdm

    try:
        with open(path, encoding="utf-8") as stream:
            content = json.load(stream)
        names, rows = content["columns"], content["data"]
        missing = [name for name in (_REFCODE, _SMILES, _XYZ) if name not in names]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not a table of OE62: {type(error).__name__}: {error}") from error
    if missing:
        raise ValueError(f"{path}: not a table of OE62: the columns {missing} are missing")
    if not rows:
        raise ValueError(f"{path}: the file holds no molecule")
    energies = {name: column for name in names if (column := _energy_column(name))}
    columns = {"refcode_csd": [], "smiles": []} | {column: [] for column in energies.values()}
    geometries = []
    for record, values in enumerate(tqdm(rows, desc=path.name, disable=not verbose)):
        try:
            row = dict(zip(names, values, strict=True))
            _, geometry = parse_frame(_text(row, _XYZ).strip().splitlines())
            columns["refcode_csd"].append(_text(row, _REFCODE))
            columns["smiles"].append(_text(row, _SMILES, missing=""))
            for name, column in energies.items():
                columns[column].append(_energy(name, row[name]))
        except (TypeError, ValueError) as error:
            raise malformed(path, record, error) from error
        geometries.append(geometry)
    columns |= {column: np.array(columns[column]) for column in energies.values()}
    return MoleculeTable.from_geometries(geometries, columns)


def _energy_column(name):
    """Return our name for a column of energies, None for any other column.

    Theirs are "energies_occ_<level>", "energies_unocc_<level>", "total_energy_<level>", and
    "cbs_occ_gw", "cbs_unocc_gw" for the extrapolation to the complete basis set.
    """
    for marker, ours in (("energies_occ_", "homo"), ("energies_unocc_", "lumo")):
        if name.startswith(marker):
            level = name.removeprefix(marker)
            return ours if level == _HEADLINE else f"{ours}_{level}"
    if name.startswith("total_energy_"):
        return name
    return {"cbs_occ_gw": "homo_gw_cbs", "cbs_unocc_gw": "lumo_gw_cbs"}.get(name)


def _energy(name, value):
    """Return the frontier orbital of a list, or a single energy; NaN where there is none."""
    if isinstance(value, list):
        # Orbitals ascend in energy: the HOMO is the last occupied, the LUMO the first empty one.
        value = value[0 if "unocc" in name else -1] if value else None
    return np.nan if value is None else float(value)


def _text(row, name, missing=None):
    value = missing if row[name] is None else row[name]
    if not isinstance(value, str):
        raise ValueError(f"{name} must be text, got {value!r}")
    return value
