"""The OE62 data set and the study's version of it."""

from pathlib import Path

from skmolal.datasets._bunch import make_bunch
from skmolal.datasets._fetching import RemoteFile, fetch_table, fetcher, get_data_home
from skmolal.datasets._oe62_reader import read_oe62
from skmolal.datasets._xyz import read_labelled_xyz

_MEDIATUM = "https://dataserv.ub.tum.de/s/m1507656/download?path=%2F&files="

# version -> (files, reader, columns for atoms.info)
_VERSIONS = {
    "62k": (
        [RemoteFile("df_62k.json", _MEDIATUM + "df_62k.json")],
        read_oe62,
        ("smiles", "refcode_csd"),
    ),
    "5k": (
        [RemoteFile("df_5k.json", _MEDIATUM + "df_5k.json")],
        read_oe62,
        ("smiles", "refcode_csd"),
    ),
    "paper": (
        [
            RemoteFile("data.xyz", "https://zenodo.org/record/4035923/files/data.xyz"),
            RemoteFile("HOMO.txt", "https://zenodo.org/record/4035923/files/HOMO.txt"),
        ],
        read_labelled_xyz,
        ("record",),
    ),
}


@fetcher(version=_VERSIONS)
def fetch_oe62(
    *,
    version="62k",
    target_column="homo",
    data_home=None,
    download_if_missing=True,
    return_X_y=False,
    as_frame=False,
    n_retries=3,
    delay=1.0,
    verbose=False,
):
    """Load the OE62 data set of organic molecules, downloading it if necessary.

    Molecules extracted from organic crystals of the Cambridge Structural Database, with their
    orbital energies [1]_; larger and with more elements than QM9.

    ==============   =================================================
    Samples          61,489; "5k": 5,000; "paper": 64,710
    Elements         16
    Target           HOMO energy, real, negative
    ==============   =================================================

    Parameters
    ----------
    version : {"62k", "5k", "paper"}, default="62k"
        "62k" is the whole public data set [1]_ (a download of 387 MB), "5k" its subset with GW
        energies (51 MB). "paper" are the geometries and labels of the active learning study
        [2]_: another functional (PBE), the HOMO energy only, no SMILES.
    target_column : str, default="homo"
        The property in `target`: one of the columns of `frame` that hold energies. "homo" is the
        HOMO energy at PBE0, in "paper" at PBE.
    %(options)s

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes.

        data : ndarray of shape (n_samples,), dtype object
            The molecules, each an ``ase.Atoms`` with positions in angstrom;
            ``info["refcode_csd"]`` and, where it is known, ``info["smiles"]``, or for "paper"
            ``info["record"]``. A DataFrame with `as_frame`.
        target : ndarray of shape (n_samples,), dtype float64
            The property `target_column` in eV; NaN where it was not computed (never so for
            "homo" in the files as published). A Series with `as_frame`.
        frame : DataFrame of shape (n_samples, n_columns)
            All properties and the SMILES; `DESCR` lists columns and units.
        %(names)s

    (data, target) : tuple
        If `return_X_y` is True.

    Raises
    ------
    %(errors)s

    References
    ----------
    .. [1] A. Stuke et al., Sci. Data 7, 58 (2020), doi:10.1038/s41597-020-0385-y.
    .. [2] K. Ghosh, M. Todorovic, A. Vehtari, P. Rinke, J. Chem. Phys. 162, 014103 (2025),
       arXiv:2408.11191.

    Examples
    --------
    >>> from skmolal.datasets import fetch_oe62
    >>> oe62 = fetch_oe62(version="5k", verbose=True)  # doctest: +SKIP
    >>> oe62.data[0].info["refcode_csd"]  # doctest: +SKIP
    """
    remotes, read, info = _VERSIONS[version]
    table = fetch_table(
        Path(get_data_home(data_home)) / "oe62" / version,
        remotes,
        read,
        download_if_missing=download_if_missing,
        n_retries=n_retries,
        delay=delay,
        verbose=verbose,
    )
    return make_bunch(
        table,
        name="oe62",
        info=info,
        target_column=target_column,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )
