"""The rows of an AnnData, a few at a time, whatever holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from anndata.abc import CSCDataset
from anndata.compat import DaskArray
from scipy import sparse

from specformer._checks import require_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from anndata import AnnData

    from specformer.ranking._types import Block


# What is made of a block in memory should find its place in the heap again, rather than in fresh pages each time; a file
# may be compressed, in chunks that should not be opened twice.
ROWS_IN_MEMORY, ROWS_ON_DISK = 256, 2048


def row_blocks(adata: AnnData, layer: str | None = None, *, n_rows: int | None = None) -> Iterator[tuple[slice, Block]]:
    """Read expression in blocks of samples, in order, holding no more than one block.

    Parameters
    ----------
    adata
        In memory, backed, a view of either, or on dask.
    layer
        Read `adata.layers[layer]` instead of `adata.X`.
    n_rows
        Samples in a block; by default 256 in memory and 2,048 from a file. Dask arrays are read by their own chunks.

    Yields
    ------
    The rows and their values: a dense array or a CSR matrix, of the dtype that is stored. Column-compressed matrices
    are turned into rows once, as a whole (on disk: read as a whole); so is a view of a backed object.

    Examples
    --------
    >>> import anndata as ad, numpy as np
    >>> from specformer.pp._blocks import row_blocks
    >>> [block.shape for rows, block in row_blocks(ad.AnnData(np.ones((5, 3))), n_rows=2)]
    [(2, 3), (2, 3), (1, 3)]
    """
    read = row_reader(adata, layer)
    matrix = None if adata.is_view else matrix_of(adata, layer)
    if isinstance(matrix, DaskArray):
        bounds = np.concatenate([[0], np.cumsum(matrix.chunks[0])])
    else:
        n_rows = n_rows or (ROWS_ON_DISK if adata.isbacked else ROWS_IN_MEMORY)
        bounds = np.append(np.arange(0, adata.n_obs, n_rows), adata.n_obs)
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        yield slice(start, stop), read(slice(start, stop))


def row_reader(adata: AnnData, layer: str | None = None) -> Callable[[slice | np.ndarray], Block]:
    """The function that reads given rows, a slice or ascending numbers, as a block."""
    if adata.is_view and not adata.isbacked:
        # `.X` of a view would copy all of it.
        return lambda rows: as_block(matrix_of(adata[rows], layer))
    matrix = matrix_of(adata, layer)
    if isinstance(matrix, CSCDataset):
        matrix = matrix.to_memory()
    if sparse.issparse(matrix):
        matrix = matrix.tocsr()
    return lambda rows: as_block(matrix[rows])


def matrix_of(adata: AnnData, layer: str | None = None) -> Any:
    """`adata.X`, or the layer; an error that says what is there if it is not."""
    if layer is not None:
        return require_key(adata, "layers", layer, run=f"adata.layers[{layer!r}] = ...")
    if adata.X is None:
        msg = f"`adata.X` is empty. Name the layer that holds expression with `layer=`. Present: {list(adata.layers)}."
        raise ValueError(msg)
    return adata.X


def as_block(piece: Any) -> Block:
    """A piece of a matrix in one of the two forms that everything below takes: dense, or CSR."""
    if isinstance(piece, DaskArray):
        piece = piece.compute()
    if sparse.issparse(piece):
        return piece.tocsr()
    piece = np.asarray(piece)
    if piece.dtype.kind not in "buif":
        msg = f"Expression has dtype {piece.dtype}; expected numbers. Convert it with `adata.X = adata.X.astype('float32')`."
        raise TypeError(msg)
    return piece
