"""One look at every sample before anything is computed: bad values are errors, and the scale is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from specformer._checks import require_one_of, require_rows
from specformer.pp._blocks import row_blocks, row_reader
from specformer.ranking import LINEAR_SCALES, LOG_SCALES, Scale
from specformer.ranking._row_summary import RowSummary, inspected_rows, summarise_rows
from specformer.ranking._scale import TOIL_FLOOR, decide_scale

if TYPE_CHECKING:
    from anndata import AnnData

_MAX_LOG_GIVEN = 64  # beyond, float32 cannot hold what a logarithm stands for


def scan(adata: AnnData, layer: str | None, scale: str | None = None) -> Scale:
    """The scale of the matrix, told or as given by the user; raises if values are missing, infinite or impossible."""
    if scale is not None:
        require_one_of("scale", scale, (*LINEAR_SCALES, *LOG_SCALES))
    where = place(layer)
    if 0 in adata.shape:
        msg = f"`adata` has {adata.n_obs} samples and {adata.n_vars} genes: nothing to look at."
        raise ValueError(msg)

    blocks = (summarise_rows(block) for _, block in row_blocks(adata, layer))
    summary = RowSummary(*(np.concatenate(part) for part in zip(*blocks, strict=True)))
    names = adata.obs_names
    require_rows(np.isnan(summary.low), names, f"NaN in {where}", "Drop these samples, or impute the missing values.")
    infinite = np.isinf(summary.low) | np.isinf(summary.high)
    require_rows(infinite, names, f"Infinite values in {where}", "A logarithm of zero? Take log2(x + 1) instead.")

    found = _tell(adata, layer, summary) if scale is None else _given(scale, summary, where)
    if found.name in LINEAR_SCALES:
        what = "counts" if found.name == "counts" else "values among linear values"
        cure = "Expression cannot be negative: pass the values before background or batch correction."
        require_rows(summary.n_negative > 0, names, f"Negative {what} in {where}", cure)
    if found.invertible:
        floor = TOIL_FLOOR + 1e-3 if found.name == "toil" else 0
        require_rows(summary.high <= floor, names, f"No expression at all in {where}", "Drop these samples.")
    return found


def require_linear(scale: Scale, layer: str | None) -> None:
    """Raise, with the cure, if linear expression cannot be had from this scale."""
    if not scale.invertible:
        msg = (
            f"{place(layer)} holds z-scores or centred logs ({scale.evidence['because']}): the level of each gene has "
            "been removed, and with it the order of genes within a sample. Pass counts, TPM, FPKM or their logs: "
            "`layer='counts'`, or `adata.raw.to_adata()` if they are kept there."
        )
        raise ValueError(msg)


def place(layer: str | None) -> str:
    """The matrix, as the user would write it."""
    return "`adata.X`" if layer is None else f"`adata.layers[{layer!r}]`"


def _tell(adata: AnnData, layer: str | None, summary: RowSummary) -> Scale:
    rows = row_reader(adata, layer)(inspected_rows(summary))
    # scanpy leaves a note of the logarithm it took, and that note is about X.
    note = adata.uns.get("log1p") if layer is None else None
    on_record = note.get("base") or np.e if isinstance(note, Mapping) else None
    found = decide_scale(summary, rows if isinstance(rows, np.ndarray) else rows.toarray(), on_record)
    if found.name in LOG_SCALES and on_record not in (None, 2, np.e):
        msg = f"`adata.uns['log1p']` records a logarithm to base {on_record}. Undo it: `adata.X = base**adata.X - 1`."
        raise ValueError(msg)
    return found


def _given(scale: str, summary: RowSummary, where: str) -> Scale:
    if scale in LOG_SCALES and summary.high.max() > _MAX_LOG_GIVEN:
        msg = f"`scale={scale!r}`, but {where} reaches {summary.high.max():,.6g}, which is no logarithm of expression."
        raise ValueError(msg)
    return Scale(scale, {"because": "given by the user"})
