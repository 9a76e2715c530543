"""From linear expression to the rank of every gene in its sample, bit for bit the same by every route."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from specformer._settings import settings
from specformer.ranking._sums import dense_slices, per_million

if TYPE_CHECKING:
    from specformer.ranking._types import Block
    from specformer.ranking._weights import GeneStatistics

_MAX_UINT16 = 65_535


def rank_rows(
    X: Block, statistics: GeneStatistics, *, tie_order: np.ndarray | None = None, n_threads: int | None = None
) -> np.ndarray:
    """Rank of every gene in every sample, 0 for the highest score, by a stable radix sort.

    The score is `(x - offset) * scale` in float32, one correctly rounded operation after the other, so that every
    machine gets the same bits; minus zero counts as zero; equal scores are ordered by gene id. Ranks depend on neither
    the container, nor the thread count, nor which other samples are there, nor the order of the columns.

    Parameters
    ----------
    X
        Linear expression, n samples x G genes, finite; dense, CSR or CSC; read as float32.
    statistics
        Of the same G genes, in the same order: :func:`~specformer.ranking.fit_statistics`.
    tie_order
        Position of each column in gene-id order, G distinct integers. By default the columns are in that order.
    n_threads
        Threads to rank with; by default `settings.n_threads`, and where that is 0 all that numba is given.

    Returns
    -------
    Ranks, `(n, G)`, uint16, or uint32 above 65,535 genes.

    Examples
    --------
    >>> import numpy as np
    >>> from specformer.ranking import fit_statistics, rank_rows
    >>> X = np.array([[5.0, 0.0, 7.0], [1.0, 1.0, 0.0]])
    >>> rank_rows(X, fit_statistics([X], "expression"))
    array([[1, 2, 0],
           [0, 1, 2]], dtype=uint16)
    """
    try:
        from specformer.ranking._kernels import rank_csr, rank_dense
    except ImportError:  # no numba on this platform: slower, same bits
        return rank_rows_numpy(X, statistics, tie_order=tie_order)

    X, scale, offset, by_id = prepare(X, statistics, tie_order)
    ranks = np.empty(X.shape, rank_dtype(X.shape[1]))

    def rank(rows: slice) -> None:
        if sparse.issparse(X):
            rank_csr(X.data, X.indices, X.indptr[rows.start : rows.stop + 1], scale, offset, by_id, ranks[rows])
        else:
            rank_dense(X[rows], scale, offset, by_id, ranks[rows])

    n_threads = min(n_threads or settings.n_threads or _all_threads(), len(ranks))
    if n_threads <= 1:
        rank(slice(0, len(ranks)))
    else:
        bounds = np.linspace(0, len(ranks), n_threads + 1).astype(int)
        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(rank, map(slice, bounds[:-1], bounds[1:])))
    return ranks


def rank_rows_numpy(X: Block, statistics: GeneStatistics, *, tie_order: np.ndarray | None = None) -> np.ndarray:
    """The ranks of :func:`rank_rows` in plain numpy, by sorting words that hold score and gene id together."""
    X, scale, offset, by_id = prepare(X, statistics, tie_order)
    ranks = np.empty(X.shape, rank_dtype(X.shape[1]))
    position = np.arange(X.shape[1], dtype=ranks.dtype)
    for rows, piece in dense_slices(X):
        words = (descending_keys((piece[:, by_id] - offset) * scale).astype(np.uint64) << np.uint64(32)) | np.arange(
            len(by_id), dtype=np.uint64
        )
        words.sort(axis=1)
        columns = by_id[(words & np.uint64(0xFFFFFFFF)).astype(np.intp)]
        np.put_along_axis(ranks[rows], columns.astype(np.intp), position[None], axis=1)
    return ranks


def prepare(
    X: Block, statistics: GeneStatistics, tie_order: np.ndarray | None
) -> tuple[Block, np.ndarray, np.ndarray, np.ndarray]:
    """Check the input of a ranking routine and bring it into the shape that all of them take.

    Returns
    -------
    The values as C-ordered float32 or canonical float32 CSR; scale and offset in gene-id order; the columns in gene-id
    order (uint32).
    """
    X = X.tocsr() if sparse.issparse(X) else np.asarray(X)
    if X.ndim != 2 or X.shape[1] != len(statistics):
        msg = f"`X` has shape {X.shape}; expected (n, {len(statistics):,}), one column for each gene of the statistics."
        raise ValueError(msg)
    if sparse.issparse(X):
        X = X.astype(np.float32)
        if not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
    else:
        X = np.ascontiguousarray(X, dtype=np.float32)
    if not np.isfinite(X.data if sparse.issparse(X) else X).all():
        msg = "`X` has NaN or infinite entries (as float32); they have no rank. Remove or impute them first."
        raise ValueError(msg)
    if statistics.weighting == "zscore":
        X = per_million(X)
    by_id = gene_id_order(len(statistics), tie_order)
    offset = np.zeros(len(statistics), np.float32) if statistics.offset is None else statistics.offset[by_id]
    return X, statistics.scale[by_id], offset, by_id


def gene_id_order(n_genes: int, tie_order: np.ndarray | None) -> np.ndarray:
    """The columns in gene-id order (uint32): the inverse of `tie_order`."""
    if tie_order is None:
        return np.arange(n_genes, dtype=np.uint32)
    tie_order = np.asarray(tie_order)
    by_id = np.argsort(tie_order, kind="stable")
    if tie_order.shape != (n_genes,) or not np.array_equal(tie_order[by_id], np.arange(n_genes)):
        msg = f"`tie_order` must hold each of 0 ... {n_genes - 1:,} once: the position of each column in gene-id order."
        raise ValueError(msg)
    return by_id.astype(np.uint32)


def descending_keys(scores: np.ndarray) -> np.ndarray:
    """uint32 keys that sort like the float32 `scores` do from high to low, both zeros alike."""
    bits = np.ascontiguousarray(scores + np.float32(0), dtype=np.float32).view(np.uint32)  # -0.0 + 0.0 is +0.0
    return np.where(bits >> 31 == 0, bits ^ np.uint32(0x7FFFFFFF), bits)


def rank_dtype(n_genes: int) -> type[np.unsignedinteger]:
    """uint16, or uint32 above 65,535 genes."""
    return np.uint16 if n_genes <= _MAX_UINT16 else np.uint32


def _all_threads() -> int:
    import numba

    return numba.get_num_threads()
