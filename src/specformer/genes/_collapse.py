"""A cohort's columns brought to a vocabulary's genes: computed once, applied to every block of rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from specformer.genes._vocabulary import N_SPECIAL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from specformer.genes._match import GeneMatch

    Block: TypeAlias = np.ndarray | sparse.csr_matrix


@dataclass(frozen=True, eq=False)
class GeneAlignment:
    """How the columns of a cohort become genes of a vocabulary.

    Attributes
    ----------
    genes
        int64 (n_genes_at_hand,): vocabulary rows that the cohort has, ascending.
    columns
        int64 (n_genes_at_hand,): the first column of the cohort that holds each of them.
    target
        int64 (n_columns,): position within `genes` that each column goes to, -1 for none.
    """

    genes: np.ndarray
    columns: np.ndarray
    target: np.ndarray

    @property
    def tokens(self) -> np.ndarray:
        """int64 (n_genes_at_hand,): token of each gene at hand."""
        return self.genes + N_SPECIAL

    @cached_property
    def duplicated(self) -> np.ndarray:
        """int64: positions within `genes` that several columns are summed into."""
        return np.flatnonzero(np.bincount(self.target[self.target >= 0], minlength=len(self.genes)) > 1)

    @cached_property
    def groups(self) -> list[np.ndarray]:
        """The columns of each duplicated gene, ascending."""
        order = np.argsort(self.target, kind="stable")
        ends = np.searchsorted(self.target[order], self.duplicated, side="right")
        starts = np.searchsorted(self.target[order], self.duplicated, side="left")
        return [order[start:end] for start, end in zip(starts, ends, strict=True)]

    def apply(self, block: Block) -> Block:
        """Rows of a cohort on linear scale as rows of genes, the columns of one gene summed.

        Sums are taken in float64 from the smallest value to the largest, then rounded once, so that neither the
        order of the columns nor the storage has a say in a single bit.

        Parameters
        ----------
        block
            Dense or CSR, (n, n_columns), linear expression.

        Returns
        -------
        float32 (n, n_genes_at_hand) in vocabulary order, CSR for CSR. Without duplicates this is a plain take, or
        `block` itself where there is nothing to move.

        Raises
        ------
        ValueError
            If `block` has not the columns that this alignment was made for.
        """
        if block.shape[1] != len(self.target):
            msg = f"The block has {block.shape[1]:,} columns; the alignment was made for {len(self.target):,}."
            raise ValueError(msg)
        if isinstance(block, np.ndarray):
            # A plain array: what is taken from an AnnData view would write through to it.
            block = np.asarray(block, dtype=np.float32)
            if len(self.columns) == len(self.target) and (self.columns == np.arange(len(self.target))).all():
                return block
            taken = np.take(block, self.columns, axis=1)
        else:
            block = block.tocsr().astype(np.float32, copy=False)
            taken = block[:, self.columns]
            taken.sort_indices()
        if not self.groups:
            return taken
        sums = sum_groups(block[:, np.concatenate(self.groups)], [len(group) for group in self.groups])
        return replace_columns(taken, self.duplicated, sums.astype(np.float32))


def align_columns(match: GeneMatch | np.ndarray) -> GeneAlignment:
    """The alignment of a cohort whose columns were matched by `match_genes` (or of its `index` alone)."""
    index = np.asarray(getattr(match, "index", match), dtype=np.int64)
    hit = np.flatnonzero(index >= 0)
    genes, first, place = np.unique(index[hit], return_index=True, return_inverse=True)
    target = np.full(len(index), -1, dtype=np.int64)
    target[hit] = place
    return GeneAlignment(genes, hit[first], target)


def collapse_columns(block: Block, index: np.ndarray) -> tuple[Block, np.ndarray]:
    """One block brought to genes at once: `align_columns(index).apply(block)`, and the vocabulary rows at hand."""
    alignment = align_columns(index)
    return alignment.apply(block), alignment.genes


def sum_groups(columns: Block, sizes: Sequence[int]) -> np.ndarray:
    """float64 (n, n_groups): row sums of neighbouring columns, each from its smallest value to its largest.

    The first `sizes[0]` columns are the first group, and so on.
    """
    dense = columns if isinstance(columns, np.ndarray) else columns.toarray()
    sums = np.zeros((len(dense), len(sizes)))
    for group, (end, size) in enumerate(zip(np.cumsum(sizes), sizes, strict=True)):
        for column in np.sort(dense[:, end - size : end].astype(np.float64), axis=1).T:
            sums[:, group] += column
    return sums


def replace_columns(matrix: Block, position: np.ndarray, values: np.ndarray) -> Block:
    """`matrix`, whose columns at `position` are now `values`: itself if dense, a new one if CSR."""
    if isinstance(matrix, np.ndarray):
        matrix[:, position] = values
        return matrix
    replaced = np.zeros(matrix.shape[1], dtype=bool)
    replaced[position] = True
    matrix.data[replaced[matrix.indices]] = 0
    matrix.eliminate_zeros()
    one = np.ones(len(position), dtype=matrix.dtype)
    spread = sparse.csr_matrix((one, (np.arange(len(position)), position)), shape=(len(position), matrix.shape[1]))
    return matrix + sparse.csr_matrix(values) @ spread
