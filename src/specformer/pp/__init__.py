"""Preparing a cohort: its genes, its unit, its split, and the order of genes in each sample."""

from __future__ import annotations

from specformer.pp._detect_scale import detect_scale
from specformer.pp._filter_genes import filter_genes
from specformer.pp._harmonize_genes import harmonize_genes
from specformer.pp._mix import mix
from specformer.pp._split import split
from specformer.pp._tfidf_order import tfidf_order
from specformer.pp._thin import thin
from specformer.pp._to_scheme import to_scheme

__all__ = [
    "detect_scale",
    "filter_genes",
    "harmonize_genes",
    "mix",
    "split",
    "tfidf_order",
    "thin",
    "to_scheme",
]
