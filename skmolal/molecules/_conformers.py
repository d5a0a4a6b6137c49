"""3-D conformers of SMILES, each a function of the molecule and the seed alone."""

import warnings
from hashlib import sha256

from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions, validate_params

from skmolal.molecules._embedding import embed, match_order
from skmolal.molecules._gate import as_molecules
from skmolal.molecules._relaxation import check_tblite, relax_by_xtb
from skmolal.molecules._smiles import parse_smiles, quiet_rdkit

__all__ = ["embed_smiles", "format_rejected", "molecules_from_smiles"]

CANNOT_EMBED = "cannot be embedded"


@validate_params(
    {
        "random_state": ["random_state"],
        "relax": [StrOptions({"mmff94", "gfn2-xtb"}), None],
        "verbose": ["verbose"],
    },
    prefer_skip_nested_validation=True,
)
def molecules_from_smiles(smiles, random_state=None, *, relax="mmff94", n_jobs=None, verbose=False):
    """Embed one 3-D conformer of each SMILES.

    ETKDGv3 distance geometry by RDKit; where it fails, from random coordinates, without what is
    known of torsions, and without its test of carbons that strained cages flatten. The stereo
    centres that a SMILES names are kept throughout.

    Parameters
    ----------
    smiles : iterable of str, shape (n_samples,)
        SMILES; hydrogens are added.
    random_state : int, RandomState instance or None, default=None
        Seeds the embedding. With an int a conformer is a function of the canonical SMILES alone:
        neither its row nor the other molecules matter, and equal molecules get equal conformers.
    relax : {"mmff94", "gfn2-xtb"} or None, default="mmff94"
        What relaxes the conformers: the force field MMFF94 (UFF for elements that it does not
        know); or MMFF94 and then GFN2-xTB to 0.1 eV/angstrom (extra ``xtb``). None takes them
        as embedded, strained cages aside, which need the force field.
    n_jobs : int, default=None
        Molecules to embed at once, as in joblib: None is 1 unless in a ``parallel_config``. Does
        not change the conformers.
    verbose : bool, default=False
        Whether to show a progress bar over molecules.

    Returns
    -------
    molecules : ndarray of shape (n_samples,), dtype object
        ``ase.Atoms`` with positions in angstrom, the atoms in the order of the SMILES and then
        their hydrogens. ``atoms.info`` holds ``smiles`` as given and, where it is not zero, the
        ``charge`` in elementary charges.

    Raises
    ------
    ImportError
        If `relax` is "gfn2-xtb" and tblite is not installed.
    ValueError
        If a SMILES cannot be parsed, embedded or relaxed; the message names every such record.

    Warns
    -----
    ConvergenceWarning
        If GFN2-xTB does not reach 0.1 eV/angstrom within 200 steps for some molecules.

    Notes
    -----
    The seed of a molecule is a hash of its canonical SMILES and `random_state`. Another version
    of RDKit may write another canonical SMILES and embed differently. The parts of a salt or a
    hydrate are laid side by side before they are relaxed.

    References
    ----------
    .. [1] S. Wang et al., J. Chem. Inf. Model. 60, 2044 (2020), doi:10.1021/acs.jcim.0c00025.
    .. [2] T. A. Halgren, J. Comput. Chem. 17, 490 (1996),
       doi:10.1002/(SICI)1096-987X(199604)17:5/6<490::AID-JCC1>3.0.CO;2-P.
    .. [3] C. Bannwarth, S. Ehlert, S. Grimme, J. Chem. Theory Comput. 15, 1652 (2019),
       doi:10.1021/acs.jctc.8b01176.

    Examples
    --------
    >>> from skmolal import molecules_from_smiles
    >>> water, ethanol = molecules_from_smiles(["O", "CCO"], random_state=0)
    >>> len(water), len(ethanol)
    (3, 9)
    """
    if relax == "gfn2-xtb":
        check_tblite()
    smiles = [smiles] if isinstance(smiles, str) else list(smiles)
    found, reasons = embed_smiles(smiles, random_state, relax, n_jobs, verbose)
    bad = [i for i, reason in enumerate(reasons) if reason]
    if bad:
        records = [(i, None, smiles[i], reasons[i]) for i in bad]
        raise ValueError(format_rejected(records, len(smiles)))
    return as_molecules(found)


