"""The genes at hand: what depends on them alone is computed once, then every batch of ranks becomes model inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from specformer.genes import N_SPECIAL, PAD
from specformer.model._windows import take_windows, window_starts
from specformer.ranking import normal_scores, ordered_genes, panel_quantile

if TYPE_CHECKING:
    from specformer.genes import GeneVocabulary
    from specformer.model._samples import SpecformerForSamples


class GenePanel:
    """Turns ranks among some genes of the vocabulary into what `SpecformerForSamples` takes.

    Parameters
    ----------
    model
        Its anchor's loadings are read here, once.
    vocabulary
        With `score_mean` and `score_sd` of each gene, if the model reads scores.
    genes
        int64 (n_genes_at_hand,): rows of the vocabulary, ascending.
    """

    def __init__(self, model: SpecformerForSamples, vocabulary: GeneVocabulary, genes: np.ndarray) -> None:
        self.config = model.config
        self.device = model.device
        self.genes = torch.as_tensor(genes, dtype=torch.int64)
        # Samples of one panel are equally long: a short one makes one short window, and there is nothing to pad.
        self.size = min(self.config.window_size, len(genes))
        self.starts = window_starts(len(genes), self.size, min(self.config.stride, self.size))
        self.reads_scores = self.config.token == "film" or self.config.n_anchor > 0
        if self.reads_scores:
            table = vocabulary.table.iloc[genes]
            self.mean, self.sd = (table[name].to_numpy(np.float32) for name in ("score_mean", "score_sd"))
            self.quantile = panel_quantile(self.mean, self.sd)
        if self.config.n_anchor:
            self.loadings = model.anchor.loadings.detach()[self.genes.to(self.device)]
            self.solve, self.uncertainty = model.anchor.solver(self.genes)

    def scores(self, ranks: np.ndarray, n_expressed: np.ndarray) -> np.ndarray:
        """Standardised normal scores, float32, in the shape of `ranks` (n, n_genes_at_hand)."""
        n_ordered = ordered_genes(self.config.weighting, n_expressed, ranks.shape[1])
        return (normal_scores(ranks, n_ordered, quantile=self.quantile) - self.mean) / self.sd

    def inputs(
        self, ranks: np.ndarray, n_expressed: np.ndarray, *, starts: np.ndarray | None = None, layers: bool = True
    ) -> dict[str, torch.Tensor]:
        """Keyword arguments of the model for samples with these ranks, on the model's device.

        Parameters
        ----------
        ranks
            (n, n_genes_at_hand), each row a permutation of 0 ... n_genes_at_hand - 1, columns as `genes`.
        n_expressed
            (n,): genes above zero in each sample.
        starts
            First ranks of the windows to read; all windows by default.
        layers
            False leaves out what only the layers read; for `bypass_layers=True`.
        """
        inputs: dict[str, torch.Tensor] = {}
        scores = torch.empty(0)
        if self.reads_scores:
            scores = torch.as_tensor(self.scores(ranks, n_expressed), device=self.device)
        if self.config.n_anchor:
            inputs["latent"] = latent = self.solve(scores)
            inputs["uncertainty"] = self.uncertainty
            # The layers read what the anchor could not explain.
            scores = scores - latent @ self.loadings.T
        if not layers:
            return inputs
        order = torch.as_tensor(np.argsort(ranks, axis=1, kind="stable"))
        starts = self.starts if starts is None else starts
        ids, _ = take_windows(self.genes[order] + N_SPECIAL, starts, size=self.size, fill=PAD)
        inputs["input_ids"] = ids.to(self.device)
        if self.config.token == "film":
            in_order = scores.gather(1, order.to(self.device))
            inputs["scores"] = take_windows(in_order, starts, size=self.size, fill=0.0)[0]
        return inputs
