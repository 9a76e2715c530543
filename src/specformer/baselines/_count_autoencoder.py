"""Masked autoencoder of counts: a few genes in, the Poisson rates of all genes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn.functional import poisson_nll_loss

from specformer.baselines._trained import TrainedBaseline, embedding, set_encoder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

N_READS = 1e6
"""Depth that samples are brought to: an embedding must not depend on it, and most inputs are no counts any more."""


class CountAutoencoder(TrainedBaseline):
    """Masked autoencoder: a [CLS] token that has read random genes of a sample gives the Poisson rate of every gene.

    After TxFM: tokens are genes with their counts, the decoder is a residual perceptron, and the vector is the [CLS]
    token. **A missing gene is left out, as there**: the model has only ever seen some of the genes, and a sample's
    depth is judged on those at hand. Different from it: samples are scaled to one million reads, fewer genes are read
    at once (2,048 there), and all genes at hand are read in turn and their [CLS] tokens averaged, so that a sample has
    one vector.

    Parameters
    ----------
    genes
        Names of the genes.
    n_tokens
        Genes that are read at once.
    n_dims, n_layers, n_heads
        Size of the transformer.
    n_blocks
        Residual blocks of the decoder.

    References
    ----------
    TxFM: arXiv 2605.31562 (2026). Masked autoencoders: He et al. (2022). Masked autoencoders are scalable vision
    learners. CVPR.
    """

    order: torch.Tensor
    profile: torch.Tensor

    def __init__(
        self,
        genes: Sequence[str] | np.ndarray,
        *,
        n_tokens: int = 512,
        n_dims: int = 128,
        n_layers: int = 2,
        n_heads: int = 4,
        n_blocks: int = 4,
    ) -> None:
        super().__init__(genes, n_tokens=n_tokens, n_dims=n_dims, n_layers=n_layers, n_heads=n_heads, n_blocks=n_blocks)
        self.gene = embedding(len(self.genes), n_dims)
        self.value = nn.Sequential(nn.Linear(1, n_dims), nn.GELU(), nn.Linear(n_dims, n_dims))
        self.cls = nn.Parameter(0.02 * torch.randn(n_dims))
        self.encoder = set_encoder(n_dims, n_layers, n_heads)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(n_dims), nn.Linear(n_dims, 4 * n_dims), nn.GELU(), nn.Linear(4 * n_dims, n_dims))
            for _ in range(n_blocks)
        )
        self.rate = nn.Linear(n_dims, len(self.genes))
        self.register_buffer("order", torch.randperm(len(self.genes)))
        self.register_buffer("profile", torch.ones(len(self.genes)))

    def measure(self, X: np.ndarray) -> None:
        """The mean profile, where rates start from; a gene that was never seen is expected less than once."""
        total = X.sum(axis=1, keepdims=True)
        profile = (N_READS * X / np.where(total > 0, total, 1)).mean(axis=0)
        self.profile.copy_(torch.from_numpy(profile))
        with torch.no_grad():
            self.rate.weight.mul_(0.1)
            self.rate.bias.copy_(torch.log(self.profile + 0.01))

    def prepare(self, X: np.ndarray, known: np.ndarray) -> torch.Tensor:
        """Counts at a depth of `N_READS`, float32 (n, n_known): the genes at hand sum to what they do on average."""
        total = X.sum(axis=1, keepdims=True)
        expected = self.profile.cpu().numpy()[known].sum()
        return torch.from_numpy((expected * X / np.where(total > 0, total, 1)).astype(np.float32))

    def losses(self, batch: torch.Tensor, rng: torch.Generator, done: float) -> Iterator[torch.Tensor]:
        """Half the Poisson deviance of all genes from their rates, by read."""
        chosen = torch.randperm(len(self.genes), generator=rng, device=rng.device)[: self.sizes["n_tokens"]]
        hidden = self.read(batch[:, chosen], chosen)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        # No count is beyond the depth, and no rate; an early leap would end in infinity.
        log_rate = self.rate(hidden).clamp(max=float(np.log(N_READS)))
        loss = poisson_nll_loss(log_rate, batch, reduction="sum")
        yield (loss - (batch - torch.xlogy(batch, batch)).sum()) / (N_READS * len(batch))

    def embed(self, batch: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Mean of the [CLS] tokens that have read the genes at hand in turn, in a random order that is kept."""
        column = torch.full_like(self.order, -1)
        column[known] = torch.arange(len(known), device=known.device)
        column = column[self.order]
        column = column[column >= 0]
        parts = column.tensor_split(-(-len(column) // self.sizes["n_tokens"]))
        read = [self.read(batch[:, part], known[part]) * len(part) for part in parts]
        return torch.stack(read).sum(dim=0) / len(column)

    def read(self, counts: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """The [CLS] token (n, n_dims) over counts (n, n_chosen) of the genes at places `chosen`."""
        tokens = self.gene(chosen) + self.value(torch.log1p(counts).unsqueeze(-1))
        cls = self.cls.expand(len(counts), 1, -1)
        return self.encoder(torch.cat([cls, tokens], dim=1))[:, 0]
