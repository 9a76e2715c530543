"""What is asked of every sample, and which samples are looked at closely."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from specformer.ranking._sums import dense_slices

if TYPE_CHECKING:
    from specformer.ranking._types import Block

_N_INSPECTED = 64


class RowSummary(NamedTuple):
    """One figure per sample, each an array of shape (n_obs,): all that is asked of every sample."""

    low: np.ndarray
    """Smallest value; NaN where the sample has one."""
    high: np.ndarray
    """Largest value; NaN where the sample has one."""
    total: np.ndarray
    n_negative: np.ndarray
    fractional: np.ndarray
    """Whether any value is not an integer."""


def summarise_rows(X: Block) -> RowSummary:
    """The :class:`RowSummary` of a block of samples."""
    parts = []
    with np.errstate(invalid="ignore", over="ignore"):
        for _, piece in dense_slices(X):
            low, high = piece.min(axis=1), piece.max(axis=1)
            negative = (piece < 0).sum(axis=1) if (low < 0).any() else np.zeros(len(piece), int)
            fractional = (piece != np.rint(piece)).any(axis=1)
            parts.append((low, high, piece.sum(axis=1, dtype=np.float64), negative, fractional))
    return RowSummary(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def inspected_rows(summary: RowSummary) -> np.ndarray:
    """Up to 64 samples to look at closely: ascending row numbers.

    Drawn by a hash of what is in them, so that the order of the samples does not matter, and so that the choice from
    all samples is the choice from what was chosen of each block: one pass is enough.
    """
    by_hash = np.lexsort((summary.total, _hash(summary)))
    return np.sort(by_hash[:_N_INSPECTED])


def _hash(summary: RowSummary) -> np.ndarray:
    """uint64 (n_obs,), of figures that do not depend on the order of the columns to the last bit, as totals do."""
    low, high = (np.add(values, 0.0, dtype=np.float64).view(np.uint64) for values in (summary.low, summary.high))
    mixed = low * np.uint64(0x9E3779B97F4A7C15) ^ high ^ summary.n_negative.astype(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # splitmix64
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))
