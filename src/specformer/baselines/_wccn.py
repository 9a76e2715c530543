"""Within-class covariance normalisation: what differs between two measurements of one sample is shrunk away."""

from __future__ import annotations

import numpy as np


def wccn_projection(differences: np.ndarray, variance: float, *, shrinkage: float = 0.05) -> np.ndarray:
    """`(W + shrinkage * variance * I)^(-1/2)`, with `W` the mean outer product of `differences`, shape (d, d).

    Parameters
    ----------
    differences
        One scheme's vector less the other's, for each training sample, shape (n_pairs, d).
    variance
        Mean variance of a dimension over training samples: the scale of the ridge.
    shrinkage
        Share of that variance added to every direction, so that directions in which the pairs happen to agree do not
        swamp the rest.

    References
    ----------
    Hatch, Kajarekar, Stolcke (2006). Within-class covariance normalization for SVM-based speaker recognition.
    Interspeech.
    """
    differences = np.asarray(differences, dtype=np.float64)
    within = differences.T @ differences / len(differences)
    values, axes = np.linalg.eigh(within + shrinkage * variance * np.eye(len(within)))
    return (axes / np.sqrt(values)) @ axes.T
