"""Columns that need no products, or few: the same in all training samples, or in most.

Descriptors of molecules are zero where an element is missing. Of 1,500 MBTR features of QM9 284
are the same in 4,000 molecules, and 368 more in nine tenths of them, those with fluorine or with
rare pairs of elements. A pool is computed with the rows first that have any of the latter.
"""

from typing import NamedTuple

import jax
import numpy as np
from scipy import sparse

from skmolal.gaussian_process._engine.distances import needs_centre

__all__ = ["ColumnKinds", "confirm_constant", "find_kinds", "rare_first"]

_MANY = 2048  # samples from which on there is anything to save
_ROWS = 256  # compared at a time: few columns are left after the first
_SAMPLE = 1001  # rows, about, that tell how rare columns are
_STEPS = 32  # numbers of rare columns that there may be: others are compiled anew
_LEAST_SHARE = 0.1  # of the columns that products are saved
_AHEAD = 32  # blocks: a pool on a disk, of which two columns are read, is read once


class ColumnKinds(NamedTuple):
    """What columns of samples are like.

    Attributes
    ----------
    constant : ndarray of shape (n_features,), dtype bool
        Columns in which all training samples, those to come too, are expected to be the same.
    rare : ndarray of shape (n_features,), dtype bool
        Other columns that are the same in most samples; together they are in many.
    usual : ndarray of shape (n_features,)
        What they are in most.
    """

    constant: np.ndarray
    rare: np.ndarray
    usual: np.ndarray


def find_kinds(X):
    """Tell what the columns of `X` are like.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_samples, n_features)
        Training samples, or all that may become so.

    Returns
    -------
    kinds : ColumnKinds or None
        Of sparse samples, constant columns are those without entries, and none are rare. None of
        anything but numbers, and of few samples: their products take less time than to compile
        those of other numbers of columns.
    """
    is_csr = sparse.issparse(X) and X.format == "csr"
    is_table = is_csr or (isinstance(X, np.ndarray) and X.ndim == 2)
    if not is_table or X.dtype == object or X.shape[0] < _MANY:
        return None
    constant = confirm_constant(X, np.ones(X.shape[1], bool))
    rare, usual = np.zeros(X.shape[1], bool), np.zeros(X.shape[1])
    # Other devices would wait for the host to decide about each product.
    if not is_csr and jax.default_backend() == "cpu":
        columns = np.flatnonzero(~constant)
        sample = np.take(X[:: -(-X.shape[0] // _SAMPLE)], columns, axis=1)
        usual[columns] = np.sort(sample, axis=0)[len(sample) // 2]
        rare[columns[_choose_rare(sample != usual[columns])]] = True
    return ColumnKinds(constant, rare, usual)


def confirm_constant(X, constant):
    """Find those of some columns in which all rows of `X` are the same."""
    if sparse.issparse(X):
        return constant & (np.bincount(X.indices, minlength=X.shape[1]) == 0)
    columns = np.flatnonzero(constant)
    for start in range(0, X.shape[0], _ROWS):
        rows = np.take(X[start : start + _ROWS], columns, axis=1)
        columns = columns[(rows == X[0, columns]).all(axis=0)]
    constant = np.zeros(X.shape[1], bool)
    constant[columns] = True
    return constant


def _choose_rare(counts):
    """Choose the columns that are best left out of the rows in which none of them counts.

    Parameters
    ----------
    counts : ndarray of shape (n_rows, n_columns), dtype bool
        Where a sample has what is rare.

    Returns
    -------
    columns : ndarray of int, shape (n_rare,)
        Some of the least frequent.
    """
    n_columns = counts.shape[1]
    step = max(1, -(-n_columns // _STEPS))
    order = np.argsort(counts.sum(axis=0), kind="stable")
    always = np.ones((len(counts), 1), bool)
    first = np.hstack([counts[:, order], always]).argmax(axis=1)
    n_rare = np.arange(0, n_columns, step)
    n_rare = n_rare[[needs_centre(n_columns - n) for n in n_rare]]
    saved = n_rare * (first >= n_rare[:, None]).mean(axis=1)
    if not len(saved) or saved.max() < _LEAST_SHARE * n_columns:
        return order[:0]
    return order[: n_rare[saved.argmax()]]


def rare_first(gram, X, height):
    """Yield the rows of a pool in blocks, those first that need the products of rare columns.

    Parameters
    ----------
    gram : CompiledGram or HostGram
        The kernel matrix of the training samples.
    X : array-like of shape (n_rows, n_features) or list of object
        Pool.
    height : int
        Rows of a block.

    Yields
    ------
    places : slice or ndarray of int, shape (n_block_rows,)
        Rows of the pool.
    """
    n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
    is_table = isinstance(X, np.ndarray) and X.ndim == 2
    for start in range(0, n_rows, _AHEAD * height):
        stop = min(start + _AHEAD * height, n_rows)
        parts = [slice(i, min(i + height, stop)) for i in range(start, stop, height)]
        if len(parts) > 1 and is_table and gram.splits_rare:
            rare = np.concatenate([gram.has_rare(X[part]) for part in parts])
            order = start + np.argsort(~rare, kind="stable")
            parts = [order[part.start - start : part.stop - start] for part in parts]
        yield from parts
