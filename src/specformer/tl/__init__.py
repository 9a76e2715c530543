"""Apply a checkpoint to AnnData."""

from __future__ import annotations

from specformer.tl._embed import specformer_embed

__all__ = ["specformer_embed"]
