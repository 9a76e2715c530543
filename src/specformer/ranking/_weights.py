"""What a gene weighs: the six weightings and the per-gene statistics that each of them freezes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from specformer._checks import require_one_of
from specformer.ranking._gene_sums import GeneSums, add_sums, gene_sums
from specformer.ranking._sums import join_limbs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from specformer.ranking._types import Block

Weighting = Literal["tfidf", "tfidf_smooth", "cohort_l2", "median", "expression", "zscore"]
WEIGHTINGS: tuple[str, ...] = get_args(Weighting)


@dataclass(frozen=True)
class GeneStatistics:
    """Frozen statistics of G genes: what ranks one sample like any other, alone or in company.

    The score of a gene is `(value - offset) * scale` in float32, the value being linear expression; for `"zscore"` it
    is linear expression per million.
    """

    weighting: str
    """One of :data:`WEIGHTINGS`."""
    n_obs: int
    """Samples that the statistics come from."""
    scale: np.ndarray
    """float32 (G,): the gene's factor; 0 for a gene that the weighting cannot judge (never seen, or constant)."""
    offset: np.ndarray | None
    """float32 (G,): what is subtracted first; only `"zscore"` has one."""
    df: np.ndarray
    """int64 (G,): samples in which the gene is above zero."""

    def __post_init__(self) -> None:
        require_one_of("weighting", self.weighting, WEIGHTINGS)

    def __len__(self) -> int:
        return len(self.scale)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that decides an order: weighting, factors and offsets, in the order of the genes."""
        digest = sha256(self.weighting.encode())
        for values in (self.scale, self.offset):
            if values is not None:
                digest.update(np.ascontiguousarray(values, dtype="<f4").tobytes())
        return digest.hexdigest()

    def take(self, index: np.ndarray) -> GeneStatistics:
        """The statistics of the genes at `index`, in that order."""
        offset = None if self.offset is None else self.offset[index]
        return replace(self, scale=self.scale[index], offset=offset, df=self.df[index])


def fit_statistics(blocks: Iterable[Block], weighting: str) -> GeneStatistics:
    """Per-gene statistics of a cohort, in one pass over blocks of samples.

    ================  ===================================================================  =========================
    weighting         score of gene g in a sample                                          statistic
    ================  ===================================================================  =========================
    `"tfidf"`         x_g log(N / (1 + df_g))                                              document frequency df
    `"tfidf_smooth"`  x_g (log((1 + N) / (1 + df_g)) + 1)                                  document frequency df
    `"cohort_l2"`     x_g / L2 norm of g over the cohort                                   norm, per million
    `"median"`        x_g / median of g over the samples that express it                   median, per million
    `"expression"`    x_g                                                                  none
    `"zscore"`        (x_g - mean_g) / sd_g, x per million                                 mean and sd, per million
    ================  ===================================================================  =========================

    The published term frequency divides x_g by the sample's total; that changes no order within a sample and is left
    out. Norms, medians, means and standard deviations are taken over samples scaled to one million, for samples of
    unequal depth would otherwise weigh unequally. All are independent, to the last bit, of the order of samples and
    genes and of the size of the blocks.

    Parameters
    ----------
    blocks
        Linear values >= 0, samples x genes, dense or CSR; together the cohort.
    weighting
        One of :data:`WEIGHTINGS`.

    Returns
    -------
    The statistics, in the order of the columns. Memory is O(genes), except for `"median"`, which holds the cohort as
    float32 (4 bytes x samples x genes).

    Examples
    --------
    >>> import numpy as np
    >>> from specformer.ranking import fit_statistics
    >>> fit_statistics([np.array([[3.0, 0.0], [1.0, 0.0], [2.0, 5.0]])], "tfidf").df
    array([3, 1])
    """
    require_one_of("weighting", weighting, WEIGHTINGS)
    return statistics_of(add_sums(gene_sums(block, weighting) for block in blocks), weighting)


def statistics_of(sums: GeneSums, weighting: str) -> GeneStatistics:
    """The statistics of samples of which these are the sums."""
    n_obs, df = sums.n_obs, sums.df
    if n_obs == 0:
        msg = "Cannot fit gene statistics: no samples were given."
        raise ValueError(msg)
    offset = None
    if weighting in ("tfidf", "tfidf_smooth"):
        scale = idf_table(n_obs, weighting)[df]
    elif weighting == "cohort_l2":
        scale = _inverse(np.sqrt(join_limbs(sums.squares)))
    elif weighting == "median":
        scale = _inverse(_expressed_medians(sums.held))
    elif weighting == "zscore":
        mean = join_limbs(sums.sums) / n_obs
        variance = np.maximum(join_limbs(sums.squares) / n_obs - mean**2, 0)
        # Below this, the difference of the two terms is rounding, not variance.
        variance[variance < 1e-12 * mean**2] = 0
        scale, offset = _inverse(np.sqrt(variance)), mean.astype(np.float32)
    else:
        scale = np.ones(len(df))
    return GeneStatistics(weighting, n_obs, scale.astype(np.float32), offset, df)


def idf_table(n_obs: int, weighting: str = "tfidf") -> np.ndarray:
    """Inverse document frequency by document frequency 0 ... `n_obs`, float64, shape `(n_obs + 1,)`.

    Genes are looked up in it by their integer df, so that genes of equal df are equal to the last bit and tie.
    """
    df = np.arange(n_obs + 1)
    if weighting == "tfidf":
        return np.log(n_obs / (1 + df))
    return np.log((1 + n_obs) / (1 + df)) + 1


def _inverse(statistic: np.ndarray) -> np.ndarray:
    # What lies below any expression counts as none: its inverse would overflow float32, and infinity x 0 has no rank.
    return np.divide(1.0, statistic, out=np.zeros_like(statistic), where=statistic > 1e-30)


def _expressed_medians(held: list[np.ndarray], n_columns: int = 256) -> np.ndarray:
    """Median of every column over its entries above zero; 0 where there are none."""
    n_obs, n_genes = sum(len(piece) for piece in held), held[0].shape[1]
    medians = np.zeros(n_genes)
    for start in range(0, n_genes, n_columns):
        columns = slice(start, start + n_columns)
        ordered = np.sort(np.concatenate([piece[:, columns].T for piece in held], axis=1), axis=1)
        n_expressed = (ordered > 0).sum(axis=1)
        seen = np.flatnonzero(n_expressed)
        n_zero, n_seen = n_obs - n_expressed[seen], n_expressed[seen]
        middles = ordered[seen, n_zero + (n_seen - 1) // 2], ordered[seen, n_zero + n_seen // 2]
        medians[start + seen] = (middles[0].astype(np.float64) + middles[1]) / 2
    return medians
