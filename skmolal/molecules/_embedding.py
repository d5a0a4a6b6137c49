"""One conformer of one SMILES by RDKit, with looser settings where the usual ones fail."""

from itertools import combinations

import numpy as np

from skmolal.molecules._smiles import quiet_rdkit

__all__ = ["embed", "match_order"]

# What is tried, one after the other; each keeps the stereo centres that the SMILES names.
_LOOSE = {
    "useRandomCoords": True,  # the remedy RDKit names for crowded molecules
    "ignoreSmoothingFailures": True,
    "useExpTorsionAnglePrefs": False,
    "useBasicKnowledge": False,
}
_TRIES = ({}, {"useRandomCoords": True}, _LOOSE)
_ITERATIONS = (30, 0)  # first few for all tries, then RDKit's own number, which grows with the size
_SEEDS_OF_A_CAGE = 20
_GAP = 3.0  # angstrom between the parts of a salt or a hydrate, before they are relaxed
_STEPS = 2000


def embed(smiles, seed, relax=True):
    """Embed a canonical SMILES.

    Parameters
    ----------
    smiles : str
        Canonical SMILES.
    seed : int
        Seed of the distance geometry.
    relax : bool, default=True
        Whether to relax by MMFF94, or by UFF where MMFF94 lacks an element.

    Returns
    -------
    numbers, positions : ndarray of shape (n_atoms,) and (n_atoms, 3), or None
        Atoms in the order of the SMILES, then the hydrogens; in angstrom. None if RDKit finds no
        conformer.
    """
    from rdkit import Chem

    with quiet_rdkit():
        mol = Chem.MolFromSmiles(smiles)
        if mol is None:
            return None
        mol = Chem.AddHs(mol)
        for iterations in _ITERATIONS:
            if any(_embed(mol, seed, iterations, settings) for settings in _TRIES):
                _set_parts_apart(mol)
                if relax:
                    _relax(mol)
                break
            if _embed_cage(mol, smiles, seed, iterations):
                break
        else:
            return None
        numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
        return numbers, mol.GetConformer().GetPositions()


def _embed(mol, seed, iterations, settings):
    from rdkit.Chem import AllChem

    options = AllChem.ETKDGv3()
    options.randomSeed = seed
    options.maxIterations = iterations
    for name, value in settings.items():
        setattr(options, name, value)
    return AllChem.EmbedMolecule(mol, options) == 0


def _embed_cage(mol, smiles, seed, iterations):
    """Embed and relax a strained cage, whose flat carbons RDKit takes for a failure.

    RDKit rejects a conformer in which a carbon or nitrogen with four neighbours, shared by two
    rings, is not a proper tetrahedron. That of a cage often is not before the force field has
    seen it. Boron is not tested, and its bonds are hardly longer. As little can the stereo
    centres of a cage be forced, and some conformers are turned inside out; so of several that have
    the stereo centres of the SMILES the one of lowest energy is taken.
    """
    from rdkit import Chem

    disguised = Chem.RWMol(mol)
    rings = mol.GetRingInfo()
    for atom in disguised.GetAtoms():
        shared = rings.NumAtomRings(atom.GetIdx()) > 1
        if shared and atom.GetDegree() == 4 and atom.GetAtomicNum() in (6, 7):
            atom.SetAtomicNum(5)
            atom.SetFormalCharge(-1)
            atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    best, lowest = None, np.inf
    for k in range(_SEEDS_OF_A_CAGE):
        if not _embed(disguised, (seed + k) % 2**31, iterations, _LOOSE):
            break
        mol.RemoveAllConformers()
        mol.AddConformer(disguised.GetConformer(), assignId=True)
        _set_parts_apart(mol)
        _relax(mol)
        energy = _energy(mol)
        if energy < lowest and _is_what_was_meant(mol, smiles):
            best, lowest = Chem.Conformer(mol.GetConformer()), energy
    mol.RemoveAllConformers()
    if best is not None:
        mol.AddConformer(best, assignId=True)
    return best is not None


def _set_parts_apart(mol):
    """Lay the parts of a salt or a hydrate side by side; RDKit lays them over one another."""
    from rdkit import Chem
    from rdkit.Geometry import Point3D

    parts = Chem.GetMolFrags(mol)
    if len(parts) == 1:
        return
    conformer = mol.GetConformer()
    positions = conformer.GetPositions()
    edge = 0.0
    for part in map(list, parts):
        positions[part, 0] += edge - positions[part, 0].min()
        edge = positions[part, 0].max() + _GAP
    for k, position in enumerate(positions.tolist()):
        conformer.SetAtomPosition(k, Point3D(*position))


def _relax(mol):
    from rdkit.Chem import AllChem

    if AllChem.MMFFHasAllMoleculeParams(mol):
        AllChem.MMFFOptimizeMolecule(mol, maxIters=_STEPS, ignoreInterfragInteractions=False)
    elif AllChem.UFFHasAllMoleculeParams(mol):
        AllChem.UFFOptimizeMolecule(mol, maxIters=_STEPS, ignoreInterfragInteractions=False)


def _energy(mol):
    """Return the energy of the force field that relaxes the molecule; zero without one."""
    from rdkit.Chem import AllChem

    if AllChem.MMFFHasAllMoleculeParams(mol):
        properties = AllChem.MMFFGetMoleculeProperties(mol)
        return AllChem.MMFFGetMoleculeForceField(mol, properties).CalcEnergy()
    if AllChem.UFFHasAllMoleculeParams(mol):
        return AllChem.UFFGetMoleculeForceField(mol).CalcEnergy()
    return 0.0


def _is_what_was_meant(mol, smiles):
    """Tell whether a conformer has the bonds, no others, and the stereo centres of a SMILES."""
    from ase.data import covalent_radii
    from rdkit import Chem

    positions = mol.GetConformer().GetPositions()
    radii = covalent_radii[[atom.GetAtomicNum() for atom in mol.GetAtoms()]]
    bonded = {frozenset((b.GetBeginAtomIdx(), b.GetEndAtomIdx())) for b in mol.GetBonds()}
    for pair in combinations(range(len(radii)), 2):
        stretch = np.linalg.norm(np.subtract(*positions[list(pair)])) / radii[list(pair)].sum()
        if not (stretch < 1.3 if frozenset(pair) in bonded else stretch > 1.1):
            return False
    found = Chem.Mol(mol)
    Chem.AssignStereochemistryFrom3D(found)
    return found.HasSubstructMatch(Chem.MolFromSmiles(smiles), useChirality=True)


def match_order(mol):
    """Return where the atoms of a molecule stand in the conformer of its canonical SMILES.

    Parameters
    ----------
    mol : rdkit.Chem.Mol
        Hydrogens implicit; ``Chem.MolToSmiles`` has been called on it.

    Returns
    -------
    order : list of int
        For each atom, then for each hydrogen of each atom, the row in what :func:`embed` returns.
    """
    written = list(mol.GetPropsAsDict(True, True)["_smilesAtomOutputOrder"])
    n_hydrogens = [mol.GetAtomWithIdx(i).GetTotalNumHs() for i in written]
    first = len(written) + np.concatenate([[0], np.cumsum(n_hydrogens)])
    place = np.argsort(written).tolist()
    return place + [int(row) for k in place for row in range(first[k], first[k + 1])]
