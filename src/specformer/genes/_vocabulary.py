"""A checkpoint's gene table: which genes it knows, by all their names, with what was measured of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from specformer._checks import shown
from specformer.genes._identifiers import clean
from specformer.genes._lookup import GeneLookup, build_lookup

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PAD, CLS, MASK = 0, 1, 2
SPECIAL_TOKENS = ("[PAD]", "[CLS]", "[MASK]")
N_SPECIAL = len(SPECIAL_TOKENS)
MOST_BYTES = 2**28
ID_COLUMNS = ("symbol", "ensembl", "entrez", "aliases")


@dataclass(frozen=True, eq=False)
class GeneVocabulary:
    """Genes in token order, with their names and the frozen statistics that rank them.

    Gene `i` has the token `i + N_SPECIAL`. The order is by Ensembl id, then by symbol, and is also the order in
    which ties between genes are broken.

    Parameters
    ----------
    table
        One row a gene with the text columns `symbol` (approved), `ensembl`, `entrez` and `aliases` (previous
        symbols, aliases and secondary Ensembl ids, joined by ';'), and any number of numeric columns: float32
        statistics such as `scale` and `score_mean`, or integers such as `df`. Empty text where an id is not known.
    weighting
        The weighting that the statistics belong to; empty for a mere table of names.
    n_obs
        The number of samples that the statistics were fitted on.

    Raises
    ------
    ValueError
        If a text column is missing, genes are out of order, or a symbol or an Ensembl id stands twice.
    """

    table: pd.DataFrame
    weighting: str = ""
    n_obs: int = 0

    def __post_init__(self) -> None:
        absent = [column for column in ID_COLUMNS if column not in self.table]
        if absent:
            msg = f"The gene table lacks {shown(absent)}. Build it with `sf.genes.build_gene_table`."
            raise ValueError(msg)
        for column in ("symbol", "ensembl"):
            values = self.table[column]
            twice = values[values.ne("") & values.duplicated()]
            if len(twice):
                msg = (
                    f"Column {column!r} of the gene table holds {shown(twice)} more than once; each gene needs its own."
                )
                raise ValueError(msg)
        if _in_order(self.table).tolist() != list(range(len(self.table))):
            msg = (
                "The gene table is not sorted by Ensembl id, then symbol. Use `GeneVocabulary.from_table`, which sorts."
            )
            raise ValueError(msg)

    def __len__(self) -> int:
        return len(self.table)

    @classmethod
    def from_table(cls, table: pd.DataFrame, *, weighting: str = "", n_obs: int = 0) -> GeneVocabulary:
        """Sort `table` into vocabulary order and fill id columns that it lacks (`symbol` or `ensembl` must be there)."""
        if not {"symbol", "ensembl"} & set(table.columns):
            msg = f"Expected a gene table with columns {ID_COLUMNS}; found {shown(table.columns)}."
            raise ValueError(msg)
        table = table.reset_index(drop=True).copy()
        for column in ID_COLUMNS:
            table[column] = as_text(table[column]) if column in table else pd.Series("", table.index, dtype=object)
        table["symbol"] = table["symbol"].where(table["symbol"].ne(""), table["ensembl"])
        for column in table.columns.difference(ID_COLUMNS):
            if pd.api.types.is_float_dtype(table[column]):
                table[column] = table[column].astype(np.float32)
        others = [column for column in table.columns if column not in ID_COLUMNS]
        table = table.iloc[_in_order(table)].reset_index(drop=True)[[*ID_COLUMNS, *others]]
        return cls(table, weighting=weighting, n_obs=n_obs)

    @property
    def ids(self) -> np.ndarray:
        """The Ensembl id of each gene, or its symbol where it has none: object (n_genes,)."""
        return self.table["ensembl"].where(self.table["ensembl"].ne(""), self.table["symbol"]).to_numpy(object)

    @property
    def symbols(self) -> np.ndarray:
        """The approved symbol of each gene: object (n_genes,)."""
        return self.table["symbol"].to_numpy(object)

    @cached_property
    def lookup(self) -> GeneLookup:
        """The dictionaries by which names are found, made once."""
        return build_lookup(self.table)

    def take(self, rows: Sequence[int] | np.ndarray) -> GeneVocabulary:
        """The vocabulary of the genes at `rows`, in vocabulary order."""
        table = self.table.iloc[np.sort(np.asarray(rows))].reset_index(drop=True)
        return GeneVocabulary(table, weighting=self.weighting, n_obs=self.n_obs)

    def write(self, path: Path) -> None:
        """Write the table as CSV; float32 statistics come back from it bit by bit."""
        self.table.to_csv(path, index=False, float_format=_nine_digits, lineterminator="\n")

    @classmethod
    def read(cls, path: Path, *, weighting: str = "", n_obs: int = 0) -> GeneVocabulary:
        """Read what `write` wrote. `weighting` and `n_obs` stand in the checkpoint's `config.json`."""
        text = dict.fromkeys(ID_COLUMNS, object)  # text in any version of pandas, as `from_table` makes it
        if (n_bytes := path.stat().st_size) > MOST_BYTES:
            msg = f"{path} has {n_bytes:,} bytes; a gene table has at most {MOST_BYTES:,}."
            raise ValueError(msg)
        try:
            # Only text columns may hold 'NA' or nothing as a value; everywhere else both mean "not a number".
            table = pd.read_csv(
                path, dtype=text, keep_default_na=False, na_values=_numeric_missing(path), float_precision="round_trip"
            )
        except (ValueError, OverflowError) as error:  # among them those of pandas' parser and of the text's encoding
            msg = f"{path} cannot be read as a table ({error}). Copy or download the directory again."
            raise ValueError(msg) from None
        _require_complete(table, path)
        for column in table.columns.difference(ID_COLUMNS):
            if pd.api.types.is_float_dtype(table[column]):
                table[column] = table[column].astype(np.float32)
        try:
            return cls(table, weighting=weighting, n_obs=n_obs)
        except ValueError as error:
            msg = f"{path}: {error}"
            raise ValueError(msg) from None


