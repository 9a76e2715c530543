"""Sums that do not depend on the order of their terms, and the depth scaling that needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from specformer.ranking._types import Block

_BITS = 26  # per limb: sums of up to 2**27 such limbs are exact in float64
_LIMBS = 3


def order_free_sum(values: np.ndarray, ceiling: np.ndarray | float, axis: int) -> np.ndarray:
    """Sum of float64 `values` along `axis`, bit for bit the same in any order of the terms.

    Floating-point addition depends on its order, so a cohort read in other blocks, or with its columns permuted, would
    get other last bits. Here each value is cut into three limbs, multiples of fixed powers of two below `ceiling`,
    whose sums are exact; limbs of several blocks may be added before :func:`join_limbs` rounds once.

    Parameters
    ----------
    values
        What to sum, none larger in magnitude than `ceiling`.
    ceiling
        A power of two, or several that broadcast against `values`.
    axis
        The axis to sum over.

    Returns
    -------
    The limbs, shape `(3, ...)`, to be given to :func:`join_limbs`.
    """
    limbs, rest = [], values
    for limb in range(1, _LIMBS + 1):
        quantum = ceiling * 2.0 ** (-_BITS * limb)
        part = np.rint(rest / quantum) * quantum
        rest = rest - part
        limbs.append(part.sum(axis=axis))
    return np.stack(limbs)


def join_limbs(limbs: np.ndarray) -> np.ndarray:
    """The sums, smallest limb first."""
    return limbs[2] + limbs[1] + limbs[0]


def dense_slices(block: Block, n_rows: int = 32) -> Iterator[tuple[slice, np.ndarray]]:
    """A few rows at a time, dense: what keeps float64 temporaries within the cache and within memory."""
    for start in range(0, block.shape[0], n_rows):
        rows = slice(start, min(start + n_rows, block.shape[0]))
        piece = block[rows]
        yield rows, piece.toarray() if sparse.issparse(piece) else np.asarray(piece)


def row_totals(block: Block) -> np.ndarray:
    """Total of every row in float64, the same for any order of the columns and any container."""
    totals = np.zeros(block.shape[0])
    for rows, piece in dense_slices(block):
        largest = np.abs(piece).max(axis=1, keepdims=True, initial=0).astype(np.float64)
        ceiling = np.ldexp(1.0, np.frexp(largest)[1])
        totals[rows] = join_limbs(order_free_sum(piece.astype(np.float64), ceiling, axis=1))
    return totals


def per_million(block: Block) -> Block:
    """Linear values scaled to one million per row over the columns at hand, float32, in the container they came in.

    Samples differ in depth by an order of magnitude and in unit by more; statistics over samples (norms, medians,
    means) would otherwise be those of the deepest ones. A row without expression stays zero.
    """
    totals = row_totals(block)
    factor = np.divide(1e6, totals, out=np.zeros_like(totals), where=totals > 0)
    if sparse.issparse(block):
        scaled = sparse.csr_matrix(block, dtype=np.float32, copy=True)
        scaled.data = (scaled.data * np.repeat(factor, np.diff(scaled.indptr))).astype(np.float32)
        return scaled
    scaled = np.empty(block.shape, np.float32)
    for rows, piece in dense_slices(block):
        scaled[rows] = piece * factor[rows, None]
    return scaled
