"""Linear probe: what a linear readout finds in frozen vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def linear_probe(
    X: np.ndarray,
    labels: Sequence[object] | np.ndarray,
    patients: Sequence[object] | np.ndarray,
    *,
    n_folds: int = 5,
    C: float = 1.0,
    rng: int = 0,
) -> np.ndarray:
    """Out-of-fold labels of a logistic regression on standardised features, folds by patient.

    Parameters
    ----------
    X
        Frozen vectors, shape (n, d).
    labels
        Labels, shape (n,).
    patients
        Who gave each sample; nobody is on both sides of a fold.
    n_folds
        Number of folds.
    C
        Inverse strength of the ridge penalty.
    rng
        Seed of the folds.

    Returns
    -------
    A label a sample, shape (n,), from the fold that did not see its patient. Give it with `labels` to
    :func:`classification_table`.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=1000))
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=rng)
    return cross_val_predict(probe, np.asarray(X), np.asarray(labels), groups=np.asarray(patients), cv=folds)
