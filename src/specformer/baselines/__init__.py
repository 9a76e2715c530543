"""Representations to compare with and to use: linear ones, and those of other models trained anew (torch)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from specformer.baselines._fit import LinearEmbedder, fit_linear, linear_embed
from specformer.baselines._rank_ppca import RankPPCA
from specformer.baselines._ssgsea import ssgsea
from specformer.baselines._upper_quartile import HighlyVariableGenes, UpperQuartilePCA
from specformer.baselines._wccn import wccn_projection

if TYPE_CHECKING:
    from specformer.baselines._binned_masked import BinnedMaskedModel
    from specformer.baselines._count_autoencoder import CountAutoencoder
    from specformer.baselines._fit_trained import TrainedEmbedder, fit_trained
    from specformer.baselines._generative import AdversarialNetwork, VariationalAutoencoder
    from specformer.baselines._truncated_window import TruncatedWindow

__all__ = [
    "AdversarialNetwork",
    "BinnedMaskedModel",
    "CountAutoencoder",
    "HighlyVariableGenes",
    "LinearEmbedder",
    "RankPPCA",
    "TrainedEmbedder",
    "TruncatedWindow",
    "UpperQuartilePCA",
    "VariationalAutoencoder",
    "fit_linear",
    "fit_trained",
    "linear_embed",
    "ssgsea",
    "wccn_projection",
]

# The linear baselines are for users without torch's seconds to spare; what needs it opens on first use.
_TRAINED = {
    "AdversarialNetwork": "_generative",
    "BinnedMaskedModel": "_binned_masked",
    "CountAutoencoder": "_count_autoencoder",
    "TrainedEmbedder": "_fit_trained",
    "TruncatedWindow": "_truncated_window",
    "VariationalAutoencoder": "_generative",
    "fit_trained": "_fit_trained",
}


def __getattr__(name: str) -> Any:
    if name in _TRAINED:
        return getattr(import_module(f"specformer.baselines.{_TRAINED[name]}"), name)
    msg = f"module 'specformer.baselines' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__
