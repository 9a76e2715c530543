"""A table in plain text: which way round it is, which columns are expression and which annotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from specformer._checks import shown
from specformer.genes import match_genes, shipped_vocabulary

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

LEAST_GENES = 10
"""Sample names such as S1 are aliases of genes too; a table of expression has more of them."""

# Columns of numbers that counting tools write beside the samples.
GENE_FIGURES = {"chr", "start", "end", "length", "effective_length", "width", "gene_length"}


def read_table(path: Path, max_bytes: int) -> AnnData:
    """Read a table of names, numbers and perhaps annotation; genes may be rows or columns."""
    from anndata import AnnData

    frame = _read(path)
    if frame.size * 8 > max_bytes:
        msg = f"The table has {frame.shape[0]:,} x {frame.shape[1]:,} values, more than are taken here."
        raise ValueError(msg)
    genes_are_rows = _genes_are_rows(frame)
    is_number = frame.dtypes.map(pd.api.types.is_numeric_dtype).to_numpy(bool)
    _refuse_half_numbers(frame.loc[:, ~is_number])
    if genes_are_rows:
        is_number &= ~frame.columns.str.lower().isin(GENE_FIGURES)
    numbers, notes = frame.loc[:, is_number], frame.loc[:, ~is_number]
    if numbers.shape[1] == 0:
        msg = f"The table holds no column of numbers; its columns are {shown(frame.columns)}."
        raise ValueError(msg)
    X = numbers.to_numpy(np.float64)
    with np.errstate(over="ignore"):
        X = X.astype(np.float32)
    rows, columns = notes.rename_axis(None), pd.DataFrame(index=numbers.columns.astype(str))
    adata = AnnData(X.T, obs=columns, var=rows) if genes_are_rows else AnnData(X, obs=rows, var=columns)
    adata.obs_names_make_unique()
    return adata


def _read(path: Path) -> pd.DataFrame:
    try:
        with path.open(encoding="utf-8-sig") as file:
            skipped, first = 0, file.readline()
            while first.startswith("#"):
                skipped, first = skipped + 1, file.readline()
        separator = max("\t,;", key=first.count)
        options = {"sep": separator, "skiprows": skipped, "encoding": "utf-8-sig", "low_memory": False}
        peek = pd.read_csv(path, nrows=2, **options)
        # R writes a header that is one name short: pandas then takes the first column for names by itself.
        named = {} if not isinstance(peek.index, pd.RangeIndex) else {"index_col": 0, "dtype": {peek.columns[0]: str}}
        frame = pd.read_csv(path, **options, **named)
    except UnicodeDecodeError as error:
        msg = "The file is not plain text in UTF-8. Save it as CSV UTF-8."
        raise ValueError(msg) from error
    except (IndexError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        msg = f"The file is not a table: {str(error).strip().splitlines()[-1]}"
        raise ValueError(msg) from error
    if 0 in frame.shape:
        msg = "The file is not a table of names and numbers separated by commas or tabs."
        raise ValueError(msg)
    frame = frame[frame.index.notna()]
    frame.index, frame.columns = frame.index.astype(str), frame.columns.astype(str)
    return frame


def _genes_are_rows(frame: pd.DataFrame) -> bool:
    found, errors = [], []
    for names in (frame.index, frame.columns):
        try:
            found.append(int((match_genes(list(names), shipped_vocabulary()).index >= 0).sum()))  # type: ignore[arg-type]
            errors.append("")
        except ValueError as error:
            found.append(0)
            errors.append(str(error.args[0]))
    if max(found) < LEAST_GENES:
        which = 0 if len(frame) > frame.shape[1] else 1
        known = f"Only {found[which]} names are known, too few." if found[which] else errors[which]
        msg = f"Neither the rows nor the columns are human genes. {known}"
        raise ValueError(msg)
    return found[0] > found[1]


def _refuse_half_numbers(text: pd.DataFrame) -> None:
    # A sample with one "n/a." among its numbers would otherwise pass for annotation and be lost.
    for name, column in text.items():
        is_text = pd.to_numeric(column, errors="coerce").isna() & column.notna()
        if 0 < is_text.sum() < len(column) / 2:
            where, what = column.index[is_text.to_numpy()][0], column[is_text.to_numpy()].iloc[0]
            msg = f"Column {str(name)!r} holds numbers but also {str(what)[:40]!r} (row {where!r}). Mend or drop it."
            raise ValueError(msg)
