"""The vocabulary of a run: which genes it knows, and the statistics of training samples that order them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from anndata import AnnData

from specformer._logging import timed
from specformer.genes import GeneVocabulary, align_columns, match_genes, shipped_vocabulary
from specformer.pp._scan import require_linear, scan
from specformer.ranking import fit_statistics, panel_quantile
from specformer.train._combine import combine_statistics
from specformer.train._gene_ids import cohort_table
from specformer.train._linear_blocks import gene_names, linear_blocks, row_mask
from specformer.train._store import rank_store

if TYPE_CHECKING:
    import pandas as pd

    from specformer.ranking import GeneStatistics


def build_vocabulary(
    adata: AnnData | Sequence[AnnData],
    *,
    weighting: str = "tfidf",
    mask_obs: str | np.ndarray | Sequence[np.ndarray | None] | None = None,
    layer: str | None = None,
    scale: str | None = None,
    gene_key: str | None = None,
    table: pd.DataFrame | None = None,
) -> GeneVocabulary:
    """Genes of one or several cohorts, with the statistics of their training samples.

    Genes of several cohorts are put together. A gene's statistics come from the samples in which it was measured;
    cohorts in different units are brought to a common one first (see `combine_statistics`).

    Parameters
    ----------
    adata
        A cohort, or several with different genes and units. Columns that `sf.pp.filter_genes` has found uninformative
        are left out.
    weighting
        What orders genes, one of `sf.ranking.WEIGHTINGS`.
    mask_obs
        The training samples: a boolean column of `obs`, or boolean arrays, one for each cohort. All by default.
    layer
        Read `adata.layers[layer]` instead of `adata.X`.
    scale
        What the values are, where detection would be wrong.
    gene_key
        Column of `var` that holds gene names, instead of `var_names`.
    table
        Names of genes, with columns symbol, ensembl, entrez, aliases, such as `sf.datasets.gene_table()`. By default
        the names that the shipped checkpoint knows, then columns of `var` with these names, then `var_names`.

    Returns
    -------
    Id columns; `scale`, `offset` (for `"zscore"`), `df`, and `score_mean` and `score_sd`, the mean and standard
    deviation of each gene's normal score.

    Raises
    ------
    ValueError
        If gene names are not human genes, or values are not expression.

    Examples
    --------
    >>> import specformer as sf
    >>> genes = sf.train.build_vocabulary(sf.datasets.simulated_cohort(40), weighting="median")
    >>> {"scale", "df", "score_mean", "score_sd"} <= set(genes.table.columns)
    True
    """
    cohorts = [adata] if isinstance(adata, AnnData) else list(adata)
    several = isinstance(mask_obs, Sequence) and not isinstance(mask_obs, str)
    given = list(mask_obs) if several else [mask_obs] * len(cohorts)  # type: ignore[arg-type]
    masks = [row_mask(cohort, mask) for cohort, mask in zip(cohorts, given, strict=True)]  # type: ignore[arg-type]
    names = [gene_names(cohort, gene_key) for cohort in cohorts]
    known = None if table is None else GeneVocabulary.from_table(table)
    ids = cohort_table(cohorts, names, known or shipped_vocabulary(), grow=table is None)
    with timed(f"statistics of {len(ids):,} genes") as notes:
        parts, genes = [], []
        for cohort, mask, own in zip(cohorts, masks, names, strict=True):
            statistics, at_hand = _fit(cohort, ids, own, mask, layer, scale, weighting)
            parts.append(statistics)
            genes.append(at_hand)
        statistics = combine_statistics(parts, genes, len(ids))
        columns = {"scale": statistics.scale, "df": statistics.df}
        if statistics.offset is not None:
            columns["offset"] = statistics.offset
        vocabulary = GeneVocabulary(ids.table.assign(**columns), weighting=weighting, n_obs=statistics.n_obs)
        mean, sd = _score_moments(cohorts, masks, vocabulary, layer=layer, scale=scale, gene_key=gene_key)
        notes.append(f"weighting {weighting!r}, {statistics.n_obs:,} training samples")
    filled = vocabulary.table.assign(score_mean=mean, score_sd=sd)
    return GeneVocabulary(filled, weighting=weighting, n_obs=statistics.n_obs)


def _fit(
    adata: AnnData,
    ids: GeneVocabulary,
    names: list[object],
    mask: np.ndarray | None,
    layer: str | None,
    scale: str | None,
    weighting: str,
) -> tuple[GeneStatistics, np.ndarray]:
    found = scan(adata, layer, scale)
    require_linear(found, layer)
    alignment = align_columns(match_genes(names, ids))
    blocks = (alignment.apply(block) for _, block in linear_blocks(adata, layer, found.name, mask))
    return fit_statistics(blocks, weighting), alignment.genes


def _score_moments(
    cohorts: list[AnnData], masks: list[np.ndarray | None], vocabulary: GeneVocabulary, **reading: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each gene's normal score over the training samples that have it, float32.

    The cohort with most genes says what a rank means. Ranks among fewer genes are read in its terms, as those of a
    panel are when it is embedded.
    """
    stores = [rank_store(adata, vocabulary, rows=mask, **reading) for adata, mask in zip(cohorts, masks, strict=True)]  # type: ignore[arg-type]
    stores.sort(key=lambda store: -store.n_genes)
    moments = _Moments(len(vocabulary))
    for store in stores:
        quantile = None
        known = moments.n[store.genes] > 0
        if known.any() and store.n_genes < stores[0].n_genes:
            mean, sd = moments.mean_and_sd()
            quantile = panel_quantile(mean[store.genes][known], sd[store.genes][known])
        for start in range(0, len(store), 256):
            moments.add(store.genes, store.scores(slice(start, start + 256), quantile=quantile))
    mean, sd = moments.mean_and_sd()
    return mean.astype(np.float32), sd.astype(np.float32)


class _Moments:
    """Sums of scores and of their squares, gene by gene."""

    def __init__(self, n_genes: int) -> None:
        self.n, self.sums, self.squares = (np.zeros(n_genes) for _ in range(3))

    def add(self, genes: np.ndarray, scores: np.ndarray) -> None:
        self.n[genes] += len(scores)
        self.sums[genes] += scores.sum(axis=0, dtype=np.float64)
        self.squares[genes] += np.square(scores, dtype=np.float64).sum(axis=0)

    def mean_and_sd(self) -> tuple[np.ndarray, np.ndarray]:
        n = np.maximum(self.n, 1)
        mean = self.sums / n
        variance = self.squares / n - mean**2
        # A gene that never moves has nothing to say; its score stays near zero rather than becoming infinite.
        return mean, np.sqrt(np.where(variance > 1e-8, variance, 1.0))
