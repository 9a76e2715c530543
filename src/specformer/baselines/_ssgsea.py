"""Single-sample gene set enrichment, in closed form: two matrix products instead of a walk along every ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer._checks import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd


def ssgsea(
    X: np.ndarray,
    genes: Sequence[str] | np.ndarray,
    gene_sets: Mapping[str, Sequence[str]],
    *,
    weight: float = 0.25,
    min_size: int = 1,
) -> pd.DataFrame:
    r"""Enrichment score of each gene set in each sample.

    With genes in descending order, position :math:`p` from 0, and ascending rank :math:`r` from 1 to :math:`N`, the sum
    of the running difference between members and others is

    .. math:: \frac{\sum_{g \in S} r_g^w (N - p_g)}{\sum_{g \in S} r_g^w} - \frac{\sum_{g \notin S} (N - p_g)}{N - |S|},

    and with :math:`N - p_g = r_g` that is a ratio of two products of the rank matrix with the membership matrix. Scores
    are divided by :math:`N`, not by the cohort's range, so that a sample's score does not depend on the others.

    Parameters
    ----------
    X
        Expression on any scale (only the order within a sample counts), shape (n, n_genes). Ties share a middle rank.
    genes
        Names of its columns.
    gene_sets
        Genes of each set; those that are not among `genes` are passed over.
    weight
        Power of the rank.
    min_size
        Sets with fewer genes at hand are left out, as are sets that hold every gene.

    Returns
    -------
    One row a sample, one column a set, float64.

    References
    ----------
    Barbie et al. (2009). Systematic RNA interference reveals that oncogenic KRAS-driven cancers require TBK1. Nature.

    Examples
    --------
    >>> ssgsea(np.array([[3.0, 2.0, 1.0]]), ["a", "b", "c"], {"top": ["a"], "bottom": ["c"]}).round(2).to_numpy()
    array([[ 0.5, -0.5]])
    """
    import pandas as pd
    from scipy import sparse
    from scipy.stats import rankdata

    X = np.asarray(X)
    place = {gene: column for column, gene in enumerate(genes)}
    members = {name: sorted({place[gene] for gene in chosen if gene in place}) for name, chosen in gene_sets.items()}
    members = {name: chosen for name, chosen in members.items() if max(min_size, 1) <= len(chosen) < len(place)}
    if not members:
        msg = f"No set of {shown(gene_sets)} has {max(min_size, 1)} or more of the genes {shown(genes)}."
        raise ValueError(msg)
    size = np.array([len(chosen) for chosen in members.values()])
    column = np.concatenate(list(members.values()))
    belongs = sparse.csr_array(
        (np.ones(len(column)), (np.repeat(np.arange(len(size)), size), column)), shape=(len(size), X.shape[1])
    )
    rank = rankdata(X, axis=1)
    power = rank**weight
    inside = (belongs @ (power * rank).T) / (belongs @ power.T)
    outside = (rank.sum(axis=1) - belongs @ rank.T) / (X.shape[1] - size)[:, None]
    return pd.DataFrame(((inside - outside) / X.shape[1]).T, columns=list(members))
