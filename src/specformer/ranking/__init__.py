"""Pure arrays: the unit of a matrix, per-gene statistics, and the order of genes within a sample."""

from __future__ import annotations

from specformer.ranking._linear import to_linear
from specformer.ranking._order import rank_rows, rank_rows_numpy
from specformer.ranking._scale import LINEAR_SCALES, LOG_SCALES, SCALES, Scale, detect_scale
from specformer.ranking._schemes import SCHEMES, Scheme, normalise_rows, parse_scheme
from specformer.ranking._scores import normal_scores, ordered_genes, panel_quantile
from specformer.ranking._weights import WEIGHTINGS, GeneStatistics, fit_statistics, idf_table

__all__ = [
    "LINEAR_SCALES",
    "LOG_SCALES",
    "SCALES",
    "SCHEMES",
    "WEIGHTINGS",
    "GeneStatistics",
    "Scale",
    "Scheme",
    "detect_scale",
    "fit_statistics",
    "idf_table",
    "normal_scores",
    "normalise_rows",
    "ordered_genes",
    "panel_quantile",
    "parse_scheme",
    "rank_rows",
    "rank_rows_numpy",
    "to_linear",
]
