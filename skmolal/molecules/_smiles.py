"""SMILES as the names of molecules: two records with one canonical SMILES are one molecule."""

__all__ = ["canonical_smiles", "parse_smiles", "quiet_rdkit"]


def quiet_rdkit():
    """Return a context in which RDKit prints no complaints; ours name the record."""
    from rdkit.rdBase import BlockLogs

    return BlockLogs()


def parse_smiles(text):
    """Return the ``rdkit.Chem.Mol`` of a SMILES, hydrogens implicit.

    Raises
    ------
    ValueError
        If there is none; the message is a reason without the record.
    """
    from rdkit import Chem

    if text is None or text != text or (isinstance(text, str) and not text.strip()):
        raise ValueError("no SMILES")
    mol = Chem.MolFromSmiles(text, sanitize=False) if isinstance(text, str) else None
    if mol is None or mol.GetNumAtoms() == 0:
        raise ValueError("cannot be parsed")
    mol = Chem.MolFromSmiles(text)
    if mol is None:
        raise ValueError(f"cannot be parsed: {_find_problem(text)}")
    for atom in mol.GetAtoms() if ":" in text else ():  # numbers of atoms in a reaction
        atom.SetAtomMapNum(0)
    return mol


def canonical_smiles(text):
    """Return RDKit's canonical SMILES, which charges, isotopes and stereo centres are part of."""
    from rdkit import Chem

    return Chem.MolToSmiles(parse_smiles(text))


def _find_problem(text):
    from rdkit import Chem

    problems = Chem.DetectChemistryProblems(Chem.MolFromSmiles(text, sanitize=False))
    return problems[0].Message() if problems else "not a molecule"
