"""Upper-quartile log2 expression and two representations of it: principal components and the most variable genes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from specformer.baselines._columns import require_linear, shared_columns

if TYPE_CHECKING:
    from collections.abc import Sequence


def upper_quartile_log2(X: np.ndarray) -> np.ndarray:
    """`log2(1 + 1000 x / q)` with `q` the upper quartile of the sample's non-zero values, shape (n, n_genes).

    Samples without a non-zero value stay zero.

    References
    ----------
    Bullard et al. (2010). Evaluation of statistical methods for normalization and differential expression in mRNA-Seq
    experiments. BMC Bioinformatics.
    """
    X = require_linear(X)
    quartile = np.array([np.quantile(row[row > 0], 0.75) if (row > 0).any() else 1.0 for row in X])
    return np.log2(1 + 1000 * X / quartile[:, None])


@dataclass(frozen=True)
class UpperQuartilePCA:
    """Principal components of standardised upper-quartile log2 expression; a missing gene is its training mean.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, genes = rng.gamma(1.0, size=(40, 30)), [f"g{i}" for i in range(30)]
    >>> UpperQuartilePCA.fit(X, genes, n_dims=5).transform(X[:, :20], genes[:20]).shape
    (40, 5)
    """

    genes: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    loadings: np.ndarray

    @classmethod
    def fit(cls, X: np.ndarray, genes: Sequence[str] | np.ndarray, *, n_dims: int = 128) -> Self:
        """Fit on training samples.

        Parameters
        ----------
        X
            Linear non-negative expression in any unit, shape (n, n_genes).
        genes
            Names of its columns.
        n_dims
            Components to keep; at most min(n, n_genes).
        """
        scores = upper_quartile_log2(X)
        mean, sd = column_moments(scores)
        _, loadings = leading_axes((scores - mean) / sd, n_dims)
        return cls(np.asarray(genes, dtype=str), mean, sd, loadings)

    def transform(self, X: np.ndarray, genes: Sequence[str] | np.ndarray) -> np.ndarray:
        """Embed samples, which may lack genes or have others, shape (n, n_dims), float32."""
        known, column = shared_columns(self.genes, genes)
        scores = upper_quartile_log2(np.asarray(X)[:, column])
        return (((scores - self.mean[known]) / self.sd[known]) @ self.loadings[known]).astype(np.float32)


@dataclass(frozen=True)
class HighlyVariableGenes:
    """The most variable genes of standardised upper-quartile log2 expression; a missing gene is its training mean."""

    genes: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    chosen: np.ndarray

    @classmethod
    def fit(cls, X: np.ndarray, genes: Sequence[str] | np.ndarray, *, n_top: int = 5000) -> Self:
        """Fit on training samples.

        Parameters
        ----------
        X
            Linear non-negative expression in any unit, shape (n, n_genes).
        genes
            Names of its columns.
        n_top
            Genes to keep, by variance; all where there are fewer.
        """
        scores = upper_quartile_log2(X)
        mean, sd = column_moments(scores)
        chosen = np.sort(np.argsort(-sd, kind="stable")[:n_top])
        return cls(np.asarray(genes, dtype=str), mean, sd, chosen)

    def transform(self, X: np.ndarray, genes: Sequence[str] | np.ndarray) -> np.ndarray:
        """Embed samples, which may lack genes or have others, shape (n, n_top), float32."""
        known, column = shared_columns(self.genes, genes)
        scores = upper_quartile_log2(np.asarray(X)[:, column])
        full = np.zeros((len(scores), len(self.genes)), dtype=np.float32)
        full[:, known] = (scores - self.mean[known]) / self.sd[known]
        return full[:, self.chosen]


def column_moments(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column; the deviation of a constant column is 1."""
    sd = scores.std(axis=0)
    return scores.mean(axis=0), np.where(sd > 0, sd, 1.0)


def leading_axes(standardised: np.ndarray, n_dims: int) -> tuple[np.ndarray, np.ndarray]:
    """Largest eigenvalues of the covariance, shape (k,), and their unit axes, shape (n_columns, k)."""
    from sklearn.decomposition import PCA

    n_dims = min(n_dims, *standardised.shape)
    # Many passes make the randomised decomposition equal to the full one for every use here, at a tenth of its cost.
    pca = PCA(n_dims, svd_solver="randomized", iterated_power=7, random_state=0).fit(standardised)
    return pca.explained_variance_, pca.components_.T
