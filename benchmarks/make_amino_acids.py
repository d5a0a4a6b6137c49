"""Make the file that :func:`skmolal.datasets.load_amino_acids` reads.

Run ``python benchmarks/make_amino_acids.py`` where RDKit and tblite are installed. It takes
three quarters of an hour on one core; an interrupted run goes on where it stopped. ``--help`` lists
the options.

A conformer comes from one attempt: embed, relax, check, label. Each attempt has a seed of its own,
made of `SEED`, the molecule, the charge and the attempt's number, so that any conformer of the file
can be made again without the others.
"""

import argparse
import json
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skmolal import datasets
from skmolal.datasets._fetching import get_data_home
from skmolal.datasets._storage import MoleculeTable, replacing

PATH = Path(datasets.__file__).parent / "data" / "amino_acids.npz"
SEED = 20161120
# Labels are computed for the positions as they are stored, so rounding costs no accuracy.
RESOLUTION = 1e-4
CHARGES = (0, 2)  # bare, with Ca2+
N_CONFORMERS = {0: 250, 2: 200}  # at most, of one molecule
N_ATTEMPTS = {0: 600, 2: 500}  # at most, for one molecule

MIN_CONTACT = 0.9  # angstrom, between any two atoms
MIN_NONBONDED = 1.5  # angstrom, between atoms more than two bonds apart
MIN_ION_HYDROGEN = 2.3
MIN_ION_HEAVY = 2.1
SLACK = 0.1  # angstrom, by which a donor may leave its range in the relaxation
MIN_RMS = 0.01  # angstrom, between the sorted distances of two conformers of one molecule
# At 300 K a gap of 0.25 eV leaves 0.016 electrons above the Fermi level. A smaller one is the mark
# of electrons that flow from the molecule to the ion until their levels meet.
MIN_GAP = 0.25  # eV

BOHR = 0.529177210903  # angstrom, CODATA 2018
HARTREE = 27.211386245988  # eV, CODATA 2018

# Neutral, L; a hydroxyl group after the residue makes the free acid.
RESIDUES = {
    "Ala": "N[C@@H](C)C(=O)",
    "Arg": "N[C@@H](CCCNC(N)=N)C(=O)",
    "Asn": "N[C@@H](CC(=O)N)C(=O)",
    "Asp": "N[C@@H](CC(=O)O)C(=O)",
    "Cys": "N[C@@H](CS)C(=O)",
    "Gln": "N[C@@H](CCC(=O)N)C(=O)",
    "Glu": "N[C@@H](CCC(=O)O)C(=O)",
    "Gly": "NCC(=O)",
    "His": "N[C@@H](Cc1c[nH]cn1)C(=O)",
    "Ile": "N[C@@H]([C@@H](C)CC)C(=O)",
    "Leu": "N[C@@H](CC(C)C)C(=O)",
    "Lys": "N[C@@H](CCCCN)C(=O)",
    "Met": "N[C@@H](CCSC)C(=O)",
    "Phe": "N[C@@H](Cc1ccccc1)C(=O)",
    "Pro": "N1CCC[C@H]1C(=O)",
    "Ser": "N[C@@H](CO)C(=O)",
    "Thr": "N[C@@H]([C@H](O)C)C(=O)",
    "Trp": "N[C@@H](Cc1c[nH]c2ccccc12)C(=O)",
    "Tyr": "N[C@@H](Cc1ccc(O)cc1)C(=O)",
    "Val": "N[C@@H](C(C)C)C(=O)",
}
MOLECULES = {name: smiles + "O" for name, smiles in RESIDUES.items()} | {
    f"Ac-{name}-NHMe": f"CC(=O){smiles}NC" for name, smiles in RESIDUES.items()
}

