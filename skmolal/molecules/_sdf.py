"""SD files: every record with its graph, its properties and, where it has them, coordinates."""

import numpy as np

from skmolal.molecules._files import read_text
from skmolal.molecules._smiles import quiet_rdkit

__all__ = ["SDF_KINDS", "read_sdf"]

SDF_KINDS = {".sdf", ".sd", ".mol"}


def read_sdf(path):
    """Read the records of an SD file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    atoms : list of ase.Atoms or None
        Molecules with all hydrogens and coordinates in angstrom; None where the record is a
        drawing or has no coordinates.
    smiles : list of str or None
        SMILES of the graphs, stereo centres as the coordinates or wedges have them.
    names : list of str
        Titles, empty where there is none.
    properties : list of dict
        Data fields of each record, as text.
    problems : dict of int to str
        Records that RDKit cannot read, and why.
    """
    from rdkit import Chem

    blocks = _split(read_text(path))
    atoms, smiles, names, properties, problems = [], [], [], [], {}
    with quiet_rdkit():
        for record, block in enumerate(blocks):
            names.append(block.split("\n", 1)[0].strip())
            properties.append(_read_fields(block))
            mol, problem = _parse(block)
            if problem:
                problems[record] = problem
                atoms.append(None)
                smiles.append(None)
                continue
            is_3d = _is_3d(mol)
            if is_3d:
                Chem.AssignStereochemistryFrom3D(mol)
            smiles.append(Chem.MolToSmiles(Chem.RemoveHs(mol)))
            atoms.append(_to_atoms(mol) if is_3d else None)
    return atoms, smiles, names, properties, problems


def _split(text):
    """Return the text of each record; the last may lack its end mark."""
    blocks, lines = [], []
    for line in text.split("\n"):
        if line.startswith("$$$$"):
            blocks.append("\n".join(lines))
            lines = []
        else:
            lines.append(line)
    if any(line.strip() for line in lines):
        blocks.append("\n".join(lines))
    return blocks


def _read_fields(block):
    """Return the data fields ``> <name>`` below the atoms and bonds."""
    fields, name = {}, None
    for line in block.split("\n"):
        if line.startswith(">") and "<" in line:
            name = line[line.index("<") + 1 : line.rindex(">")].strip()
            fields[name] = []
        elif name is not None and line.strip():
            fields[name].append(line.strip())
        else:
            name = None
    return {name: "\n".join(lines) for name, lines in fields.items()}


def _parse(block):
    from rdkit import Chem

    try:
        mol = Chem.MolFromMolBlock(block, sanitize=False, removeHs=False, strictParsing=False)
    except RuntimeError as error:  # RDKit's invariants
        return None, f"cannot be parsed: {str(error).split(chr(10))[0]}"
    if mol is None or mol.GetNumAtoms() == 0:
        return None, "cannot be parsed"
    problems = Chem.DetectChemistryProblems(mol)
    if problems:
        return None, f"cannot be parsed: {problems[0].Message()}"
    return Chem.MolFromMolBlock(block, removeHs=False, strictParsing=False), None


def _is_3d(mol):
    """Tell coordinates of a molecule from a drawing or from zeros.

    What does not lie in the plane of the paper is 3-D. What does is a planar molecule if all
    hydrogens are there and bonds are as long as bonds are; in a drawing those to hydrogens are
    not.
    """
    from ase.data import covalent_radii

    positions = mol.GetConformer().GetPositions()
    if np.ptp(positions[:, 2]) > 1e-3:
        return True
    if any(atom.GetNumImplicitHs() + atom.GetNumExplicitHs() for atom in mol.GetAtoms()):
        return False
    radii = covalent_radii[[atom.GetAtomicNum() for atom in mol.GetAtoms()]]
    ends = np.array(
        [[bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()] for bond in mol.GetBonds()]
    ).reshape(-1, 2)
    lengths = np.linalg.norm(positions[ends[:, 0]] - positions[ends[:, 1]], axis=1)
    stretch = lengths / radii[ends].sum(axis=1)
    n_places = len(np.unique(positions.round(2), axis=0))
    return bool(np.all((stretch > 0.75) & (stretch < 1.25)) and n_places == len(positions))


def _to_atoms(mol):
    from ase import Atoms
    from rdkit import Chem

    mol = Chem.AddHs(mol, addCoords=True)
    atoms = Atoms(
        [atom.GetAtomicNum() for atom in mol.GetAtoms()], mol.GetConformer().GetPositions()
    )
    charge = Chem.GetFormalCharge(mol)
    if charge:
        atoms.info["charge"] = charge
    return atoms
