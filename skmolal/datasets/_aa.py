"""The amino acid data set."""

from pathlib import Path

from skmolal.datasets._bunch import make_bunch
from skmolal.datasets._fetching import RemoteFile, fetch_table, fetcher, get_data_home
from skmolal.datasets._xyz import read_labelled_xyz

_FILES = [
    RemoteFile("data.xyz", "https://zenodo.org/record/5872941/files/data.xyz"),
    RemoteFile("HOMO.txt", "https://zenodo.org/record/5872941/files/HOMO.txt"),
]


@fetcher()
def fetch_aa(
    *,
    target_column="homo",
    data_home=None,
    download_if_missing=True,
    return_X_y=False,
    as_frame=False,
    n_retries=3,
    delay=1.0,
    verbose=False,
):
    """Load the AA data set of amino acid conformers, downloading it if necessary.

    Conformers of amino acids and dipeptides, bare and with a divalent cation [1]_, with the HOMO
    energies that the active learning study [2]_ learned. Conformers of one molecule share its
    formula, so ``groups=bunch.frame["formula"]`` keeps them on one side of a split.

    ==============   ==================================
    Samples                                      44,004
    Target           HOMO energy, real, negative
    ==============   ==================================

    Parameters
    ----------
    target_column : {"homo"}, default="homo"
        The property in `target`; the data set has one.
    %(options)s

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes.

        data : ndarray of shape (n_samples,), dtype object
            The molecules, each an ``ase.Atoms`` with positions in angstrom and its position in
            the published file in ``info["record"]``. A DataFrame with `as_frame`.
        target : ndarray of shape (n_samples,), dtype float64
            The HOMO energy in eV. A Series with `as_frame`.
        frame : DataFrame of shape (n_samples, n_columns)
            The columns ``record``, ``formula``, ``homo`` (eV), and ``comment`` where the published
            file has comments.
        %(names)s

    (data, target) : tuple
        If `return_X_y` is True.

    Raises
    ------
    %(errors)s

    References
    ----------
    .. [1] M. Ropo, M. Schneider, C. Baldauf, V. Blum, Sci. Data 3, 160009 (2016),
       doi:10.1038/sdata.2016.9.
    .. [2] K. Ghosh, M. Todorovic, A. Vehtari, P. Rinke, J. Chem. Phys. 162, 014103 (2025),
       arXiv:2408.11191.

    Examples
    --------
    >>> from skmolal.datasets import fetch_aa
    >>> aa = fetch_aa(verbose=True)  # doctest: +SKIP
    >>> aa.data.shape  # doctest: +SKIP
    (44004,)
    """
    table = fetch_table(
        Path(get_data_home(data_home)) / "aa",
        _FILES,
        read_labelled_xyz,
        download_if_missing=download_if_missing,
        n_retries=n_retries,
        delay=delay,
        verbose=verbose,
    )
    return make_bunch(
        table,
        name="aa",
        info=("record",),
        target_column=target_column,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )
