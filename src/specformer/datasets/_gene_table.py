"""Every human gene with all its names, from HGNC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from specformer.datasets._fetch import fetch
from specformer.datasets._registry import SOURCES
from specformer.genes import build_gene_table

if TYPE_CHECKING:
    import pandas as pd


def gene_table() -> pd.DataFrame:
    """Approved symbols, Ensembl and Entrez ids, previous symbols and aliases of all human genes.

    Downloads HGNC's complete set of 2026-07-07 (17 MB, CC0) once into `sf.settings.cachedir`. Embedding does not
    need it: a checkpoint brings the names of its own genes.

    Returns
    -------
    Columns symbol, ensembl, entrez, aliases (';'-joined), sorted by Ensembl id; for the `table` of
    `sf.pp.harmonize_genes`.

    Raises
    ------
    OSError
        If the file is not in the cache and cannot be downloaded.

    Examples
    --------
    >>> table = gene_table()  # doctest: +SKIP
    >>> sf.pp.harmonize_genes(adata, table=table)  # doctest: +SKIP
    """
    return build_gene_table(annotation=fetch(SOURCES["hgnc"]))