ION = "[Ca+2]"
# What may bind the ion, and at which distance (angstrom). The first pattern is the carbonyl groups
# of the backbone, one of which always does; a match of several atoms binds as a whole.
BACKBONE = ("O=[$(C[CX4]N),$(C([CH3])N)]", 1, (2.2, 2.6))
DONORS = (
    (
        "[$([OX1]=C),$([OX2H][CX4]),$([NX3;!H0;!$(NC=[O,N])][CX4]),$([NX2]=C),$([nX2])]",
        1,
        (2.2, 2.6),
    ),
    ("[SX2]", 1, (2.7, 3.1)),
    ("c1ccccc1", 6, (2.6, 3.1)),
)


def residue_of(molecule):
    """Return the residue of a molecule: "Ala" for "Ala" and for "Ac-Ala-NHMe"."""
    return molecule.removeprefix("Ac-").removesuffix("-NHMe")


class Rejected(Exception):
    """An attempt that gave no conformer; the argument is the rule that it broke."""


class Donor(NamedTuple):
    """Atoms that bind the ion as a whole, and the range of their distances to it in angstrom."""

    atoms: tuple
    low: float
    high: float


def _make_attempt_rng(molecule, charge, attempt):
    # RandomState, not Generator: its stream is frozen across numpy versions.
    return np.random.RandomState([SEED, list(MOLECULES).index(molecule), charge, attempt])


def _find_donors(mol, patterns):
    from rdkit import Chem

    return [
        Donor(match[:n_atoms], *limits)
        for smarts, n_atoms, limits in patterns
        for match in mol.GetSubstructMatches(Chem.MolFromSmarts(smarts))
    ]


def _choose_donors(mol, rng):
    """Draw two to four donors (fewer where there are fewer), a carbonyl of the backbone first."""
    backbone = _find_donors(mol, [BACKBONE])
    first = backbone[rng.randint(len(backbone))]
    others = [donor for donor in _find_donors(mol, DONORS) if donor != first]
    n_others = min(rng.randint(1, 4), len(others))
    return [first, *(others[i] for i in rng.permutation(len(others))[:n_others])]


def _bound_ion(mol, donors):
    """Make the distance bounds for the embedding, the ion being the last atom."""
    from rdkit import DistanceGeometry
    from rdkit.Chem import rdDistGeom

    bounds = rdDistGeom.GetMoleculeBoundsMatrix(mol)  # upper bounds above the diagonal
    bounds[:-1, -1] = 15.0
    bounds[-1, :-1] = MIN_ION_HYDROGEN
    for donor in donors:
        for i in donor.atoms:
            bounds[i, -1], bounds[-1, i] = donor.high, donor.low
    if not DistanceGeometry.DoTriangleSmoothing(bounds):
        raise Rejected("embedding")
    return bounds


def _embed(mol, rng, bounds=None):
    from rdkit.Chem import rdDistGeom

    options = rdDistGeom.ETKDGv3()
    options.randomSeed = int(rng.randint(2**31 - 1))
    options.maxIterations = 20
    if bounds is not None:
        options.embedFragmentsSeparately = False
        options.SetBoundsMat(bounds)
    if rdDistGeom.EmbedMolecule(mol, options) != 0:
        raise Rejected("embedding")


def _relax(mol, donors, distances):
    """Relax with MMFF94, the donors held at their distances from the ion."""
    import rdkit.ForceField  # noqa: F401  older releases register its classes only so
    from rdkit.Chem import rdForceFieldHelpers

    properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(mol, "MMFF94")
    field = rdForceFieldHelpers.MMFFGetMoleculeForceField(
        mol, properties, nonBondedThresh=100.0, ignoreInterfragInteractions=False
    )
    field.Initialize()
    ion = mol.GetNumAtoms() - 1
    for donor, distance in zip(donors, distances, strict=True):
        for i in donor.atoms:
            # kcal/mol/angstrom^2, several times what the ion's charge pulls with
            field.MMFFAddDistanceConstraint(ion, i, False, distance, distance, 1000.0)
    if field.Minimize(maxIts=5000) != 0:
        raise Rejected("relaxation")


