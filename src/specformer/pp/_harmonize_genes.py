"""Gene names of any human namespace, brought to approved symbols."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from specformer._checks import shown
from specformer._interrupts import undivided
from specformer._keys import GENE_ID, GENE_ROUTE, GENES
from specformer._logging import logger
from specformer.genes import ROUTES, GeneVocabulary, align_columns, match_genes, shipped_vocabulary
from specformer.pp._gene_names import read_gene_names
from specformer.pp._modality import modality
from specformer.pp._sum_duplicates import sum_duplicates
from specformer.pp._target import target_of

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

    from specformer.genes import GeneMatch


def harmonize_genes(
    adata: AnnData | MuData,
    *,
    gene_key: str | None = None,
    table: pd.DataFrame | GeneVocabulary | None = None,
    mod: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Recognise genes by whatever name they have, and sum the columns of one gene.

    Ensembl ids (with and without version), approved symbols, previous symbols and aliases, Entrez ids and
    `SYMBOL|ENTREZ` are recognised entry by entry; see `specformer.genes.match_genes`. Where several columns turn out
    to be one gene, their linear expression is summed into the first of them and the others are removed, in `X` and in
    every layer; a known logarithm is undone for the sum and taken again. All other columns stay as they were, also
    those that were not recognised, and so do `var_names`, `obs`, `obsm` and `raw`.

    `sf.tl.specformer_embed` does not need this: it matches genes by itself, and changes nothing.

    Parameters
    ----------
    adata
        Samples x genes.
    gene_key
        Column of `var` that holds the gene names, instead of `var_names`.
    table
        The genes to recognise, with columns symbol, ensembl, entrez, aliases: for instance
        `sf.datasets.gene_table()`, every human gene. By default the genes of the checkpoint that comes with the
        package; in a build without one, `sf.datasets.gene_table()`.
    mod
        Which modality to take, as in `"rna"`, if `adata` is a MuData. Results are written into it.
    copy
        Whether to return a copy instead of writing to `adata`.

    Returns
    -------
    None, or the copy. Sets:

    `.var['gene_id']` : str
        Approved symbol, empty where the name was not recognised.
    `.var['gene_route']` : category
        By which kind of name: `"ensembl"`, `"symbol"`, `"alias"`, `"entrez"`, `"symbol|entrez"`, `"unmatched"`.
    `.uns['genes']` : dict
        `counts` of names by route, `n_collapsed` columns that were summed into another, the `collapsed` genes,
        `unmatched` names counted by reason, and the `coverage` of the checkpoint's vocabulary.

    Raises
    ------
    KeyError
        If `gene_key` is not in `var`.
    ValueError
        If no name is known; if they are mouse symbols, probes, transcripts, row numbers or missing values; if columns
        must be summed but a matrix holds z-scores or ranks, or lies on disk. `adata` is then left as it was.

    Examples
    --------
    >>> import anndata as ad, numpy as np, pandas as pd, specformer as sf
    >>> table = pd.DataFrame({"symbol": ["TP53"], "ensembl": ["ENSG00000141510"], "aliases": ["P53"]})
    >>> adata = ad.AnnData(np.array([[3, 5, 0], [1, 0, 2]]), var=pd.DataFrame(index=["TP53", "p53", "ERCC-00002"]))
    >>> sf.pp.harmonize_genes(adata, table=table)
    >>> adata.X.tolist()
    [[8, 0], [1, 2]]
    >>> adata.var["gene_id"].tolist()
    ['TP53', '']
    """
    adata = modality(adata, mod)
    names = list(read_gene_names(adata, gene_key))
    vocabulary = _vocabulary(table)
    match = match_genes(names, vocabulary)
    alignment = align_columns(match)
    first = np.zeros(len(names), dtype=bool)
    first[alignment.columns] = True
    kept = np.flatnonzero(first | (match.index < 0))
    merged = sum_duplicates(adata, alignment, kept) if match.n_collapsed else None
    symbols = np.where(match.index >= 0, vocabulary.symbols[match.index], "").astype(object)
    report = _report(names, match, alignment.groups, symbols, gene_key)

    adata = target_of(adata, copy=copy)
    with undivided():
        if merged is not None:
            adata._inplace_subset_var(kept)
            for layer, matrix in merged.items():
                if layer is None:
                    adata.X = matrix
                else:
                    adata.layers[layer] = matrix
        adata.var[GENE_ID.name] = symbols[kept]
        adata.var[GENE_ROUTE.name] = pd.Categorical(match.route[kept], categories=ROUTES)
        adata.uns[GENES.name] = report
    logger.info(_sentence(report, match))
    return adata if copy else None


def _vocabulary(table: pd.DataFrame | GeneVocabulary | None) -> GeneVocabulary:
    if isinstance(table, GeneVocabulary):
        return table
    if table is not None:
        return GeneVocabulary.from_table(table)
    shipped = shipped_vocabulary()
    if shipped is None:
        from specformer.datasets import gene_table

        return GeneVocabulary.from_table(gene_table())
    return shipped


def _report(
    names: list[object], match: GeneMatch, groups: list[np.ndarray], symbols: np.ndarray, gene_key: str | None
) -> dict[str, Any]:
    report: dict[str, Any] = {
        "params": {"gene_key": gene_key},
        "counts": match.counts,
        "n_collapsed": match.n_collapsed,
        "collapsed": [f"{symbols[columns[0]]}: {', '.join(str(names[i]) for i in columns)}" for columns in groups],
        "unmatched": {reason: len(found) for reason, found in match.unmatched.items()},
    }
    shipped = shipped_vocabulary()
    if shipped is not None:
        try:
            report["coverage"] = match_genes(names, shipped).coverage
        except ValueError:  # known to the table given, but none of them to the checkpoint
            report["coverage"] = 0.0
    return report


def _sentence(report: dict[str, Any], match: GeneMatch) -> str:
    counts = dict(report["counts"])
    n_unmatched = counts.pop("unmatched")
    routes = ", ".join(f"{n:,} by {route}" for route, n in counts.items() if n)
    reasons = "; ".join(f"{len(found):,} {reason}: {shown(found, 3)}" for reason, found in match.unmatched.items())
    unmatched = f"{n_unmatched:,} unmatched" + (f" ({reasons})" if reasons else "")
    coverage = f"; {report['coverage']:.1%} of the checkpoint's genes are at hand" if "coverage" in report else ""
    return f"genes: {routes}; {report['n_collapsed']:,} collapsed; {unmatched}{coverage}"
