"""Describing a library: read, described in parallel, stored block by block."""

from itertools import islice
from numbers import Integral
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.utils import get_tags
from tqdm.auto import tqdm

from skmolal.active_learning._model import alone, describe_estimator
from skmolal.library._library import Library
from skmolal.library._reader import find_files, read_files
from skmolal.library._store import Store, pays_to_pack

__all__ = ["describe_library"]

_PART = 1000  # molecules that a worker describes at a time
# Molecules as those of libraries are, by whose fingerprints it is decided how all are kept:
# ibuprofen, caffeine, sulfamethoxazole, lidocaine.
_TYPICAL = [
    "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "Cc1cc(no1)NS(=O)(=O)c1ccc(N)cc1",
    "CCN(CC)CC(=O)Nc1c(C)cccc1C",
]


def describe_library(
    files,
    transformer,
    folder,
    *,
    smiles_column=None,
    name_column=None,
    block_size=50_000,
    n_jobs=None,
    verbose=False,
):
    """Describe the molecules of SMILES files, once, and keep the features on disk.

    Files are read record by record and described in parallel, so memory does not grow with the
    library. Called again after a kill it goes on behind the last finished block; of a complete
    library nothing is computed. Records that cannot be described are left out, see
    :meth:`Library.rejected`.

    Parameters
    ----------
    files : path, str with wildcards, or sequence of paths
        SMILES files (a SMILES and, if it has one, a name on each line) and tables with commas
        or tabs, compressed by gzip or xz or not. Equal molecules are kept apart.
    transformer : transformer
        Of SMILES, such as :class:`~skmolal.descriptors.MorganFingerprintTransformer`. It learns
        nothing from molecules; its ``n_jobs`` is not used.
    folder : path-like
        Where the library is kept.
    smiles_column, name_column : str, default=None
        Columns of tables; None is "smiles", and "id" or "name" if there is one.
    block_size : int, default=50_000
        Records of a block: what a kill costs at most.
    n_jobs : int, default=None
        Worker processes, as in joblib.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    library : Library
        The whole library.

    Raises
    ------
    TypeError
        If the transformer does not take SMILES.
    ValueError
        If a file cannot be read, sparse features are no counts, those of a transformer with
        ``counts=False`` no bits, no record can be described, or `folder` holds a library of other
        files or of another transformer.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skmolal.descriptors import MorganFingerprintTransformer
    >>> from skmolal.library import describe_library
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "few.smi").write_text("CCO ethanol\\nno_smiles\\nCC ethane\\n")
    ...     library = describe_library(f"{folder}/few.smi", MorganFingerprintTransformer(),
    ...                                f"{folder}/few.library")
    ...     print(library.shape, library.smiles([0, 1]), len(library.rejected()))
    (2, 2048) ['CCO' 'CC'] 1
    """
    if isinstance(block_size, bool) or not isinstance(block_size, Integral) or block_size < 1:
        raise ValueError(f"block_size must be an integer of at least 1, got {block_size!r}")
    if not get_tags(transformer).input_tags.string:
        raise TypeError(
            "transformer must take SMILES, as MorganFingerprintTransformer does, got "
            f"{type(transformer).__name__}"
        )
    paths = find_files(files)
    transformer = alone(transformer).fit(["C"])
    features = transformer.transform(["C"])
    header = {
        "transformer": describe_estimator(transformer),
        "n_features": features.shape[1],
        "sparse": bool(sparse.issparse(features)),
        "files": [{"name": path.name, "bytes": path.stat().st_size} for path in paths],
        "columns": [smiles_column, name_column],
    }
    store = Store(Path(folder))
    if store.header is None:
        store.begin({**header, "packed": _holds_many_bits(transformer)})
    for key, value in header.items():
        if store.header[key] != value:
            raise ValueError(
                f"folder: {folder} holds a library with {key} {store.header[key]!r}, not {value!r}"
            )
    if not store.complete:
        records = read_files(paths, smiles_column, name_column)
        _describe_rest(store, records, transformer, block_size, n_jobs, verbose)
    if store.last["n_rows"] == 0:
        raise ValueError(
            f"files: none of {store.last['n_read']:,} records can be described, see "
            f"{store.path('rejected')}"
        )
    return Library(folder)


def _holds_many_bits(transformer):
    """Tell whether a transformer makes bits, and so many that they are kept packed."""
    if getattr(transformer, "counts", True):
        return False
    typical = transformer.transform(_TYPICAL)
    values = typical.data if sparse.issparse(typical) else typical
    return bool(pays_to_pack(typical) and np.isin(values, (0, 1)).all())


def _describe_rest(store, records, transformer, block_size, n_jobs, verbose):
    """Describe what is not described yet."""
    from joblib import Parallel, delayed

    n_read = store.last["n_read"]
    for _ in islice(records, n_read):  # those of finished blocks
        pass
    with (
        store.open_for_append() as appender,
        Parallel(n_jobs=n_jobs, return_as="generator") as parallel,
        tqdm(initial=n_read, unit="molecule", disable=not verbose, desc="library") as bar,
    ):
        block = list(islice(records, block_size))
        while True:
            following = list(islice(records, block_size))
            features, described, rejected = [], [], []
            parts = [block[k : k + _PART] for k in range(0, len(block), _PART)]
            for part, answer in zip(
                parts,
                parallel(delayed(_describe)(transformer, part) for part in parts),
                strict=True,
            ):
                rows, failures = answer
                described += [r for k, r in enumerate(part) if k not in failures]
                rejected += [(part[k], reason) for k, reason in failures.items()]
                if rows is not None:
                    features.append(rows)
                bar.update(len(part))
            n_read += len(block)
            stacked = None
            if features:
                stacked = (
                    sparse.vstack(features, "csr")
                    if store.header["sparse"]
                    else np.vstack(features)
                )
            appender.append(stacked, described, rejected, n_read, complete=not following)
            if not following:
                return
            block = following


def _describe(transformer, records):
    """Describe some records; those that fail are tried one by one.

    Returns
    -------
    features : csr_matrix or ndarray or None
        Of those that did not fail.
    failures : dict of int to str
        Which have failed, and why.
    """
    smiles = [record.smiles for record in records]
    try:
        return _check(transformer.transform(smiles)), {}
    except ValueError:
        features, failures = [], {}
    for k, text in enumerate(smiles):
        try:
            features.append(_check(transformer.transform([text])))
        except ValueError as error:
            failures[k] = str(error).partition("]: ")[2] or str(error)
    if not features:
        return None, failures
    stack = sparse.vstack if sparse.issparse(features[0]) else np.vstack
    return stack(features), failures


def _check(features):
    """Refuse what the store cannot hold."""
    data = features.data if sparse.issparse(features) else features
    if not np.isfinite(data).all():
        raise ValueError("its features are not finite")
    if sparse.issparse(features) and not (
        np.array_equal(data, np.rint(data)) and (data >= 0).all()
    ):
        raise ValueError("its sparse features are no counts; set sparse=False of the transformer")
    return features