def _check_chirality(mol):
    """Raise Rejected unless the centres of the geometry are those of the SMILES."""
    from rdkit import Chem

    expected = Chem.FindMolChiralCenters(mol)
    found = Chem.Mol(mol)
    Chem.AssignStereochemistryFrom3D(found)
    if Chem.FindMolChiralCenters(found) != expected:
        raise Rejected("chirality")


def check_geometry(numbers, positions, n_bonds, donors=()):
    """Raise Rejected unless atoms keep apart and the ion, the last atom, is where it was put.

    `n_bonds` is the number of bonds between each two atoms, `donors` bind the ion.
    """
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    if distances.min() < MIN_CONTACT or distances[n_bonds > 2].min() < MIN_NONBONDED:
        raise Rejected("contact")
    if not donors:
        return
    for donor in donors:
        reach = distances[-1, list(donor.atoms)]
        if reach.min() < donor.low - SLACK or reach.max() > donor.high + SLACK:
            raise Rejected("ion moved")
    limits = np.where(numbers == 1, MIN_ION_HYDROGEN, MIN_ION_HEAVY)
    if np.any(distances[-1] < limits):
        raise Rejected("ion too near")


def make_geometry(molecule, charge, attempt):
    """Make the geometry of an attempt, or raise Rejected.

    Returns atomic numbers and positions as integer multiples of `RESOLUTION`.
    """
    from rdkit import Chem
    from rdkit.rdBase import BlockLogs

    rng = _make_attempt_rng(molecule, charge, attempt)
    mol = Chem.AddHs(Chem.MolFromSmiles(MOLECULES[molecule]))
    with BlockLogs():  # UFF, which is not used, does not know the ion and says so
        donors, distances, bounds = [], [], None
        if charge:
            donors = _choose_donors(mol, rng)
            distances = [rng.uniform(donor.low, donor.high) for donor in donors]
            mol = Chem.CombineMols(mol, Chem.MolFromSmiles(ION))
            Chem.SanitizeMol(mol)
            bounds = _bound_ion(mol, donors)
        _embed(mol, rng, bounds)
        _relax(mol, donors, distances)
        _check_chirality(mol)
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    grid = np.rint(mol.GetConformer().GetPositions() / RESOLUTION).astype(np.int32)
    check_geometry(numbers, grid * RESOLUTION, Chem.GetDistanceMatrix(mol), donors)
    return numbers, grid


def fingerprint(numbers, positions):
    """Sort the interatomic distances of each pair of elements.

    The same for all orders of the atoms and for the mirror image, as an MBTR is.
    """
    i, j = np.triu_indices(len(numbers), 1)
    low, high = np.sort([numbers[i], numbers[j]], axis=0)
    distances = np.linalg.norm(positions[i] - positions[j], axis=1)
    return distances[np.lexsort((distances, high, low))]


def label(numbers, positions, charge):
    """Compute HOMO, LUMO and total energy (eV) with GFN2-xTB, or raise Rejected."""
    from tblite.exceptions import TBLiteRuntimeError
    from tblite.interface import Calculator
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # the order of sums decides the last bits
        calculator = Calculator("GFN2-xTB", numbers, positions / BOHR, charge=charge)
        calculator.set("verbosity", 0)
        calculator.set("max-iter", 150)
        try:
            result = calculator.singlepoint()
        except TBLiteRuntimeError as error:
            raise Rejected("SCF") from error
    orbitals = result.get("orbital-energies") * HARTREE
    n_occupied = round(result.get("orbital-occupations").sum() / 2)
    homo, lumo = orbitals[n_occupied - 1 : n_occupied + 1]
    if lumo - homo < MIN_GAP:
        raise Rejected("gap")
    return {"homo": homo, "lumo": lumo, "energy": float(result.get("energy")) * HARTREE}


