"""What one file of a quantification tool says, in the same terms for all of them."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

_HEAD = 1 << 14
# What tools and habit append to the name of the sample.
_ENDING = re.compile(
    r"[._-]*(?:ReadsPerGene\.out\.tab|quant(?:\.genes)?\.sf|abundance\.tsv|genes\.results|"
    r"rna_seq\.augmented_star_gene_counts\.tsv|(?:htseq|star|gene|feature)?[._-]?counts?(?:\.(?:txt|tsv|tab|out))?|"
    r"(?:Aligned\.)?(?:sortedByCoord\.)?(?:out\.|sorted\.)?(?:bam|sam|cram)|txt|tsv|tab)(?:\.gz)?$",
    re.IGNORECASE,
)


class Quantified(NamedTuple):
    """Counts of one or more samples, genes x samples, and what else the tool says."""

    counts: pd.DataFrame
    layers: dict[str, pd.DataFrame]
    """By key of the layer; genes x samples."""
    var: pd.DataFrame
    """What it says of the genes themselves."""
    unassigned: pd.DataFrame
    """Reads of no gene, reasons x samples."""


def one_sample(
    name: str,
    counts: pd.Series,
    *,
    layers: dict[str, pd.Series] | None = None,
    var: pd.DataFrame | None = None,
    unassigned: pd.Series | None = None,
) -> Quantified:
    """What is said of a single sample, its columns named by it."""
    return Quantified(
        counts.to_frame(name),
        {key: layer.to_frame(name) for key, layer in (layers or {}).items()},
        pd.DataFrame(index=counts.index) if var is None else var,
        pd.DataFrame(columns=[name]) if unassigned is None else unassigned.to_frame(name),
    )


def head_lines(path: Path) -> list[str]:
    """The first lines of a text file, zipped or not; none if it is not text."""
    with path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if zipped else path.open("rb") as file:
            start = file.read(_HEAD)
        text = start[: start.rfind(b"\n") + 1 or None].decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError):
        return []
    return [] if "\0" in text else text.splitlines()


def last_line(path: Path) -> str:
    """The last line of a text file, zipped or not."""
    with path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    line = b""
    with gzip.open(path) if zipped else path.open("rb") as file:
        if not zipped:
            file.seek(max(0, path.stat().st_size - _HEAD))
        for line in file:  # noqa: B007
            pass
    return line.decode("utf-8", errors="replace").rstrip("\n")


def read_columns(path: Path, **options: object) -> pd.DataFrame:
    """A tab-separated table; its first column, text, is the index. Lines in front that begin with # are skipped."""
    lines = head_lines(path)
    with path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    n_skipped = next((i for i, line in enumerate(lines) if not line.startswith("#")), 0)
    table = pd.read_csv(
        path, sep="\t", skiprows=n_skipped, compression="gzip" if zipped else None, keep_default_na=False,
        dtype={0: str}, **options,
    )  # fmt: skip
    return table.set_index(table.columns[0]).rename_axis(None)


def sample_name(path: Path) -> str:
    """The sample that a file is named after; the folder that it is in, where all files have the tool's own name."""
    return _ENDING.sub("", path.name) or path.parent.name or path.name
