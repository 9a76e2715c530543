"""Figures of a classifier; scikit-learn counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer.metrics._intervals import interval, patient_draws

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


def accuracy(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Share of samples whose label is right."""
    return float(np.mean(np.asarray(y_true) == np.asarray(y_pred)))


def balanced_accuracy(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Recall, averaged over the classes that occur in `y_true`."""
    from sklearn.metrics import recall_score

    return float(recall_score(y_true, y_pred, labels=np.unique(y_true), average="macro", zero_division=0))


def macro_f1(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """F1, averaged over the classes that occur in `y_true`."""
    from sklearn.metrics import f1_score

    return float(f1_score(y_true, y_pred, labels=np.unique(y_true), average="macro", zero_division=0))


def weighted_f1(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """F1, averaged over classes with their sample counts as weights."""
    from sklearn.metrics import f1_score

    return float(f1_score(y_true, y_pred, labels=np.unique(y_true), average="weighted", zero_division=0))


def matthews(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Matthews correlation coefficient, in its form for many classes."""
    from sklearn.metrics import matthews_corrcoef

    return float(matthews_corrcoef(y_true, y_pred))


def top_k_accuracy(y_true: np.ndarray, proba: np.ndarray, classes: Sequence[object], *, k: int = 3) -> float:
    """Share of samples whose label is among the `k` most probable ones.

    Parameters
    ----------
    y_true
        Labels, shape (n,).
    proba
        Probabilities, shape (n, n_classes).
    classes
        The label of each column of `proba`.
    k
        How many guesses a sample has. Labels that are not in `classes` are never hit.
    """
    best = np.argsort(-np.asarray(proba), axis=1, kind="stable")[:, :k]
    return float((np.asarray(classes)[best] == np.asarray(y_true)[:, None]).any(axis=1).mean())


def macro_auc(y_true: np.ndarray, proba: np.ndarray, classes: Sequence[object]) -> float:
    """Area under the ROC curve, one class against the rest, averaged over classes with both sides present."""
    from sklearn.metrics import roc_auc_score

    y_true = np.asarray(y_true)
    areas = [
        roc_auc_score(y_true == label, column)
        for label, column in zip(classes, np.asarray(proba).T, strict=True)
        if 0 < (y_true == label).sum() < len(y_true)
    ]
    return float(np.mean(areas)) if areas else np.nan


def classification_table(
    y_true: np.ndarray,
    y_pred: np.ndarray,
    *,
    proba: np.ndarray | None = None,
    classes: Sequence[object] | None = None,
    patients: Sequence[object] | None = None,
    n_boot: int = 1000,
    rng: np.random.Generator | int | None = None,
) -> pd.DataFrame:
    """Every figure of this file with its 95 % interval over patients.

    Parameters
    ----------
    y_true, y_pred
        Labels, shape (n,).
    proba
        Probabilities, shape (n, n_classes); adds top-3 accuracy, macro AUC and the expected calibration error.
    classes
        The label of each column of `proba`.
    patients
        Who gave each sample; `None` takes every sample for its own patient.
    n_boot
        Draws of the bootstrap.
    rng
        Random generator or seed.

    Returns
    -------
    Columns `metric`, `value`, `low`, `high`, `n`.

    Examples
    --------
    >>> table = classification_table(["a", "b", "b"], ["a", "b", "a"], n_boot=10)
    >>> table.set_index("metric").value.accuracy.round(3).item()
    0.667
    """
    import pandas as pd

    from specformer.metrics._calibration import expected_calibration_error

    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    figures = {
        metric.__name__: lambda rows, metric=metric: metric(y_true[rows], y_pred[rows])
        for metric in (accuracy, balanced_accuracy, macro_f1, weighted_f1, matthews)
    }
    if proba is not None:
        if classes is None:
            msg = "`proba` was given without `classes`: say which label each of its columns is."
            raise ValueError(msg)
        proba = np.asarray(proba)
        figures |= {
            metric.__name__: lambda rows, metric=metric: metric(y_true[rows], proba[rows], classes)
            for metric in (top_k_accuracy, macro_auc, expected_calibration_error)
        }
    draws = patient_draws(np.arange(len(y_true)) if patients is None else patients, n_boot=n_boot, rng=rng)
    rows = [(name, *interval(figure, draws, len(y_true)), len(y_true)) for name, figure in figures.items()]
    return pd.DataFrame(rows, columns=["metric", "value", "low", "high", "n"])
