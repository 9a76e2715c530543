"""A function of every block of rows: here, one after the other; or where dask computes, a few blocks at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from anndata.compat import DaskArray

from specformer.pp._blocks import as_block, matrix_of, row_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from anndata import AnnData

    from specformer.ranking._types import Block

    Result = TypeVar("Result")

_N_AT_ONCE = 32


def map_blocks(
    function: Callable[[Block, slice], Result],
    adata: AnnData,
    layer: str | None = None,
    *,
    n_rows: int | None = None,
    n_at_once: int = _N_AT_ONCE,
) -> Iterator[tuple[slice, Result]]:
    """Apply a function to every block of samples, in order, reading each row once.

    Parameters
    ----------
    function
        Of a block (dense or CSR) and the rows that it holds. Where dask has several processes, it travels to them, and
        what it returns travels back.
    adata
        In memory, backed, a view of either, or on dask.
    layer
        Read `adata.layers[layer]` instead of `adata.X`.
    n_rows
        Samples in a block; by default as `row_blocks` has it.
    n_at_once
        Blocks that dask is given at a time: its results wait in memory until they are taken.

    Yields
    ------
    The rows, and what the function made of them.
    """
    matrix = lazy_matrix(adata, layer)
    if matrix is None:
        for rows, block in row_blocks(adata, layer, n_rows=n_rows):
            yield rows, function(block, rows)
        return
    import dask

    matrix = matrix.rechunk({0: n_rows or matrix.chunks[0], 1: -1})
    call = dask.delayed(_on_chunk, pure=False)
    bounds = chunk_rows(matrix)
    chunks = matrix.to_delayed().ravel().tolist()
    for start in range(0, len(bounds), n_at_once):
        these = slice(start, start + n_at_once)
        tasks = [call(function, chunk, where) for chunk, where in zip(chunks[these], bounds[these], strict=True)]
        yield from zip(bounds[these], dask.compute(*tasks), strict=True)


def lazy_matrix(adata: AnnData, layer: str | None = None) -> DaskArray | None:
    """The matrix if it is a dask array, else None; nothing is read of either."""
    if adata.isbacked and layer is None:
        return None
    # `.X` of a view in memory is a copy of its rows: of none, to see what it is.
    probe = matrix_of(adata[:0], layer) if adata.is_view else matrix_of(adata, layer)
    return matrix_of(adata, layer) if isinstance(probe, DaskArray) else None


def chunk_rows(matrix: DaskArray) -> list[slice]:
    """The rows of each chunk."""
    rows, start = [], 0
    for n in matrix.chunks[0]:
        rows.append(slice(start, start + n))
        start += n
    return rows


def _on_chunk(function: Callable[[Block, slice], Any], chunk: Any, rows: slice) -> Any:
    return function(as_block(chunk), rows)
