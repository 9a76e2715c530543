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
    """Up to 64 samples to look at closely, evenly from the smallest total to the largest: ascending row numbers.

    Chosen by what is in them, so that the order of the samples does not matter.
    """
    by_content = np.lexsort((summary.n_negative, summary.low, summary.high, summary.total))
    n = min(len(by_content), _N_INSPECTED)
    return np.sort(by_content[np.linspace(0, len(by_content) - 1, n).round().astype(int)])
