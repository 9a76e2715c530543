"""The ordering kernels. Numba lives here and nowhere else in the room, so this file is imported on first use."""

from __future__ import annotations

import numpy as np
from numba import njit

# Threads are the caller's: with `nogil` a plain thread pool runs these on slices of rows. Numba's own thread layers
# abort the process when two Python threads enter them at once, which is what a dask scheduler does.


@njit(cache=True, nogil=True)
def rank_dense(values, scale, offset, by_id, ranks):  # pragma: no cover
    """Fill `ranks` with the rank of every entry of the float32 matrix `values` in its row.

    `by_id` lists the columns in gene-id order; `scale` and `offset` are in that order too.
    """
    n_rows, n_genes = values.shape
    score = np.empty(n_genes, np.float32)
    scratch = np.empty((2, n_genes), np.uint64)
    zeros = np.empty(n_genes, np.uint32)
    digits = np.empty((3, 2048), np.uint32)
    for row in range(n_rows):
        _score(values[row], scale, offset, by_id, score)
        _rank_row(score.view(np.uint32), by_id, scratch[0], scratch[1], zeros, digits, ranks[row])


@njit(cache=True, nogil=True)
def rank_csr(data, indices, indptr, scale, offset, by_id, ranks):  # pragma: no cover
    """The same from a canonical CSR matrix; only one row at a time is ever dense."""
    n_rows, n_genes = ranks.shape
    values = np.zeros(n_genes, np.float32)
    score = np.empty(n_genes, np.float32)
    scratch = np.empty((2, n_genes), np.uint64)
    zeros = np.empty(n_genes, np.uint32)
    digits = np.empty((3, 2048), np.uint32)
    for row in range(n_rows):
        stored = slice(indptr[row], indptr[row + 1])
        columns, present = indices[stored], data[stored]
        for k in range(columns.size):
            values[columns[k]] = present[k]
        _score(values, scale, offset, by_id, score)
        for k in range(columns.size):
            values[columns[k]] = 0
        _rank_row(score.view(np.uint32), by_id, scratch[0], scratch[1], zeros, digits, ranks[row])


@njit(cache=True, nogil=True)
def _score(row, scale, offset, by_id, score):  # pragma: no cover
    # A subtraction, then a multiplication: each correctly rounded, and nothing that could be fused into one step.
    for i in range(by_id.size):
        score[i] = (row[by_id[i]] - offset[i]) * scale[i]


@njit(cache=True, nogil=True)
def _rank_row(bits, by_id, first, second, zeros, digits, ranks):  # pragma: no cover
    """Stable radix sort of one row, decreasing, 3 digits of 11 bits; `bits` are float32 scores in gene-id order.

    Zeros of either sign are set aside, in order, and rejoin between the positive and the negative scores. Each element
    travels as one word, sort key above, column below. No branch depends on the data.
    """
    digits[:] = 0
    n_scored, n_positive, n_zero = 0, 0, 0
    for i in range(bits.size):
        word = bits[i]
        scored = np.uint32(word << np.uint32(1)) != 0
        negative = word >> np.uint32(31)
        # Larger floats get smaller keys: the bits of a positive float are inverted, those of a negative one are right.
        key = word ^ ((negative - np.uint32(1)) & np.uint32(0x7FFFFFFF))
        first[n_scored] = (np.uint64(key) << np.uint64(32)) | np.uint64(by_id[i])
        zeros[n_zero] = by_id[i]
        digits[0, key & np.uint32(2047)] += scored
        digits[1, (key >> np.uint32(11)) & np.uint32(2047)] += scored
        digits[2, key >> np.uint32(22)] += scored
        n_scored += scored
        n_zero += not scored
        n_positive += scored and negative == 0

    for digit in range(3):  # counts become the positions at which each digit's elements start
        start = np.uint32(0)
        for value in range(2048):
            count = digits[digit, value]
            digits[digit, value] = start
            start += count

    for i in range(n_scored):
        element = first[i]
        value = (element >> np.uint64(32)) & np.uint64(2047)
        second[digits[0, value]] = element
        digits[0, value] += np.uint32(1)
    for i in range(n_scored):
        element = second[i]
        value = (element >> np.uint64(43)) & np.uint64(2047)
        first[digits[1, value]] = element
        digits[1, value] += np.uint32(1)
    for i in range(n_scored):
        element = first[i]
        value = element >> np.uint64(54)
        position = digits[2, value]
        digits[2, value] = position + np.uint32(1)
        ranks[element & np.uint64(0xFFFFFFFF)] = position if position < n_positive else position + n_zero
    for i in range(n_zero):
        ranks[zeros[i]] = n_positive + i
