"""A cohort in terms of a vocabulary: its rows as linear expression of known genes, and their ranks, block by block."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from specformer._checks import require_key, require_rows
from specformer.genes import align_columns, match_genes
from specformer.pp._blocks import row_blocks
from specformer.pp._gene_names import read_gene_names
from specformer.pp._scan import require_linear, scan
from specformer.pp._to_scheme import NOT_FROM, read_lengths
from specformer.ranking import normalise_rows, parse_scheme, rank_rows, to_linear

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anndata import AnnData

    from specformer.genes import GeneAlignment, GeneVocabulary
    from specformer.ranking import GeneStatistics
    from specformer.ranking._types import Block


@dataclass(frozen=True, eq=False)
class AlignedCohort:
    """Where the expression of some samples is, what unit it is in, and which of its columns are known genes.

    Parameters
    ----------
    adata
        In memory, backed or on dask; nothing of it is held here.
    layer
        The layer to read, None for `X`.
    unit
        What its values are, one of `sf.ranking.SCALES`.
    mask
        bool (n_obs,): the samples to read; None for all.
    alignment
        From its columns to genes of the vocabulary.
    scheme
        The normalisation scheme that values are brought to first, or None.
    lengths
        Bases of each column, for schemes that need them.
    """

    adata: AnnData
    layer: str | None
    unit: str
    mask: np.ndarray | None
    alignment: GeneAlignment
    scheme: str | None = None
    lengths: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        adata: AnnData,
        vocabulary: GeneVocabulary,
        *,
        rows: str | np.ndarray | None = None,
        layer: str | None = None,
        scale: str | None = None,
        gene_key: str | None = None,
        scheme: str | None = None,
        lengths: str | np.ndarray | None = None,
    ) -> AlignedCohort:
        """Look at the values and the gene names once; parameters as for `rank_store`."""
        mask = row_mask(adata, rows)
        found = scan(adata, layer, scale)
        require_linear(found, layer)
        bases = None
        if scheme is not None:
            bases = read_lengths(adata, lengths) if parse_scheme(scheme).needs_lengths else None
            if found.name in NOT_FROM:
                msg = f"{scheme!r} cannot be had from {found.name} values: {NOT_FROM[found.name]}."
                raise ValueError(msg)
        alignment = align_columns(match_genes(list(read_gene_names(adata, gene_key)), vocabulary))
        return cls(adata, layer, found.name, mask, alignment, scheme, bases)

    @cached_property
    def samples(self) -> np.ndarray:
        """Names of the samples to read, str (n,)."""
        return self.adata.obs_names.to_numpy(str)[slice(None) if self.mask is None else self.mask]

    def raw_blocks(self) -> Iterator[Block]:
        """The values as they are stored, samples x columns."""
        for rows, block in row_blocks(self.adata, self.layer):
            if self.mask is None:
                yield block
            elif (chosen := np.flatnonzero(self.mask[rows])).size:
                yield block[chosen]

    def blocks(self) -> Iterator[Block]:
        """Linear expression in the scheme, samples x genes at hand in vocabulary order, float32."""
        for block in self.raw_blocks():
            linear = to_linear(block, self.unit)
            if self.scheme is not None:
                linear = normalise_rows(linear, self.scheme, self.lengths)
            yield self.alignment.apply(linear)

    def ranked(self, statistics: GeneStatistics) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Ranks (n, G) and the number of genes above zero (n,) of each block, under statistics of the genes at hand."""
        start = 0
        for block in self.blocks():
            n_expressed = np.asarray((block > 0).sum(axis=1)).ravel().astype(np.int32)
            names = self.samples[start : start + len(n_expressed)]
            require_rows(n_expressed == 0, names, "None of the known genes is expressed", "Drop these samples.")
            start += len(n_expressed)
            yield rank_rows(block, statistics), n_expressed


def row_mask(adata: AnnData, rows: str | np.ndarray | None) -> np.ndarray | None:
    """A boolean column of `obs` or a boolean array, checked; None for all rows."""
    if rows is None:
        return None
    if isinstance(rows, str):
        rows = require_key(adata, "obs", rows, run=f"adata.obs[{rows!r}] = ...").to_numpy()
    mask = np.asarray(rows)
    if mask.dtype != bool or mask.shape != (adata.n_obs,):
        msg = f"The mask of rows has dtype {mask.dtype} and shape {mask.shape}; expected bool ({adata.n_obs:,},)."
        raise ValueError(msg)
    if not mask.any():
        msg = "The mask of rows chooses no sample."
        raise ValueError(msg)
    return mask
