"""Molecules as RDKit's graphs: by SMILES, or with bonds perceived from coordinates."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Integral

from skmolal.descriptors._base import MoleculeTransformer
from skmolal.descriptors._structures import Structures, flatten_molecules
from skmolal.molecules import as_molecules
from skmolal.molecules._smiles import as_smiles, holds_smiles

# Longest bonds, in sums of covalent radii. RDKit's own 1.3 joins atoms across strained rings: it
# fails for 5% of QM9, 1.15 for none. Weak bonds such as F-F are longer.
_REACHES = (1.15, 1.3)


@dataclass(frozen=True)
class Graphs:
    """Molecules, checked, of which graphs can be made one by one."""

    smiles: Sequence  # of str, or None where the atoms are all there is
    structures: Structures | None = None  # None where the SMILES are all there is
    charges: Sequence | None = None  # of int, in elementary charges; None without structures
    first: int = 0  # index of the first molecule among all, for messages

    def __len__(self):
        return len(self.smiles)

    def take(self, rows):
        """Return the molecules of a slice of consecutive rows."""
        return replace(
            self,
            smiles=self.smiles[rows],
            structures=None if self.structures is None else self.structures.take(rows),
            charges=None if self.charges is None else self.charges[rows],
            first=self.first + rows.start,
        )

    def describe(self, block, function):
        """Write ``function(mol)`` into the row of each molecule, hydrogens implicit.

        Returns
        -------
        failures : list of str
            Which molecules have no graph, and why.
        """
        from rdkit.rdBase import BlockLogs

        failures = []
        with BlockLogs():  # RDKit prints its complaints; ours name the molecule
            for i in range(len(self)):
                try:
                    mol = self._make_mol(i)
                except ValueError as error:
                    kind = "smiles" if self.structures is None else "molecules"
                    failures.append(f"{kind}[{self.first + i}]: {error}")
                else:
                    block[i] = function(mol)
        return failures

    def _make_mol(self, i):
        if self.structures is None:
            return _parse(self.smiles[i])
        one = self.structures.take(slice(i, i + 1))
        if self.smiles[i] is None:
            return _perceive(one, self.charges[i])
        return _parse_matching(self.smiles[i], one.numbers)


class GraphTransformer(MoleculeTransformer):
    """Base of the transformers that look at the graph of bonds only, and so take SMILES too."""

    def _read(self, X):
        return read_graphs(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        return tags


def read_graphs(X):
    """Turn molecules, or SMILES, into checked :class:`Graphs`."""
    if isinstance(X, (str, bytes)):
        raise TypeError(
            "molecules must be a sequence of SMILES or of ase.Atoms, got a single "
            f"{type(X).__name__}: pass [smiles] for one molecule"
        )
    if holds_smiles(X):
        return Graphs(as_smiles(X))
    molecules = as_molecules(X)
    structures = flatten_molecules(molecules)
    smiles = [atoms.info.get("smiles") or None for atoms in molecules]
    charges = [atoms.info.get("charge", 0) for atoms in molecules]
    for i, (text, charge) in enumerate(zip(smiles, charges, strict=True)):
        if text is not None and not isinstance(text, str):
            raise ValueError(f"molecules[{i}].info['smiles'] must be a str, got {text!r}")
        if not (
            isinstance(charge, Integral) or (isinstance(charge, float) and charge.is_integer())
        ):
            raise ValueError(f"molecules[{i}].info['charge'] must be an int, got {charge!r}")
    return Graphs(smiles, structures, [int(charge) for charge in charges])


def _parse(text, place=""):
    from rdkit import Chem

    mol = Chem.MolFromSmiles(text)
    if mol is None:
        raise ValueError(f"RDKit cannot parse the SMILES {text!r}{place}")
    if mol.GetNumAtoms() == 0:
        raise ValueError(f"the SMILES {text!r}{place} has no atoms")
    return mol


def _parse_matching(text, numbers):
    mol = _parse(text, " in atoms.info['smiles']")
    # A SMILES that was carried along when the atoms were changed would be silently wrong.
    heavy = Counter(int(z) for z in numbers if z != 1)
    if Counter(atom.GetAtomicNum() for atom in mol.GetAtoms() if atom.GetAtomicNum() != 1) != heavy:
        raise ValueError(
            f"the SMILES {text!r} in atoms.info['smiles'] has other elements than the atoms"
        )
    return mol


def _perceive(one, charge):
    """Find bonds from coordinates, with the shortest reach that leaves no pieces."""
    from rdkit import Chem

    found = problem = None
    for reach in _REACHES:
        try:
            mol = _connect(one, charge, reach)
        except (ValueError, RuntimeError) as error:
            problem = problem or error
            continue
        if len(Chem.GetMolFrags(mol)) == 1:
            return mol
        found = found or mol
    if found is None:
        raise ValueError(
            f"RDKit cannot perceive the bonds of a molecule of charge {charge} "
            f"({str(problem).splitlines()[0]}); give its SMILES in atoms.info['smiles'], or its "
            "charge in atoms.info['charge']"
        ) from problem
    return found


def _connect(one, charge, reach):
    from rdkit import Chem
    from rdkit.Chem import rdDetermineBonds

    mol = Chem.RWMol()
    for number in one.numbers:
        atom = Chem.Atom(int(number))
        atom.SetNoImplicit(True)  # all hydrogens are there
        mol.AddAtom(atom)
    conformer = Chem.Conformer(len(one.numbers))
    for k, position in enumerate(one.positions.tolist()):
        conformer.SetAtomPosition(k, position)
    mol.AddConformer(conformer)
    if len(one.numbers) > 1:  # RDKit adds hydrogens to a lone atom
        rdDetermineBonds.DetermineBonds(mol, charge=charge, useVdw=True, covFactor=reach)
    mol = mol.GetMol()
    Chem.SanitizeMol(mol)
    options = Chem.RemoveHsParameters()
    options.removeDefiningBondStereo = True  # as in a SMILES that leaves C=N-H open
    return Chem.RemoveHs(mol, options)
