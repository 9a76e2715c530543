"""Fitting the linear anchor: loadings from profiles that lack genes, and the metric in which samples are compared.

No label is read. What is signal and what is nuisance is learned from pairs: the same sample measured in two schemes, two
samples of one patient, and samples that are one another's nearest neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from specformer.baselines import wccn_projection

if TYPE_CHECKING:
    from collections.abc import Sequence


class Profiles(NamedTuple):
    """Standardised scores of samples that share their genes."""

    scores: np.ndarray
    """float32 (n, n_genes_at_hand)."""
    genes: np.ndarray
    """int64 (n_genes_at_hand,): rows of the vocabulary, ascending."""


def fit_loadings(
    profiles: Sequence[Profiles], n_genes: int, *, n_dims: int = 128, noise_variance: float = 0.35, n_iter: int = 15
) -> np.ndarray:
    """Maximum-likelihood loadings of probabilistic PCA with fixed noise, genes missing by cohort left missing.

    Parameters
    ----------
    profiles
        Cohorts with their own gene sets. The first should have the most genes: it starts the iteration.
    n_genes
        Genes of the vocabulary; those that no cohort has get loadings of zero.
    n_dims
        Latent dimensions.
    noise_variance
        Variance of a standardised score around the model. Set, not estimated: see `RankPPCA`.
    n_iter
        Rounds of expectation maximisation; one cohort with all genes needs none, the eigenvectors are the solution.

    Returns
    -------
    float64 (n_genes, n_dims), columns by decreasing variance.

    References
    ----------
    Tipping & Bishop (1999). Probabilistic principal component analysis. J. R. Stat. Soc. B 61, 611-622.
    """
    first = profiles[0]
    loadings = np.zeros((n_genes, n_dims))
    loadings[first.genes] = _eigen_loadings(first.scores, n_dims, noise_variance)
    if len(profiles) > 1:
        for _ in range(n_iter):
            loadings = _em_step(profiles, loadings, noise_variance)
    # The likelihood knows loadings up to a rotation; this one orders the columns.
    _, axes = np.linalg.eigh(loadings.T @ loadings)
    return loadings @ axes[:, ::-1]


def posterior_mean(profiles: Profiles, loadings: np.ndarray, noise_variance: float) -> np.ndarray:
    """Latent vectors (n, n_dims) of samples, float64."""
    at_hand = loadings[profiles.genes]
    precision = at_hand.T @ at_hand + noise_variance * np.eye(at_hand.shape[1])
    return np.linalg.solve(precision, at_hand.T @ profiles.scores.T.astype(np.float64)).T


def spread(loadings: np.ndarray) -> np.ndarray:
    """The scaling (n_dims, n_dims) that gives each latent direction the size it has among standardised genes."""
    return np.diag(np.sqrt((loadings**2).sum(axis=0) / np.count_nonzero(loadings.any(axis=1))))


def differences_within(vectors: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """The first sample of each patient less each of the patient's others; no rows if everybody has one sample."""
    _, first, patient = np.unique(patients, return_index=True, return_inverse=True)
    others = np.setdiff1d(np.arange(len(patients)), first)
    return vectors[first[patient[others]]] - vectors[others]


def neighbour_differences(vectors: np.ndarray, n_neighbors: int = 5) -> np.ndarray:
    """Differences between samples that are among each other's nearest neighbours by cosine, over sqrt(2)."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    nearest = np.zeros(cosine.shape, dtype=bool)
    np.put_along_axis(nearest, np.argsort(-cosine, axis=1, kind="stable")[:, :n_neighbors], values=True, axis=1)
    one, other = np.nonzero(np.triu(nearest & nearest.T))
    return (vectors[one] - vectors[other]) / np.sqrt(2)


def fit_metric(
    loadings: np.ndarray,
    latents: np.ndarray,
    differences: np.ndarray | None,
    *,
    ridge: float = 0.05,
    neighbour_ridge: float = 0.1,
    n_neighbors: int = 5,
) -> np.ndarray:
    """The final linear map (n_dims, n_dims): scale, then shrink what pairs and what neighbours differ in.

    Both steps are within-class covariance normalisation (see `wccn_projection`); the classes are first what is known to
    be one thing (the schemes of a sample, the samples of a patient), then mutual neighbours in the space so far, which
    mostly share a tissue though nobody said so.

    Parameters
    ----------
    loadings
        From `fit_loadings`.
    latents
        Posterior means of the training samples, each sample once.
    differences
        Latent of a sample in one scheme less that in another, of one sample of a patient less another; None where
        nothing was measured twice.
    ridge, neighbour_ridge
        Share of the mean variance that is added to every direction.
    n_neighbors
        Neighbours that a sample may pair with, if the choice is mutual.
    """
    metric = spread(loadings)
    if differences is not None and len(differences):
        metric = metric @ _shrink(differences @ metric, latents @ metric, ridge)
    vectors = latents @ metric
    pairs = neighbour_differences(vectors, n_neighbors)
    return metric @ _shrink(pairs, vectors, neighbour_ridge) if len(pairs) else metric


def _shrink(differences: np.ndarray, vectors: np.ndarray, ridge: float) -> np.ndarray:
    return wccn_projection(differences, vectors.var(axis=0).mean(), shrinkage=ridge)


def _eigen_loadings(scores: np.ndarray, n_dims: int, noise_variance: float) -> np.ndarray:
    n = len(scores)
    if n_dims >= n:
        msg = f"`n_dims` is {n_dims}, but there are only {n} training samples with all genes; choose fewer than {n}."
        raise ValueError(msg)
    scores = scores.astype(np.float64)
    values, axes = np.linalg.eigh(scores @ scores.T / n)
    values, axes = values[::-1][:n_dims], axes[:, ::-1][:, :n_dims]
    return scores.T @ axes / np.sqrt(np.maximum(values * n, 1e-12)) * np.sqrt(np.maximum(values - noise_variance, 1e-3))


def _em_step(profiles: Sequence[Profiles], loadings: np.ndarray, noise_variance: float) -> np.ndarray:
    n_genes, n_dims = loadings.shape
    moments, products = [], np.zeros((n_genes, n_dims))
    has = np.zeros((n_genes, len(profiles)), dtype=bool)
    for i, cohort in enumerate(profiles):
        latent = posterior_mean(cohort, loadings, noise_variance)
        at_hand = loadings[cohort.genes]
        covariance = noise_variance * np.linalg.inv(at_hand.T @ at_hand + noise_variance * np.eye(n_dims))
        moments.append(latent.T @ latent + len(latent) * covariance)
        products[cohort.genes] += cohort.scores.T.astype(np.float64) @ latent
        has[cohort.genes, i] = True
    updated = np.zeros_like(loadings)
    # Genes that the same cohorts have share their second moment, and so one solve.
    for pattern in np.unique(has, axis=0):
        if pattern.any():
            rows = (has == pattern).all(axis=1)
            second = np.sum([moment for moment, here in zip(moments, pattern, strict=True) if here], axis=0)
            updated[rows] = np.linalg.solve(second, products[rows].T).T
    return updated
