"""Molecules with geometries of one's own and labels computed there, shipped with the package."""

from pathlib import Path

from sklearn.utils._param_validation import validate_params

from skmolal.datasets._bunch import make_bunch
from skmolal.datasets._storage import MoleculeTable


@validate_params(
    {"target_column": [str], "return_X_y": ["boolean"], "as_frame": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def load_dft_sample(*, target_column="homo", return_X_y=False, as_frame=False):
    """Load molecules labelled by DFT at geometries made from their SMILES.

    The set that a live campaign makes: of each molecule no more than the SMILES is known. RDKit
    [1]_ embeds a conformer, GFN2-xTB [2]_ relaxes it, and labels are B3LYP/def2-SVP [3]_ single
    points at that geometry by PySCF [4]_; GFN2-xTB's own properties there come with the molecules.
    In QM9, where geometries are those of the labels' own method, nobody could have them before the
    labels. The molecules are a part of :func:`load_qm9_sample` in random order: the first are a
    random sample too. Shipped with the package; nothing is downloaded.

    ==============   ===========================================================
    Elements                                                       H, C, N, O, F
    Targets          energy, HOMO, LUMO, gap and dipole moment (B3LYP/def2-SVP)
    ==============   ===========================================================

    Parameters
    ----------
    target_column : {"energy", "homo", "lumo", "gap", "dipole"}, default="homo"
        The property in `target`.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return `data` as a DataFrame with the one column ``molecule`` and `target` as a Series.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes.

        data : ndarray of shape (n_samples,), dtype object
            The molecules, each an ``ase.Atoms`` with positions in angstrom, ``info["smiles"]``,
            ``info["qm9_index"]`` and GFN2-xTB's properties, ``info["gfn2_homo"]`` and eight
            others, which :class:`~skmolal.descriptors.XTBTransformer` takes from there. A
            DataFrame with `as_frame`.
        target : ndarray of shape (n_samples,), dtype float64
            The property `target_column`: eV, the dipole moment debye. A Series with `as_frame`.
        frame : DataFrame of shape (n_samples, 20)
            ``qm9_index``, ``smiles``; the targets; GFN2-xTB's properties, with the prefix
            ``gfn2_``; processor seconds of the steps ``embed_time``, ``relax_time``, ``xtb_time``
            and ``dft_time``.
        feature_names : list of str
            ``["molecule"]``.
        target_names : list of str
            ``[target_column]``.
        DESCR : str
            Number of molecules, levels of theory, units, licence, recipe and cost of the steps.

    (data, target) : tuple
        If `return_X_y` is True.

    Raises
    ------
    ValueError
        If `target_column` is not a property of the data set.

    See Also
    --------
    load_qm9_sample : More molecules, with geometries and labels of QM9.

    References
    ----------
    .. [1] S. Wang et al., J. Chem. Inf. Model. 60, 2044 (2020), doi:10.1021/acs.jcim.0c00025.
    .. [2] C. Bannwarth, S. Ehlert, S. Grimme, J. Chem. Theory Comput. 15, 1652 (2019),
       doi:10.1021/acs.jctc.8b01176.
    .. [3] F. Weigend, R. Ahlrichs, Phys. Chem. Chem. Phys. 7, 3297 (2005),
       doi:10.1039/b508541a.
    .. [4] Q. Sun et al., J. Chem. Phys. 153, 024109 (2020), doi:10.1063/5.0006074.

    Examples
    --------
    >>> from skmolal.datasets import load_dft_sample
    >>> sample = load_dft_sample()
    >>> atoms = sample.data[0]
    >>> atoms.info["smiles"]
    'CC12CCC1OC2=O'
    >>> print(f"DFT {sample.target[0]:.2f} eV, GFN2-xTB {atoms.info['gfn2_homo']:.2f} eV")
    DFT -7.43 eV, GFN2-xTB -11.24 eV
    """
    table = MoleculeTable.load(Path(__file__).parent / "data" / "dft_sample.npz")
    columns = [name for name in table.columns if name.startswith("gfn2_")]
    return make_bunch(
        table,
        name="dft_sample",
        info=("smiles", "qm9_index", *columns),
        target_column=target_column,
        return_X_y=return_X_y,
        as_frame=as_frame,
        targets=["energy", "homo", "lumo", "gap", "dipole"],
    )
