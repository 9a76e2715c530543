"""The vocabulary of a run: which genes it knows, and the statistics of training samples that order them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from anndata import AnnData

from specformer._logging import timed
from specformer.genes import GeneVocabulary, shipped_vocabulary
from specformer.pp._gene_names import read_gene_names
from specformer.ranking import fit_statistics, normal_scores, ordered_genes, panel_quantile
from specformer.train._aligned import AlignedCohort
from specformer.train._combine import combine_statistics
from specformer.train._gene_ids import cohort_table

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
    masks: Any = mask_obs if several else [mask_obs] * len(cohorts)
    names = [list(read_gene_names(cohort, gene_key)) for cohort in cohorts]
    known = shipped_vocabulary() if table is None else GeneVocabulary.from_table(table)
    ids = cohort_table(cohorts, names, known, grow=table is None)
    with timed(f"statistics of {len(ids):,} genes") as notes:
        aligned = [
            AlignedCohort.of(cohort, ids, rows=mask, layer=layer, scale=scale, gene_key=gene_key)
            for cohort, mask in zip(cohorts, masks, strict=True)
        ]
        parts = [fit_statistics(cohort.blocks(), weighting) for cohort in aligned]
        statistics = combine_statistics(parts, [cohort.alignment.genes for cohort in aligned], len(ids))
        mean, sd = _score_moments(aligned, statistics)
        notes.append(f"weighting {weighting!r}, {statistics.n_obs:,} training samples")
    columns = {"scale": statistics.scale, "df": statistics.df, "score_mean": mean, "score_sd": sd}
    if statistics.offset is not None:
        columns["offset"] = statistics.offset
    return GeneVocabulary(ids.table.assign(**columns), weighting=weighting, n_obs=statistics.n_obs)


def _score_moments(cohorts: list[AlignedCohort], statistics: GeneStatistics) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each gene's normal score over the samples that have it, float32.

    The cohort with most genes says what a rank means. Ranks among fewer genes are read in its terms, as those of a
    panel are when it is embedded.
    """
    most = max(len(cohort.alignment.genes) for cohort in cohorts)
    moments = _Moments(len(statistics))
    for cohort in sorted(cohorts, key=lambda cohort: -len(cohort.alignment.genes)):
        genes = cohort.alignment.genes
        is_known = moments.n[genes] > 0
        quantile = None
        if is_known.any() and len(genes) < most:
            mean, sd = moments.mean_and_sd()
            quantile = panel_quantile(mean[genes][is_known], sd[genes][is_known])
        for ranks, n_expressed in cohort.ranked(statistics.take(genes)):
            n_ordered = ordered_genes(statistics.weighting, n_expressed, len(genes))
            moments.add(genes, normal_scores(ranks, n_ordered, quantile=quantile))
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
