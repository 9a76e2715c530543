"""Gene names: what they are, which genes a checkpoint knows, and how a cohort's columns become its genes."""

from __future__ import annotations

from specformer.genes._alias_tables import build_gene_table
from specformer.genes._collapse import GeneAlignment, align_columns, collapse_columns, replace_columns, sum_groups
from specformer.genes._identifiers import name_kind
from specformer.genes._match import ROUTES, GeneMatch, match_genes
from specformer.genes._shipped import DEFAULT_CHECKPOINT, shipped_vocabulary
from specformer.genes._vocabulary import CLS, MASK, N_SPECIAL, PAD, SPECIAL_TOKENS, GeneVocabulary

__all__ = [
    "CLS",
    "DEFAULT_CHECKPOINT",
    "MASK",
    "N_SPECIAL",
    "PAD",
    "ROUTES",
    "SPECIAL_TOKENS",
    "GeneAlignment",
    "GeneMatch",
    "GeneVocabulary",
    "align_columns",
    "build_gene_table",
    "collapse_columns",
    "match_genes",
    "name_kind",
    "replace_columns",
    "shipped_vocabulary",
    "sum_groups",
]
