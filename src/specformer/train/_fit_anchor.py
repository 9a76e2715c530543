"""From a corpus to the linear anchor: which profiles the loadings are fitted to, and what the metric learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from specformer.model import GenePanel
from specformer.train._anchor import Profiles, differences_within, fit_loadings, fit_metric, posterior_mean
from specformer.train._true_profiles import richest_stores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from specformer.genes import GeneVocabulary
    from specformer.model import SpecformerForSamples
    from specformer.train._corpus import Corpus


class FittedAnchor(NamedTuple):
    """A linear anchor and its metric."""

    loadings: np.ndarray
    """float64 (n_genes, n_anchor)."""
    metric: np.ndarray
    """float64 (n_anchor, n_anchor)."""
    variance: float
    """Of the vectors of the samples that it was fitted on."""


def fit_anchor(
    model: SpecformerForSamples,
    corpus: Corpus,
    vocabulary: GeneVocabulary,
    samples: np.ndarray,
    *,
    pairs: Sequence[tuple[int, int]],
    same_patient: bool,
    n_neighbors: int,
) -> FittedAnchor:
    """Fit the anchor of a model on some samples, each in the scheme in which it has the most genes.

    `model` gives its config and is left as it is; `pairs`, `same_patient` and `n_neighbors` are those of `WholeProfile`.
    """
    stores, rows = corpus.stores, corpus.rows
    panels = [GenePanel(model, vocabulary, store.genes) for store in stores]

    def profiles(store: int, chosen: np.ndarray) -> Profiles:
        taken = rows[chosen, store]
        return Profiles(
            panels[store].scores(stores[store].ranks[taken], stores[store].n_ordered[taken]), stores[store].genes
        )

    richest = richest_stores(corpus)[samples]
    groups = [(store, samples[richest == store]) for store in np.unique(richest)]
    groups.sort(key=lambda group: -stores[group[0]].n_genes)
    cohorts = [profiles(store, chosen) for store, chosen in groups]
    noise = model.config.noise_variance
    loadings = fit_loadings(cohorts, model.config.n_genes, n_dims=model.config.n_anchor, noise_variance=noise)
    latents = np.concatenate([posterior_mean(cohort, loadings, noise) for cohort in cohorts])
    differences = [
        posterior_mean(profiles(one, both), loadings, noise) - posterior_mean(profiles(other, both), loadings, noise)
        for one, other in pairs
        if len(both := samples[(rows[samples, one] >= 0) & (rows[samples, other] >= 0)])
    ]
    if same_patient:
        patients = corpus.patients[np.concatenate([chosen for _, chosen in groups])]
        differences.append(differences_within(latents, patients))
    differing = np.concatenate(differences) if differences else None
    metric = fit_metric(loadings, latents, differing, n_neighbors=n_neighbors)
    return FittedAnchor(loadings, metric, float((latents @ metric).var(axis=0).sum()))
