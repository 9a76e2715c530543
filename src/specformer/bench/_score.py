"""One figure of one representation, as a function of whom it is computed on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from specformer import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Score:
    """A figure that can be computed again on any draw of its samples."""

    cohort: str
    condition: str
    metric: str
    patients: np.ndarray
    """Who gave each sample, shape (n,): these are resampled."""
    statistic: Callable[[np.ndarray], float]
    """From row indices to the figure."""


def mean_score(cohort: str, condition: str, metric: str, patients: np.ndarray, values: np.ndarray) -> Score:
    """The mean of one value a sample, shape (n,), or of several draws, shape (n_draws, n)."""
    values = np.atleast_2d(np.asarray(values, dtype=float)).mean(axis=0)
    return Score(cohort, condition, metric, patients, lambda rows: float(np.nanmean(values[rows])))


def label_scores(
    cohort: str, condition: str, patients: np.ndarray, labels: np.ndarray, predicted: np.ndarray
) -> Iterator[Score]:
    """Accuracy and balanced accuracy of one prediction."""
    yield mean_score(cohort, condition, "accuracy", patients, labels == predicted)
    # Numbers are compared a good deal faster than names, thousands of times.
    _, codes = np.unique(np.concatenate([labels, predicted]), return_inverse=True)
    true, guess = codes[: len(labels)], codes[len(labels) :]
    yield Score(
        cohort, condition, "balanced accuracy", patients, lambda r: metrics.balanced_accuracy(true[r], guess[r])
    )
