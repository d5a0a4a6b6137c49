"""Get the files of a data set, and keep what was parsed from them."""

import os
import time
import warnings
from numbers import Integral, Real
from pathlib import Path
from typing import NamedTuple

from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from skmolal._docstrings import share_docs
from skmolal.datasets._storage import MoleculeTable, replacing

_TIMEOUT = 30  # s without a byte
_CHUNK = 2**16
# Of the 4xx answers only these are worth another try.
_TEMPORARY = {408, 425, 429}


class RemoteFile(NamedTuple):
    """A file of a data set: its name in the data home, where it is, what it must hash to.

    `checksum` is ``"<algorithm>:<hex digest>"``, or None where the publisher gives none.
    """

    filename: str
    url: str
    checksum: str | None = None


# What every fetcher takes, returns and raises, in the words of its docstring.
_SHARED = {
    "options": """
        data_home : str or path-like, default=None
            The folder for downloads and parsed molecules; see :func:`get_data_home`.
        download_if_missing : bool, default=True
            If False, raise OSError where a download would be needed.
        return_X_y : bool, default=False
            Return ``(data, target)`` instead of a Bunch.
        as_frame : bool, default=False
            Return `data` as a DataFrame with the one column ``molecule`` and `target` as a Series.
        n_retries : int, default=3
            How often a download is tried again after a failure that may heal.
        delay : float, default=1.0
            Seconds before the first new try; the wait doubles each time.
        verbose : bool, default=False
            Show progress.
        """,
    "names": """
        feature_names : list of str
            ``["molecule"]``.
        target_names : list of str
            ``[target_column]``.
        DESCR : str
            Level of theory, units, licence and sources.
        """,
    "errors": """
        OSError
            If a file is missing and cannot be or may not be downloaded.
        ValueError
            If `target_column` is not a property of the data set, or a file is malformed; the
            message names file and record (counted from 0).
        """,
}


class _DamagedDownload(OSError):
    """The bytes that arrived are not the published ones."""


def fetcher(**versions):
    """Decorate a ``fetch_`` function: check its parameters, and tell of those that all have.

    Keywords are the parameters that only this function has, with the values they may take.
    """
    constraints = {
        "target_column": [str],
        "data_home": [str, os.PathLike, None],
        "download_if_missing": ["boolean"],
        "return_X_y": ["boolean"],
        "as_frame": ["boolean"],
        "n_retries": [Interval(Integral, 0, None, closed="left")],
        "delay": [Interval(Real, 0, None, closed="left")],
        "verbose": ["boolean"],
    }
    constraints |= {name: [StrOptions(set(values))] for name, values in versions.items()}
    check = validate_params(constraints, prefer_skip_nested_validation=True)
    return lambda fetch: check(share_docs(**_SHARED)(fetch))


@validate_params(
    {"data_home": [str, os.PathLike, None]},
    prefer_skip_nested_validation=True,
)
def get_data_home(data_home=None):
    """Return the path of the folder that holds downloaded data, and create it if needed.

    Parameters
    ----------
    data_home : str or path-like, default=None
        The folder, "~" being the user's home. By default the environment variable
        ``SKMOLAL_DATA``, or else ``~/skmolal_data``.

    Returns
    -------
    str
        The folder's path.

    Examples
    --------
    >>> import os, tempfile
    >>> from skmolal.datasets import get_data_home
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data_home = get_data_home(os.path.join(folder, "molecules"))
    ...     os.path.isdir(data_home)
    True
    """
    if data_home is None:
        data_home = os.environ.get("SKMOLAL_DATA", os.path.join("~", "skmolal_data"))
    data_home = os.path.expanduser(data_home)
    os.makedirs(data_home, exist_ok=True)
    return data_home


def fetch_file(remote, folder, *, download_if_missing, n_retries, delay, verbose):
    """Return the path of `remote` in `folder`, downloading it if it is missing or damaged.

    A file appears under its name only when it is complete and its checksum, where one is known, is
    right. Failures that may heal are tried `n_retries` times more, after waits that begin at
    `delay` seconds and double.
    """
    import requests
    from pooch import HTTPDownloader
    from tqdm.auto import tqdm

    path = Path(folder) / remote.filename
    problem = _checksum_problem(path, remote) if path.is_file() else "does not exist"
    if problem is None:
        return path
    if not download_if_missing:
        raise OSError(f"{path} {problem}, and download_if_missing=False")
    if path.exists():
        warnings.warn(f"{path} {problem}; downloading {remote.url} in its place", stacklevel=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    download = HTTPDownloader(progressbar=bool(verbose), chunk_size=_CHUNK, timeout=_TIMEOUT)
    for attempt in range(n_retries + 1):
        try:
            with replacing(path) as part:
                download(remote.url, str(part), None)
                problem = _checksum_problem(part, remote)
                if problem is not None:
                    raise _DamagedDownload(f"the file that arrived {problem}")
            return path
        except (requests.RequestException, _DamagedDownload) as error:
            if attempt == n_retries or not _may_heal(error):
                raise OSError(
                    f"could not download {remote.filename} from {remote.url}: {error}. "
                    f"If you can get the file in another way, put it at {path}"
                ) from error
            wait = delay * 2**attempt
            if verbose:
                tqdm.write(f"{remote.url}: {error}; trying again in {wait:g} s")
            time.sleep(wait)


def _checksum_problem(path, remote):
    from pooch import file_hash

    if remote.checksum is None:
        return None
    algorithm, _, expected = remote.checksum.partition(":")
    found = file_hash(str(path), alg=algorithm)
    if found == expected:
        return None
    return f"has the {algorithm} checksum {found} where {expected} is expected"


def _may_heal(error):
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status is None or status >= 500 or status in _TEMPORARY


def cached_table(cache, sources, parse):
    """Return the MoleculeTable parsed from the files `sources`, parsing only once.

    `cache` is where the table is kept. It is used as long as the sources keep their size and
    modification time, and also when they have all been deleted. `parse` makes the table, and the
    sources first if they are missing.
    """
    cache = Path(cache)
    if cache.is_file():
        try:
            table = MoleculeTable.load(cache, key=_signature(sources))
        except Exception as error:  # a damaged file can make numpy raise nearly anything
            warnings.warn(
                f"the cache {cache} cannot be read and is made again: "
                f"{type(error).__name__}: {error}",
                stacklevel=2,
            )
        else:
            if table is not None:
                return table
    table = parse()
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        table.save(cache, key=_signature(sources))
    except OSError as error:
        warnings.warn(f"the parsed molecules could not be kept in {cache}: {error}", stacklevel=2)
    return table


def _signature(sources):
    """Describe the files so that a changed one is noticed; None if there are none."""
    present = [Path(source) for source in sources if Path(source).is_file()]
    if not present:
        return None
    return [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in present]


def fetch_table(folder, remotes, parse, *, verbose, **download):
    """Return the MoleculeTable of a data set that is published as the files `remotes`.

    `parse` makes it from their paths, in that order; `download` are options of `fetch_file`. Files
    and cache are kept in `folder`.
    """
    folder = Path(folder)

    def fetch_and_parse():
        paths = [fetch_file(remote, folder, verbose=verbose, **download) for remote in remotes]
        return parse(*paths, verbose=verbose)

    sources = [folder / remote.filename for remote in remotes]
    return cached_table(folder / "parsed.npz", sources, fetch_and_parse)
