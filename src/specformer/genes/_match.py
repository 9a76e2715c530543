"""Which gene of a vocabulary each name of a cohort means, and how that was found out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from specformer.genes import _identifiers as ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from specformer.genes._lookup import GeneLookup
    from specformer.genes._vocabulary import GeneVocabulary

ROUTES = ("ensembl", "symbol", "alias", "entrez", "symbol|entrez", "unmatched")
_HARMLESS = {ids.SYMBOL, ids.UNKNOWN, "ensembl", "entrez", "symbol|entrez", "ambiguous alias", "missing"}


@dataclass(frozen=True, eq=False)
class GeneMatch:
    """Where each name of a cohort stands in a vocabulary.

    Attributes
    ----------
    index
        int64 (n_names,): row in the vocabulary's table, -1 where the name was not recognised.
    route
        object (n_names,): the kind of name by which it was recognised, one of `ROUTES`.
    n_vocabulary
        How many genes the vocabulary has.
    unmatched
        The names that were not recognised, by reason: `"not in the table"`, `"ambiguous alias"`, `"excel date"`,
        `"missing"`, or the foreign namespace they belong to.
    """

    index: np.ndarray
    route: np.ndarray
    n_vocabulary: int
    unmatched: dict[str, list[str]]

    @property
    def genes(self) -> np.ndarray:
        """int64: rows of the vocabulary that are at hand, ascending."""
        return np.unique(self.index[self.index >= 0])

    @property
    def coverage(self) -> float:
        """The fraction of the vocabulary's genes that are at hand."""
        return len(self.genes) / self.n_vocabulary

    @property
    def n_collapsed(self) -> int:
        """How many recognised names are further names of a gene that is already at hand."""
        return int((self.index >= 0).sum()) - len(self.genes)

    @property
    def counts(self) -> dict[str, int]:
        """Number of names by route, every route of `ROUTES` present."""
        found = Counter(self.route.tolist())
        return {route: found[route] for route in ROUTES}


def match_genes(names: Sequence[object], vocabulary: GeneVocabulary) -> GeneMatch:
    """Recognise gene names of any human namespace, entry by entry.

    An entry is an Ensembl gene id (a version is cut off only where the whole entry is such an id), an Entrez id, a
    `SYMBOL|ENTREZ` pair (the Entrez id decides where the symbol is not an approved one), or a symbol. An approved
    symbol goes before a previous symbol or alias, and an alias counts only when it means one gene. Upper and lower
    case are told apart at first, then ignored, except in entries that are written as mouse symbols are.

    Parameters
    ----------
    names
        Gene names in the order of the cohort's columns. Missing values (None, NaN) stay unmatched.
    vocabulary
        The genes to look for.

    Returns
    -------
    One row number, or -1, for each name, with the route that led there.

    Raises
    ------
    ValueError
        If no name is known; if the names are row numbers; if names of a foreign namespace (mouse symbols, probes,
        transcripts, Ensembl ids of another species, dates made by a spreadsheet) outnumber the recognised ones; or
        if missing values were written out as the text 'nan' or 'None'.

    Examples
    --------
    >>> import pandas as pd
    >>> from specformer.genes import GeneVocabulary, match_genes
    >>> table = pd.DataFrame(
    ...     {"symbol": ["TP53"], "ensembl": ["ENSG00000141510"], "entrez": ["7157"], "aliases": ["p53"]}
    ... )
    >>> match = match_genes(["ENSG00000141510.18", "p53", "?|7157"], GeneVocabulary.from_table(table))
    >>> match.route.tolist()
    ['ensembl', 'alias', 'symbol|entrez']
    """
    cleaned = ids.clean(names)
    written_out = [name for name in cleaned if name and ids.is_missing(name)]
    if written_out:
        ids.refuse("missing", written_out, len(cleaned))
    if ids.are_row_numbers(cleaned):
        ids.refuse("row number", cleaned, len(cleaned))
    lookup = vocabulary.lookup
    found = [find(name, lookup) for name in cleaned]
    index = np.fromiter((row for row, _ in found), dtype=np.int64, count=len(found))
    route = np.empty(len(found), dtype=object)
    route[:] = [by for _, by in found]
    unmatched: dict[str, list[str]] = {}
    for name, row in zip(cleaned, index.tolist(), strict=True):
        if row < 0:
            unmatched.setdefault(_reason(name, lookup), []).append(name)
    n_matched = int((index >= 0).sum())
    worst = max(unmatched.keys() - _HARMLESS, key=lambda kind: len(unmatched[kind]), default="")
    if worst and len(unmatched[worst]) > n_matched:
        ids.refuse(worst, unmatched[worst], len(cleaned))
    if n_matched == 0:
        ids.refuse(ids.UNKNOWN, cleaned, len(cleaned))
    return GeneMatch(index, route, len(vocabulary), unmatched)


def find(name: str, lookup: GeneLookup) -> tuple[int, str]:
    """The row of the gene that a cleaned name means, -1 for none, and by which route it was found."""
    if match := ids.ENSEMBL.fullmatch(name):
        return _by("ensembl", lookup.ensembl.get(match[1], -1))
    if match := ids.ENSEMBL_PAR_Y.fullmatch(name):
        return _by("ensembl", lookup.ensembl.get(f"ENSG0{match[1]}", -1))
    if match := ids.ENTREZ.fullmatch(name):
        return _by("entrez", lookup.entrez.get(match[1], -1))
    if "|" in name and (match := ids.SYMBOL_ENTREZ.fullmatch(name)):
        # Published pairs hold wrong numbers (ACTG1|60 is ACTB's) as well as old symbols (CXorf1|9142): a symbol that is
        # approved today goes first, and a number goes before an alias.
        row = lookup.symbol.get(match[1], lookup.entrez.get(match[2], -1))
        return _by("symbol|entrez", row if row >= 0 else _find_symbol(match[1], lookup)[0])
    return _find_symbol(name, lookup)


def _find_symbol(name: str, lookup: GeneLookup) -> tuple[int, str]:
    if (row := lookup.symbol.get(name, -1)) >= 0:
        return row, "symbol"
    if (row := lookup.alias.get(name, -1)) >= 0:
        return row, "alias"
    if name in lookup.ambiguous or ids.is_mouse_like(name):
        return -1, "unmatched"
    upper = name.upper()
    if (row := lookup.symbol_upper.get(upper, -1)) >= 0:
        return row, "symbol"
    return _by("alias", lookup.alias_upper.get(upper, -1))


def _by(route: str, row: int) -> tuple[int, str]:
    return (row, route) if row >= 0 else (-1, "unmatched")


def _reason(name: str, lookup: GeneLookup) -> str:
    if name in lookup.ambiguous:
        return "ambiguous alias"
    kind = ids.kind_of(name)
    return ids.UNKNOWN if kind in {ids.SYMBOL, "ensembl", "entrez", "symbol|entrez"} else kind
