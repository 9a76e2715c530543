"""Whom a sample's nearest neighbours are, by cosine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def unit_rows(X: np.ndarray) -> np.ndarray:
    """Each row divided by its length (float64); rows of zeros stay zero."""
    X = np.asarray(X, dtype=np.float64)
    length = np.linalg.norm(X, axis=1, keepdims=True)
    return X / np.where(length > 0, length, 1)


def row_cosine(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Cosine between the same row of two matrices, shape (n,)."""
    return np.einsum("nd,nd->n", unit_rows(A), unit_rows(B))


def precision_at_k(
    X: np.ndarray,
    labels: Sequence[object] | np.ndarray,
    *,
    k: int = 1,
    gallery: np.ndarray | None = None,
    gallery_labels: Sequence[object] | np.ndarray | None = None,
    patients: Sequence[object] | np.ndarray | None = None,
) -> np.ndarray:
    """Share of each sample's `k` nearest neighbours, by cosine, that have its label.

    Parameters
    ----------
    X
        The samples that ask, shape (n, d).
    labels
        Their labels, shape (n,).
    k
        How many neighbours count.
    gallery
        The samples among which neighbours are sought, shape (m, d); `None` takes `X` itself.
    gallery_labels
        Their labels; needed with `gallery`.
    patients
        Without a gallery: who gave each sample; nobody is their own neighbour. `None` leaves out the sample itself.

    Returns
    -------
    One precision a sample, shape (n,); the mean is the figure.
    """
    labels = np.asarray(labels)
    if gallery is None:
        others, other_labels = X, labels
        who = np.arange(len(labels)) if patients is None else np.asarray(patients)
        forbidden = who[:, None] == who[None, :]
    elif gallery_labels is None:
        msg = "`gallery` was given without `gallery_labels`."
        raise ValueError(msg)
    else:
        others, other_labels = gallery, np.asarray(gallery_labels)
        forbidden = np.zeros((len(labels), len(other_labels)), dtype=bool)
    if (n_others := int((~forbidden).sum(axis=1).min(initial=len(other_labels)))) < k:
        msg = f"`k` is {k}, but some sample has only {n_others} others to be neighbours of."
        raise ValueError(msg)
    similarity = np.where(forbidden, -np.inf, unit_rows(X) @ unit_rows(others).T)
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    return (other_labels[nearest] == labels[:, None]).mean(axis=1)


def same_sample_top1(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Whether each sample of `A` finds itself (the same row) first in `B`, by cosine, and each of `B` in `A`.

    Parameters
    ----------
    A, B
        The same samples, two ways, shape (n, d) each.

    Returns
    -------
    0, 0.5 or 1 a sample (found one way, or both), shape (n,); the mean is the figure. Ties are not found.
    """
    similarity = unit_rows(A) @ unit_rows(B).T
    own = np.diagonal(similarity)
    rivals = similarity.copy()
    np.fill_diagonal(rivals, -np.inf)
    return ((own > rivals.max(axis=1)).astype(float) + (own > rivals.max(axis=0))) / 2
