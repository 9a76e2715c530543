"""Views of samples as a user might bring them: some of their genes, in one of their schemes, ranked among themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from scipy.special import ndtri

if TYPE_CHECKING:
    from specformer.train._corpus import Corpus


class View(NamedTuple):
    """Samples seen through the same genes of the same store."""

    samples: np.ndarray
    """int64 (n,): numbers of the corpus."""
    genes: np.ndarray
    """int64 (n_genes,): rows of the vocabulary, ascending."""
    ranks: np.ndarray
    """int64 (n, n_genes): among these genes."""
    n_ordered: np.ndarray
    """int64 (n,): how many of these genes have an order of their own."""


@dataclass(frozen=True, eq=False)
class Views:
    """How views are drawn; all but the corpus as for `WholeProfile`."""

    corpus: Corpus
    min_genes: int
    max_genes: int
    designed: float
    gene_shift: float

    @property
    def mean_n_genes(self) -> int:
        """How many genes a view has on average."""
        spread = np.log(self.max_genes / self.min_genes)
        return int((self.max_genes - self.min_genes) / spread) if spread else self.max_genes

    def draw(self, samples: np.ndarray, communality: np.ndarray, rng: torch.Generator) -> View:
        """One view of all of some samples that the drawn store has; `communality` is that of each gene, for panels."""
        number, samples = self._draw_store(samples, rng)
        columns = self._draw_genes(number, communality, rng)
        store = self.corpus.stores[number]
        rows = self.corpus.rows[samples, number]
        gapped = np.asarray(store.ranks[rows])[:, columns]
        key = self._shifted(gapped, store.n_ordered[rows], store.n_genes, rng) if self.gene_shift else gapped
        order = np.argsort(key, axis=1, kind="stable")
        ranks = np.empty_like(order)
        np.put_along_axis(ranks, order, np.arange(len(columns))[None], axis=1)
        return View(samples, store.genes[columns], ranks, (gapped < store.n_ordered[rows, None]).sum(axis=1))

    def _draw_store(self, samples: np.ndarray, rng: torch.Generator) -> tuple[int, np.ndarray]:
        """One store for the whole batch, so that all views share their genes, and the samples that it has."""
        present = self.corpus.rows[samples] >= 0
        weights = torch.as_tensor(present.sum(axis=0), dtype=torch.float64, device=rng.device)
        store = int(torch.multinomial(weights, 1, generator=rng))
        return store, samples[present[:, store]]

    def _draw_genes(self, store: int, communality: np.ndarray, rng: torch.Generator) -> np.ndarray:
        n_genes = self.corpus.stores[store].n_genes
        draw, kind = torch.rand(2, generator=rng, device=rng.device).tolist()
        low, high = np.log(min(self.min_genes, n_genes)), np.log(min(self.max_genes, n_genes))
        n = round(float(np.exp(low + draw * (high - low))))
        weights = np.ones(n_genes)
        if kind < self.designed:  # panels are designed, not drawn: their genes vary, and together
            weights = communality[self.corpus.stores[store].genes] + 1e-3
        chosen = torch.multinomial(torch.as_tensor(weights, device=rng.device), n, generator=rng)
        return np.sort(chosen.cpu().numpy())

    def _shifted(self, ranks: np.ndarray, n_ordered: np.ndarray, n_genes: int, rng: torch.Generator) -> np.ndarray:
        """What to sort the genes of a view by instead of their ranks; those without expression stay behind all others."""
        shift = self.gene_shift * torch.randn(ranks.shape[1], generator=rng, device=rng.device).cpu().numpy()
        return np.where(ranks < n_ordered[:, None], ndtri((ranks + 0.5) / n_genes) - shift, n_genes + ranks)
