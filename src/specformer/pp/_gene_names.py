"""Where the names of an AnnData's genes are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from specformer._checks import require_key

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


def read_gene_names(adata: AnnData, gene_key: str | None) -> pd.Index | pd.Series:
    """`var_names`, or the column `gene_key` of `var`; a KeyError where there is none."""
    return adata.var_names if gene_key is None else require_key(adata, "var", gene_key, run="adata.var[...] = ...")
