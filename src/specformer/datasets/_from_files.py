"""The outputs of a quantification tool, one file a sample, as a cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING

from specformer._checks import require_one_of, shown
from specformer._keys import SOURCE, UNASSIGNED, UNITS
from specformer._logging import logger, timed
from specformer.datasets._join_samples import join_samples
from specformer.datasets._quantification_files import one_tool, quantification_files
from specformer.datasets._quantification_tools import STRANDS, Strand, Tool
from specformer.datasets._transcripts import read_transcripts
from specformer.genes import name_kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData

    from specformer.datasets._quantified import Quantified

_OF_TRANSCRIPTS = {"Salmon": "salmon", "kallisto": "kallisto"}
_STRANDED = ("STAR ReadsPerGene", "GDC STAR counts")


def from_files(
    paths: Path | str | Sequence[Path | str],
    *,
    strand: Strand = "unstranded",
    transcripts: pd.DataFrame | Path | str | None = None,
) -> AnnData:
    """Read the outputs of STAR, HTSeq, featureCounts, RSEM, Salmon, kallisto or the GDC into one cohort.

    What a file is, is told from its content. All have to be of one tool, and of one list of genes, in any order.
    Samples are named after the file without what the tool appends (`S1_ReadsPerGene.out.tab` is `S1`), or after its
    folder where the tool gives all files one name (`S1/quant.sf`).

    ================================  ===========================================================================
    STAR `ReadsPerGene.out.tab`       counts of the strand asked for
    GDC `augmented_star_gene_counts`  the same, symbol, biotype; TPM and FPKM of the unstranded counts
    HTSeq                             counts
    featureCounts                     counts (one or many samples a file), length of each gene
    RSEM `genes.results`              expected counts, TPM, FPKM, effective length
    Salmon, kallisto                  counts, TPM, effective length; of genes if the files have genes, summed to genes
                                      with `transcripts` if they have transcripts
    ================================  ===========================================================================

    Parameters
    ----------
    paths
        A folder, in which every such file is taken, in its subfolders too; or the files.
    strand
        Which column of STAR and the GDC to take: that of an `"unstranded"` library, or of one whose first read is from
        the strand of the gene (`"forward"`) or from the other (`"reverse"`, such as dUTP).
    transcripts
        Gene of each transcript, for Salmon and kallisto: columns `transcript_id` and `gene_id` (a table or its file),
        such as :func:`transcript_table`. Versions of transcripts are ignored; transcripts not in the table are left
        out. Needs the extra `specformer[transcripts]`.

    Returns
    -------
    A new AnnData, samples x genes, samples by name:

    `.X` : float32
        Counts; with fractions from RSEM, Salmon and kallisto.
    `.layers['tpm']`, `.layers['fpkm']`, `.layers['length']` : float32
        As the tool gives them; `length` is the effective one, in bases.
    `.var['symbol']`, `.var['biotype']`, `.var['length']`
        As the tool gives them.
    `.obs['file']` : str
        Where the sample is from.
    `.obsm['unassigned']` : DataFrame
        Reads that were counted for no gene, by reason, as the tool gives them.
    `.uns['units']`, `.uns['source']`
        What `X` is, and the tool and strand it is from.

    Raises
    ------
    ValueError
        If no file is of a known form, files are empty, of several tools or of differing genes, two samples have one
        name, or transcripts are met without a table of their genes.
    FileNotFoundError
        If there is no such file or folder.
    ImportError
        If pytximport is needed and is not installed.

    Examples
    --------
    >>> adata = sf.datasets.from_files("star_output/", strand="reverse")  # doctest: +SKIP
    >>> sf.tl.specformer_embed(adata)  # doctest: +SKIP
    """
    require_one_of("strand", strand, STRANDS)
    files = quantification_files(paths)
    tool = one_tool(files)
    with timed(f"reading {len(files):,} files of {tool.name}") as notes:
        if transcripts is not None and tool.name in _OF_TRANSCRIPTS:
            parts = [read_transcripts(list(files), _OF_TRANSCRIPTS[tool.name], transcripts)]
            origin = [str(path) for path in files]
        else:
            parts = [tool.read(path, strand) for path in files]
            _require_genes(parts[0], tool)
            origin = [str(path) for path, part in zip(files, parts, strict=True) for _ in part.counts]
        adata = join_samples(parts, list(files), origin)
        source: dict[str, str] = {"tool": tool.name}
        if tool.name in _STRANDED:
            source["strand"] = strand
        adata.uns[SOURCE.name] = source
        adata.uns[UNITS.name] = "counts"
        _warn_of_strand(adata, source.get("strand"))
        notes.append(f"{adata.n_obs:,} samples x {adata.n_vars:,} genes")
    return adata


def _require_genes(part: Quantified, tool: Tool) -> None:
    if name_kind(list(part.counts.index[:1000])) == "transcript":
        msg = (
            f"The files of {tool.name} hold transcripts ({shown(part.counts.index, 2)}). Say which genes they are of: "
            "`transcripts=sf.datasets.transcript_table()`, or the table of the release that you quantified against."
        )
        raise ValueError(msg)


def _warn_of_strand(adata: AnnData, strand: str | None) -> None:
    """Reads counted against the wrong strand are of no gene: there are more of them than of the others."""
    if UNASSIGNED.name not in adata.obsm:
        return
    no_feature = adata.obsm[UNASSIGNED.name].filter(regex="(?i)no_?feature$").sum(axis=1).to_numpy()
    many = no_feature > adata.X.sum(axis=1)
    if many.any():
        cure = "Is `strand` that of the library?" if strand else "Was the strand that of the library?"
        logger.warning(
            "more reads are of no gene than of genes in %d of %d samples: %s. %s",
            many.sum(), adata.n_obs, shown(adata.obs_names[many]), cure,
        )  # fmt: skip
