"""The gene table of a run, from what is known of genes beforehand and what the cohorts call their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from specformer._keys import GENE_FILTER
from specformer.genes import GeneVocabulary, match_genes
from specformer.genes._identifiers import ENSEMBL, SYMBOL_ENTREZ, clean, kind_of
from specformer.genes._match import find
from specformer.genes._vocabulary import ID_COLUMNS, as_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

_HUMAN = ("ensembl", "symbol", "entrez", "symbol|entrez")
_NOT_GENES = ("ERCC-", "N_", "__")
"""How spike-ins and the counters of alignment programs begin."""


def cohort_table(
    cohorts: Sequence[AnnData], names: Sequence[list[object]], known: GeneVocabulary | None, *, grow: bool
) -> GeneVocabulary:
    """The genes of the cohorts: those of `known` that they have and, if it may grow, those that only they know.

    Parameters
    ----------
    cohorts
        Whose `var` may hold columns symbol, ensembl, entrez and aliases, and the mark of informative genes.
    names
        The name of every column.
    known
        Genes whose names are known beforehand.
    grow
        Whether columns that `known` does not know become genes under the name that they have.
    """
    chosen = [_informative(adata) for adata in cohorts]
    vocabulary = known
    for adata, own, keep in zip(cohorts, names, chosen, strict=True):
        if grow:
            vocabulary = _grown(vocabulary, _own_table(adata, own)[keep], [own[i] for i in np.flatnonzero(keep)])
    if vocabulary is None:
        msg = "Found no gene names: pass a `table` of genes, or let the cohorts' own names do."
        raise ValueError(msg)
    hit = np.zeros(len(vocabulary), bool)
    for own, keep in zip(names, chosen, strict=True):
        index = match_genes(own, vocabulary).index[keep]
        hit[index[index >= 0]] = True
    kept = vocabulary.take(np.flatnonzero(hit))
    return GeneVocabulary(kept.table[list(ID_COLUMNS)])


def _informative(adata: AnnData) -> np.ndarray:
    if GENE_FILTER.name in adata.var:
        return adata.var[GENE_FILTER.name].to_numpy(bool)
    return np.ones(adata.n_vars, bool)


def _own_table(adata: AnnData, names: list[object]) -> pd.DataFrame:
    """One row a column: ids from `var` where it has them, from the name itself where not; empty for what is no gene."""
    own = {
        column: as_text(adata.var[column]).tolist() if column in adata.var else [""] * adata.n_vars
        for column in ID_COLUMNS
    }
    for row, name in enumerate(clean(names)):
        kind = kind_of(name)
        if kind not in _HUMAN or name.startswith(_NOT_GENES):
            for column in ID_COLUMNS:
                own[column][row] = ""
        elif kind == "ensembl":
            match = ENSEMBL.fullmatch(name)
            own["ensembl"][row] = match[1] if match else name
        elif kind == "entrez":
            own["entrez"][row] = name
            own["symbol"][row] = own["symbol"][row] or f"entrez:{name}"
        elif kind == "symbol|entrez":
            symbol, own["entrez"][row] = SYMBOL_ENTREZ.fullmatch(name).groups()  # type: ignore[union-attr]
            own["symbol"][row] = f"entrez:{own['entrez'][row]}" if symbol == "?" else symbol
        else:
            own["symbol"][row] = name
    return pd.DataFrame(own, dtype=object)


def _grown(vocabulary: GeneVocabulary | None, own: pd.DataFrame, names: list[object]) -> GeneVocabulary:
    """The vocabulary and the rows of `own` whose name it does not know, and whose ids it does not have, each once."""
    if vocabulary is not None:
        lookup = vocabulary.lookup
        is_known = np.array([find(name, lookup)[0] >= 0 for name in clean(names)])
        own = own[~(is_known | own["symbol"].isin(lookup.symbol) | own["ensembl"].isin(lookup.ensembl))]
    own = own[own["symbol"].ne("") | own["ensembl"].ne("")]
    if vocabulary is not None and own.empty:
        return vocabulary
    for column in ("symbol", "ensembl"):
        own = own[own[column].eq("") | ~own[column].duplicated()]
    own = own.assign(entrez=own["entrez"].mask(own["entrez"].duplicated(), ""))
    parts = [own] if vocabulary is None else [vocabulary.table[list(ID_COLUMNS)], own]
    return GeneVocabulary.from_table(pd.concat(parts, ignore_index=True))
