"""The gene table of a run, from what is known of genes beforehand and what the cohorts call their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from specformer._keys import GENE_FILTER
from specformer.genes import GeneVocabulary, match_genes
from specformer.genes._identifiers import ENSEMBL, SYMBOL_ENTREZ, clean, kind_of
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
    table = None if known is None else known.table[list(ID_COLUMNS)]
    chosen = [_informative(adata) for adata in cohorts]
    for adata, own, keep in zip(cohorts, names, chosen, strict=True):
        if grow:
            table = _grown(table, _own_table(adata, own)[keep])
    vocabulary = GeneVocabulary.from_table(table)
    hit = np.zeros(len(vocabulary), bool)
    for own, keep in zip(names, chosen, strict=True):
        index = match_genes(own, vocabulary).index[keep]
        hit[index[index >= 0]] = True
    return vocabulary.take(np.flatnonzero(hit))


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


def _grown(table: pd.DataFrame | None, own: pd.DataFrame) -> pd.DataFrame:
    """`table` and the rows of `own` of which it has neither the symbol nor the Ensembl id, each once."""
    own = own[own["symbol"].ne("") | own["ensembl"].ne("")]
    if table is not None:
        vocabulary = GeneVocabulary.from_table(table)
        lookup = vocabulary.lookup
        strange = ~(
            own["symbol"].isin(lookup.symbol) | own["symbol"].isin(lookup.alias) | own["ensembl"].isin(lookup.ensembl)
        )
        own = own[strange]
    for column in ("symbol", "ensembl"):
        own = own[own[column].eq("") | ~own[column].duplicated()]
    own = own.assign(entrez=own["entrez"].mask(own["entrez"].duplicated(), ""))
    return own if table is None else pd.concat([table, own], ignore_index=True)
