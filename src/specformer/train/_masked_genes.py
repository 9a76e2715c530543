"""Masked gene modelling: the objective of the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from specformer.genes import N_SPECIAL
from specformer.model import SpecformerForMaskedGenes, window_starts
from specformer.ranking import panel_quantile
from specformer.train._flops import encoder_flops, head_flops
from specformer.train._masking import mask_genes, n_masked_of

if TYPE_CHECKING:
    from specformer.genes import GeneVocabulary
    from specformer.model import SpecformerConfig
    from specformer.train._corpus import Corpus
    from specformer.train._store import RankStore


class MaskedGenes:
    """Windows of a sample's order with 15 % of the genes hidden: which genes were they?

    An item is one window of one sample. An epoch has all windows of all samples, as many as the scheme of the sample
    with most of them; a sample in several schemes comes in one of them at a time, drawn anew.

    Parameters
    ----------
    corpus
        The ranked samples.
    config
        Of the model; says how long windows are and how far apart.
    genes
        The vocabulary; film tokens need its `score_mean` and `score_sd`.
    random_offsets
        Let windows of the training samples begin anywhere instead of at multiples of the stride.
    n_validation_windows
        Windows of each validation sample that a run is judged on, evenly from the first to the last.
    """

    name = "masked_genes"

    def __init__(
        self,
        corpus: Corpus,
        config: SpecformerConfig,
        genes: GeneVocabulary,
        *,
        random_offsets: bool = False,
        n_validation_windows: int = 8,
    ) -> None:
        if config.n_anchor:
            msg = "`masked_genes` trains no anchor, which would show the hidden genes; set `n_anchor` to 0."
            raise ValueError(msg)
        self.corpus, self.config = corpus, config
        self.random_offsets = random_offsets
        self.n_validation_windows = n_validation_windows
        self.size = min(config.window_size, min(store.n_genes for store in corpus.stores))
        if self.size < min(config.window_size, max(store.n_genes for store in corpus.stores)):
            msg = (
                f"One cohort has only {self.size} genes of the vocabulary, fewer than a window ({config.window_size}). "
                "Leave it out, or choose a smaller `window_size`."
            )
            raise ValueError(msg)
        self.starts = [window_starts(store.n_genes, config.window_size, config.stride) for store in corpus.stores]
        self.n_windows = max(map(len, self.starts))
        self.tokens_per_item = self.size
        n_masked = n_masked_of(self.size)
        self.flops_per_item = 3 * (encoder_flops(config, self.size) + head_flops(config, n_masked))
        self._scores = [_ScoreOfRank(store, genes) for store in corpus.stores] if config.token == "film" else None

    def make_model(self, samples: np.ndarray) -> SpecformerForMaskedGenes:
        """The encoder under the masked-gene head; nothing of it is fitted."""
        return SpecformerForMaskedGenes(self.config)

    def items(self, samples: np.ndarray) -> np.ndarray:
        """All windows of the samples."""
        n = np.array([len(starts) for starts in self.starts])
        most = np.where(self.corpus.rows[samples] >= 0, n, 0).max(axis=1)
        return np.concatenate([np.arange(m) + sample * self.n_windows for sample, m in zip(samples, most, strict=True)])

    def validation_items(self, samples: np.ndarray) -> np.ndarray:
        """Some windows of each sample, from its highest genes to its lowest."""
        every = self.items(samples)
        sample = every // self.n_windows
        first = np.searchsorted(sample, np.unique(sample))
        n = np.diff(np.append(first, len(every)))
        picked = [
            start + np.unique(np.linspace(0, m - 1, min(m, self.n_validation_windows)).round().astype(int))
            for start, m in zip(first, n, strict=True)
        ]
        return every[np.concatenate(picked)]

    def __call__(
        self, model: torch.nn.Module, items: torch.Tensor, rng: torch.Generator
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Cross-entropy at masked positions in nats, and how often the right gene is the first, or among ten."""
        windows, scores = self.windows(items.cpu().numpy(), rng, anywhere=self.random_offsets and model.training)
        input_ids, labels, positions = mask_genes(windows, rng, vocab_size=self.config.vocab_size)
        output = model(input_ids=input_ids, labels=labels, scores=scores, masked_positions=positions)
        return output.loss, accuracies(output.logits, output.labels, n_most=_N_JUDGED if model.training else None)

    def windows(
        self, items: np.ndarray, rng: torch.Generator, *, anywhere: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The windows of some items, int64 (n, size), and their standardised scores, or None, on the device of `rng`.

        Parameters
        ----------
        items
            Numbers from `items`.
        rng
            Draws the scheme of each sample.
        anywhere
            Draw where the window begins as well.
        """
        device = rng.device
        sample, number = np.divmod(items, self.n_windows)
        store_of = self.corpus.draw_stores(sample, rng)
        place = torch.rand(len(items), generator=rng, device=device).cpu().numpy() if anywhere else None
        windows = torch.empty((len(items), self.size), dtype=torch.int64, device=device)
        scores = None if self._scores is None else torch.empty(windows.shape, device=device)
        for i in np.unique(store_of):
            here = np.flatnonzero(store_of == i)
            store, rows = self.corpus.stores[i], self.corpus.rows[sample[here], i]
            starts = self.starts[i][number[here] % len(self.starts[i])]
            if place is not None:
                starts = (place[here] * (store.n_genes - self.size + 1)).astype(np.int64)
            at = torch.from_numpy(here).to(device)
            windows[at] = self.corpus.windows(i, rows, starts, size=self.size, device=device)
            if self._scores is not None and scores is not None:
                scores[at] = self._scores[i](windows[at], rows, starts)
        return windows, scores


_N_JUDGED = 1024
"""Masked positions of a training batch whose accuracy is taken: all of them would cost a tenth of a step."""


@torch.no_grad()
def accuracies(logits: torch.Tensor, labels: torch.Tensor, *, n_most: int | None = None) -> dict[str, torch.Tensor]:
    """Shares of positions at which the right gene has the highest logit, or one of the ten highest."""
    logits, labels = logits[:n_most], labels[:n_most]
    n_higher = (logits > logits.gather(1, labels[:, None])).sum(dim=1)
    return {"top1": (n_higher < 1).float().mean(), "top10": (n_higher < 10).float().mean()}


class _ScoreOfRank:
    """Standardised normal scores of the genes in a window: those that an embedding reads (`GenePanel.scores`)."""

    def __init__(self, store: RankStore, genes: GeneVocabulary) -> None:
        mean, sd = (genes.table[name].to_numpy(np.float32) for name in ("score_mean", "score_sd"))
        quantile = panel_quantile(mean[store.genes], sd[store.genes])
        n_genes = store.n_genes
        by_rank = quantile((n_genes - np.arange(n_genes) - 0.5) / n_genes)
        unexpressed = quantile(np.maximum(n_genes - store.n_ordered, 1) / (2 * n_genes))
        self.by_rank, self.unexpressed = (torch.from_numpy(x.astype(np.float32)) for x in (by_rank, unexpressed))
        self.n_ordered = torch.from_numpy(store.n_ordered.astype(np.int64))
        self.mean = torch.from_numpy(np.pad(mean, (N_SPECIAL, 0)))
        self.sd = torch.from_numpy(np.pad(sd, (N_SPECIAL, 0), constant_values=1))

    def __call__(self, windows: torch.Tensor, rows: np.ndarray, starts: np.ndarray) -> torch.Tensor:
        """Scores (n, size) of windows (n, size) that begin at rank `starts` of rows of the store."""
        chosen, device = torch.from_numpy(rows), windows.device
        ranks = torch.from_numpy(starts)[:, None] + torch.arange(windows.shape[1])
        is_ordered = ranks < self.n_ordered[chosen, None]
        scores = torch.where(is_ordered, self.by_rank[ranks], self.unexpressed[chosen, None]).to(device)
        return (scores - self.mean.to(device)[windows]) / self.sd.to(device)[windows]
