"""Which columns of a matrix a fitted baseline knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer._checks import shown

if TYPE_CHECKING:
    from collections.abc import Sequence


def shared_columns(known: np.ndarray, genes: Sequence[str] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of the genes at hand in the fitted table and in the matrix, in the order of the fitted table.

    Parameters
    ----------
    known
        Genes that the baseline was fitted on.
    genes
        Genes of the matrix to be transformed; the first of two equal names counts.

    Returns
    -------
    Two index arrays of the same length: into `known`, and into `genes`.
    """
    genes = np.asarray(genes, dtype=str)
    first, where = np.unique(genes, return_index=True)
    place = np.minimum(np.searchsorted(first, known), len(first) - 1)
    in_known = np.flatnonzero(first[place] == known)
    if len(in_known) == 0:
        msg = f"None of the {len(genes):,} genes ({shown(genes)}) is among those fitted ({shown(known)})."
        raise ValueError(msg)
    return in_known, where[place[in_known]]


def require_linear(X: np.ndarray) -> np.ndarray:
    """`X` as float64, or a ValueError where it has negative or missing values."""
    X = np.asarray(X, dtype=np.float64)
    if not np.isfinite(X).all() or (X < 0).any():
        msg = (
            "Linear non-negative expression is needed, but the matrix has negative, missing or infinite values "
            f"(smallest {np.nanmin(X):.3g}). Undo the logarithm and fill missing values first."
        )
        raise ValueError(msg)
    return X
