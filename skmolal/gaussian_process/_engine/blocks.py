"""The columns of samples that a kernel sees, block by block, on the device.

Leaves of a kernel that see the same columns share a block: its features, and so its distances and
inner products, are there once.
"""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import sparse

from skmolal._columns import resolve_columns
from skmolal.gaussian_process._engine.distances import make_features, needs_centre
from skmolal.gaussian_process._engine.kernels import check_length_scales, sees_raw
from skmolal.gaussian_process._engine.precision import DeviceState

__all__ = ["Blocks", "centre_blocks"]


def _dense_rows(X, start, stop, n_rows):
    """Copy rows of `X`, dense or CSR, to a dense array of `n_rows` rows padded with zeros."""
    part = X[start:stop]
    if sparse.issparse(part):
        part = part.toarray()
    if part.dtype not in (np.float32, np.float64):
        part = part.astype(np.float64)
    if len(part) == n_rows:
        return part
    padded = np.zeros((n_rows, part.shape[1]), dtype=part.dtype)
    padded[: len(part)] = part
    return padded


def _resolve_path(path, n_features):
    """Compose selections, each within the one before."""
    columns = np.arange(n_features)
    for selection in path:
        columns = columns[resolve_columns(selection, len(columns))]
    return resolve_columns(columns, n_features)


@jax.jit
def centre_blocks(parts, centres, n_samples=None):
    """Make the features of each block; see :func:`make_features`."""
    return tuple(
        make_features(part, centre, n_samples) for part, centre in zip(parts, centres, strict=True)
    )


class Blocks(DeviceState):
    """Where the blocks of a kernel lie, and what is subtracted from each.

    Distances by products keep most digits around the mean of the training samples; differences,
    and inner products, are those of the features as they are.

    Parameters
    ----------
    parsed : ParsedKernel
        A compiled kernel.
    X : ndarray or CSR of shape (n_samples, n_features)
        Training samples. Their mean becomes the centre.

    Attributes
    ----------
    n_blocks : int
        Number of blocks.
    n_features : int
        Number of columns, those in several blocks counted in each.
    centres : tuple of array of shape (n_block_features,)
        Of each block.

    Raises
    ------
    ValueError
        If columns of the kernel are not among the features, or not as many as length scales.
    """

    _device_attributes = ("centres",)

    def __init__(self, parsed, X):
        all_columns = np.arange(X.shape[1])
        self._columns = [_resolve_path(path, X.shape[1]) for path in parsed.columns]
        sizes = [len(all_columns[columns]) for columns in self._columns]
        self.n_blocks, self.n_features = len(sizes), sum(sizes)
        check_length_scales(parsed.spec, sizes)
        centred = [
            needs_centre(size) and not sees_raw(parsed.spec, block)
            for block, size in enumerate(sizes)
        ]
        if any(centred):
            mean = np.asarray(X.mean(axis=0), dtype=np.float64).ravel()
        self.centres = tuple(
            jnp.asarray(mean[columns]) if is_centred else jnp.zeros(size)
            for columns, size, is_centred in zip(self._columns, sizes, centred, strict=True)
        )

    def take(self, X, start, stop, n_rows):
        """Put rows of `X` on the device as they are, padded to `n_rows`: a list of blocks."""
        rows = _dense_rows(X, start, stop, n_rows)
        return [jnp.asarray(rows[:, columns]) for columns in self._columns]

    def features(self, X, start, stop, n_rows):
        """Put rows of `X` on the device, centred, padded to `n_rows`: a tuple of Features."""
        return centre_blocks(self.take(X, start, stop, n_rows), self.centres, stop - start)
