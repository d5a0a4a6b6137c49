"""Loops over rows that numba compiles; imported where the first of them runs."""

import numpy as np

from skmolal._numba import compiled

__all__ = ["hash_csr", "hash_dense", "multiply_sparse"]


@compiled
def hash_dense(words, keys, start, stop, out):
    """Write the hashes of rows ``start`` to ``stop`` of a dense matrix."""
    for i in range(start, stop):
        for lane in range(keys.shape[0]):
            total = np.uint64(0)
            for k in range(words.shape[1]):
                total += np.uint64(words[i, k]) * keys[lane, k]
            out[i, lane] = total


@compiled
def hash_csr(indptr, indices, words, keys, start, stop, out):
    """Write the hashes of rows ``start`` to ``stop`` of a sparse matrix."""
    n_words = words.shape[1]
    for i in range(start, stop):
        for lane in range(keys.shape[0]):
            total = np.uint64(0)
            for k in range(indptr[i], indptr[i + 1]):
                for word in range(n_words):
                    total += np.uint64(words[k, word]) * keys[lane, indices[k] * n_words + word]
            out[i, lane] = total


@compiled
def multiply_sparse(indptr, indices, data, start, stop, right, out):
    """Write the products of rows ``start`` to ``stop`` with the columns of `right`."""
    n_columns = right.shape[1]
    sums = np.zeros(n_columns, right.dtype)
    for i in range(start, stop):
        sums[:] = 0
        for k in range(indptr[i], indptr[i + 1]):
            value, row = data[k], right[indices[k]]
            for j in range(n_columns):
                sums[j] += value * row[j]
        for j in range(n_columns):
            out[i, j] = sums[j]
