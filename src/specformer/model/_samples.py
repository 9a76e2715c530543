"""From a sample's windows to its vector: encoder, pooling and, where there is one, the linear anchor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import nn
from transformers import initialization as init
from transformers.utils import ModelOutput

from specformer.genes import N_SPECIAL
from specformer.model._anchor import LinearAnchor
from specformer.model._encoder import SpecformerModel, SpecformerPreTrainedModel
from specformer.model._pooling import make_pooling

if TYPE_CHECKING:
    from collections.abc import Callable

    from specformer.model._config import SpecformerConfig


@dataclass
class SampleOutput(ModelOutput):
    """What is known of samples.

    Parameters
    ----------
    vector
        (n, n_dims), the embedding.
    latent
        (n, n_anchor), anchor plus residual, from which `anchor.decode` predicts all genes; None without an anchor.
    window_vectors
        (n, n_windows, hidden_size); None where the layers were bypassed.
    weights
        (n, n_windows), each window's share in the pooled vector; None where the layers were bypassed.
    """

    vector: torch.Tensor | None = None
    latent: torch.Tensor | None = None
    window_vectors: torch.Tensor | None = None
    weights: torch.Tensor | None = None


class ZeroLinear(nn.Linear):
    """A linear map that starts at zero."""


class AnchorResidual(nn.Module):
    """What the layers add to the anchor: zero before training.

    The layer norm matters: a mean over hundreds of tokens is so small that without it the map never leaves zero.
    """

    def __init__(self, config: SpecformerConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.hidden_size)
        self.out = ZeroLinear(config.hidden_size, config.n_anchor)

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        """(n, hidden_size) -> (n, n_anchor)."""
        return self.out(self.norm(pooled))


class SpecformerForSamples(SpecformerPreTrainedModel):
    """One vector a sample.

    Without an anchor: the pooled vector of the sample's windows. With one: `(latent + residual @ uncertainty) @
    whitening`, where `latent` is the anchor's posterior mean and `uncertainty` its posterior covariance. The layers read
    what the anchor could not explain of each gene, the [CLS] token of every window carries the latent to them, and what
    they add counts as one more piece of evidence: much where few genes are at hand, little where thousands speak.
    """

    def __init__(self, config: SpecformerConfig) -> None:
        super().__init__(config)
        self.specformer = SpecformerModel(config)
        self.pooling = make_pooling(config)
        if config.n_anchor:
            self.anchor = LinearAnchor(config)
            self.query = nn.Linear(config.n_anchor, config.hidden_size, bias=False)
            self.residual = AnchorResidual(config)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, ZeroLinear):
            init.zeros_(module.weight)
            init.zeros_(module.bias)
        else:
            super()._init_weights(module)

    @torch.no_grad()
    def set_anchor(self, loadings: torch.Tensor, whitening: torch.Tensor | None = None) -> None:
        """Put a fitted anchor in place, and let the gene embedding start from its loadings.

        Parameters
        ----------
        loadings
            (n_genes, n_anchor), in vocabulary order, columns by decreasing variance.
        whitening
            (n_anchor, n_dims); None leaves what is there, which is no whitening in a new model.
        """
        self._require_anchor()
        self.anchor.loadings.copy_(loadings)
        if whitening is not None:
            self.anchor.whitening.copy_(whitening)
        rows = self.specformer.get_input_embeddings().weight[N_SPECIAL:]
        n = min(rows.shape[1], loadings.shape[1])
        rows[:, :n].copy_(loadings[:, :n])

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        scores: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        latent: torch.Tensor | None = None,
        uncertainty: torch.Tensor | None = None,
        *,
        bypass_layers: bool = False,
        encode: Callable[..., torch.Tensor] | None = None,
    ) -> SampleOutput:
        """Embed samples.

        Parameters
        ----------
        input_ids
            Windows of gene tokens, int64 (n, n_windows, size).
        scores
            Standardised normal scores of the same genes, (n, n_windows, size), less the anchor's guess of them where
            there is an anchor; film tokens need them.
        attention_mask
            True for real positions, (n, n_windows, size); None where all are. Windows without any are left out.
        latent
            The anchor's posterior mean (n, n_anchor), from `anchor.solver`; needed where there is an anchor.
        uncertainty
            The posterior covariance (n_anchor, n_anchor), from `anchor.solver`; by default the identity.
        bypass_layers
            Give the anchor's vector alone; needs `latent` and nothing else.
        encode
            What makes window vectors, such as `fast_inference` yields; `SpecformerModel.encode_samples` by default.
        """
        if self.config.n_anchor and latent is None:
            msg = "This model has a linear anchor and needs `latent`, from `model.anchor.posterior(scores, genes)`."
            raise ValueError(msg)
        if bypass_layers:
            self._require_anchor()
            return SampleOutput(self.anchor.whiten(cast(torch.Tensor, latent)), latent)
        if input_ids is None:
            msg = "Found no `input_ids`. Pass the windows of genes, or `bypass_layers=True` for the anchor alone."
            raise ValueError(msg)
        query = self.query(latent) if self.config.n_anchor else None
        windows = (encode or self.specformer.encode_samples)(input_ids, scores, attention_mask, query)
        is_real = windows.new_ones(windows.shape[:2], dtype=torch.bool)
        if attention_mask is not None:
            is_real = attention_mask.bool().any(dim=-1)
        pooled, weights = self.pooling(windows, is_real)
        if not self.config.n_anchor:
            return SampleOutput(pooled, None, windows, weights)
        residual = self.residual(pooled)
        latent = latent + (residual if uncertainty is None else residual @ uncertainty)
        return SampleOutput(self.anchor.whiten(latent), latent, windows, weights)

    def _require_anchor(self) -> None:
        if not self.config.n_anchor:
            msg = "This model has no linear anchor (`n_anchor=0`)."
            raise ValueError(msg)
