"""What a block of samples adds to the statistics of genes: exact sums, so that blocks may be of any size and order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from specformer.ranking._sums import dense_slices, order_free_sum, per_million

if TYPE_CHECKING:
    from collections.abc import Iterable

    from specformer.ranking._types import Block

# Values per million lie below 2**20, their squares below 2**40.
_PER_MILLION_CEILING = 2.0**20


class GeneSums(NamedTuple):
    """Of some samples: all that a weighting asks of them."""

    n_obs: int
    df: np.ndarray
    """int64 (G,): samples in which each gene is above zero."""
    sums: np.ndarray
    """Limbs (3, G) of the sum of values per million, for :func:`~specformer.ranking._sums.join_limbs`; 0 if not asked."""
    squares: np.ndarray
    """The same of their squares."""
    held: list[np.ndarray]
    """For `"median"`, the values themselves, float32 (n, G) in pieces."""


def gene_sums(block: Block, weighting: str) -> GeneSums:
    """The sums of one block of linear values >= 0, dense or CSR."""
    block = block.astype(np.float32, copy=False)  # what is ranked
    df = sums = squares = np.zeros((), np.int64)  # take their shape from the first piece
    held = []
    for _, piece in dense_slices(per_million(block) if weighting in ("cohort_l2", "median", "zscore") else block):
        df = df + (piece > 0).sum(axis=0)
        if weighting in ("cohort_l2", "zscore"):
            values = piece.astype(np.float64)
            sums = sums + order_free_sum(values, _PER_MILLION_CEILING, axis=0)
            squares = squares + order_free_sum(values**2, _PER_MILLION_CEILING**2, axis=0)
        elif weighting == "median":
            held.append(piece)
    return GeneSums(block.shape[0], df, sums, squares, held)


def add_sums(parts: Iterable[GeneSums]) -> GeneSums:
    """The sums of several blocks together, the same in any order of them."""
    n_obs, held = 0, []
    df = sums = squares = np.zeros((), np.int64)
    for part in parts:
        n_obs += part.n_obs
        df, sums, squares = df + part.df, sums + part.sums, squares + part.squares
        held += part.held
    return GeneSums(n_obs, df, sums, squares, held)