def _require_complete(table: pd.DataFrame, path: Path) -> None:
    """Refuse rows that are longer or shorter than the header, and words where numbers belong."""
    if not isinstance(table.index, pd.RangeIndex):
        msg = f"{path} has rows that are longer than its header."
        raise ValueError(msg)
    for column in table:
        if column in ID_COLUMNS:
            is_wrong = ~table[column].map(lambda value: isinstance(value, str))
        else:
            is_wrong = pd.Series(not pd.api.types.is_numeric_dtype(table[column]), index=table.index)
        if is_wrong.any():
            what = "text" if column in ID_COLUMNS else "numbers"
            msg = f"{path} has other things than {what} in column {column!r}, first in row {int(is_wrong.argmax()) + 1:,}."
            raise ValueError(msg)


def _numeric_missing(path: Path) -> dict[str, list[str]]:
    header = pd.read_csv(path, nrows=0).columns
    return {column: ["", "nan", "NaN"] for column in header if column not in ID_COLUMNS}


def _nine_digits(value: float) -> str:
    """Enough digits to give a float32 back, and a mark that it is not an integer."""
    text = f"{value:.9g}"
    return text if set(text) & set(".en") else f"{text}.0"


def as_text(column: pd.Series) -> pd.Series:
    """A column of ids as stripped text, missing ones empty; Entrez ids that were read as floats lose their '.0'."""
    return pd.Series(clean(column), index=column.index, dtype=object).str.replace(r"^(\d+)\.0$", r"\1", regex=True)


def _in_order(table: pd.DataFrame) -> np.ndarray:
    return np.lexsort((table["symbol"].to_numpy(str), table["ensembl"].to_numpy(str)))
