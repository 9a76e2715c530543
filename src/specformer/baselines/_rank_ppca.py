"""Probabilistic PCA of within-sample ranks: any unit, any subset of the genes, one linear solve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from specformer.baselines._columns import require_linear, shared_columns
from specformer.baselines._upper_quartile import column_moments, leading_axes

if TYPE_CHECKING:
    from collections.abc import Sequence


def rank_normal_scores(X: np.ndarray) -> np.ndarray:
    """Each sample's values as normal scores of their ranks; equal values share their middle rank, shape (n, n_genes)."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    return ndtri((rankdata(X, axis=1) - 0.5) / X.shape[1])


def nonzero_median(X: np.ndarray) -> np.ndarray:
    """Median of each gene over the samples that express it, shape (n_genes,); 1 where none does."""
    return np.array([np.median(column[column > 0]) if (column > 0).any() else 1.0 for column in X.T])


@dataclass(frozen=True)
class RankPPCA:
    """Posterior mean of a probabilistic PCA of normal-scored ranks, in which a missing gene is missing.

    A gene is divided by its non-zero training median, the sample's genes at hand are ranked, ranks become normal
    scores, genes are standardised. A sample lies at normally distributed coordinates along the principal axes, and its
    genes scatter around that point with independent noise of one fixed variance; the posterior mean of the coordinates
    is taken from the genes at hand alone.

    References
    ----------
    Tipping, Bishop (1999). Probabilistic principal component analysis. Journal of the Royal Statistical Society B.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, genes = rng.gamma(1.0, size=(40, 30)), [f"g{i}" for i in range(30)]
    >>> RankPPCA.fit(X, genes, n_dims=5).transform(1e6 * X[:, :20], genes[:20]).shape
    (40, 5)
    """

    genes: np.ndarray
    median: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    axes: np.ndarray
    spread: np.ndarray
    noise_variance: float

    @classmethod
    def fit(
        cls, X: np.ndarray, genes: Sequence[str] | np.ndarray, *, n_dims: int = 128, noise_variance: float = 0.35
    ) -> Self:
        """Fit on training samples.

        Parameters
        ----------
        X
            Linear non-negative expression in any unit, shape (n, n_genes).
        genes
            Names of its columns.
        n_dims
            Axes to keep; at most min(n, n_genes).
        noise_variance
            Variance of a standardised gene around the model. It is set, not estimated, so that a few genes are not
            trusted more than they deserve.
        """
        X = require_linear(X)
        median = nonzero_median(X)
        scores = rank_normal_scores(X / median)
        mean, sd = column_moments(scores)
        eigenvalues, axes = leading_axes((scores - mean) / sd, n_dims)
        spread = np.sqrt(np.maximum(eigenvalues - noise_variance, 0))
        return cls(np.asarray(genes, dtype=str), median, mean, sd, axes, spread, noise_variance)

    def transform(self, X: np.ndarray, genes: Sequence[str] | np.ndarray) -> np.ndarray:
        """Embed samples, which may lack genes or have others, shape (n, n_dims), float32.

        `transform(...) @ axes.T` is the model's guess of every standardised gene, at hand or not.
        """
        known, column = shared_columns(self.genes, genes)
        scores = rank_normal_scores(require_linear(np.asarray(X)[:, column]) / self.median[known])
        # Loadings, not axes and a prior precision: a direction without spread beyond the noise then needs no care.
        loadings = self.axes[known] * self.spread
        precision = loadings.T @ loadings + self.noise_variance * np.eye(loadings.shape[1])
        evidence = ((scores - self.mean[known]) / self.sd[known]) @ loadings
        return (np.linalg.solve(precision, evidence.T).T * self.spread).astype(np.float32)
