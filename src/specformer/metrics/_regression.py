"""Agreement of predicted with measured profiles, by sample and by column."""

from __future__ import annotations

import numpy as np


def columnwise_pearson(Y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Pearson correlation of each column over samples, shape (n_columns,); NaN where either is constant.

    Parameters
    ----------
    Y, predicted
        Measured and predicted, shape (n, n_columns).
    """
    return samplewise_pearson(np.asarray(Y).T, np.asarray(predicted).T)


def samplewise_pearson(Y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Pearson correlation of each sample over columns, shape (n,); NaN where either is constant.

    Parameters
    ----------
    Y, predicted
        Measured and predicted, shape (n, n_columns).
    """
    if np.shape(Y) != np.shape(predicted):
        msg = f"`Y` has shape {np.shape(Y)}, `predicted` {np.shape(predicted)}; they must be the same."
        raise ValueError(msg)
    Y, predicted = (np.asarray(M, dtype=np.float64) for M in (Y, predicted))
    Y, predicted = (M - M.mean(axis=1, keepdims=True) for M in (Y, predicted))
    scale = np.sqrt((Y**2).sum(axis=1) * (predicted**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(scale > 0, (Y * predicted).sum(axis=1) / scale, np.nan)


def mean_absolute_error(Y: np.ndarray, predicted: np.ndarray) -> float:
    """Mean absolute difference over all entries."""
    return float(np.abs(np.asarray(Y, dtype=np.float64) - np.asarray(predicted, dtype=np.float64)).mean())
