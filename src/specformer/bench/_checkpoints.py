"""Checkpoints as embedders: as shipped, without their layers, and untrained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from specformer._keys import X_SPECFORMER

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData

    from specformer.bench._cohorts import Cohorts
    from specformer.bench._representation import Embedder
    from specformer.model import Pretrained

UNTRAINED = "random weights"
"""The name of the untrained network in tables."""


def checkpoint_embedders(model: str | Path | Pretrained | None = None) -> dict[str, Embedder]:
    """What a benchmark compares of one checkpoint.

    Parameters
    ----------
    model
        Name or directory of a checkpoint, or a loaded one; `None` is the one that comes with the package.

    Returns
    -------
    By name: the checkpoint with its default settings; where it has a linear anchor, the anchor alone; and the encoder
    of the same size with random weights, no anchor and the same windows.
    """
    pretrained = _loaded(model)
    name = pretrained.path.name
    found: dict[str, Embedder] = {name: checkpoint_embedder(pretrained)}
    if pretrained.config.n_anchor:
        found[f"{name}, layers bypassed"] = lambda adata: _vectors(adata, pretrained, bypass_layers=True)
    untrained = random_weights(pretrained)
    found[UNTRAINED] = lambda adata: _vectors(adata, untrained)
    return found


def checkpoint_embedder(model: str | Path | Pretrained | None = None) -> Embedder:
    """A checkpoint with its default settings, from AnnData to a matrix."""
    pretrained = _loaded(model)
    return lambda adata: _vectors(adata, pretrained)


def held_out_seen(model: str | Path | Pretrained | None, cohorts: Cohorts) -> list[str]:
    """Names of held-out samples that a checkpoint says it was pretrained on: with any of them, its figures mean little."""
    from specformer.model import seen_in_pretraining

    names = {name for cohort in cohorts.adatas for name in cohorts[cohort].obs_names[cohorts.part(cohort, "test")]}
    ordered = sorted(names)
    return [name for name, seen in zip(ordered, seen_in_pretraining(_loaded(model).path, ordered), strict=True) if seen]


def random_weights(pretrained: Pretrained, *, rng: int = 0) -> Pretrained:
    """The encoder of a checkpoint before it has learnt anything, without the anchor."""
    import torch

    from specformer.model import SpecformerForSamples

    config = type(pretrained.config).from_dict({**pretrained.config.to_dict(), "n_anchor": 0, "n_dims": None})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(rng)
        model = SpecformerForSamples(config)
    return pretrained._replace(model=model.eval(), config=config, sha256="")


def _loaded(model: str | Path | Pretrained | None) -> Pretrained:
    from specformer.model import load

    return load(model) if model is None or isinstance(model, str | Path) else model


def _vectors(adata: AnnData, pretrained: Pretrained, *, bypass_layers: bool = False) -> np.ndarray:
    from specformer.tl import specformer_embed

    adata = adata.copy()
    specformer_embed(adata, pretrained, bypass_layers=bypass_layers)
    return adata.obsm[X_SPECFORMER.name]
