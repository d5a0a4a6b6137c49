"""Docking scores of ten thousand SMILES."""

from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skmolal.datasets._bunch import load_descr
from skmolal.datasets._fetching import RemoteFile, fetch_file, fetcher, get_data_home

_FILE = RemoteFile(
    "Enamine10k_scores.csv.gz",
    "https://raw.githubusercontent.com/coleygroup/molpal/"
    "a403233919b7216ab0b41a625bdf28cd8661086e/data/Enamine10k_scores.csv.gz",
    "sha256:8c6b43d80a7cbc4f4beea4dbfee1355b3c040950a39cd58324b3a1162771619e",
)


@fetcher()
def fetch_enamine10k(
    *,
    data_home=None,
    download_if_missing=True,
    return_X_y=False,
    as_frame=False,
    n_retries=3,
    delay=1.0,
    verbose=False,
):
    """Load SMILES with docking scores, downloading them if necessary.

    The smallest library of MolPAL [1]_: 10,449 molecules of Enamine's Discovery Diversity Set,
    docked to a kinase. Lower scores are better. There are no coordinates: use descriptors of
    graphs, such as fingerprints.

    ==============   =========================================
    Samples          10,449, sorted by score
    Target           docking score in kcal/mol, real, negative
    ==============   =========================================

    Parameters
    ----------
    data_home : str or path-like, default=None
        The folder for the download (0.2 MB); see :func:`get_data_home`. A file that lies there
        already, ``enamine10k/Enamine10k_scores.csv.gz``, is read.
    download_if_missing : bool, default=True
        If False, raise OSError where a download would be needed.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return `data` as a DataFrame with the one column ``smiles`` and `target` as a Series.
    n_retries : int, default=3
        How often a download is tried again after a failure that may heal.
    delay : float, default=1.0
        Seconds before the first new try; the wait doubles each time.
    verbose : bool, default=False
        Show progress.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes.

        data : ndarray of shape (n_samples,), dtype object
            The SMILES, in the order of the file, best first: shuffle them where ties are broken
            by position. A DataFrame with `as_frame`.
        target : ndarray of shape (n_samples,), dtype float64
            The docking scores, with one decimal. A Series with `as_frame`.
        frame : DataFrame of shape (n_samples, 2)
            ``smiles`` and ``score``.
        feature_names : list of str
            ``["smiles"]``.
        target_names : list of str
            ``["score"]``.
        DESCR : str
            What was docked, licence and sources.

    (data, target) : tuple
        If `return_X_y` is True.

    Raises
    ------
    OSError
        If the file is missing and cannot be or may not be downloaded.
    ValueError
        If the file is malformed; the message names file and record (counted from 0).

    References
    ----------
    .. [1] D. E. Graff, E. I. Shakhnovich and C. W. Coley, "Accelerating high-throughput virtual
       screening through molecular pool-based active learning", Chem. Sci. 12, 7866 (2021),
       doi:10.1039/D0SC06805E.

    Examples
    --------
    >>> from skmolal.datasets import fetch_enamine10k
    >>> smiles, score = fetch_enamine10k(return_X_y=True)  # doctest: +SKIP
    >>> len(smiles), score.min()  # doctest: +SKIP
    (10449, -9.9)
    """
    path = fetch_file(
        _FILE,
        Path(get_data_home(data_home)) / "enamine10k",
        download_if_missing=download_if_missing,
        n_retries=n_retries,
        delay=delay,
        verbose=verbose,
    )
    frame = _read(path)
    data, target = frame["smiles"].to_numpy(dtype=object), frame["score"].to_numpy()
    if as_frame:
        data, target = frame[["smiles"]], frame["score"]
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=["smiles"],
        target_names=["score"],
        DESCR=load_descr("enamine10k"),
    )


def _read(path):
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, usecols=["smiles", "score"])
    except (OSError, EOFError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    score = pd.to_numeric(table["score"], errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(score) | (table["smiles"] == "").to_numpy())
    if len(wrong):
        row = table.iloc[wrong[0]]
        raise ValueError(
            f"{path}: record {wrong[0]} must have a SMILES and a finite score, got "
            f"{row['smiles']!r} and {row['score']!r}"
        )
    return pd.DataFrame({"smiles": table["smiles"].astype(object), "score": score})
