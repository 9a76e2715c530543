"""Where the ranks of an embedding come from: a layer made with the same statistics, or the expression itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from specformer._checks import require_key
from specformer._keys import N_EXPRESSED, TFIDF, TFIDF_RANK
from specformer._logging import logger
from specformer.genes import align_columns, match_genes
from specformer.pp._blocks import row_blocks
from specformer.pp._scan import require_linear, scan
from specformer.pp._statistics import vocabulary_statistics
from specformer.ranking import rank_rows, to_linear

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anndata import AnnData

    from specformer.genes import GeneAlignment, GeneMatch, GeneVocabulary
    from specformer.ranking import GeneStatistics, Scale

    RankBlocks = Iterator[tuple[slice, np.ndarray, np.ndarray]]

ROWS_AT_ONCE = 256


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
    names = adata.var_names if gene_key is None else require_key(adata, "var", gene_key, run="adata.var[...] = ...")
    match = match_genes(list(names), vocabulary)
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


def _from_expression(
    adata: AnnData, layer: str | None, scale: str, statistics: GeneStatistics, alignment: GeneAlignment
) -> RankBlocks:
    for rows, block in row_blocks(adata, layer, n_rows=ROWS_AT_ONCE):
        linear = alignment.apply(to_linear(block, scale))
        yield rows, rank_rows(linear, statistics), np.asarray((linear > 0).sum(axis=1)).ravel()


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
