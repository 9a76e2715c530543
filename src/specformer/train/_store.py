"""The rank store: every sample ranked once, two bytes a gene, in memory or on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from specformer._logging import logger
from specformer.pp._statistics import vocabulary_statistics
from specformer.ranking import normal_scores, ordered_genes
from specformer.train._aligned import AlignedCohort
from specformer.train._rank_files import NewRanks, digest_of, ranks_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from anndata import AnnData

    from specformer.genes import GeneVocabulary
    from specformer.ranking import GeneStatistics


@dataclass(frozen=True, eq=False)
class RankStore:
    """Samples of one cohort in one unit, each as the ranks of its genes.

    Parameters
    ----------
    ranks
        uint16, or uint32 above 65,535 genes, (n, G): rank of each gene in its sample, 0 the highest; an array or a
        memory map.
    n_expressed
        int32 (n,): genes above zero.
    genes
        int64 (G,): rows of the vocabulary that the columns are, ascending.
    samples
        str (n,): who each row is. Rows of the same name in several stores are one sample in several schemes.
    scheme
        What the cohort was measured in, for the record.
    weighting
        By what the genes were ordered.
    """

    ranks: np.ndarray
    n_expressed: np.ndarray
    genes: np.ndarray
    samples: np.ndarray
    scheme: str
    weighting: str

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def n_genes(self) -> int:
        """Genes at hand, G."""
        return len(self.genes)

    @property
    def n_ordered(self) -> np.ndarray:
        """int32 (n,): how many genes of each sample have an order of their own; the rest share one score.

        Genes without expression do, where the weighting puts them last; elsewhere nothing is known of them.
        """
        return ordered_genes(self.weighting, self.n_expressed, self.n_genes)

    def scores(
        self, rows: np.ndarray | slice, *, quantile: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> np.ndarray:
        """Normal scores of some rows, float32 (n, G); `quantile` as for `sf.ranking.normal_scores`."""
        return normal_scores(np.asarray(self.ranks[rows]), self.n_ordered[rows], quantile=quantile)


def rank_store(
    adata: AnnData,
    vocabulary: GeneVocabulary,
    *,
    rows: str | np.ndarray | None = None,
    layer: str | None = None,
    scale: str | None = None,
    gene_key: str | None = None,
    scheme: str | None = None,
    lengths: str | np.ndarray | None = None,
    path: str | Path | None = None,
) -> RankStore:
    """Rank every sample once, with the frozen statistics of a vocabulary.

    Parameters
    ----------
    adata
        Samples x genes, on any scale that can be made linear; in memory, backed or on dask. Read in blocks.
    vocabulary
        With statistics, as `build_vocabulary` makes it. Genes that it does not know are left out.
    rows
        The samples to rank, a boolean column of `obs` or a boolean array; all by default.
    layer
        Read `adata.layers[layer]` instead of `adata.X`.
    scale
        What the values are, where detection would be wrong.
    gene_key
        Column of `var` that holds gene names, instead of `var_names`.
    scheme
        Bring counts to this normalisation scheme first (see `sf.pp.to_scheme`).
    lengths
        Bases of each column, for the schemes that need them: a column of `var`, or an array.
    path
        A folder to keep the ranks in, as a memory map whose name is a hash of everything that decides them: of the
        values themselves, the statistics, the genes, the samples and the scheme. Where the same ranks are there
        already, they are not computed again. None keeps them in memory.

    Returns
    -------
    The store. `adata` is not changed.

    Raises
    ------
    ValueError
        If the values are not expression, genes are not known, or a sample expresses none of the known genes.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(40)
    >>> genes = sf.train.build_vocabulary(adata, weighting="median")
    >>> sf.train.rank_store(adata, genes).ranks.dtype
    dtype('uint16')
    """
    cohort = AlignedCohort.of(
        adata, vocabulary, rows=rows, layer=layer, scale=scale, gene_key=gene_key, scheme=scheme, lengths=lengths
    )
    genes, samples = cohort.alignment.genes, cohort.samples
    statistics = vocabulary_statistics(vocabulary).take(genes)
    shape = (len(samples), len(genes))
    file, digest = None, ""
    if path is not None:
        digest = digest_of(cohort, statistics.fingerprint)
        file = Path(path) / f"{digest[:20]}.npy"
    held = None if file is None else ranks_in(file, digest, shape)
    if held is None:
        held = _rank(cohort, statistics, file, digest)
    else:
        logger.info("ranks of %s samples are at hand in %s", f"{len(samples):,}", file)
    return RankStore(*held, genes, samples, scheme or cohort.unit, vocabulary.weighting)


def _rank(
    cohort: AlignedCohort, statistics: GeneStatistics, file: Path | None, digest: str
) -> tuple[np.ndarray, np.ndarray]:
    new = NewRanks(file, (len(cohort.samples), len(cohort.alignment.genes)))
    start = 0
    try:
        for ranks, n_expressed in cohort.ranked(statistics):
            here = slice(start, start := start + len(ranks))
            new.ranks[here], new.n_expressed[here] = ranks, n_expressed
    except BaseException:
        new.discard()
        raise
    return new.keep(digest)