def embed_smiles(smiles, random_state=None, relax="mmff94", n_jobs=None, verbose=False):
    """Embed what can be embedded.

    Parameters
    ----------
    smiles : list of str
        SMILES.
    random_state, relax, n_jobs, verbose
        As in :func:`molecules_from_smiles`.

    Returns
    -------
    molecules : list of ase.Atoms or None
        None where there is no conformer.
    reasons : list of str or None
        Why there is none.
    """
    from ase import Atoms
    from rdkit import Chem

    seed = int(check_random_state(random_state).randint(2**31 - 1))
    mols, canonical = [None] * len(smiles), [None] * len(smiles)
    reasons = [None] * len(smiles)
    with quiet_rdkit():
        for i, text in enumerate(smiles):
            try:
                mols[i] = parse_smiles(text)
                canonical[i] = Chem.MolToSmiles(mols[i])
                if any(atom.GetAtomicNum() == 0 for atom in mols[i].GetAtoms()):
                    reasons[i] = f"{CANNOT_EMBED}: an atom is left open (*)"
            except ValueError as error:
                reasons[i] = str(error)
    found = [None] * len(smiles)
    wanted = list(dict.fromkeys(c for c, r in zip(canonical, reasons, strict=True) if r is None))
    seeds = [_seed_of(text, seed) for text in wanted]
    charges = {c: Chem.GetFormalCharge(m) for c, m in zip(canonical, mols, strict=True) if m}
    calls = [(text, s, charges[text], relax) for text, s in zip(wanted, seeds, strict=True)]
    results = dict(zip(wanted, _embed_all(calls, n_jobs, verbose), strict=True))
    slow = []
    for i, (text, mol) in enumerate(zip(canonical, mols, strict=True)):
        if reasons[i] is not None:
            continue
        geometry, remark = results[text]
        if geometry is None:
            reasons[i] = remark
            continue
        if remark:
            slow.append(i)
        rows = match_order(mol)
        found[i] = Atoms(*(array[rows] for array in geometry))
        found[i].info["smiles"] = smiles[i]
        if charges[text]:
            found[i].info["charge"] = charges[text]
    if slow:
        from sklearn.exceptions import ConvergenceWarning

        warnings.warn(
            f"GFN2-xTB did not relax {len(slow)} of {len(smiles)} conformers to 0.1 eV/angstrom: "
            f"records {', '.join(map(str, slow))}",
            ConvergenceWarning,
            stacklevel=3,
        )
    return found, reasons


def format_rejected(records, n_records):
    """Return one sentence that names every record left out.

    Parameters
    ----------
    records : iterable of (record, name, smiles, reason)
        What is left out.
    n_records : int
        How many records there are in all.
    """
    parts = []
    for record, name, smiles, reason in records:
        known = [str(name)] if name is not None and str(name) != str(record) else []
        known += [repr(smiles)] if smiles is not None else []
        parts.append(f"record {record}{f' ({known[-1]})' if known else ''}: {reason}")
    return f"{len(parts)} of {n_records} records cannot be used: {'; '.join(parts)}"


def _seed_of(canonical, seed):
    """Draw the seed of a molecule from what it is; RDKit takes 31 bits."""
    return int.from_bytes(sha256(f"{seed} {canonical}".encode()).digest()[:4], "big") >> 1


def _embed_all(calls, n_jobs, verbose):
    import joblib
    from tqdm.auto import tqdm

    # RDKit computes outside Python's lock; tblite has threads of its own, which would fight.
    prefer = "processes" if calls and calls[0][-1] == "gfn2-xtb" else "threads"
    played = joblib.Parallel(n_jobs=n_jobs, prefer=prefer, return_as="generator")(
        joblib.delayed(_embed_one)(*call) for call in calls
    )
    with quiet_rdkit():  # for all threads at once
        return list(tqdm(played, total=len(calls), desc="conformers", disable=not verbose))


def _embed_one(smiles, seed, charge, relax):
    """Return ``(geometry, remark)``; without a geometry the remark is the reason."""
    geometry = embed(smiles, seed, relax=relax is not None)
    if geometry is None:
        return None, CANNOT_EMBED
    if relax == "gfn2-xtb":
        return relax_by_xtb(*geometry, charge)
    return geometry, None
