"""The amino acid conformers shipped with the package."""

from pathlib import Path

import numpy as np
from sklearn.utils._param_validation import validate_params

from skmolal.datasets._bunch import make_bunch
from skmolal.datasets._storage import MoleculeTable


@validate_params(
    {"target_column": [str], "return_X_y": ["boolean"], "as_frame": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def load_amino_acids(*, target_column="homo", return_X_y=False, as_frame=False):
    """Load amino acid conformers with their frontier orbital energies.

    Conformers of the twenty proteinogenic amino acids, free and capped, bare and with a calcium
    ion: the recipe of a larger set at density functional level [1]_, with force field geometries
    [2]_ and GFN2-xTB labels [3]_. The HOMO energy has two peaks, one of the bare molecules and one
    of those with the ion, and most conformers have near neighbours among those of the same
    molecule. Shipped with the package, in random order; nothing is downloaded.

    ==============   ======================================
    Samples                                           8,043
    Molecules                                            40
    Elements                              H, C, N, O, S, Ca
    Atoms each                                     10 to 37
    Targets          HOMO, LUMO and total energy (GFN2-xTB)
    ==============   ======================================

    Parameters
    ----------
    target_column : {"homo", "lumo", "energy"}, default="homo"
        The property in `target`.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return `data` as a DataFrame with the one column ``molecule`` and `target` as a Series.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes.

        data : ndarray of shape (8043,), dtype object
            The conformers, each an ``ase.Atoms`` with positions in angstrom and
            ``info["molecule"]``, ``info["smiles"]`` and ``info["charge"]``. A DataFrame with
            `as_frame`.
        target : ndarray of shape (8043,), dtype float64
            The property `target_column`, in eV. A Series with `as_frame`.
        groups : ndarray of shape (8043,), dtype str
            The name of the molecule, such as ``"Ala"`` or ``"Ac-Ala-NHMe"``, for splitters that
            keep the conformers of a molecule together, with and without the ion.
        frame : DataFrame of shape (8043, 8)
            The columns ``molecule``, ``residue``, ``smiles``, ``charge`` (2 with the ion, else
            0), ``attempt``, ``homo``, ``lumo`` and ``energy`` (eV).
        feature_names : list of str
            ``["molecule"]``.
        target_names : list of str
            ``[target_column]``.
        DESCR : str
            Level of theory, units, licence, recipe and distribution of the set.

    (data, target) : tuple
        If `return_X_y` is True.

    Raises
    ------
    ValueError
        If `target_column` is not a property of the data set.

    References
    ----------
    .. [1] M. Ropo, M. Schneider, C. Baldauf, V. Blum, Sci. Data 3, 160009 (2016),
       doi:10.1038/sdata.2016.9.
    .. [2] T. A. Halgren, J. Comput. Chem. 17, 490 (1996),
       doi:10.1002/(SICI)1096-987X(199604)17:5/6<490::AID-JCC1>3.0.CO;2-P.
    .. [3] C. Bannwarth, S. Ehlert, S. Grimme, J. Chem. Theory Comput. 15, 1652 (2019),
       doi:10.1021/acs.jctc.8b01176.

    Examples
    --------
    >>> from skmolal.datasets import load_amino_acids
    >>> amino_acids = load_amino_acids()
    >>> amino_acids.data.shape, amino_acids.target.shape
    ((8043,), (8043,))
    >>> len(set(amino_acids.groups))
    40
    >>> with_ion = amino_acids.frame["charge"] == 2
    >>> print(f"{amino_acids.target[~with_ion].mean():.1f} eV")
    -10.1 eV
    >>> print(f"{amino_acids.target[with_ion].mean():.1f} eV")
    -18.6 eV
    """
    table = MoleculeTable.load(Path(__file__).parent / "data" / "amino_acids.npz")
    bunch = make_bunch(
        table,
        name="amino_acids",
        info=("molecule", "smiles", "charge"),
        target_column=target_column,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )
    if not return_X_y:
        bunch["groups"] = np.array(table.columns["molecule"])
    return bunch
