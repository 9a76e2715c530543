"""What a gene name is: the namespaces that cohorts come in, and how one entry is read."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# A version is cut off only where the whole entry is an Ensembl gene id: the dot of AC000068.10 is part of its name.
ENSEMBL = re.compile(r"(ENSG\d{11})(?:\.\d+)?(?:_PAR_Y)?")
# GENCODE up to release 24 marked the Y copy of a pseudoautosomal gene by an R in place of the first zero.
ENSEMBL_PAR_Y = re.compile(r"ENSGR(\d{10})(?:\.\d+)?")
ENTREZ = re.compile(r"(\d+)(?:\.0+)?")
SYMBOL_ENTREZ = re.compile(r"(.*)\|(\d+)(?:\.0+)?")
EXPECTED = "'TP53', 'ENSG00000141510', 'ENSG00000141510.18', '7157' or 'TP53|7157'"

_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)"
_EXCEL_DATE = re.compile(
    rf"\d{{1,2}}-{_MONTH}(?:-\d{{2,4}})?|{_MONTH}-\d{{1,2}}|\d{{4}}-\d\d-\d\d(?: 00:00:00)?|\d{{1,2}}[-/]\d{{1,2}}",
    re.I,
)
_MISSING = frozenset({"", "nan", "NaN", "None", "none", "<NA>"})
_FOREIGN = {
    "ensembl of another species": re.compile(r"ENS(?!G\d)[A-Z]{2,5}G\d{11}(?:\.\d+)?"),
    "transcript": re.compile(
        r"ENS[A-Z]{0,5}[TPE]\d{11}(?:\.\d+)?(?:\|.*)?|[NX][MRP]_\d+(?:\.\d+)?|uc\d{3}[a-z]{3}\.\d+"
    ),
    "probe": re.compile(r"\d+(?:_[a-z]+)?_(?:at|st)|AFFX-.+|ILMN_\d+|A_\d\d_P\d+|cg\d{8}|TC\d{8,}\.hg\.\d"),
    "mouse symbol": re.compile(r"[A-Z][a-z]+\d*[a-z0-9.-]*|\d{7}[A-Z]\d\dRik|mt-[A-Z][a-z0-9]+"),
}
_CURES = {
    "ensembl of another species": "Map them to their human orthologues first; the vocabulary is human.",
    "transcript": "Aggregate to genes first (for instance with tximport), then hand in the gene table.",
    "probe": "Map probes to genes first: the platform's annotation table names the gene of each probe.",
    "mouse symbol": "Map them to their human orthologues first; writing mouse symbols in capitals does not do that.",
    "excel date": "A spreadsheet turned gene symbols into dates; go back to the file before it, or use Ensembl ids.",
    "missing": "Name the column that holds the genes with `gene_key`, or drop these columns.",
}
SYMBOL, UNKNOWN = "symbol", "not in the table"


def clean(names: Iterable[object]) -> list[str]:
    """`names` as stripped strings; a true missing value (None, NaN) becomes the empty string."""
    return [name.strip() if isinstance(name, str) else "" if _is_null(name) else str(name) for name in names]


def is_missing(name: str) -> bool:
    """Whether a cleaned name is empty, or a missing value that was written out as text."""
    return name in _MISSING


def is_excel_date(name: str) -> bool:
    """Whether a spreadsheet turned the name into a date: `1-Mar` was MARCHF1, or MTARC1; nobody can tell."""
    return _EXCEL_DATE.fullmatch(name) is not None


def is_mouse_like(name: str) -> bool:
    """Whether the name is written as mouse and rat symbols are: `Trp53`, `Actb`, `mt-Nd1`."""
    return _FOREIGN["mouse symbol"].fullmatch(name) is not None


def kind_of(name: str) -> str:
    """The namespace of one cleaned name."""
    if is_missing(name):
        return "missing"
    if ENSEMBL.fullmatch(name) or ENSEMBL_PAR_Y.fullmatch(name):
        return "ensembl"
    if ENTREZ.fullmatch(name):
        return "entrez"
    if is_excel_date(name):
        return "excel date"
    for kind, pattern in _FOREIGN.items():
        if pattern.fullmatch(name):
            return kind
    return "symbol|entrez" if SYMBOL_ENTREZ.fullmatch(name) else SYMBOL


def name_kind(names: Sequence[object]) -> str:
    """The namespace that most of `names` are in.

    Returns
    -------
    One of `"ensembl"`, `"symbol"`, `"entrez"`, `"symbol|entrez"`, which can be matched, or of
    `"ensembl of another species"`, `"transcript"`, `"probe"`, `"mouse symbol"`, `"excel date"`, `"row number"`,
    `"missing"`, which cannot. Ties go to the kind met first.

    Examples
    --------
    >>> name_kind(["TP53", "EGFR", "ENSG00000141510"])
    'symbol'
    """
    cleaned = clean(names)
    if not cleaned:
        return "missing"
    if are_row_numbers(cleaned):
        return "row number"
    return Counter(kind_of(name) for name in cleaned).most_common(1)[0][0]


def are_row_numbers(names: Sequence[str]) -> bool:
    """Whether the names count rows rather than name genes.

    Both look like integers. Entrez ids of a cohort are scattered over more than a million; row numbers fill their
    range, starting at 0 or 1, with at most some rows filtered away.
    """
    numbers = {int(match[1]) for name in names if (match := ENTREZ.fullmatch(name))}
    if len(names) < 2 or 2 * len(numbers) <= len(names):
        return False
    filled = len(numbers) / (max(numbers) - min(numbers) + 1)
    return (filled == 1 and min(numbers) <= 1) or (filled > 0.5 and len(numbers) >= 1000)


def refuse(kind: str, found: Sequence[str], n_names: int) -> None:
    """Raise the ValueError that says what was found, what is expected and how to get there."""
    shown = ", ".join(repr(name) for name in found[:5])
    what = {
        "row number": "The gene names are row numbers; the real names were probably lost when the table was read",
        "missing": f"{len(found):,} of {n_names:,} gene names are missing values written as text",
        UNKNOWN: f"None of the {n_names:,} gene names is known",
    }.get(kind, f"{len(found):,} of {n_names:,} gene names are of the kind {kind!r}, more than are human genes")
    cure = _CURES.get(kind, "Look at `adata.var_names`, or name the column that holds the genes with `gene_key`.")
    msg = f"{what}: {shown}. Expected human genes such as {EXPECTED}. {cure}"
    raise ValueError(msg)


def _is_null(value: object) -> bool:
    return value is None or value is pd.NA or value != value
