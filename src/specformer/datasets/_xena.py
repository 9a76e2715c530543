"""The public corpus, from UCSC Xena: TCGA and GTEx in five quantifications, with pathway scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from specformer._checks import require_one_of
from specformer._keys import SOURCE, UNITS
from specformer._logging import logger, timed
from specformer._settings import settings
from specformer.datasets._clinical import describe_samples
from specformer.datasets._fetch import fetch, recorded_hash
from specformer.datasets._matrix import convert_matrix
from specformer.datasets._registry import SOURCES

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

Quantification = Literal["expected_count", "fpkm", "tpm", "norm_count"]
QUANTIFICATIONS = ("expected_count", "fpkm", "tpm", "norm_count")
_FORMAT = 1


def tcga_pancan(*, backed: bool = True) -> AnnData:
    """TCGA's PanCanAtlas expression: RSEM, upper-quartile normalised, batch effects corrected (EB++).

    Downloaded once, converted once, and read from the converted file from then on. The published logarithm is undone,
    log2(x + 1); what the correction has left slightly negative is zero. Genes that were removed from some batches have
    no value in their samples; they are left out.

    Parameters
    ----------
    backed
        Leave expression on disk; else read it all.

    Returns
    -------
    A new AnnData, samples x genes (symbols, as published):

    `.X` : float32, linear
        On disk unless `backed=False`.
    `.obs`
        The columns of :func:`clinical_table`: `cancer_type`, `patient`, `sample_type`, `is_tumor`, survival and others.
    `.uns['units']` : str
        What the values are.
    `.uns['source']` : dict
        File, address, licence and SHA-256; how it was published, and how many genes were left out.

    Raises
    ------
    OSError
        If a file is not in the cache and cannot be downloaded.
    ValueError
        If a file is damaged or not the one it was.

    Examples
    --------
    >>> adata = sf.datasets.tcga_pancan()  # doctest: +SKIP
    >>> adata = adata[adata.obs["cancer_type"] == "BRCA"].to_memory()  # doctest: +SKIP
    """
    return _load("tcga_pancan", "tcga", backed=backed)


def tcga_toil(quantification: Quantification = "expected_count", *, backed: bool = True) -> AnnData:
    """TCGA, quantified anew by the Toil pipeline (RSEM, GENCODE 23) :cite:p:`vivian2017`.

    Downloaded once, converted once, and read from the converted file from then on. The published logarithm is undone.

    Parameters
    ----------
    quantification
        `"expected_count"`, `"fpkm"`, `"tpm"`, or `"norm_count"` (upper quartile; by symbol, the others by Ensembl id).
    backed
        Leave expression on disk; else read it all, 4 bytes a value.

    Returns
    -------
    A new AnnData, samples x genes (ids as published); fields as in :func:`tcga_pancan`.

    Raises
    ------
    OSError
        If a file is not in the cache and cannot be downloaded.
    ValueError
        If the quantification is another one, or a file is damaged or not the one it was.

    Examples
    --------
    >>> adata = sf.datasets.tcga_toil("tpm")  # doctest: +SKIP
    >>> sf.pp.tfidf_order(adata)  # doctest: +SKIP
    """
    require_one_of("quantification", quantification, QUANTIFICATIONS)
    return _load(f"tcga_{quantification}", "tcga", backed=backed)


def gtex_toil(quantification: Quantification = "expected_count", *, backed: bool = True) -> AnnData:
    """GTEx, healthy tissues, quantified by the same pipeline as :func:`tcga_toil`.

    Parameters
    ----------
    quantification
        `"expected_count"`, `"fpkm"`, `"tpm"`, or `"norm_count"` (upper quartile; by symbol, the others by Ensembl id).
    backed
        Leave expression on disk; else read it all, 4 bytes a value.

    Returns
    -------
    A new AnnData, samples x genes (ids as published); fields as in :func:`tcga_pancan`, with `obs["tissue"]` and
    `obs["tissue_detail"]` instead of disease and survival. `obs["cancer_type"]` is `"GTEx"`.

    Raises
    ------
    OSError
        If a file is not in the cache and cannot be downloaded.
    ValueError
        If the quantification is another one, or a file is damaged or not the one it was.

    Examples
    --------
    >>> adata = sf.datasets.gtex_toil("tpm")  # doctest: +SKIP
    """
    require_one_of("quantification", quantification, QUANTIFICATIONS)
    return _load(f"gtex_{quantification}", "gtex", backed=backed)


def tcga_pathway_scores(scale: Literal["score", "zscore"] = "score") -> AnnData:
    """Single-sample enrichment of 1,387 PARADIGM pathways in TCGA, as the PanCanAtlas published it.

    Their genes: `sf.datasets.gene_sets("paradigm")`.

    Parameters
    ----------
    scale
        `"score"`, or `"zscore"`: standardised for each pathway over the samples.

    Returns
    -------
    A new AnnData in memory, samples x pathways; `obs` and `uns` as in :func:`tcga_pancan`.

    Raises
    ------
    OSError
        If a file is not in the cache and cannot be downloaded.
    ValueError
        If the scale is another one, or a file is damaged or not the one it was.

    Examples
    --------
    >>> scores = sf.datasets.tcga_pathway_scores()  # doctest: +SKIP
    >>> shared = adata.obs_names.intersection(scores.obs_names)  # doctest: +SKIP
    """
    require_one_of("scale", scale, ("score", "zscore"))
    return _load("tcga_ssgsea" if scale == "score" else "tcga_ssgsea_z", "tcga", backed=False)


def _load(key: str, cohort: str, *, backed: bool) -> AnnData:
    """The converted file of a source, made if it is not there or is of another download, with its samples described."""
    import anndata as ad

    source = SOURCES[key]
    converted = settings.cachedir / f"{source.name}.h5ad"
    if not converted.is_file() or not _is_current(converted, recorded_hash(source)):
        path = fetch(source)
        note = {
            "format": _FORMAT,
            "file": source.name,
            "url": source.url,
            "licence": source.licence,
            "sha256": source.sha256 or recorded_hash(source) or "",
            "published_as": source.units if source.offset is None else f"log2({source.units} + {source.offset:g})",
        }
        with timed(f"converting {source.name}, once") as notes:
            uns = {UNITS.name: source.units, SOURCE.name: note}
            n_missing = convert_matrix(path, converted, offset=source.offset, uns=uns)
            notes.append(f"left out {n_missing:,} genes that some samples have no value of")
            notes.append(f"wrote {converted}; {path.name} is not needed any more")
    adata = ad.read_h5ad(converted, backed="r" if backed else None)
    adata.obs = describe_samples(adata.obs_names, cohort)
    logger.info("%s: %s, %s", key, source.units, "on disk" if backed else "in memory")
    return adata


def _is_current(converted: Path, sha256: str | None) -> bool:
    import h5py
    from anndata.io import read_elem

    with h5py.File(converted) as file:
        note = read_elem(file["uns"])[SOURCE.name]
    return int(note["format"]) == _FORMAT and sha256 in (None, note["sha256"])
