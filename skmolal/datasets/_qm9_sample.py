"""The molecules shipped with the package."""

from dataclasses import replace
from pathlib import Path

from sklearn.utils._param_validation import validate_params

from skmolal.datasets._bunch import make_bunch
from skmolal.datasets._columns import load_columns
from skmolal.datasets._storage import MoleculeTable


@validate_params(
    {
        "target_column": [str],
        "xtb": ["boolean"],
        "return_X_y": ["boolean"],
        "as_frame": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def load_qm9_sample(*, target_column="homo", xtb=False, return_X_y=False, as_frame=False):
    """Load 5,000 molecules of QM9 with their frontier orbital energies.

    A uniform random sample without replacement from the 130,831 characterised molecules of QM9
    [1]_, in random order: the first molecules are a random sample too. Shipped with the package;
    nothing is downloaded.

    ==============   ============================
    Samples                                 5,000
    Elements                        H, C, N, O, F
    Atoms each                            4 to 29
    Targets          HOMO and LUMO energy (B3LYP)
    ==============   ============================

    Parameters
    ----------
    target_column : {"homo", "lumo"}, default="homo"
        The property in `target`.
    xtb : bool, default=False
        Whether the molecules' ``info`` and the frame also hold what GFN2-xTB [2]_ says at these
        geometries: ``gfn2_homo`` and eight others, as
        :class:`~skmolal.descriptors.XTBTransformer` takes them; it then calculates nothing and
        needs no tblite.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return `data` as a DataFrame with the one column ``molecule`` and `target` as a Series.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes.

        data : ndarray of shape (5000,), dtype object
            The molecules, each an ``ase.Atoms`` with positions in angstrom,
            ``info["smiles"]`` and ``info["qm9_index"]``; with `xtb` also the ``gfn2_`` columns. A
            DataFrame with `as_frame`.
        target : ndarray of shape (5000,), dtype float64
            The property `target_column`, in eV. A Series with `as_frame`.
        frame : DataFrame of shape (5000, 4), or (5000, 13) with `xtb`
            The columns ``qm9_index``, ``smiles``, ``homo`` (eV) and ``lumo`` (eV); with `xtb`
            also ``gfn2_homo``, ``gfn2_lumo``, ``gfn2_gap``, ``gfn2_energy``,
            ``gfn2_homo_minus_1``, ``gfn2_lumo_plus_1`` (eV), ``gfn2_dipole`` (debye),
            ``gfn2_charge_min`` and ``gfn2_charge_max`` (e).
        feature_names : list of str
            ``["molecule"]``.
        target_names : list of str
            ``[target_column]``.
        DESCR : str
            Level of theory, units, licence and the recipe of the sample.

    (data, target) : tuple
        If `return_X_y` is True.

    Raises
    ------
    ValueError
        If `target_column` is not a property of the data set.

    References
    ----------
    .. [1] R. Ramakrishnan, P. O. Dral, M. Rupp, O. A. von Lilienfeld, Sci. Data 1, 140022
       (2014), doi:10.1038/sdata.2014.22.
    .. [2] C. Bannwarth, S. Ehlert, S. Grimme, J. Chem. Theory Comput. 15, 1652 (2019),
       doi:10.1021/acs.jctc.8b01176.

    Examples
    --------
    >>> from skmolal.datasets import load_qm9_sample
    >>> qm9 = load_qm9_sample()
    >>> qm9.data.shape, qm9.target.shape
    ((5000,), (5000,))
    >>> qm9.data[0].info["smiles"]
    'COCC(CO)NC=O'
    >>> print(f"{qm9.target.mean():.2f} eV")
    -6.54 eV
    >>> molecules = load_qm9_sample(xtb=True).data
    >>> print(f"{molecules[0].info['gfn2_homo']:.2f} eV")
    -10.88 eV
    """
    folder = Path(__file__).parent / "data"
    table = MoleculeTable.load(folder / "qm9_sample.npz")
    columns = load_columns(folder / "qm9_sample_gfn2.npz") if xtb else {}
    return make_bunch(
        replace(table, columns=table.columns | columns),
        name="qm9_sample",
        info=("smiles", "qm9_index", *columns),
        target_column=target_column,
        return_X_y=return_X_y,
        as_frame=as_frame,
        targets=["homo", "lumo"],
    )
