"""The level and spread of each gene on the log scale, in one pass: exact sums, so that blocks may be of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from specformer.ranking._sums import dense_slices, join_limbs, order_free_sum, per_million

if TYPE_CHECKING:
    from collections.abc import Iterable

    from specformer.ranking._types import Block

# log2(1e6 + 1) lies below 2**5, its square below 2**10.
_CEILING = 2.0**5


class LogSums(NamedTuple):
    """Of some samples, per gene, over log2(x + 1) of expression per million."""

    n_obs: int
    n_below: np.ndarray
    """int64 (G,): samples below the threshold."""
    below: np.ndarray
    """float32 (G,): the largest value below the threshold, minus infinity where there is none."""
    above: np.ndarray
    """float32 (G,): the smallest value from the threshold on, infinity where there is none."""
    sums: np.ndarray
    """Limbs (3, G)."""
    squares: np.ndarray
    """Limbs (3, G)."""


def log_sums(block: Block, threshold: float) -> LogSums:
    """The sums of a block of linear values >= 0, dense or CSR."""
    n_genes = block.shape[1]
    n_below, sums, squares = np.zeros(n_genes, np.int64), np.zeros((3, n_genes)), np.zeros((3, n_genes))
    below, above = np.full(n_genes, -np.inf, np.float32), np.full(n_genes, np.inf, np.float32)
    for _, piece in dense_slices(per_million(block)):
        values = np.log2(piece + 1)
        is_below = values < np.float64(threshold)
        n_below += is_below.sum(axis=0)
        below = np.maximum(below, np.where(is_below, values, -np.inf).max(axis=0))
        above = np.minimum(above, np.where(is_below, np.inf, values).min(axis=0))
        values = values.astype(np.float64)
        sums += order_free_sum(values, _CEILING, axis=0)
        squares += order_free_sum(values**2, _CEILING**2, axis=0)
    return LogSums(block.shape[0], n_below, below, above, sums, squares)


def add_log_sums(parts: Iterable[LogSums]) -> LogSums:
    """The sums of several blocks together, the same in any order of them."""
    parts = iter(parts)
    whole = next(parts)
    for part in parts:
        whole = LogSums(
            whole.n_obs + part.n_obs,
            whole.n_below + part.n_below,
            np.maximum(whole.below, part.below),
            np.minimum(whole.above, part.above),
            whole.sums + part.sums,
            whole.squares + part.squares,
        )
    return whole


def median_is_below(sums: LogSums, threshold: float) -> np.ndarray:
    """Whether each gene's median is below the threshold that the sums were taken at, bool (G,), exactly."""
    half = sums.n_obs // 2
    is_below = sums.n_below > half
    if sums.n_obs % 2 == 0:  # the median is the mean of two values, which may stand on both sides
        split = sums.n_below == half
        is_below[split] = (sums.below[split] + sums.above[split]) / 2 < np.float64(threshold)
    return is_below


def log_variance(sums: LogSums) -> np.ndarray:
    """Variance of each gene, float64 (G,)."""
    mean = join_limbs(sums.sums) / sums.n_obs
    variance = np.maximum(join_limbs(sums.squares) / sums.n_obs - mean**2, 0)
    # Below this, the difference of the two terms is rounding, not variance.
    variance[variance < 1e-12 * mean**2] = 0
    return variance
