"""How the outputs of quantification tools are told apart by what is in them, and read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import pandas as pd

from specformer._keys import BIOTYPE, FPKM, LENGTH, SAMPLE_LENGTH, SYMBOL, TPM
from specformer.datasets._quantified import Quantified, head_lines, last_line, one_sample, read_columns, sample_name
from specformer.genes import name_kind

if TYPE_CHECKING:
    from collections.abc import Callable

Strand = Literal["unstranded", "forward", "reverse"]
STRANDS = ("unstranded", "forward", "reverse")
_STAR = {"unstranded": 1, "forward": 2, "reverse": 3}
_GDC = {"unstranded": "unstranded", "forward": "stranded_first", "reverse": "stranded_second"}
_OF_NO_GENE = ("no_feature", "ambiguous", "too_low_aQual", "not_aligned", "alignment_not_unique")
FEATURE_COUNTS = ["Geneid", "Chr", "Start", "End", "Strand", "Length"]


class Tool(NamedTuple):
    """A kind of file."""

    name: str
    recognise: Callable[[list[list[str]]], bool]
    """From the fields of its first lines, without those that begin with #."""
    read: Callable[[Path, Strand], Quantified]


def _read_star(path: Path, strand: Strand) -> Quantified:
    table = read_columns(path, header=None)
    no_gene = table.index.str.startswith("N_")
    column = table[_STAR[strand]]
    return one_sample(sample_name(path), column[~no_gene], unassigned=column[no_gene])


def _read_gdc(path: Path, strand: Strand) -> Quantified:
    table = read_columns(path)
    no_gene = table.index.str.startswith("N_")
    column, genes = table[_GDC[strand]], table[~no_gene]
    # TPM and FPKM are of the unstranded counts.
    units = {TPM.name: "tpm_unstranded", FPKM.name: "fpkm_unstranded"} if strand == "unstranded" else {}
    layers = {key: pd.to_numeric(genes[name]) for key, name in units.items() if name in genes}
    var = genes.iloc[:, :2].set_axis([SYMBOL.name, BIOTYPE.name], axis=1)
    return one_sample(sample_name(path), column[~no_gene], layers=layers, var=var, unassigned=column[no_gene])


def _read_htseq(path: Path, _: Strand) -> Quantified:
    table = read_columns(path, header=None)
    no_gene = table.index.str.removeprefix("__").isin(_OF_NO_GENE)
    column, genes = table.iloc[:, -1], table[~no_gene]
    var = genes.iloc[:, :1].set_axis([SYMBOL.name], axis=1) if table.shape[1] == 2 else None
    return one_sample(sample_name(path), column[~no_gene], var=var, unassigned=column[no_gene])


def _read_feature_counts(path: Path, _: Strand) -> Quantified:
    table = read_columns(path)
    counts = table.iloc[:, len(FEATURE_COUNTS) - 1 :]
    counts = counts.set_axis([sample_name(Path(name)) for name in counts], axis=1)
    lengths = table[["Length"]].set_axis([LENGTH.name], axis=1)
    return Quantified(counts, {}, lengths, pd.DataFrame(columns=counts.columns))


def _read_rsem(path: Path, _: Strand) -> Quantified:
    table = read_columns(path)
    layers = {TPM.name: table["TPM"], FPKM.name: table["FPKM"], SAMPLE_LENGTH.name: table["effective_length"]}
    return one_sample(sample_name(path), table["expected_count"], layers=layers)


def _read_salmon(path: Path, _: Strand) -> Quantified:
    table = read_columns(path)
    return one_sample(
        sample_name(path),
        table["NumReads"],
        layers={TPM.name: table["TPM"], SAMPLE_LENGTH.name: table["EffectiveLength"]},
    )


def _read_kallisto(path: Path, _: Strand) -> Quantified:
    table = read_columns(path)
    return one_sample(
        sample_name(path), table["est_counts"], layers={TPM.name: table["tpm"], SAMPLE_LENGTH.name: table["eff_length"]}
    )


def _begins(*names: str) -> Callable[[list[list[str]]], bool]:
    return lambda rows: rows[0][: len(names)] == list(names)


def _is_star(rows: list[list[str]]) -> bool:
    return rows[0][0] == "N_unmapped" and len(rows[0]) == 4


def _is_htseq(rows: list[list[str]]) -> bool:
    # Neither a header nor a mark at the beginning: names and whole numbers, and nothing else. Not intervals, though.
    return all(len(row) in (2, 3) and row[-1].isdigit() and not any(map(str.isdigit, row[1:-1])) for row in rows)


TOOLS = (
    Tool("STAR ReadsPerGene", _is_star, _read_star),
    Tool("GDC STAR counts", lambda rows: {"gene_id", "unstranded", "stranded_first"} <= set(rows[0]), _read_gdc),
    Tool("featureCounts", _begins(*FEATURE_COUNTS), _read_feature_counts),
    Tool("RSEM", _begins("gene_id", "transcript_id(s)", "length", "effective_length", "expected_count"), _read_rsem),
    Tool("Salmon", _begins("Name", "Length", "EffectiveLength", "TPM", "NumReads"), _read_salmon),
    Tool("kallisto", _begins("target_id", "length", "eff_length", "est_counts", "tpm"), _read_kallisto),
    Tool("HTSeq", _is_htseq, _read_htseq),
)


def tool_of(path: Path) -> Tool | None:
    """The tool that wrote a file, by its content; None if it is of no known form."""
    rows = [line.split("\t") for line in head_lines(path) if not line.startswith("#")]
    if not rows:
        return None
    tool = next((tool for tool in TOOLS if tool.recognise(rows)), None)
    if tool is not None and tool.recognise is _is_htseq and name_kind([row[0] for row in rows]) != "ensembl":
        # Any table of names and numbers begins like this; only HTSeq's ends with what it could not assign.
        return tool if last_line(path).partition("\t")[0].removeprefix("__") in _OF_NO_GENE else None
    return tool
