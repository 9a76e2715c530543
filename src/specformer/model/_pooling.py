"""From the vectors of a sample's windows to one vector, and the weight that each window had in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from specformer.model._config import SpecformerConfig

# Each takes windows (n, n_windows, d) and is_real, bool (n, n_windows), and returns vectors (n, d) and weights
# (n, n_windows), which sum to one over a sample's real windows and are zero elsewhere.


class MeanPooling(nn.Module):
    """Every window counts alike."""

    def forward(self, windows: torch.Tensor, is_real: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors and weights."""
        weights = is_real.to(windows.dtype)
        return _weighted(windows, weights / weights.sum(dim=1, keepdim=True))


class AttentionPooling(nn.Module):
    """Windows weigh by `softmax(w' tanh(V x))` (Ilse, Tomczak & Welling 2018, eq. 8)."""

    def __init__(self, config: SpecformerConfig) -> None:
        super().__init__()
        self.value = nn.Linear(config.hidden_size, config.hidden_size // 2)
        self.weight = nn.Linear(config.hidden_size // 2, 1, bias=False)

    def forward(self, windows: torch.Tensor, is_real: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors and weights."""
        return _weighted(windows, _softmax(self.weight(torch.tanh(self.value(windows))), is_real))


class GatedAttentionPooling(nn.Module):
    """Windows weigh by `softmax(w' (tanh(V x) * sigmoid(U x)))` (Ilse, Tomczak & Welling 2018, eq. 9)."""

    def __init__(self, config: SpecformerConfig) -> None:
        super().__init__()
        self.value = nn.Linear(config.hidden_size, config.hidden_size // 2)
        self.gate = nn.Linear(config.hidden_size, config.hidden_size // 2)
        self.weight = nn.Linear(config.hidden_size // 2, 1, bias=False)

    def forward(self, windows: torch.Tensor, is_real: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors and weights."""
        gated = torch.tanh(self.value(windows)) * torch.sigmoid(self.gate(windows))
        return _weighted(windows, _softmax(self.weight(gated), is_real))


class TransformerPooling(nn.Module):
    """Windows first see one another in one transformer layer, without positions, then count alike."""

    def __init__(self, config: SpecformerConfig) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(
            config.hidden_size,
            config.num_attention_heads,
            config.intermediate_size,
            dropout=config.hidden_dropout_prob,
            activation="gelu",
            batch_first=True,
        )
        self.mean = MeanPooling()

    def forward(self, windows: torch.Tensor, is_real: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors and weights."""
        seen = self.layer(_cleared(windows, is_real), src_key_padding_mask=None if is_real.all() else ~is_real)
        return self.mean(seen, is_real)


def make_pooling(config: SpecformerConfig) -> nn.Module:
    """The pooling that `config.pooling` names."""
    if config.pooling == "mean":
        return MeanPooling()
    kinds = {"attention": AttentionPooling, "gated_attention": GatedAttentionPooling, "transformer": TransformerPooling}
    return kinds[config.pooling](config)


def _softmax(logits: torch.Tensor, is_real: torch.Tensor) -> torch.Tensor:
    return logits.squeeze(-1).masked_fill(~is_real, float("-inf")).softmax(dim=1)


def _weighted(windows: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.einsum("nw,nwd->nd", weights, _cleared(windows, weights > 0)), weights


def _cleared(windows: torch.Tensor, is_real: torch.Tensor) -> torch.Tensor:
    """A masked window may hold anything, and 0 * nan is nan."""
    return windows.masked_fill(~is_real.unsqueeze(-1), 0)
