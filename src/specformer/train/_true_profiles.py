"""What is true of each sample, as the scheme in which it has the most genes tells, and how far guesses are from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from specformer.genes import N_SPECIAL
from specformer.model import GenePanel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from specformer.genes import GeneVocabulary
    from specformer.model import SpecformerForSamples
    from specformer.train._corpus import Corpus

GENES_PREDICTED = 2048


def richest_stores(corpus: Corpus) -> np.ndarray:
    """The store in which each sample has the most genes, int64 (n,)."""
    sizes = np.array([store.n_genes for store in corpus.stores])
    return np.where(corpus.rows >= 0, sizes, -1).argmax(axis=1)


class TrueProfiles:
    """Scores and latents of every sample of a corpus.

    Parameters
    ----------
    model
        Its anchor, where it has one, is in place: it says what the latents are.
    corpus
        The samples.
    vocabulary
        With `score_mean` and `score_sd`.
    variance
        Of the vectors of training samples: what errors of vectors are relative to.
    """

    def __init__(
        self, model: SpecformerForSamples, corpus: Corpus, vocabulary: GeneVocabulary, *, variance: float = 1.0
    ) -> None:
        self.corpus, self.variance = corpus, variance
        self.richest = richest_stores(corpus)
        found = [self._of(i, GenePanel(model, vocabulary, store.genes)) for i, store in enumerate(corpus.stores)]
        self.scores, self.latents = zip(*found, strict=True)

    def errors(
        self, model: SpecformerForSamples, latents: Sequence[torch.Tensor], samples: np.ndarray, rng: torch.Generator
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Mean squared error of scores and of vectors, for each guess of the latents; of scores alone without an anchor."""
        has_anchor = model.config.n_anchor > 0
        decoder = model.anchor.loadings if has_anchor else model.specformer.get_input_embeddings().weight[N_SPECIAL:]
        totals = [[latent.new_zeros(()), latent.new_zeros(())] for latent in latents]
        for store in np.unique(self.richest[samples]):
            here = np.flatnonzero(self.richest[samples] == store)
            rows = self.corpus.rows[samples[here], store]
            genes = self.corpus.stores[store].genes
            columns = torch.randperm(len(genes), generator=rng, device=rng.device)[:GENES_PREDICTED].cpu().numpy()
            target = torch.from_numpy(self.scores[store][np.ix_(rows, columns)].astype(np.float32)).to(model.device)
            truth = torch.from_numpy(self.latents[store][rows]).to(model.device)
            place = model.anchor.whiten(truth) if has_anchor else None
            loadings = decoder[torch.from_numpy(genes[columns]).to(model.device)]
            for latent, total in zip(latents, totals, strict=True):
                total[0] = total[0] + (latent[here] @ loadings.T - target).square().mean(dim=1).sum()
                if place is not None:
                    total[1] = total[1] + (model.anchor.whiten(latent[here]) - place).square().sum() / self.variance
        return [(scores / len(samples), vectors / len(samples)) for scores, vectors in totals]

    def agreement(
        self, model: SpecformerForSamples, vectors: torch.Tensor, samples: np.ndarray, temperature: float
    ) -> torch.Tensor:
        """How badly each vector finds its own sample among those of the batch, by cosine (InfoNCE)."""
        stores = self.richest[samples]
        rows = self.corpus.rows[samples, stores]
        truth = np.stack([self.latents[store][row] for store, row in zip(stores, rows, strict=True)])
        places = model.anchor.whiten(torch.from_numpy(truth).to(model.device))
        cosine = nn.functional.normalize(vectors, dim=1) @ nn.functional.normalize(places, dim=1).T
        return nn.functional.cross_entropy(cosine / temperature, torch.arange(len(samples), device=model.device))

    def _of(self, number: int, panel: GenePanel) -> tuple[np.ndarray, np.ndarray]:
        """Of the samples that are richest here: float16 scores, float32 latents; rows as in the store."""
        store = self.corpus.stores[number]
        scores = np.zeros(store.ranks.shape, np.float16)
        latents = np.zeros((len(store), panel.config.n_anchor), np.float32)
        rows = self.corpus.rows[self.richest == number, number]
        for taken in np.array_split(rows, max(1, len(rows) // 256)):
            if len(taken):
                scores[taken] = exact = panel.scores(store.ranks[taken], store.n_ordered[taken])
                if panel.config.n_anchor:
                    latents[taken] = panel.solve(torch.from_numpy(exact)).cpu().numpy()
        return scores, latents
