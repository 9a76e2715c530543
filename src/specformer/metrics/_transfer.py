"""How labels and shapes carry over from one set of samples to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer.metrics._retrieval import unit_rows

if TYPE_CHECKING:
    from collections.abc import Sequence


def centroids(X: np.ndarray, labels: Sequence[object] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean vector of each label: labels in sorted order, shape (k,), and centroids, shape (k, d)."""
    names, code = np.unique(np.asarray(labels), return_inverse=True)
    total = np.zeros((len(names), np.shape(X)[1]))
    np.add.at(total, code, np.asarray(X, dtype=np.float64))
    return names, total / np.bincount(code)[:, None]


def nearest_centroid(X: np.ndarray, labels: Sequence[object] | np.ndarray, query: np.ndarray) -> np.ndarray:
    """The label whose centroid is nearest by cosine.

    Parameters
    ----------
    X
        Labelled samples, shape (n, d).
    labels
        Their labels, shape (n,).
    query
        Samples to label, shape (m, d).

    Returns
    -------
    A label for each row of `query`, shape (m,).
    """
    names, means = centroids(X, labels)
    return names[np.argmax(unit_rows(query) @ unit_rows(means).T, axis=1)]


def procrustes(A: np.ndarray, B: np.ndarray) -> float:
    """Disparity of two configurations of the same points after the best shift, scale and rotation.

    Parameters
    ----------
    A, B
        The same points (for instance tissue centroids) in two spaces, shape (k, d_a) and (k, d_b); the narrower one
        is filled up with zero dimensions.

    Returns
    -------
    Sum of squared differences of the standardised configurations: 0 where they agree, at most 1.
    """
    from scipy.spatial import procrustes as scipy_procrustes

    width = max(np.shape(A)[1], np.shape(B)[1])
    A, B = (np.pad(np.asarray(M, dtype=np.float64), ((0, 0), (0, width - np.shape(M)[1]))) for M in (A, B))
    # A few points span a few dimensions: in axes of that span the comparison is the same and its cost is theirs.
    A, B = (M - M.mean(axis=0) for M in (A, B))
    span = np.linalg.svd(np.vstack([A, B]), full_matrices=False)[2].T
    return float(scipy_procrustes(A @ span, B @ span)[2])
