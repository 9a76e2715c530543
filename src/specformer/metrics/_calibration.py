"""Whether a confidence means what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def expected_calibration_error(
    y_true: np.ndarray, proba: np.ndarray, classes: Sequence[object], *, n_bins: int = 15
) -> float:
    """Mean gap between confidence and accuracy over equal bins of confidence, weighted by their samples.

    Parameters
    ----------
    y_true
        Labels, shape (n,).
    proba
        Probabilities, shape (n, n_classes); the confidence is their maximum.
    classes
        The label of each column of `proba`.
    n_bins
        Equal bins between 0 and 1.

    References
    ----------
    Naeini, Cooper, Hauskrecht (2015). Obtaining well calibrated probabilities using Bayesian binning. AAAI.
    """
    proba = np.asarray(proba)
    confidence = proba.max(axis=1)
    hit = np.asarray(classes)[proba.argmax(axis=1)] == np.asarray(y_true)
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = np.bincount(bins, weights=confidence - hit, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(proba))
