"""Statistics of several cohorts, with different genes and units, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer.ranking import GeneStatistics

if TYPE_CHECKING:
    from collections.abc import Sequence


def combine_statistics(parts: Sequence[GeneStatistics], genes: Sequence[np.ndarray], n_genes: int) -> GeneStatistics:
    """One set of statistics from those of several cohorts.

    A gene counts in the cohorts that measured it. Document frequencies add up, against the samples that could have
    shown the gene. Levels of expression (medians, norms, means) are first brought to the unit of the largest cohort by
    the median ratio over the genes that both have; medians are then averaged as logarithms, squares and means as they
    are, each cohort by its number of samples.

    Parameters
    ----------
    parts
        Statistics of each cohort under one weighting.
    genes
        Rows of the vocabulary that each of them is of.
    n_genes
        Genes of the vocabulary.

    Returns
    -------
    Statistics of the vocabulary's genes. A single cohort that has all of them is returned as it is.
    """
    weighting = parts[0].weighting
    if len(parts) == 1 and len(genes[0]) == n_genes:
        return parts[0]
    n, df = np.zeros(n_genes, np.int64), np.zeros(n_genes, np.int64)
    for part, rows in zip(parts, genes, strict=True):
        n[rows] += part.n_obs
        df[rows] += part.df
    n_obs = sum(part.n_obs for part in parts)
    offset = None
    if weighting in ("tfidf", "tfidf_smooth"):
        scale = _idf(n, df, weighting)
    elif weighting == "expression":
        scale = np.ones(n_genes)
    else:
        level, mean = _levels(parts, genes, n, weighting)
        scale = np.divide(1.0, level, out=np.zeros(n_genes), where=level > 1e-30)
        if weighting == "cohort_l2":
            scale = scale / np.sqrt(max(n_obs, 1))
        if weighting == "zscore":
            offset = mean.astype(np.float32)
    return GeneStatistics(weighting, n_obs, scale.astype(np.float32), offset, df)


def _idf(n: np.ndarray, df: np.ndarray, weighting: str) -> np.ndarray:
    # One logarithm for each distinct pair of counts: genes that are equal must tie to the last bit.
    pairs, place = np.unique(np.stack([n, df]), axis=1, return_inverse=True)
    n_of, df_of = pairs
    if weighting == "tfidf":
        values = np.log(np.maximum(n_of, 1) / (1 + df_of))
    else:
        values = np.log((1 + n_of) / (1 + df_of)) + 1
    return values[place.ravel()]


def _levels(
    parts: Sequence[GeneStatistics], genes: Sequence[np.ndarray], n: np.ndarray, weighting: str
) -> tuple[np.ndarray, np.ndarray]:
    """The level of each gene over all cohorts, in the unit of the largest, and its mean."""
    own = [_own_level(part) for part in parts]
    largest = int(np.argmax([part.n_obs * len(part) for part in parts]))
    reference = np.zeros(len(n))
    reference[genes[largest]] = own[largest]
    logs, weight, squares, means = (np.zeros(len(n)) for _ in range(4))
    for part, rows, level in zip(parts, genes, own, strict=True):
        shared = (level > 0) & (reference[rows] > 0)
        unit = np.median(reference[rows][shared] / level[shared]) if shared.any() else 1.0
        seen = rows[level > 0]
        logs[seen] += part.n_obs * np.log(level[level > 0] * unit)
        weight[seen] += part.n_obs
        mean = np.zeros(len(rows)) if part.offset is None else part.offset.astype(np.float64) * unit
        means[rows] += part.n_obs * mean
        squares[rows] += part.n_obs * ((level * unit) ** 2 + mean**2)
    n = np.maximum(n, 1)
    mean = means / n
    if weighting == "median":
        return np.where(weight > 0, np.exp(logs / np.maximum(weight, 1)), 0.0), mean
    return np.sqrt(np.maximum(squares / n - mean**2, 0)), mean


def _own_level(part: GeneStatistics) -> np.ndarray:
    """Median, root mean square or standard deviation of each gene, from the factor that is its inverse."""
    scale = part.scale.astype(np.float64)
    level = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    return level / np.sqrt(part.n_obs) if part.weighting == "cohort_l2" else level
