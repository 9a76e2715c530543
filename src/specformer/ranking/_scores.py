"""Ranks as normal scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable


def normal_scores(
    ranks: np.ndarray, n_expressed: np.ndarray, *, quantile: Callable[[np.ndarray], np.ndarray] | None = None
) -> np.ndarray:
    """Ranks within a sample as quantiles of the standard normal: a van der Waerden-like score in comparable units.

    A gene of rank r among G stands at the quantile (G - r - 1/2) / G. Genes without expression have no order of their
    own and share the middle of theirs; they must be the last ones, as they are under every weighting without negative
    scores (not under the published `"tfidf"`, nor under `"zscore"`).

    Parameters
    ----------
    ranks
        `(n, G)` integers, each row a permutation of 0 ... G - 1, 0 the highest.
    n_expressed
        `(n,)`: how many genes each sample expresses; later ranks are the zeros.
    quantile
        From probabilities to scores; the standard normal's by default, or that of the genes at hand, from
        :func:`~specformer.ranking.panel_quantile`.

    Returns
    -------
    float32 `(n, G)`, high for high expression.

    Raises
    ------
    ValueError
        If ranks have gaps, as after leaving out genes: rank again.

    Examples
    --------
    >>> import numpy as np
    >>> from specformer.ranking import normal_scores
    >>> normal_scores(np.array([[1, 0, 2, 3]]), np.array([2])).round(2)
    array([[ 0.32,  1.15, -0.67, -0.67]], dtype=float32)
    """
    from scipy.special import ndtri

    ranks, n_expressed = np.asarray(ranks), np.asarray(n_expressed)
    n_genes = ranks.shape[1]
    if ranks.size and ranks.max() >= n_genes:
        msg = f"Found rank {ranks.max():,} among {n_genes:,} genes: the ranks have gaps. Rank the genes at hand again."
        raise ValueError(msg)
    quantile = quantile or ndtri
    by_rank = quantile((n_genes - np.arange(n_genes) - 0.5) / n_genes).astype(np.float32)
    # All genes expressed: the middle of an empty block is never looked up, and must not be infinite.
    unexpressed = quantile(np.maximum(n_genes - n_expressed, 1) / (2 * n_genes)).astype(np.float32)
    return np.where(ranks >= n_expressed[:, None], unexpressed[:, None], by_rank[ranks])


def ordered_genes(weighting: str, n_expressed: np.ndarray, n_genes: int) -> np.ndarray:
    """How many genes of each sample have an order of their own, int (n,): what `normal_scores` takes as expressed.

    Genes without expression have none where the weighting puts them last. The weightings with negative scores
    (`"tfidf"`, `"zscore"`) put them elsewhere, so that every rank has to be taken at its word.
    """
    return np.full_like(n_expressed, n_genes) if weighting in ("tfidf", "zscore") else n_expressed


def panel_quantile(mean: np.ndarray, sd: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The quantile function of a set of genes, from where each of them stands among all genes of the reference.

    A panel is no random draw: its genes may all stand high, or vary much. Rank k of the panel's G genes then means
    another score than rank k of any G genes. The scores of the set are taken as a mixture of one normal distribution a
    gene; for the whole transcriptome that is close to the standard normal again.

    Parameters
    ----------
    mean, sd
        Mean and standard deviation of each gene's normal score over the reference, `(G,)`.

    Returns
    -------
    A function from probabilities to scores, both float64; monotone.

    Examples
    --------
    >>> import numpy as np
    >>> from specformer.ranking import panel_quantile
    >>> high = panel_quantile(np.full(200, 1.0), np.full(200, 0.5))
    >>> high(np.array([0.5])).round(2)
    array([1.])
    """
    from scipy.special import ndtr

    mean, sd = np.asarray(mean, np.float64), np.asarray(sd, np.float64)
    scores = np.linspace(-6, 6, 601)
    below = np.zeros_like(scores)
    for start in range(0, len(mean), 2048):  # a few thousand genes x 601 scores at once
        stop = start + 2048
        below += ndtr((scores[:, None] - mean[start:stop]) / sd[start:stop]).sum(axis=1)
    # A strictly increasing line keeps the inverse unique where no gene stands.
    below = below / len(mean) + 1e-9 * np.arange(len(scores))
    return lambda probability: np.interp(probability, below, scores)
