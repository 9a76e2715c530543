"""Columns of one gene become one column: linear expression is summed, on whatever scale it is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from anndata.compat import DaskArray
from scipy import sparse

from specformer._keys import TFIDF
from specformer.genes import replace_columns, sum_groups
from specformer.pp._order_fields import field
from specformer.pp._scan import place, scan
from specformer.ranking import LINEAR_SCALES, to_linear

if TYPE_CHECKING:
    from anndata import AnnData

    from specformer.genes import GeneAlignment


def sum_duplicates(adata: AnnData, alignment: GeneAlignment, kept: np.ndarray) -> dict[str | None, Any]:
    """`X` (under None) and every layer with duplicated genes summed: the columns `kept`, all others bit for bit as before.

    Nothing is written to `adata`. Raises if a matrix is on a scale that cannot be summed.
    """
    if adata.isbacked:
        msg = (
            f"{len(alignment.duplicated):,} genes stand in several columns, and columns on disk cannot be merged. Run "
            "`adata = adata.to_memory()` first. `sf.tl.specformer_embed` needs neither: it sums them as it reads."
        )
        raise ValueError(msg)
    groups = alignment.groups
    position = np.searchsorted(kept, [columns[0] for columns in groups])
    merged: dict[str | None, Any] = {}
    for layer in dict.fromkeys([None, *adata.layers]):  # anndata 0.13 counts X among the layers
        matrix = adata.X if layer is None else adata.layers[layer]
        if matrix is not None:
            merged[layer] = _merge(matrix, _scale_of(adata, layer), groups, position, kept)
    return merged


def _scale_of(adata: AnnData, layer: str | None) -> str:
    if layer is not None and "weighting" in adata.uns.get(field(TFIDF, layer), {}).get("params", {}):
        what = "ranks"
    elif (scale := scan(adata, layer)).invertible:
        return scale.name
    else:
        what = f"z-scores or centred logs ({scale.evidence['because']})"
    cure = "Run `sf.pp.harmonize_genes` on the expression that they were made of"
    cure += "." if layer is None else f", or drop them: `del adata.layers[{layer!r}]`."
    msg = f"Some genes stand in several columns; expression can be summed, but {place(layer)} holds {what}. {cure}"
    raise ValueError(msg)


def _merge(matrix: Any, scale: str, groups: list[np.ndarray], position: np.ndarray, kept: np.ndarray) -> Any:
    if isinstance(matrix, DaskArray):
        whole_rows = matrix.rechunk({1: -1})
        chunks = (whole_rows.chunks[0], (len(kept),))
        return whole_rows.map_blocks(_merge, scale, groups, position, kept, dtype=matrix.dtype, chunks=chunks)
    by_row: Any = matrix.tocsr() if sparse.issparse(matrix) else np.asarray(matrix)
    linear = to_linear(by_row[:, np.concatenate(groups)], scale)
    sums = _from_linear(sum_groups(linear, [len(group) for group in groups]), scale)
    merged: Any = replace_columns(by_row[:, kept], position, sums.astype(matrix.dtype))
    return type(matrix)(merged) if sparse.issparse(matrix) else merged


def _from_linear(linear: np.ndarray, scale: str) -> np.ndarray:
    if scale in LINEAR_SCALES:
        return linear
    return np.log1p(linear) if scale == "log1p" else np.log2(linear + (0.001 if scale == "toil" else 1))
