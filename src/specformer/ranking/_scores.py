"""Ranks as normal scores."""

from __future__ import annotations

import numpy as np


def normal_scores(ranks: np.ndarray, n_expressed: np.ndarray) -> np.ndarray:
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
    by_rank = ndtri((n_genes - np.arange(n_genes) - 0.5) / n_genes).astype(np.float32)
    # All genes expressed: the middle of an empty block is never looked up, and must not be infinite.
    unexpressed = ndtri(np.maximum(n_genes - n_expressed, 1) / (2 * n_genes)).astype(np.float32)
    return np.where(ranks >= n_expressed[:, None], unexpressed[:, None], by_rank[ranks])
