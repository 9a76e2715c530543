"""Linear representations, to compare with and to use."""

from __future__ import annotations

from specformer.baselines._fit import LinearEmbedder, fit_linear, linear_embed
from specformer.baselines._rank_ppca import RankPPCA
from specformer.baselines._ssgsea import ssgsea
from specformer.baselines._upper_quartile import HighlyVariableGenes, UpperQuartilePCA
from specformer.baselines._wccn import wccn_projection

__all__ = [
    "HighlyVariableGenes",
    "LinearEmbedder",
    "RankPPCA",
    "UpperQuartilePCA",
    "fit_linear",
    "linear_embed",
    "ssgsea",
    "wccn_projection",
]
