"""Masking under a seed made of the step; the masks themselves are the model's, where baselines reach them too."""

from __future__ import annotations

from hashlib import sha256

from specformer.model._masking import IGNORED, mask_genes, n_masked_of

__all__ = ["IGNORED", "mask_genes", "n_masked_of", "step_seed"]


def step_seed(seed: int, step: int, rank: int, micro_step: int) -> int:
    """The seed of everything drawn in one micro-step of one process.

    Nothing else decides what is drawn: a run that was killed draws the same again, whatever was drawn before.
    """
    text = f"{seed}/{step}/{rank}/{micro_step}"
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big") >> 1
