"""From transcripts to genes."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pandas as pd

from specformer._checks import shown
from specformer._keys import SAMPLE_LENGTH, TPM
from specformer.datasets._quantified import Quantified, sample_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_COLUMNS = ["transcript_id", "gene_id"]


def read_transcripts(paths: Sequence[Path], data_type: str, transcripts: pd.DataFrame | Path | str) -> Quantified:
    """Counts, TPM and effective lengths of genes from the files of Salmon or kallisto, by pytximport."""
    try:
        from pytximport import tximport
    except ImportError as error:
        msg = 'Summing transcripts to genes needs pytximport. Run `pip install "specformer[transcripts]"`.'
        raise ImportError(msg) from error
    table = _read_table(transcripts)
    with _quiet():
        found = tximport(
            list(paths), data_type=data_type, transcript_gene_map=table, output_type="anndata", ignore_after_bar=True
        )
    samples = [sample_name(path) for path in paths]
    genes = pd.Index(found.var_names.astype(str))

    def frame(values: object) -> pd.DataFrame:
        return pd.DataFrame(values, index=samples, columns=genes).T

    beside = found.obsm
    layers = {TPM.name: frame(beside["abundance"]), SAMPLE_LENGTH.name: frame(beside["length"])}
    return Quantified(frame(found.X), layers, pd.DataFrame(index=genes), pd.DataFrame(columns=samples))


def _read_table(transcripts: pd.DataFrame | Path | str) -> pd.DataFrame:
    table = (
        transcripts if isinstance(transcripts, pd.DataFrame) else pd.read_csv(transcripts, sep=None, engine="python")
    )
    missing = [column for column in _COLUMNS if column not in table]
    if missing:
        msg = (
            f"`transcripts` has no column {shown(missing)}; found {shown(table.columns)}. Expected `transcript_id` and "
            "`gene_id`, as `sf.datasets.transcript_table()` has them."
        )
        raise ValueError(msg)
    return table[_COLUMNS].astype(str).drop_duplicates("transcript_id")


@contextmanager
def _quiet() -> Iterator[None]:
    """Mute pytximport, which reports to the root logger, and recommends a faster reader with every file."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(before)
