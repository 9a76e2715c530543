"""From any name of a gene to its row in a gene table."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from specformer.genes._identifiers import ENSEMBL, is_excel_date

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd


class GeneLookup(NamedTuple):
    """One dictionary per route, so that a name is looked up only among names of its own kind."""

    ensembl: dict[str, int]
    symbol: dict[str, int]
    alias: dict[str, int]
    entrez: dict[str, int]
    symbol_upper: dict[str, int]
    alias_upper: dict[str, int]
    ambiguous: frozenset[str]


def build_lookup(table: pd.DataFrame) -> GeneLookup:
    """The dictionaries of a table with columns symbol, ensembl, entrez and aliases (';'-joined)."""
    pairs = [
        (alias, row) for row, joined in enumerate(table["aliases"]) if joined for alias in joined.split(";") if alias
    ]
    symbols = list(table["symbol"])
    symbol, _ = _unique((name, row) for row, name in enumerate(symbols))
    symbol_upper, _ = _unique((name.upper(), row) for row, name in enumerate(symbols))
    # Secondary Ensembl ids (a copy on the Y chromosome, on an alternative haplotype) travel among the aliases.
    second_ids = [(name, row) for name, row in pairs if ENSEMBL.fullmatch(name)]
    names = [
        (name, row) for name, row in pairs if not (ENSEMBL.fullmatch(name) or name.isdigit() or is_excel_date(name))
    ]
    first_ids = {name: row for row, name in enumerate(table["ensembl"]) if name}
    ensembl = {name: row for name, row in _unique(second_ids)[0].items() if name not in first_ids} | first_ids
    alias, ambiguous = _unique(names)
    alias_upper, _ = _unique((name.upper(), row) for name, row in names)
    entrez, _ = _unique((str(name), row) for row, name in enumerate(table["entrez"]) if name)
    return GeneLookup(ensembl, symbol, alias, entrez, symbol_upper, alias_upper, frozenset(ambiguous))


def _unique(pairs: Iterable[tuple[str, int]]) -> tuple[dict[str, int], set[str]]:
    """Names that point to one row, and the names that point to several."""
    rows: dict[str, int] = {}
    ambiguous: set[str] = set()
    for name, row in pairs:
        if rows.setdefault(name, row) != row:
            ambiguous.add(name)
    for name in ambiguous:
        del rows[name]
    return rows, ambiguous
