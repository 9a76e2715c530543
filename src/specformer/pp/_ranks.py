"""Ranks of a whole AnnData, block by block."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from anndata.compat import DaskArray

from specformer.pp._blocks import as_block, matrix_of, row_blocks
from specformer.ranking import rank_rows, to_linear
from specformer.ranking._order import rank_dtype

if TYPE_CHECKING:
    from anndata import AnnData

    from specformer.pp._statistics import ColumnStatistics
    from specformer.ranking._types import Block


def rank_samples(
    adata: AnnData, layer: str | None, scale: str, columns: ColumnStatistics
) -> tuple[np.ndarray | DaskArray, np.ndarray]:
    """Ranks, lazy where the values are a dask array, and the number of known genes above zero in each sample."""
    n_expressed = np.empty(adata.n_obs, np.int32)
    matrix = None if adata.is_view else matrix_of(adata, layer)
    lazy = isinstance(matrix, DaskArray)
    ranks = _lazy_ranks(matrix, scale, columns) if lazy else np.empty(adata.shape, rank_dtype(adata.n_vars))
    for rows, block in row_blocks(adata, layer):
        linear = to_linear(block, scale)
        n_expressed[rows] = np.asarray((linear[:, columns.known] > 0).sum(axis=1)).ravel()
        if not lazy:
            ranks[rows] = rank_block(linear, columns)
    return ranks, n_expressed


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
