"""How many floating-point operations a training step takes, on paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from specformer.model import SpecformerConfig


def encoder_flops(config: SpecformerConfig, size: int) -> float:
    """Forward operations of the encoder for one window of `size` genes; a multiplication with its addition is two."""
    size += config.cls_token
    hidden, inner = config.hidden_size, config.intermediate_size
    products = 2 * size * (4 * hidden**2 + 2 * hidden * inner)
    attention = 4 * size**2 * hidden
    return float(config.num_hidden_layers * (products + attention))


def head_flops(config: SpecformerConfig, n_masked: int) -> float:
    """Forward operations of the masked-gene head for one window."""
    return float(2 * n_masked * (config.hidden_size**2 + config.hidden_size * config.vocab_size))
