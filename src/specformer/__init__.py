"""SpecFormer: TF-IDF-ordered, masked-gene transformer embeddings for bulk RNA-seq in AnnData."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from specformer._settings import settings

if TYPE_CHECKING:
    from specformer import (
        baselines,
        bench,
        datasets,
        genes,
        logging,
        metrics,
        model,
        models,
        pl,
        pp,
        ranking,
        tl,
        train,
    )

__version__ = version("specformer")

_ROOMS = (
    "baselines",
    "bench",
    "datasets",
    "genes",
    "logging",
    "metrics",
    "model",
    "models",
    "pl",
    "pp",
    "ranking",
    "tl",
    "train",
)
__all__ = [*_ROOMS, "settings"]


def __getattr__(name: str) -> Any:
    # Rooms open on first use: torch, transformers, scanpy and sksurv cost seconds that `import specformer` should not.
    if name in _ROOMS:
        return import_module(f"specformer.{name}")
    msg = f"module 'specformer' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
