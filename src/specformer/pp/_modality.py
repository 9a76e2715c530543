"""The AnnData among what a user has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from anndata import AnnData

from specformer._checks import shown

if TYPE_CHECKING:
    from mudata import MuData


def modality(adata: AnnData | MuData, mod: str | None) -> AnnData:
    """`adata` itself, or the modality `mod` of a MuData, which is no copy: what is written goes into it."""
    if isinstance(adata, AnnData):
        if mod is not None:
            msg = f"`mod={mod!r}` names a modality of a MuData, but this is an AnnData. Leave `mod` out."
            raise ValueError(msg)
        return adata
    # Told by what it has: who has a MuData has its package, all others need not.
    modalities = getattr(adata, "mod", None)
    if not isinstance(modalities, Mapping):
        msg = f"Expected an AnnData, or a MuData and `mod`; got {type(adata).__name__}."
        raise TypeError(msg)
    if mod not in modalities:
        found = f"no modality {mod!r}" if mod else "a MuData and no `mod`"
        msg = f"Found {found}. Say which holds bulk expression, as in `mod='rna'`. Present: {shown(modalities, 10)}."
        raise KeyError(msg) if mod else ValueError(msg)
    return modalities[mod]
