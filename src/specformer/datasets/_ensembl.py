"""Ensembl's genes and transcripts."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from specformer._atomic import atomic_file
from specformer._logging import timed
from specformer._settings import settings
from specformer.datasets._fetch import fetch
from specformer.datasets._registry import SOURCES

if TYPE_CHECKING:
    from pathlib import Path

_ATTRIBUTE = re.compile(r'(gene_id|gene_name|gene_biotype|gene_type|transcript_id) "([^"]*)"')


def ensembl_genes() -> pd.DataFrame:
    """Every human gene of Ensembl 113 (GRCh38): symbol, biotype, chromosome and length.

    Downloads the annotation (GTF) once. Embedding does not need it: a checkpoint brings the names of its own genes.

    Returns
    -------
    One row for each gene, by Ensembl id: `symbol` (empty where there is none), `biotype`, `chr`, and `length`, the
    bases that its exons cover together: the `lengths` of `sf.pp.to_scheme`.

    Raises
    ------
    OSError
        If the file is not in the cache and cannot be downloaded.
    ValueError
        If the file is no annotation.

    Examples
    --------
    >>> genes = sf.datasets.ensembl_genes()  # doctest: +SKIP
    >>> adata.var["length"] = genes["length"].reindex(adata.var_names)  # doctest: +SKIP
    """
    return _tables()[0]


def transcript_table() -> pd.DataFrame:
    """The gene of every human transcript of Ensembl 113, for :func:`from_files` on Salmon or kallisto.

    Downloads the annotation (GTF) once. Quantified against another release, or GENCODE? Read that one's table instead;
    transcripts that are not in the table are left out.

    Returns
    -------
    Columns `transcript_id` and `gene_id`, without versions.

    Raises
    ------
    OSError
        If the file is not in the cache and cannot be downloaded.
    ValueError
        If the file is no annotation.

    Examples
    --------
    >>> table = sf.datasets.transcript_table()  # doctest: +SKIP
    >>> adata = sf.datasets.from_files("salmon/", transcripts=table)  # doctest: +SKIP
    """
    return _tables()[1]


def _tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables, read from the annotation once and kept beside it."""
    source = SOURCES["ensembl"]
    kept = [settings.cachedir / f"{source.name}.{what}.csv.gz" for what in ("genes", "transcripts")]
    if not all(path.is_file() for path in kept):
        path = fetch(source)
        with timed(f"reading {source.name}, once"):
            for table, target in zip(_read_gtf(path), kept, strict=True):
                with atomic_file(target) as file:
                    table.to_csv(file)
    genes, transcripts = (
        pd.read_csv(path, index_col=0, keep_default_na=False, dtype={"symbol": str, "chr": str}) for path in kept
    )
    return genes, transcripts


def _read_gtf(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    genes: dict[str, tuple[str, str, str]] = {}
    transcripts: dict[str, str] = {}
    exons: dict[str, list[tuple[int, int]]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            fields = line.split("\t")
            if line.startswith("#") or len(fields) < 9 or fields[2] not in ("gene", "transcript", "exon"):
                continue
            said = dict(_ATTRIBUTE.findall(fields[8]))
            gene = said["gene_id"].partition(".")[0]
            if fields[2] == "gene":
                biotype = said.get("gene_biotype") or said.get("gene_type", "")
                genes[gene] = (said.get("gene_name", ""), biotype, fields[0].removeprefix("chr"))
            elif fields[2] == "transcript":
                transcripts[said["transcript_id"].partition(".")[0]] = gene
            else:
                exons.setdefault(gene, []).append((int(fields[3]), int(fields[4])))
    if not genes:
        msg = f"{path} is no annotation in GTF: it has no line for a gene."
        raise ValueError(msg)
    table = pd.DataFrame.from_dict(genes, orient="index", columns=["symbol", "biotype", "chr"]).rename_axis("ensembl")
    table["length"] = [covered(exons.get(gene, [])) for gene in table.index]
    return table, pd.DataFrame({"transcript_id": list(transcripts), "gene_id": list(transcripts.values())})


def covered(intervals: list[tuple[int, int]]) -> int:
    """How many bases the intervals (first, last) cover together."""
    if not intervals:
        return 0
    first, last = np.array(sorted(intervals)).T
    reached = np.maximum.accumulate(last)
    begins = np.append(True, first[1:] > reached[:-1] + 1)
    ends = np.append(begins[1:], True)
    return int((reached[ends] - first[begins] + 1).sum())