def make_conformers(molecule, charge, n_conformers=None, n_attempts=None):
    """Attempt conformers of a molecule until there are enough, or no attempt is left.

    Returns a list of conformers as dicts, and how many attempts were rejected by which rule.
    """
    n_conformers = N_CONFORMERS[charge] if n_conformers is None else n_conformers
    n_attempts = N_ATTEMPTS[charge] if n_attempts is None else n_attempts
    conformers, fingerprints, rejected = [], [], Counter()
    for attempt in range(n_attempts):
        try:
            numbers, grid = make_geometry(molecule, charge, attempt)
            positions = grid * RESOLUTION
            new = fingerprint(numbers, positions)
            # Those that fail below count too: a second one would fail again.
            if any(np.sqrt(np.mean((new - old) ** 2)) < MIN_RMS for old in fingerprints):
                raise Rejected("duplicate")
            fingerprints.append(new)
            labels = label(numbers, positions, charge)
        except Rejected as rule:
            rejected[str(rule)] += 1
            continue
        geometry = {"numbers": numbers.tolist(), "grid": grid.tolist()}
        conformers.append({"attempt": attempt} | geometry | labels)
        if len(conformers) == n_conformers:
            break
    return conformers, rejected


def _make_part(molecule, charge, folder):
    """Make the conformers of one molecule, or read them where an earlier run has made them."""
    # A part made by another script, or by other versions, is made again.
    key = [Path(__file__).read_text(encoding="utf-8"), version("rdkit"), version("tblite")]
    path = folder / f"{molecule}_{charge}.json"
    if path.is_file():
        part = json.loads(path.read_text(encoding="utf-8"))
        if part["key"] == key:
            return part
    conformers, rejected = make_conformers(molecule, charge)
    part = {"key": key, "conformers": conformers, "rejected": rejected}
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(part), encoding="utf-8")
    return part


def join_parts(parts):
    """Join ((molecule, charge), part) pairs into a table, in random order."""
    rows = [(*name, conformer) for name, part in parts for conformer in part["conformers"]]
    order = np.random.RandomState(SEED).permutation(len(rows))
    rows = [rows[i] for i in order]
    columns = {
        "molecule": [molecule for molecule, _, _ in rows],
        "residue": [residue_of(molecule) for molecule, _, _ in rows],
        "smiles": [MOLECULES[m] + (f".{ION}" if charge else "") for m, charge, _ in rows],
        "charge": np.array([charge for _, charge, _ in rows], dtype=np.int8),
        "attempt": np.array([conformer["attempt"] for _, _, conformer in rows], dtype=np.int16),
    }
    for name in ("homo", "lumo", "energy"):
        columns[name] = np.array([conformer[name] for _, _, conformer in rows])
    geometries = [
        (conformer["numbers"], np.array(conformer["grid"]) * RESOLUTION) for _, _, conformer in rows
    ]
    return MoleculeTable.from_geometries(geometries, columns)


def main(argv=None):
    """Make all parts and write the file."""
    from joblib import Parallel, delayed
    from tqdm.auto import tqdm

    parser = argparse.ArgumentParser(description="Make the amino acid set of skmolal.")
    parser.add_argument("--out", type=Path, default=PATH, help="the file to write")
    parser.add_argument("--parts", type=Path, help="where to keep what is done")
    parser.add_argument("--n-jobs", type=int, default=1, help="number of processes")
    options = parser.parse_args(argv)
    folder = options.parts or Path(get_data_home()) / "amino_acids_parts"
    folder.mkdir(parents=True, exist_ok=True)
    names = [(molecule, charge) for molecule in MOLECULES for charge in CHARGES]
    parts = Parallel(n_jobs=options.n_jobs, return_as="generator")(
        delayed(_make_part)(*name, folder) for name in names
    )
    parts = list(zip(names, tqdm(parts, total=len(names), unit="part"), strict=True))
    table = join_parts(parts)
    table.save(options.out, resolution=RESOLUTION, compress=True)
    for charge in CHARGES:
        rejected = Counter()
        for (_, of_part), part in parts:
            rejected.update(part["rejected"] if of_part == charge else {})
        print(f"charge {charge}: {np.sum(table.columns['charge'] == charge)}, {dict(rejected)}")


if __name__ == "__main__":
    main()
