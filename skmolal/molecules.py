"""What a molecule array is, and how to read, make and check one.

Everything in skmolal that takes molecules passes them through :func:`as_molecules`, so a molecule
array is always the same thing: a 1-D object array of :class:`ase.Atoms` that is quickly pickled.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from sklearn.utils import check_random_state

from skmolal._molecule_array import MoleculeArray

__all__ = ["as_molecules", "molecules_from_smiles", "read_molecules"]


def as_molecules(X):
    """Convert molecules to a 1-D object array of ``ase.Atoms``.

    ``np.array(list_of_atoms)`` builds a 2-D array of single atoms when all molecules have the
    same size; this function never does.

    Parameters
    ----------
    X : iterable of ase.Atoms, shape (n_samples,)
        A list, tuple, generator, pandas Series, object array of shape (n_samples,) or
        (n_samples, 1), or a DataFrame with one column.

    Returns
    -------
    molecules : ndarray of shape (n_samples,), dtype object
        The same ``ase.Atoms`` objects, not copies. What this function has returned is returned
        as it is; of another object array of molecules the result is a view.

    Raises
    ------
    TypeError
        If `X` is a single ``Atoms``, is not iterable, or an element is not an ``Atoms``.
    ValueError
        If `X` has more than one column.

    Notes
    -----
    The array is a subclass of ``numpy.ndarray`` that is pickled as a few flat arrays. So it is
    sent to other processes fast, and ``Pipeline(memory=folder)`` hashes 10,000 molecules in
    well under a second, against seconds for a list or a plain object array: pass molecules
    through this function first. Molecules with more than numbers, positions, cell, boundary
    conditions and info (tags, momenta, constraints, a calculator with results) lose nothing,
    but are pickled one by one.

    ``Pipeline(memory=folder)`` and :class:`joblib.Memory` unpickle what they find in their
    folder, and unpickling can run any code. Give them a folder that only you can write to, never
    one that was downloaded or is shared. The checkpoints and data files of skmolal are not
    pickled.

    Examples
    --------
    >>> from ase import Atoms
    >>> from skmolal import as_molecules
    >>> as_molecules([Atoms("CO"), Atoms("N2")]).shape
    (2,)
    """
    from ase import Atoms

    if isinstance(X, Atoms):
        raise TypeError(
            "molecules must be a sequence of ase.Atoms, got a single Atoms object: "
            "pass [atoms] for one molecule"
        )
    if isinstance(X, (str, bytes)) or not (isinstance(X, Iterable) or hasattr(X, "__array__")):
        raise TypeError(f"molecules must be a sequence of ase.Atoms, got {type(X).__name__}")
    if hasattr(X, "iloc"):  # pandas: by position, whatever the index
        X = X.to_numpy(dtype=object)
    if isinstance(X, np.ndarray):
        if X.ndim == 2 and X.shape[1] == 1:
            X = X[:, 0]
        if X.ndim != 1:
            raise ValueError(
                "molecules must be 1-D, one ase.Atoms per sample, got an array of shape "
                f"{X.shape}; build it with skmolal.as_molecules(list_of_atoms)"
            )
        molecules = X if X.dtype == object else X.astype(object)
        if not isinstance(molecules, MoleculeArray):
            molecules = molecules.view(MoleculeArray)
    else:
        items = list(X)
        molecules = np.empty(len(items), dtype=object).view(MoleculeArray)
        for i, item in enumerate(items):
            molecules[i] = item
    for i, atoms in enumerate(molecules):
        if not isinstance(atoms, Atoms):
            raise TypeError(f"molecules[{i}] must be an ase.Atoms, got {type(atoms).__name__}")
    return molecules


def read_molecules(path, index=":", *, smiles_column=None, random_state=None):
    """Read molecules from a file.

    Parameters
    ----------
    path : str or path-like
        Any format that ASE reads (extxyz, xyz, db, json, cif, ...), or a ``.csv`` file with a
        column of SMILES, for which one 3-D conformer each is embedded (needs the extra
        ``rdkit``).
    index : str, int or slice, default=":"
        Which records to read, as in :func:`ase.io.read`; ":" is all of them. An int still gives
        an array, of one molecule.
    smiles_column : str, default=None
        Name of the SMILES column of a CSV file. By default the column called ``smiles`` in any
        capitalisation.
    random_state : int, RandomState instance or None, default=None
        Seeds the conformers of a CSV file. Ignored for files with coordinates.

    Returns
    -------
    molecules : ndarray of shape (n_samples,), dtype object
        Positions in angstrom. The remaining columns of a CSV file are in ``atoms.info``; a file
        of another format fills ``atoms.info`` as ASE does.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file cannot be read or holds no molecule; the message names the file, and for a
        CSV the record.

    Examples
    --------
    >>> import tempfile, os
    >>> from ase import Atoms
    >>> from ase.io import write
    >>> from skmolal import read_molecules
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "pool.extxyz")
    ...     write(path, [Atoms("CO", [[0, 0, 0], [0, 0, 1.1]])] * 3)
    ...     read_molecules(path).shape
    (3,)
    """
    from ase.io import read

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    if path.suffix.lower() == ".csv":
        return _read_smiles_csv(path, index, smiles_column, random_state)
    if path.suffix.lower() in {".pkl", ".pickle", ".traj.pickle"}:
        raise ValueError(f"{path}: pickled molecules are never read; convert them to extxyz")
    try:
        found = read(path, index=index)
    except Exception as error:  # ASE's readers raise anything, from StopIteration to KeyError
        raise ValueError(
            f"{path}: ASE could not read molecules from this file: {type(error).__name__}: {error}"
        ) from error
    molecules = as_molecules(found if isinstance(found, list) else [found])
    if len(molecules) == 0:
        raise ValueError(f"{path}: the file holds no molecule")
    return molecules


def _read_smiles_csv(path, index, smiles_column, random_state):
    import pandas as pd
    from ase.io.formats import string2index

    try:
        table = pd.read_csv(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a CSV table: {error}") from error
    if smiles_column is None:
        named = [name for name in table.columns if str(name).strip().lower() == "smiles"]
        if len(named) != 1:
            raise ValueError(
                f"{path}: expected one column named 'smiles', got columns "
                f"{[str(name) for name in table.columns]}; name it with smiles_column="
            )
        smiles_column = named[0]
    elif smiles_column not in table.columns:
        raise ValueError(
            f"{path}: smiles_column={smiles_column!r} is not among the columns "
            f"{[str(name) for name in table.columns]}"
        )
    selection = string2index(index) if isinstance(index, str) else index
    if not isinstance(selection, slice):
        selection = slice(selection, None if selection == -1 else selection + 1)
    table = table.iloc[selection]
    if len(table) == 0:
        raise ValueError(f"{path}: the file holds no molecule")
    smiles = table[smiles_column]
    if smiles.isna().any():
        raise ValueError(f"{path}: record {smiles.index[smiles.isna()][0]} has no SMILES")
    try:
        molecules = molecules_from_smiles(smiles.astype(str), random_state=random_state)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    others = table.drop(columns=smiles_column)
    for atoms, record in zip(molecules, others.to_dict("records"), strict=True):
        atoms.info.update(record)
    return molecules


def molecules_from_smiles(smiles, random_state=None):
    """Embed one 3-D conformer of each SMILES.

    ETKDGv3 distance geometry followed by an MMFF94 relaxation (UFF for elements that MMFF94 does
    not know), by RDKit.

    Parameters
    ----------
    smiles : iterable of str, shape (n_samples,)
        SMILES; hydrogens are added.
    random_state : int, RandomState instance or None, default=None
        Seeds the embedding. Each molecule has a seed of its own, so a conformer depends on its
        position in `smiles` and not on the other molecules.

    Returns
    -------
    molecules : ndarray of shape (n_samples,), dtype object
        ``ase.Atoms`` with positions in angstrom and the SMILES in ``atoms.info["smiles"]``.

    Raises
    ------
    ImportError
        If RDKit is not installed.
    ValueError
        If a SMILES cannot be parsed or embedded; the message names the record.

    References
    ----------
    .. [1] S. Wang et al., J. Chem. Inf. Model. 60, 2044 (2020), doi:10.1021/acs.jcim.0c00025.
    .. [2] T. A. Halgren, J. Comput. Chem. 17, 490 (1996),
       doi:10.1002/(SICI)1096-987X(199604)17:5/6<490::AID-JCC1>3.0.CO;2-P.

    Examples
    --------
    >>> from skmolal import molecules_from_smiles
    >>> water, ethanol = molecules_from_smiles(["O", "CCO"], random_state=0)
    >>> len(water), len(ethanol)
    (3, 9)
    """
    try:
        from rdkit import Chem
        from rdkit.Chem import AllChem
        from rdkit.rdBase import BlockLogs
    except ImportError as error:
        raise ImportError(
            'molecules_from_smiles needs RDKit: python -m pip install "skmolal[rdkit]"'
        ) from error
    from ase import Atoms

    smiles = [smiles] if isinstance(smiles, str) else list(smiles)
    seeds = check_random_state(random_state).randint(2**31 - 1, size=len(smiles))
    molecules = []
    for i, (text, seed) in enumerate(zip(smiles, seeds, strict=True)):
        with BlockLogs():  # RDKit prints its complaints; ours name the record
            mol = Chem.MolFromSmiles(text) if isinstance(text, str) else None
            if mol is None or mol.GetNumAtoms() == 0:
                raise ValueError(f"record {i}: RDKit cannot parse the SMILES {text!r}")
            mol = Chem.AddHs(mol)
            options = AllChem.ETKDGv3()
            options.randomSeed = int(seed)
            if AllChem.EmbedMolecule(mol, options) != 0:
                options.useRandomCoords = True  # the remedy RDKit names for crowded molecules
                if AllChem.EmbedMolecule(mol, options) != 0:
                    raise ValueError(f"record {i}: RDKit cannot embed the SMILES {text!r} in 3-D")
            if AllChem.MMFFHasAllMoleculeParams(mol):
                AllChem.MMFFOptimizeMolecule(mol, maxIters=2000)
            elif AllChem.UFFHasAllMoleculeParams(mol):
                AllChem.UFFOptimizeMolecule(mol, maxIters=2000)
        atoms = Atoms(
            numbers=[atom.GetAtomicNum() for atom in mol.GetAtoms()],
            positions=mol.GetConformer().GetPositions(),
        )
        atoms.info["smiles"] = text
        molecules.append(atoms)
    return as_molecules(molecules)
