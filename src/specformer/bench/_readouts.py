"""Simple readouts of frozen vectors: standardised features, one fixed ridge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Predict = Callable[[np.ndarray], np.ndarray]

C_LOGISTIC = 1.0
RIDGE_ALPHAS = np.logspace(-1, 5, 13)
COX_ALPHA = 0.1  # per training sample


def logistic(X: np.ndarray, labels: np.ndarray) -> Predict:
    """Multinomial logistic regression (C = 1) on standardised features: from vectors to labels."""
    from sklearn.linear_model import LogisticRegression

    features = _standardised(X)
    model = LogisticRegression(C=C_LOGISTIC, max_iter=2000).fit(features(X), labels)
    return lambda Z: model.predict(features(Z))


def ridge(X: np.ndarray, targets: np.ndarray) -> Predict:
    """Ridge regression on standardised features, one penalty for all targets by generalised cross-validation."""
    from sklearn.linear_model import RidgeCV

    features = _standardised(X)
    model = RidgeCV(alphas=RIDGE_ALPHAS).fit(features(X), targets)
    return lambda Z: model.predict(features(Z))


def cox(X: np.ndarray, event: np.ndarray, time: np.ndarray, *, strata: np.ndarray | None = None) -> Predict:
    """Ridge Cox regression on standardised features: from vectors to log hazards.

    With `strata`, their indicators stand beside the features while it is fitted, all but unpenalised, and are left out
    of the prediction: what remains is what vectors say within a stratum.
    """
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    features = _standardised(X)
    Z = features(X)
    penalty = np.full(Z.shape[1], COX_ALPHA * len(X))
    design = Z
    if strata is not None:
        indicators = (strata[:, None] == np.unique(strata)[None, 1:]).astype(float)
        design = np.hstack([Z, indicators])
        penalty = np.append(penalty, np.full(indicators.shape[1], 0.1 * penalty[0]))
    model = CoxPHSurvivalAnalysis(alpha=penalty, ties="efron").fit(design, Surv.from_arrays(event, time))
    coefficients = model.coef_[: Z.shape[1]]
    return lambda Z: features(Z) @ coefficients


def _standardised(X: np.ndarray) -> Predict:
    """Features at mean 0 and variance 1 in training; where they outnumber samples, in the axes of those samples.

    A ridge sees no difference: its solution lies in the span of the samples, and rotation keeps lengths.
    """
    X = np.asarray(X, dtype=np.float64)
    mean, sd = X.mean(axis=0), X.std(axis=0)
    sd = np.where(sd > 1e-12 * (1 + np.abs(mean)), sd, 1.0)
    if X.shape[1] <= X.shape[0]:
        return lambda Z: (np.asarray(Z, dtype=np.float64) - mean) / sd
    axes = np.linalg.svd((X - mean) / sd, full_matrices=False)[2].T
    return lambda Z: ((np.asarray(Z, dtype=np.float64) - mean) / sd) @ axes
