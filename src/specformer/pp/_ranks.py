"""Ranks of a whole AnnData, block by block."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from specformer.pp._blocks import as_block, row_blocks
from specformer.pp._map_blocks import lazy_matrix
from specformer.ranking import rank_rows, to_linear
from specformer.ranking._order import rank_dtype

if TYPE_CHECKING:
    from anndata import AnnData
    from anndata.compat import DaskArray

    from specformer.pp._statistics import ColumnStatistics
    from specformer.ranking._types import Block


def rank_samples(adata: AnnData, layer: str | None, scale: str, columns: ColumnStatistics) -> np.ndarray | DaskArray:
    """Ranks; lazy, chunk by chunk, where the values are a dask array."""
    matrix = lazy_matrix(adata, layer)
    if matrix is not None:
        return _lazy_ranks(matrix, scale, columns)
    ranks = np.empty(adata.shape, rank_dtype(adata.n_vars))
    for rows, block in row_blocks(adata, layer):
        ranks[rows] = rank_block(to_linear(block, scale), columns)
    return ranks


def _lazy_ranks(matrix: DaskArray, scale: str, columns: ColumnStatistics) -> DaskArray:
    dtype = rank_dtype(matrix.shape[1])
    rank = partial(_rank_chunk, scale=scale, columns=columns)
    return matrix.rechunk({1: -1}).map_blocks(rank, dtype=dtype, meta=np.empty((0, 0), dtype))


def _rank_chunk(chunk: Any, *, scale: str, columns: ColumnStatistics) -> np.ndarray:
    return rank_block(to_linear(as_block(chunk), scale), columns, n_threads=1)  # dask has its own threads


def rank_block(linear: Block, columns: ColumnStatistics, n_threads: int | None = None) -> np.ndarray:
    """Ranks of a block of linear values: known genes by score, then the unknown ones by name."""
    if not columns.unknown.size:
        return rank_rows(linear, columns.statistics, tie_order=columns.tie_order, n_threads=n_threads)
    n_known = columns.known.size
    ranks = np.empty(linear.shape, rank_dtype(linear.shape[1]))
    ranks[:, columns.known] = rank_rows(
        linear[:, columns.known], columns.statistics, tie_order=columns.tie_order, n_threads=n_threads
    )
    ranks[:, columns.unknown] = np.arange(n_known, linear.shape[1])
    return ranks
