"""Gene sets: named lists of genes."""

from __future__ import annotations

import json
import re
from pathlib import Path

from specformer._checks import shown
from specformer.datasets._fetch import fetch
from specformer.datasets._registry import SOURCES

COLLECTIONS = ("hallmark", "reactome", "paradigm")
# PARADIGM's pathways also list what is no gene: complexes, families, small molecules, processes.
_NO_GENE = re.compile(r"_\([A-Za-z]+\)$")


def gene_sets(collection: str | Path = "hallmark") -> dict[str, list[str]]:
    """Read a collection of gene sets: a public one, or a GMT file.

    Parameters
    ----------
    collection
        `"hallmark"` or `"reactome"` (MSigDB 2024.1, CC BY 4.0), `"paradigm"` (the 1,387 pathways that
        :func:`tcga_pathway_scores` are of), each downloaded once; or the path of a GMT file.

    Returns
    -------
    Symbols of the genes of each set, by its name; for the `gene_sets` of `sf.tl.score_pathways`.

    Raises
    ------
    OSError
        If the file is not in the cache and cannot be downloaded, or there is no such file.
    ValueError
        If the file is no GMT file.

    Examples
    --------
    >>> sets = sf.datasets.gene_sets("hallmark")  # doctest: +SKIP
    >>> sf.tl.score_pathways(adata, sets)  # doctest: +SKIP
    """
    if collection in COLLECTIONS:
        path = fetch(SOURCES[str(collection)])
        return _read_paradigm(path) if collection == "paradigm" else read_gmt(path)
    path = Path(collection)
    if not path.is_file():
        msg = f"{str(collection)!r} is neither a file nor a collection. There are: {', '.join(COLLECTIONS)}."
        raise FileNotFoundError(msg)
    return read_gmt(path)


def read_gmt(path: Path) -> dict[str, list[str]]:
    """Gene sets of a GMT file: a line each, its name, a description, and its genes, divided by tabs."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        msg = (
            f"{path} is no text in UTF-8 ({error}). A GMT file has a line for each gene set; unpack it if it is packed."
        )
        raise ValueError(msg) from None
    rows = [line.split("\t") for line in text.splitlines() if line.strip()]
    if short := [row[0] for row in rows if len(row) < 2]:
        msg = f"{path} is no GMT file: the lines {shown(short)} have no fields divided by tabs."
        raise ValueError(msg)
    return {name: [gene for gene in genes if gene] for name, _, *genes in rows}


def _read_paradigm(path: Path) -> dict[str, list[str]]:
    """XenaGo's script: a list of `{"golabel": name, "gene": [members]}` after `export default`."""
    text = path.read_text(encoding="utf-8").strip().removeprefix("export default").rstrip(";\n ")
    sets = {
        row["golabel"]: sorted({gene for gene in row["gene"] if not _NO_GENE.search(gene)}) for row in json.loads(text)
    }
    return {name: genes for name, genes in sets.items() if genes}
