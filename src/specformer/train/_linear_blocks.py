"""Rows of a cohort as linear expression: what statistics are fitted on and what is ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer._checks import require_key
from specformer.pp._blocks import row_blocks
from specformer.ranking import to_linear

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anndata import AnnData

    from specformer.ranking._types import Block


def linear_blocks(
    adata: AnnData, layer: str | None, scale: str, rows: np.ndarray | None = None
) -> Iterator[tuple[np.ndarray, Block]]:
    """Numbers of the rows where `rows` is true (of all, if None), and their linear expression, block by block."""
    for block_rows, block in row_blocks(adata, layer):
        numbers = np.arange(block_rows.start, block_rows.stop)
        if rows is not None:
            chosen = rows[block_rows]
            if not chosen.any():
                continue
            numbers, block = numbers[chosen], block[np.flatnonzero(chosen)]
        yield numbers, to_linear(block, scale)


def row_mask(adata: AnnData, rows: str | np.ndarray | None) -> np.ndarray | None:
    """A boolean column of `obs` or a boolean array, checked; None for all rows."""
    if rows is None:
        return None
    if isinstance(rows, str):
        rows = require_key(adata, "obs", rows, run=f"adata.obs[{rows!r}] = ...").to_numpy()
    mask = np.asarray(rows)
    if mask.dtype != bool or mask.shape != (adata.n_obs,):
        msg = f"The mask of rows has dtype {mask.dtype} and shape {mask.shape}; expected bool ({adata.n_obs:,},)."
        raise ValueError(msg)
    if not mask.any():
        msg = "The mask of rows chooses no sample."
        raise ValueError(msg)
    return mask


def gene_names(adata: AnnData, gene_key: str | None) -> list[object]:
    """The name of every column, from `var_names` or a column of `var`."""
    if gene_key is None:
        return list(adata.var_names)
    return list(require_key(adata, "var", gene_key, run="adata.var.columns"))
