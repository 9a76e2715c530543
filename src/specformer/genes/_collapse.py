"""A cohort's columns brought to a vocabulary's genes: computed once, applied to every block of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from specformer.genes._vocabulary import N_SPECIAL

if TYPE_CHECKING:
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

    @property
    def duplicated(self) -> np.ndarray:
        """int64: positions within `genes` that several columns are summed into."""
        return np.flatnonzero(np.bincount(self.target[self.target >= 0], minlength=len(self.genes)) > 1)

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
        if not isinstance(block, np.ndarray):
            return _sum_sparse(block.tocsr(), self.target, len(self.genes), self.duplicated)
        block = np.asarray(block, dtype=np.float32)
        if len(self.columns) == len(self.target) and (self.columns == np.arange(len(self.target))).all():
            return block
        taken = np.take(block, self.columns, axis=1)
        for gene in self.duplicated:
            taken[:, gene] = sum_columns(block[:, np.flatnonzero(self.target == gene)])
        return taken


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


def sum_columns(columns: np.ndarray) -> np.ndarray:
    """float64 (n,): row sums of a few columns, each row added up from its smallest value to its largest."""
    ascending = np.sort(columns.astype(np.float64), axis=1)
    total = np.zeros(len(ascending))
    for column in ascending.T:
        total += column
    return total


def _sum_sparse(
    block: sparse.csr_matrix, target: np.ndarray, n_genes: int, duplicated: np.ndarray
) -> sparse.csr_matrix:
    row = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
    gene, value = target[block.indices], block.data.astype(np.float32, copy=False)
    kept = gene >= 0
    if len(duplicated):
        shared = np.isin(gene, duplicated)
        kept &= ~shared
        # Entries of one row and one gene lie side by side, ascending; bincount adds them up in that order.
        order = np.lexsort((value[shared], gene[shared], row[shared]))
        cell, first, place = np.unique(
            (row[shared] * n_genes + gene[shared])[order], return_index=True, return_inverse=True
        )
        total = np.bincount(place, weights=value[shared][order], minlength=len(first)).astype(np.float32)
        row = np.concatenate([row[kept], cell // n_genes])
        gene = np.concatenate([gene[kept], cell % n_genes])
        value = np.concatenate([value[kept], total])
    else:
        row, gene, value = row[kept], gene[kept], value[kept]
    return sparse.csr_matrix((value, (row, gene)), shape=(block.shape[0], n_genes))
