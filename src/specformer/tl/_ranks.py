"""Where the ranks of an embedding come from: a layer made with the same statistics, or the expression itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from specformer._checks import require_rows
from specformer._keys import N_EXPRESSED, TFIDF, TFIDF_RANK
from specformer._logging import logger
from specformer.genes import align_columns, match_genes
from specformer.pp._blocks import row_blocks
from specformer.pp._gene_names import read_gene_names
from specformer.pp._map_blocks import lazy_matrix, map_blocks
from specformer.pp._scan import require_linear, scan
from specformer.pp._statistics import vocabulary_statistics
from specformer.ranking import rank_rows, to_linear

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from anndata import AnnData

    from specformer.genes import GeneAlignment, GeneMatch, GeneVocabulary
    from specformer.ranking import GeneStatistics, Scale
    from specformer.ranking._types import Block

    RankBlocks = Iterator[tuple[slice, np.ndarray, np.ndarray]]

ROWS_AT_ONCE = 256
ROWS_FROM_DASK, N_FROM_DASK = 2048, 4  # rows in a block (a multiple of the above), and blocks at a time


class Ranked(NamedTuple):
    """A cohort in a checkpoint's terms."""

    match: GeneMatch
    scale: Scale
    genes: np.ndarray
    """int64: rows of the vocabulary that are at hand, ascending; columns of the ranks."""
    blocks: RankBlocks


def read_ranks(
    adata: AnnData, vocabulary: GeneVocabulary, *, layer: str | None, gene_key: str | None, scale: str | None = None
) -> Ranked:
    """Recognise genes and scale, and rank; errors for what cannot be."""
    match = match_genes(list(read_gene_names(adata, gene_key)), vocabulary)
    found = scan(adata, layer, scale)
    require_linear(found, layer)
    alignment = align_columns(match)
    return Ranked(match, found, alignment.genes, rank_source(adata, layer, found.name, vocabulary, alignment))


def rank_source(
    adata: AnnData, layer: str | None, scale: str, vocabulary: GeneVocabulary, alignment: GeneAlignment
) -> RankBlocks:
    """Blocks of (rows, ranks among the genes at hand, number of them above zero), whatever holds the samples."""
    statistics = vocabulary_statistics(vocabulary)
    if _layer_fits(adata, layer, statistics, alignment):
        logger.info("    using the ranks in adata.layers[%r]", TFIDF_RANK.name)
        return _from_layer(adata, alignment)
    if TFIDF_RANK.name in adata.layers:
        logger.info(
            "    adata.layers[%r] was ranked with other statistics than the checkpoint's: ranking again, the layer stays",
            TFIDF_RANK.name,
        )
    return _from_expression(adata, layer, scale, statistics.take(alignment.genes), alignment)


def require_expressed(blocks: RankBlocks, obs_names: pd.Index) -> RankBlocks:
    """The same blocks; an error at the first with samples that have none of the genes, which names them."""
    for rows, ranks, n_expressed in blocks:
        silent = n_expressed == 0
        require_rows(silent, obs_names[rows], "None of the known genes is expressed", "Drop these samples.")
        yield rows, ranks, n_expressed


def _from_expression(
    adata: AnnData, layer: str | None, scale: str, statistics: GeneStatistics, alignment: GeneAlignment
) -> RankBlocks:
    lazy = lazy_matrix(adata, layer) is not None
    rank = partial(
        ranks_of, scale=scale, statistics=statistics, alignment=alignment, n_threads=1 if lazy else None
    )  # dask has its own threads
    n_rows = ROWS_FROM_DASK if lazy else ROWS_AT_ONCE
    for rows, (ranks, n_expressed) in map_blocks(rank, adata, layer, n_rows=n_rows, n_at_once=N_FROM_DASK):
        # The same blocks whatever holds the samples: see `encode_ranks`.
        for start in range(0, len(ranks), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            at = slice(rows.start + start, rows.start + start + len(ranks[part]))
            yield at, ranks[part], n_expressed[part]


def ranks_of(
    block: Block,
    rows: slice,
    *,
    scale: str,
    statistics: GeneStatistics,
    alignment: GeneAlignment,
    n_threads: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Ranks among the genes at hand of a block of expression, and how many of them are above zero in each sample."""
    linear = alignment.apply(to_linear(block, scale))
    return rank_rows(linear, statistics, n_threads=n_threads), np.asarray((linear > 0).sum(axis=1)).ravel()


def _from_layer(adata: AnnData, alignment: GeneAlignment) -> RankBlocks:
    n_expressed = adata.obs[N_EXPRESSED.name].to_numpy()
    for rows, block in row_blocks(adata, TFIDF_RANK.name, n_rows=ROWS_AT_ONCE):
        # Ranks have gaps where genes were left out since, or are unknown to the checkpoint.
        gapped = np.take(block, alignment.columns, axis=1)
        order = np.argsort(gapped, axis=1, kind="stable")
        ranks = np.empty(order.shape, np.uint32)
        np.put_along_axis(ranks, order, np.arange(order.shape[1], dtype=np.uint32)[None], axis=1)
        yield rows, ranks, (gapped < n_expressed[rows, None]).sum(axis=1)


def _layer_fits(adata: AnnData, layer: str | None, statistics: GeneStatistics, alignment: GeneAlignment) -> bool:
    note = adata.uns.get(TFIDF.name)
    return (
        TFIDF_RANK.name in adata.layers
        and N_EXPRESSED.name in adata.obs
        and isinstance(note, dict)
        and note.get("fingerprint") == statistics.fingerprint
        and note["params"].get("layer") == layer
        and not len(alignment.duplicated)
    )
