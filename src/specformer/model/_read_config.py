"""A checkpoint's `config.json`: what of it is read, and what is refused before a model is built from it.

Entries that are not listed here are passed over. Some of them would have transformers do more than to describe a network:
`attn_implementation` may name code on the web, `is_decoder` or `pad_token_id` change what is computed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from transformers.activations import ACT2FN

from specformer._checks import require_one_of
from specformer.genes import N_SPECIAL
from specformer.model._config import SpecformerConfig
from specformer.model._read import read_json

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 2**20
# The least value of each.
INTEGERS = {
    "checkpoint_format": 1,
    "vocab_size": N_SPECIAL + 1,
    "hidden_size": 1,
    "num_hidden_layers": 0,
    "num_attention_heads": 1,
    "intermediate_size": 1,
    "window_size": 1,
    "stride": 1,
    "n_anchor": 0,
    "n_dims": 1,
    "n_reference_obs": 0,
}
# Between which two values each is.
NUMBERS = {
    "hidden_dropout_prob": (0, 1),
    "attention_probs_dropout_prob": (0, 1),
    "layer_norm_eps": (0, 1),
    "initializer_range": (0, math.inf),
    "noise_variance": (0, math.inf),
}
OTHERS = {
    "cls_token": bool,
    "hidden_act": str,
    "specformer_version": str,
    "weighting": str,
    "token": str,
    "window_embedding": str,
    "pooling": str,
}


def read_config(path: Path, **replaced: str | None) -> tuple[SpecformerConfig, dict[str, Any]]:
    """The config in a file, with some entries replaced where they are not None; and all entries as they stand there."""
    raw = read_json(path, most_bytes=MOST_BYTES)
    if (kind := raw.get("model_type")) != SpecformerConfig.model_type:
        msg = f"{path} describes a model of type {kind!r}; expected {SpecformerConfig.model_type!r}."
        if kind == "bert":
            msg += " A `BertForMaskedLM` over genes is read by `sf.model.from_bert`."
        raise ValueError(msg)
    entries = {name: raw[name] for name in (*INTEGERS, *NUMBERS, *OTHERS) if name in raw}
    entries |= {name: value for name, value in replaced.items() if value is not None}
    return checked_config(entries, path), raw


def checked_config(entries: dict[str, Any], path: Path) -> SpecformerConfig:
    """A config of entries whose types and ranges are looked at first; errors name the file that they are from."""
    try:
        _require_types(entries)
        # JSON may write 0.0 as 0, which transformers takes for an integer.
        points: dict[str, Any] = {name: float(value) for name, value in entries.items() if name in NUMBERS}
        return SpecformerConfig(**(entries | points))
    except ValueError as error:
        msg = f"{path}: {error}"
        raise ValueError(msg) from None


def _require_types(entries: dict[str, Any]) -> None:
    for name, value in entries.items():
        expected = None
        if name in INTEGERS:
            is_number = isinstance(value, int) and not isinstance(value, bool) and value < 2**31
            if not ((is_number and value >= INTEGERS[name]) or (value is None and name == "n_dims")):
                expected = f"an integer of at least {INTEGERS[name]}"
        elif name in NUMBERS:
            low, high = NUMBERS[name]
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (is_number and low <= value <= high and math.isfinite(value)):
                expected = f"a number between {low} and {high}"
        elif not isinstance(value, OTHERS[name]):
            expected = f"a {OTHERS[name].__name__}"
        if expected:
            msg = f"`{name}` is {str(value)[:40]!r}; expected {expected}."
            raise ValueError(msg)
    require_one_of("hidden_act", entries.get("hidden_act", "gelu"), tuple(ACT2FN))
