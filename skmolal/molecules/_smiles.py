"""SMILES: arrays of them, and their canonical form, which is the name of a molecule."""

import numpy as np

__all__ = ["as_smiles", "canonical_smiles", "holds_smiles", "parse_smiles", "quiet_rdkit"]


def holds_smiles(X):
    """Tell whether a container with one record in each row holds strings.

    Lists, tuples, arrays and pandas objects of one dimension, or of one column, can; a single
    string is no container.
    """
    return any(isinstance(item, str) for item in _column(X))


def as_smiles(X):
    """Convert SMILES to a 1-D object array of str.

    Parameters
    ----------
    X : array-like of str, shape (n_samples,) or (n_samples, 1)
        A list, array, Series or a DataFrame with one column. Nothing is parsed.

    Returns
    -------
    smiles : ndarray of shape (n_samples,), dtype object
        Always a new array.

    Raises
    ------
    TypeError
        If an element is no str; the message names the first ten.
    """
    items = _column(X)
    wrong = [i for i, item in enumerate(items) if not isinstance(item, str)]
    if wrong:
        named = ", ".join(f"smiles[{i}] is {_describe(items[i])}" for i in wrong[:10])
        more = f" and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        raise TypeError(f"SMILES must be str throughout: {named}{more}")
    smiles = np.empty(len(items), dtype=object)
    smiles[:] = [str(item) for item in items]  # np.str_ becomes str
    return smiles


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


def _column(X):
    """Return the records of a container that may hold strings, else nothing."""
    if hasattr(X, "iloc") and X.ndim == 2:
        if X.shape[1] != 1:
            return ()
        X = X.iloc[:, 0]
    if hasattr(X, "iloc"):
        return X.to_numpy(dtype=object) if X.dtype.kind == "O" else ()
    if isinstance(X, np.ndarray):
        if X.dtype.kind not in "OUT" or X.ndim == 0 or X.shape[1:] not in ((), (1,)):
            return ()
        return X if X.ndim == 1 else X[:, 0]
    return X if isinstance(X, (list, tuple)) else ()


def _describe(item):
    return repr(item) if item is None or isinstance(item, float) else f"a {type(item).__name__}"
