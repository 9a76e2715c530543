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
    in_order = _is_range(by_id)
    score = np.empty(n_genes, np.float32)
    first, second = np.empty(n_genes, np.uint64), np.empty(n_genes, np.uint64)
    zeros, digits = np.empty(n_genes, np.uint32), np.empty((3, 2048), np.uint32)
    for row in range(n_rows):
        _score(values[row], scale, offset, by_id, in_order, score)
        _rank_row(score.view(np.uint32), by_id, first, second, zeros, digits, ranks[row])


@njit(cache=True, nogil=True)
def rank_csr(data, indices, indptr, scale, offset, by_id, ranks):  # pragma: no cover
    """The same from a canonical CSR matrix; only one row at a time is ever dense."""
    n_rows, n_genes = ranks.shape
    in_order = _is_range(by_id)
    values, score = np.zeros(n_genes, np.float32), np.empty(n_genes, np.float32)
    first, second = np.empty(n_genes, np.uint64), np.empty(n_genes, np.uint64)
    zeros, digits = np.empty(n_genes, np.uint32), np.empty((3, 2048), np.uint32)
    for row in range(n_rows):
        start, stop = indptr[row], indptr[row + 1]
        for k in range(start, stop):
            values[indices[k]] = data[k]
        _score(values, scale, offset, by_id, in_order, score)
        for k in range(start, stop):
            values[indices[k]] = 0
        _rank_row(score.view(np.uint32), by_id, first, second, zeros, digits, ranks[row])


@njit(cache=True, nogil=True)
def _is_range(by_id):  # pragma: no cover
    for i in range(by_id.size):
        if by_id[i] != i:
            return False
    return True


@njit(cache=True, nogil=True)
def _score(row, scale, offset, by_id, in_order, score):  # pragma: no cover
    # A subtraction, then a multiplication: each correctly rounded, and nothing that could be fused into one step.
    if in_order:  # without the detour the loop is vectorised
        for i in range(score.size):
            score[i] = (row[i] - offset[i]) * scale[i]
    else:
        for i in range(score.size):
            score[i] = (row[by_id[i]] - offset[i]) * scale[i]


@njit(cache=True, nogil=True)
def _rank_row(bits, by_id, first, second, zeros, digits, ranks):  # pragma: no cover
    """Stable radix sort of one row, decreasing, 3 digits of 11 bits; `bits` are float32 scores in gene-id order.

    Zeros of either sign are set aside, in order, and rejoin between the positive and the negative scores. Each element
    travels as one word, sort key above, column below. No branch depends on the data.
    """
    low, middle, high = digits[0], digits[1], digits[2]
    digits[:] = 0
    n_scored, n_positive, n_zero = 0, 0, 0
    for i in range(bits.size):
        word = bits[i]
        scored = np.uint32(np.uint32(word << np.uint32(1)) != 0)
        negative = word >> np.uint32(31)
        # Larger floats get smaller keys: the bits of a positive float are inverted, those of a negative one are right.
        key = word ^ ((negative - np.uint32(1)) & np.uint32(0x7FFFFFFF))
        first[n_scored] = (np.uint64(key) << np.uint64(32)) | np.uint64(by_id[i])
        zeros[n_zero] = by_id[i]
        low[key & np.uint32(2047)] += scored
        middle[(key >> np.uint32(11)) & np.uint32(2047)] += scored
        high[key >> np.uint32(22)] += scored
        n_scored += scored
        n_zero += np.uint32(1) - scored
        n_positive += scored & (np.uint32(1) - negative)

    for digit in range(3):  # counts become the positions at which each digit's elements start
        start = np.uint32(0)
        for value in range(2048):
            count = digits[digit, value]
            digits[digit, value] = start
            start += count

    for i in range(n_scored):
        element = first[i]
        value = (element >> np.uint64(32)) & np.uint64(2047)
        position = low[value]
        low[value] = position + np.uint32(1)
        second[position] = element
    for i in range(n_scored):
        element = second[i]
        value = (element >> np.uint64(43)) & np.uint64(2047)
        position = middle[value]
        middle[value] = position + np.uint32(1)
        first[position] = element
    for i in range(n_scored):
        element = first[i]
        value = element >> np.uint64(54)
        position = high[value]
        high[value] = position + np.uint32(1)
        ranks[element & np.uint64(0xFFFFFFFF)] = position if position < n_positive else position + n_zero
    for i in range(n_zero):
        ranks[zeros[i]] = n_positive + i
