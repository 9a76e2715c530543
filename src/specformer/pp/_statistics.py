"""Whose statistics rank the genes: the cohort's own, or those of a frozen reference."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData

from specformer._checks import shown
from specformer._keys import GENE_ID
from specformer.genes import GeneVocabulary, match_genes
from specformer.pp._order_fields import read_statistics
from specformer.ranking import GeneStatistics
from specformer.ranking._weights import statistics_of

if TYPE_CHECKING:
    from specformer.ranking._gene_sums import GeneSums


@dataclass(frozen=True)
class ColumnStatistics:
    """Statistics brought to the columns of one AnnData."""

    source: str
    """Whose they are, in words."""
    fingerprint: str
    """SHA-256 of the statistics at their source."""
    statistics: GeneStatistics
    """One entry for each known column."""
    known: np.ndarray
    """Columns that the source knows, ascending."""
    unknown: np.ndarray
    """The others, in gene-id order."""
    tie_order: np.ndarray
    """Position of each known column in gene-id order."""


def own_columns(adata: AnnData, sums: GeneSums, weighting: str, mask: np.ndarray | None) -> ColumnStatistics:
    """Statistics of the cohort itself, or of the rows where `mask` is true; genes are ordered by name."""
    statistics = statistics_of(sums, weighting)
    by_id = _by_name(adata)
    return ColumnStatistics(
        source="this cohort" if mask is None else f"{mask.sum()} samples of this cohort",
        fingerprint=statistics.take(by_id).fingerprint,
        statistics=statistics,
        known=np.arange(adata.n_vars),
        unknown=np.arange(0),
        tie_order=np.argsort(by_id),
    )


def reference_columns(adata: AnnData, reference: Any, key_added: str) -> ColumnStatistics:
    """Statistics of a reference, matched to the columns of `adata` by their names."""
    names = gene_names(adata)
    if isinstance(reference, AnnData):
        source = "another AnnData"
        statistics, fingerprint = read_statistics(reference, key_added)
        rank = np.argsort(_by_name(reference))
        expected = gene_names(reference)
        position = expected.get_indexer(names)
        position[np.isnan(statistics.scale)[position]] = -1
    else:
        source, vocabulary = _vocabulary(reference)
        statistics = vocabulary_statistics(vocabulary)
        position = match_genes(list(names), vocabulary).index
        rank = np.arange(len(vocabulary))
        fingerprint = statistics.fingerprint
        expected = vocabulary.symbols

    known = np.flatnonzero(position >= 0)
    if not known.size:
        msg = (
            f"None of the {adata.n_vars:,} genes is in the reference. Found {shown(names, 3)}; expected names "
            f"like {shown(expected, 3)}. Run `sf.pp.harmonize_genes` on both."
        )
        raise ValueError(msg)
    rows = position[known]
    twice = np.isin(rows, np.flatnonzero(np.bincount(rows) > 1))
    if twice.any():
        msg = (
            f"Several columns mean the same gene of the reference: {shown(names[known[twice]])}. "
            "Run `sf.pp.harmonize_genes(adata)`, which adds them up."
        )
        raise ValueError(msg)
    by_id = _by_name(adata)
    return ColumnStatistics(
        source=source,
        fingerprint=fingerprint,
        statistics=statistics.take(rows),
        known=known,
        unknown=by_id[position[by_id] < 0],
        tie_order=np.argsort(np.argsort(rank[rows])),
    )


def vocabulary_statistics(vocabulary: GeneVocabulary) -> GeneStatistics:
    """The statistics that a checkpoint's gene table carries, in vocabulary order."""
    table = vocabulary.table
    if "scale" not in table or not vocabulary.weighting:
        msg = f"The reference's gene table carries no statistics: it has columns {shown(table.columns, 10)}."
        raise ValueError(msg)
    offset = table["offset"].to_numpy(np.float32) if "offset" in table else None
    df = table["df"].to_numpy(np.int64) if "df" in table else np.zeros(len(table), np.int64)
    return GeneStatistics(vocabulary.weighting, vocabulary.n_obs, table["scale"].to_numpy(np.float32), offset, df)


def _vocabulary(reference: Any) -> tuple[str, GeneVocabulary]:
    if isinstance(reference, str | Path):
        # Opened only here: the model room brings torch with it.
        reference = import_module("specformer.model").load(reference)
    genes = reference if isinstance(reference, GeneVocabulary) else getattr(reference, "genes", None)
    if not isinstance(genes, GeneVocabulary):
        msg = (
            f"`reference` is a {type(reference).__name__}; expected an AnnData ordered before, a checkpoint, or the name "
            "or path of one."
        )
        raise TypeError(msg)
    return Path(getattr(reference, "path", "a gene vocabulary")).name, genes


def gene_names(adata: AnnData) -> pd.Index:
    """What the columns are called: the symbol that `pp.harmonize_genes` found, else the name in `var_names`."""
    names = adata.var_names.to_numpy(str)
    if GENE_ID.name in adata.var:
        symbols = adata.var[GENE_ID.name].fillna("").to_numpy(str)
        names = np.where(symbols == "", names, symbols)
    return pd.Index(names)


def _by_name(adata: AnnData) -> np.ndarray:
    """Columns in the order of their names: the gene-id order of a cohort without a vocabulary."""
    names = gene_names(adata)
    if not names.is_unique:
        msg = (
            f"Gene names stand more than once: {shown(names[names.duplicated()].unique())}. Equal scores are ordered by "
            "name, so names must differ. Run `sf.pp.harmonize_genes(adata)`, which adds up the columns of a gene, or "
            "`adata.var_names_make_unique()` where they are different genes."
        )
        raise ValueError(msg)
    return np.argsort(names.to_numpy(str), kind="stable")
