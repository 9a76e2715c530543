"""One look at every sample: bad values are errors, the scale is told, and what else a pass is for is done on the way."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from scipy import sparse

from specformer._checks import require_one_of, require_rows
from specformer.pp._map_blocks import map_blocks
from specformer.ranking import LINEAR_SCALES, LOG_SCALES, Scale, to_linear
from specformer.ranking._row_summary import RowSummary, inspected_rows, summarise_rows
from specformer.ranking._scale import TOIL_FLOOR, decide_scale

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from anndata import AnnData

    from specformer.ranking._types import Block

    Part = TypeVar("Part")

_N_BELIEVED = 8  # samples that a block is judged by, until all have been seen
_MAX_LOG_GIVEN = 64  # beyond, float32 cannot hold what a logarithm stands for


def scan(adata: AnnData, layer: str | None, scale: str | None = None) -> Scale:
    """The scale of the matrix, told or as given by the user; raises if values are missing, infinite or impossible."""
    return scan_with(adata, layer, scale, _nothing)[0]


def scan_with(
    adata: AnnData, layer: str | None, scale: str | None, part: Callable[[Block, slice], Part]
) -> tuple[Scale, list[Part]]:
    """As `scan`, and of every block, in order and in the same pass, what `part` makes of its linear values and rows.

    Linear values need the scale, which nobody knows before all samples have been seen: each block believes its own.
    Should that have been an error anywhere, the parts are made again, in a second pass. A matrix that cannot be made
    linear has none.
    """
    if scale is not None:
        require_one_of("scale", scale, (*LINEAR_SCALES, *LOG_SCALES))
    where = place(layer)
    if 0 in adata.shape:
        msg = f"`adata` has {adata.n_obs} samples and {adata.n_vars} genes: nothing to look at."
        raise ValueError(msg)

    log_base = _log_base_on_record(adata, layer)
    look = partial(_look, scale=scale, log_base=log_base, part=part)
    summaries: list[RowSummary] = []
    inversions: set[str | None] = set()
    parts: list[Part] = []
    inspected: Any = None
    for _, seen in map_blocks(look, adata, layer):
        summaries.append(seen.summary)
        inversions.add(seen.inversion)
        parts.append(seen.part)
        inspected = seen.inspected if inspected is None else _both(inspected, seen.inspected)
    summary = _joined(summaries)
    names = adata.obs_names
    require_rows(np.isnan(summary.low), names, f"NaN in {where}", "Drop these samples, or impute the missing values.")
    infinite = np.isinf(summary.low) | np.isinf(summary.high)
    require_rows(infinite, names, f"Infinite values in {where}", "A logarithm of zero? Take log2(x + 1) instead.")

    found = _given(scale, summary, where) if scale is not None else _tell(summary, inspected, log_base)
    if found.name in LINEAR_SCALES:
        what = "counts" if found.name == "counts" else "values among linear values"
        cure = "Expression cannot be negative: pass the values before background or batch correction."
        require_rows(summary.n_negative > 0, names, f"Negative {what} in {where}", cure)
    if found.invertible:
        floor = TOIL_FLOOR + 1e-3 if found.name == "toil" else 0
        require_rows(summary.high <= floor, names, f"No expression at all in {where}", "Drop these samples.")
        if part is not _nothing and inversions != {_inversion(found)}:
            again = partial(_part, scale=found.name, part=part)
            parts = [made for _, made in map_blocks(again, adata, layer)]
    return found, parts if found.invertible else []


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


class _Inspected(NamedTuple):
    """A few samples in full."""

    summary: RowSummary
    rows: np.ndarray


class _Seen(NamedTuple):
    """What is kept of a block."""

    summary: RowSummary
    inspected: _Inspected
    inversion: str | None
    part: Any


def _look(
    block: Block, rows: slice, *, scale: str | None, log_base: float | None, part: Callable[[Block, slice], Any]
) -> _Seen:
    summary = summarise_rows(block)
    inspected = _inspect(summary, block)
    bad = not np.isfinite([summary.low, summary.high]).all()
    if bad or part is _nothing:
        return _Seen(summary, inspected, None, None)
    found = decide_scale(summary, inspected.rows[:_N_BELIEVED], log_base) if scale is None else Scale(scale, {})
    if not found.invertible:
        return _Seen(summary, inspected, None, None)
    return _Seen(summary, inspected, _inversion(found), _part(block, rows, scale=found.name, part=part))


def _part(block: Block, rows: slice, *, scale: str, part: Callable[[Block, slice], Any]) -> Any:
    # Under a scale that is not that of the cohort, logarithms may be undone of what is none.
    with np.errstate(over="ignore", invalid="ignore"):
        return part(to_linear(block, scale), rows)


def _nothing(linear: Block, rows: slice) -> None:
    return None


def _inversion(scale: Scale) -> str:
    """How values on a scale become linear: alike for all that are."""
    return "linear" if scale.name in LINEAR_SCALES else scale.name.removeprefix("quantile_")


def _inspect(summary: RowSummary, rows: Block) -> _Inspected:
    chosen = inspected_rows(summary)
    full = rows[chosen]
    return _Inspected(RowSummary(*(values[chosen] for values in summary)), _dense(full))


def _both(one: _Inspected, other: _Inspected) -> _Inspected:
    return _inspect(_joined([one.summary, other.summary]), np.concatenate([one.rows, other.rows]))


def _joined(summaries: Sequence[RowSummary]) -> RowSummary:
    return RowSummary(*(np.concatenate(part) for part in zip(*summaries, strict=True)))


def _dense(block: Block) -> np.ndarray:
    return block.toarray() if sparse.issparse(block) else np.asarray(block)


def _log_base_on_record(adata: AnnData, layer: str | None) -> float | None:
    # scanpy leaves a note of the logarithm it took, and that note is about X.
    note = adata.uns.get("log1p") if layer is None else None
    return note.get("base") or np.e if isinstance(note, Mapping) else None


def _tell(summary: RowSummary, inspected: _Inspected, log_base: float | None) -> Scale:
    found = decide_scale(summary, inspected.rows, log_base)
    if found.name in LOG_SCALES and log_base not in (None, 2, np.e):
        msg = f"`adata.uns['log1p']` records a logarithm to base {log_base}. Undo it: `adata.X = base**adata.X - 1`."
        raise ValueError(msg)
    return found


def _given(scale: str, summary: RowSummary, where: str) -> Scale:
    if scale in LOG_SCALES and summary.high.max() > _MAX_LOG_GIVEN:
        msg = f"`scale={scale!r}`, but {where} reaches {summary.high.max():,.6g}, which is no logarithm of expression."
        raise ValueError(msg)
    return Scale(scale, {"because": "given by the user"})
