"""The QM9 data set."""

from pathlib import Path

from skmolal.datasets._bunch import make_bunch
from skmolal.datasets._fetching import (
    RemoteFile,
    cached_table,
    fetch_table,
    fetcher,
    get_data_home,
)
from skmolal.datasets._qm9_readers import find_qm9pack, read_qm9_archive, read_qm9pack
from skmolal.datasets._xyz import read_labelled_xyz

# version -> (files, reader, columns for atoms.info)
_VERSIONS = {
    "b3lyp": (
        [
            RemoteFile(
                "dsgdb9nsd.xyz.tar.bz2",
                "https://ndownloader.figshare.com/files/3195389",
                "md5:ad1ebd51ee7f5b3a6e32e974e5d54012",
            ),
            RemoteFile(
                "uncharacterized.txt",
                "https://ndownloader.figshare.com/files/3195404",
                "md5:a361887bacb427b8a0ce7903d92a53b4",
            ),
        ],
        read_qm9_archive,
        ("smiles", "qm9_index"),
    ),
    "paper": (
        [
            RemoteFile("data.xyz", "https://zenodo.org/record/4035918/files/data.xyz"),
            RemoteFile("HOMO.txt", "https://zenodo.org/record/4035918/files/HOMO.txt"),
        ],
        read_labelled_xyz,
        ("record",),
    ),
}


@fetcher(version=_VERSIONS)
def fetch_qm9(
    *,
    version="b3lyp",
    target_column="homo",
    data_home=None,
    download_if_missing=True,
    return_X_y=False,
    as_frame=False,
    n_retries=3,
    delay=1.0,
    verbose=False,
):
    """Load the QM9 data set, downloading it if necessary.

    Small organic molecules of up to nine heavy atoms with their computed properties [1]_. If the
    PyPI package ``qm9pack`` is installed (``python -m pip install qm9pack``), the molecules come
    from it and nothing is downloaded; else from the authors' archive in `data_home`, which is
    downloaded if it is not there (86 MB). The parsed molecules are kept in `data_home`.

    ==============   ==================================
    Samples          130,831; version "paper": 133,814
    Elements         H, C, N, O, F
    Target           HOMO energy, real, negative
    ==============   ==================================

    Parameters
    ----------
    version : {"b3lyp", "paper"}, default="b3lyp"
        "b3lyp" is the original [1]_ without the 3,054 molecules that failed its authors'
        consistency check, in the order of the QM9 index. "paper" are the geometries and labels of
        the active learning study [2]_: another functional (PBE), the HOMO energy only, no SMILES;
        never taken from ``qm9pack``.
    target_column : str, default="homo"
        The property in `target`: one of the numeric columns of `frame` but ``qm9_index`` and
        ``record``.
    %(options)s

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes.

        data : ndarray of shape (n_samples,), dtype object
            The molecules, each an ``ase.Atoms`` with positions in angstrom;
            ``info["smiles"]`` and ``info["qm9_index"]``, or for "paper" ``info["record"]``. A
            DataFrame with `as_frame`.
        target : ndarray of shape (n_samples,), dtype float64
            The property `target_column`; energies are in eV. A Series with `as_frame`.
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
    .. [1] R. Ramakrishnan, P. O. Dral, M. Rupp, O. A. von Lilienfeld, Sci. Data 1, 140022
       (2014), doi:10.1038/sdata.2014.22.
    .. [2] K. Ghosh, M. Todorovic, A. Vehtari, P. Rinke, J. Chem. Phys. 162, 014103 (2025),
       arXiv:2408.11191.

    Examples
    --------
    >>> from skmolal.datasets import fetch_qm9
    >>> qm9 = fetch_qm9(verbose=True)  # doctest: +SKIP
    >>> qm9.data.shape  # doctest: +SKIP
    (130831,)
    """
    remotes, read, info = _VERSIONS[version]
    folder = Path(get_data_home(data_home)) / "qm9" / version
    installed = find_qm9pack() if version == "b3lyp" else []
    if installed:
        table = cached_table(
            folder / "qm9pack.npz",
            installed,
            lambda: read_qm9pack(installed, verbose=verbose),
        )
    else:
        table = fetch_table(
            folder,
            remotes,
            read,
            download_if_missing=download_if_missing,
            n_retries=n_retries,
            delay=delay,
            verbose=verbose,
        )
    return make_bunch(
        table,
        name="qm9",
        info=info,
        target_column=target_column,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )
