"""Masked modelling of binned expression: every gene is a token that says how much of it there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from specformer.baselines._trained import TrainedBaseline, embedding, set_encoder
from specformer.genes import N_SPECIAL
from specformer.model._masking import mask_genes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class BinnedMaskedModel(TrainedBaseline):
    """Transformer whose tokens are genes with their expression in bins; a vector is the mean over all genes.

    After BulkRNABert: log10(1 + expression per million) over its largest training value, cut into equal bins, the first
    of them for exactly zero; a token is the sum of the gene's and the bin's embedding; 15 % of bins are hidden and
    predicted. **A missing gene is filled with zero, as there.** Different from it: attention is among random subsets of
    the genes instead of all 19,000 at once, which a CPU cannot do, and embeddings of genes are learned from nothing.

    Parameters
    ----------
    genes
        Names of the genes.
    n_bins
        Bins of expression.
    n_tokens
        Genes that attend to each other: drawn anew for every batch, a fixed random partition of all genes afterwards.
    n_dims, n_layers, n_heads
        Size of the transformer.

    References
    ----------
    Gélard et al. (2024). BulkRNABert: cancer prognosis from bulk RNA-seq based language models. ML4H.
    """

    order: torch.Tensor
    top: torch.Tensor

    def __init__(
        self,
        genes: Sequence[str] | np.ndarray,
        *,
        n_bins: int = 64,
        n_tokens: int = 512,
        n_dims: int = 128,
        n_layers: int = 2,
        n_heads: int = 4,
    ) -> None:
        super().__init__(genes, n_bins=n_bins, n_tokens=n_tokens, n_dims=n_dims, n_layers=n_layers, n_heads=n_heads)
        self.gene = embedding(len(self.genes), n_dims)
        self.bin = embedding(N_SPECIAL + n_bins, n_dims)
        self.encoder = set_encoder(n_dims, n_layers, n_heads)
        self.head = nn.Linear(n_dims, n_bins)
        self.register_buffer("order", torch.randperm(len(self.genes)))
        self.register_buffer("top", torch.ones(()))

    def measure(self, X: np.ndarray) -> None:
        """The upper end of the bins."""
        self.top.fill_(max(float(log_per_million(X).max()), 1e-6))

    def prepare(self, X: np.ndarray, known: np.ndarray) -> torch.Tensor:
        """Bins, int16 (n, n_genes)."""
        n_filled = self.sizes["n_bins"] - 1
        share = log_per_million(X) / self.top.item()
        bins = np.zeros((len(X), len(self.genes)), dtype=np.int16)
        bins[:, known] = np.where(X > 0, 1 + np.minimum(share * n_filled, n_filled - 1).astype(np.int16), 0)
        return torch.from_numpy(bins)

    def losses(self, batch: torch.Tensor, rng: torch.Generator, done: float) -> Iterator[torch.Tensor]:
        """Cross-entropy of hidden bins, in nats."""
        chosen = torch.randperm(len(self.genes), generator=rng, device=rng.device)[: self.sizes["n_tokens"]]
        bins = batch[:, chosen].long()
        vocab_size = N_SPECIAL + self.sizes["n_bins"]
        shown, _, positions = mask_genes(bins + N_SPECIAL, rng, vocab_size=vocab_size)
        hidden = self.encoder(self.gene(chosen) + self.bin(shown))
        asked = hidden.gather(1, positions.unsqueeze(-1).expand(-1, -1, hidden.shape[-1]))
        yield cross_entropy(self.head(asked).flatten(0, 1), bins.gather(1, positions).flatten())

    def embed(self, batch: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Mean of all genes' hidden states."""
        total = torch.zeros((len(batch), self.sizes["n_dims"]), device=batch.device)
        for chosen in self.order.tensor_split(-(-len(self.order) // self.sizes["n_tokens"])):
            tokens = self.gene(chosen) + self.bin(batch[:, chosen].long() + N_SPECIAL)
            total += self.encoder(tokens).sum(dim=1)
        return total / len(self.order)


def log_per_million(X: np.ndarray) -> np.ndarray:
    """`log10(1 + x)` with samples scaled to a sum of one million, those of nothing but zeros left as they are."""
    total = X.sum(axis=1, keepdims=True)
    return np.log10(1 + 1e6 * X / np.where(total > 0, total, 1))
