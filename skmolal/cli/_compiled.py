"""Keep what JAX compiles, so that a second run and each worker process compile nothing."""

import hashlib
import os
import platform
from pathlib import Path

__all__ = ["keep_compiled"]

_FOLDER = "JAX_COMPILATION_CACHE_DIR"
_SHORTEST = "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"


def keep_compiled():
    """Let this process, if it has not loaded JAX yet, and its workers share a cache on disk.

    It lies in the user's folder of caches, apart for each kind of processor: a home may be shared
    by machines that have not the same instructions. A folder that the user has chosen by
    ``JAX_COMPILATION_CACHE_DIR`` is left as it is; an empty one there means none.
    """
    if _FOLDER in os.environ:
        return
    from pooch import os_cache

    folder = Path(os_cache("skmolal")) / f"compiled-{_processor()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(folder, os.W_OK):
        os.environ[_FOLDER] = str(folder)
        os.environ.setdefault(_SHORTEST, "0")  # many small functions


def _processor():
    """Name the processor's instructions, and the limits that XLA was given."""
    try:  # private, and the only list of them on every system
        from numpy._core._multiarray_umath import __cpu_features__ as features
    except ImportError:
        from numpy.core._multiarray_umath import __cpu_features__ as features
    present = sorted(name for name, is_there in features.items() if is_there)
    text = " ".join([platform.system(), platform.machine(), *present])
    text += os.environ.get("XLA_FLAGS", "")
    return hashlib.sha256(text.encode()).hexdigest()[:16]
