"""Loops over rows that numba compiles; imported where the first of them runs."""

import numpy as np
from numba.extending import intrinsic

from skmolal._numba import compiled

__all__ = [
    "hash_csr",
    "hash_dense",
    "multiply_packed",
    "multiply_sparse",
    "pack_csr",
    "pack_dense",
]


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


@intrinsic
def _count_bits(_, word):
    """Count the bits of a word, by the instruction that processors have for it."""
    return word(word), lambda context, builder, signature, args: builder.ctpop(args[0])


@compiled
def pack_dense(rows, start, stop, words, are_bits):
    """Pack rows ``start`` to ``stop`` of a dense matrix; tell of each whether it holds bits."""
    for i in range(start, stop):
        for k in range(words.shape[1]):
            word = np.uint64(0)
            for j in range(64 * k, min(64 * k + 64, rows.shape[1])):
                value = rows[i, j]
                is_one = value == 1
                if not (is_one or value == 0):
                    are_bits[i] = False
                word |= np.uint64(is_one) << np.uint64(j - 64 * k)
            words[i, k] = word


@compiled
def pack_csr(indptr, indices, data, start, stop, words):
    """Pack rows ``start`` to ``stop`` of a sparse matrix of bits."""
    for i in range(start, stop):
        for k in range(indptr[i], indptr[i + 1]):
            if data[k]:
                words[i, indices[k] // 64] |= np.uint64(1) << np.uint64(indices[k] % 64)


@compiled
def multiply_packed(words, start, stop, right, out):
    """Count the bits that rows ``start`` to ``stop`` share with the columns of `right`."""
    n_columns = right.shape[1]
    sums = np.zeros(n_columns, np.uint64)
    for i in range(start, stop):
        sums[:] = 0
        for k in range(words.shape[1]):
            word, row = words[i, k], right[k]
            for j in range(n_columns):
                sums[j] += _count_bits(word & row[j])
        for j in range(n_columns):
            out[i, j] = sums[j]
