"""A gene table made from public annotation: one row a gene, with every name that means this gene alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from specformer._checks import shown
from specformer.genes._identifiers import ENSEMBL, is_excel_date
from specformer.genes._match import match_genes
from specformer.genes._vocabulary import ID_COLUMNS, GeneVocabulary, as_text

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLUMNS = {
    "symbol": ("symbol", "external_gene_name", "gene_name", "hgnc_symbol"),
    "ensembl": ("ensembl", "ensembl_gene_id", "gene_id", "id"),
    "entrez": ("entrez", "entrez_id", "entrezgene_id"),
    "alias": ("alias", "Symbol"),
    "approved": ("approved", "Approved.Symbol"),
}
_CHROMOSOMES = {*(str(number) for number in range(1, 23)), "X", "Y", "MT", ""}


def build_gene_table(
    genes: Sequence[object] | None = None,
    *,
    annotation: pd.DataFrame | Path | str,
    aliases: pd.DataFrame | Path | str | None = None,
) -> pd.DataFrame:
    """The id columns of a `GeneVocabulary`, from an annotation table and a table of aliases.

    Names are weighed over the whole annotation before it is cut down to `genes`: an alias that also means a gene
    outside of the vocabulary, or is that gene's symbol today, must not lead into it.

    Parameters
    ----------
    genes
        The genes wanted, in names of any human namespace; all genes of the annotation if None.
    annotation
        HGNC's complete set (which carries its own aliases), or an Ensembl gene table with id, symbol and Entrez
        columns; a DataFrame or a CSV/TSV file. An Ensembl gene that is listed with several Entrez ids gets the one
        that no other gene claims.
    aliases
        Two columns, `Symbol` (any name) and `Approved.Symbol`; also brings the annotation's symbols up to date.

    Returns
    -------
    Columns symbol, ensembl, entrez, aliases (text), sorted by Ensembl id, then symbol. Further Ensembl ids of the
    same symbol (pseudoautosomal copies, alternative haplotypes) stand among its aliases. A name that several loci
    share without being an approved symbol (`Y_RNA`) names none of them: they keep their Ensembl id as symbol.

    Raises
    ------
    ValueError
        If a table lacks its columns, or `genes` holds no known gene.

    Examples
    --------
    >>> ensembl = pd.DataFrame({"id": ["ENSG00000149021"], "symbol": ["FIRRM"], "entrez": [55732.0]})
    >>> names = pd.DataFrame({"Symbol": ["C1orf112"], "Approved.Symbol": ["FIRRM"]})
    >>> build_gene_table(annotation=ensembl, aliases=names)["aliases"].tolist()
    ['C1orf112']
    """
    source = _read(annotation)
    loci = pd.DataFrame(
        {name: _column(source, name, required=name != "entrez") for name in ("symbol", "ensembl", "entrez")}
    )
    known = _alias_pairs(source, aliases)
    approved = set(known["approved"])
    loci["symbol"] = _bring_up_to_date(loci["symbol"], known, approved)
    loci["other"] = ~_column(source, "chr", required=False).isin(_CHROMOSOMES)
    loci["noncoding"] = ~_column(source, "biotype", required=False).isin({"protein_coding", ""})
    loci = _one_row_each(_own_entrez(loci), approved)
    loci["aliases"] = _safe_aliases(loci, known)
    vocabulary = GeneVocabulary.from_table(loci[list(ID_COLUMNS)])
    if genes is not None:
        vocabulary = vocabulary.take(match_genes(genes, vocabulary).genes)
    return vocabulary.table


def _read(table: pd.DataFrame | Path | str) -> pd.DataFrame:
    if isinstance(table, pd.DataFrame):
        return table.reset_index(drop=True)
    separator = "\t" if {".tsv", ".txt"} & set(Path(table).suffixes) else ","
    try:
        return pd.read_csv(table, sep=separator, dtype=str, keep_default_na=False, na_values=[""])
    except (ValueError, OverflowError) as error:  # among them those of pandas' parser and of the text's encoding
        msg = f"{table} cannot be read as a table divided by {separator!r} ({error})."
        raise ValueError(msg) from None


def _column(table: pd.DataFrame, name: str, *, required: bool = True) -> pd.Series:
    for candidate in _COLUMNS.get(name, (name,)):
        if candidate in table:
            return as_text(table[candidate])
    if required:
        msg = f"Expected a column named one of {shown(_COLUMNS[name])}; found {shown(table.columns, 12)}."
        raise ValueError(msg)
    return pd.Series("", index=table.index, dtype=object)


def _alias_pairs(source: pd.DataFrame, aliases: pd.DataFrame | Path | str | None) -> pd.DataFrame:
    """Long table alias -> approved, with each approved symbol also standing for itself."""
    parts = []
    if aliases is not None:
        table = _read(aliases)
        parts.append(pd.DataFrame({"alias": _column(table, "alias"), "approved": _column(table, "approved")}))
    symbol = _column(source, "symbol")
    for field, separator in (("alias_symbol", "|"), ("prev_symbol", "|"), ("aliases", ";")):
        if field in source:
            names = _column(source, field).str.split(separator)
            parts.append(pd.DataFrame({"alias": names, "approved": symbol}).explode("alias"))
    if any(field in source for field in ("alias_symbol", "prev_symbol", "aliases")):
        parts.append(pd.DataFrame({"alias": symbol, "approved": symbol}))
    if not parts:
        return pd.DataFrame({"alias": [], "approved": []}, dtype=object)
    pairs = pd.concat(parts, ignore_index=True)
    pairs["alias"] = pairs["alias"].str.strip()
    return pairs[pairs["alias"].ne("") & pairs["approved"].ne("")].drop_duplicates(ignore_index=True)


def _bring_up_to_date(symbol: pd.Series, known: pd.DataFrame, approved: set[str]) -> pd.Series:
    """Old symbols replaced by the approved one, where a name means one gene."""
    certain = known[~known["alias"].duplicated(keep=False)].set_index("alias")["approved"]
    new = symbol.map(certain).fillna("")
    usable = ~symbol.isin(approved) & new.ne("")
    return symbol.where(~usable, new)


def _own_entrez(loci: pd.DataFrame) -> pd.DataFrame:
    """One row for each Ensembl id, with the Entrez id that fewest other genes claim (then the smallest)."""
    claims = loci.loc[~loci["other"], ["ensembl", "entrez"]].drop_duplicates()["entrez"].value_counts()
    claimed = np.where(loci["entrez"].eq(""), np.inf, loci["entrez"].map(claims).astype(float).fillna(0))
    number = pd.to_numeric(loci["entrez"], errors="coerce")
    ranked = loci.assign(claimed=claimed, number=number).sort_values(["claimed", "number"], kind="stable")
    named = ranked["ensembl"].ne("")
    return pd.concat([ranked[named].drop_duplicates("ensembl"), ranked[~named]])


def _one_row_each(loci: pd.DataFrame, approved: set[str]) -> pd.DataFrame:
    nameless = loci["symbol"].eq("") | (
        loci["symbol"].duplicated(keep=False) & ~loci["symbol"].isin(approved) & bool(approved)
    )
    loci["symbol"] = loci["symbol"].where(~nameless, loci["ensembl"])
    loci = loci[loci["symbol"].ne("")]
    loci = loci.assign(no_entrez=loci["entrez"].eq(""), no_ensembl=loci["ensembl"].eq(""))
    loci = loci.sort_values(["no_ensembl", "other", "no_entrez", "noncoding", "ensembl"], kind="stable")
    second = loci[loci["symbol"].duplicated() & loci["ensembl"].ne("")].groupby("symbol")["ensembl"].agg(list)
    loci = loci.drop_duplicates("symbol")
    loci["entrez"] = loci["entrez"].mask(loci["entrez"].duplicated(), "")
    return loci.assign(second=loci["symbol"].map(second).map(lambda ids: ids if isinstance(ids, list) else []))


def _safe_aliases(loci: pd.DataFrame, known: pd.DataFrame) -> pd.Series:
    taken = {name.upper() for name in [*loci["symbol"], *known["approved"]]}
    upper = known["alias"].str.upper()
    shared = pd.Series(upper).groupby(upper).transform("size").gt(1) & known.groupby(upper)["approved"].transform(
        "nunique"
    ).gt(1)
    # A name in numbers or dates means something else elsewhere; ';' would break the joined column.
    odd = known["alias"].map(
        lambda name: name.isdigit() or ";" in name or is_excel_date(name) or bool(ENSEMBL.fullmatch(name))
    )
    safe = known[~shared & ~odd & ~upper.isin(taken)]
    names = safe.groupby("approved")["alias"].agg(lambda column: sorted(set(column)))
    return pd.Series(
        [
            ";".join([*names.get(symbol, []), *second])
            for symbol, second in zip(loci["symbol"], loci["second"], strict=True)
        ],
        index=loci.index,
        dtype=object,
    )
