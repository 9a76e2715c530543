"""Percentile bootstrap over patients: whoever gave two samples is drawn with both."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Statistic = Callable[[np.ndarray], float]


class Interval(NamedTuple):
    """A figure on all samples and its percentile interval."""

    value: float
    low: float
    high: float


def patient_draws(
    patients: Sequence[object] | np.ndarray, *, n_boot: int = 1000, rng: np.random.Generator | int | None = None
) -> list[np.ndarray]:
    """Rows of `n_boot` cohorts of as many patients, drawn with replacement.

    Parameters
    ----------
    patients
        Who gave each sample, shape (n_samples,).
    n_boot
        How many cohorts to draw.
    rng
        Random generator or seed; `None` is seed 0, so that figures repeat.

    Returns
    -------
    Row indices into the samples, one array a draw. A patient drawn twice has its rows twice.
    """
    rng = np.random.default_rng(0 if rng is None else rng)
    _, code = np.unique(np.asarray(patients).astype(str), return_inverse=True)
    rows_of = np.split(np.argsort(code, kind="stable"), np.cumsum(np.bincount(code))[:-1])
    drawn = rng.integers(len(rows_of), size=(n_boot, len(rows_of)))
    if len(rows_of) == len(code):
        return list(np.concatenate(rows_of)[drawn])
    return [np.concatenate([rows_of[p] for p in cohort]) for cohort in drawn]


def bootstrap(statistic: Statistic, draws: Sequence[np.ndarray]) -> np.ndarray:
    """The figure `statistic(rows)` of every draw, shape (n_draws,)."""
    return np.array([statistic(rows) for rows in draws], dtype=float)


def percentile_interval(value: float, drawn: np.ndarray, *, level: float = 0.95) -> Interval:
    """`value` with the percentiles of `drawn`; draws that are NaN are left out."""
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) == 0:
        return Interval(value, np.nan, np.nan)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def interval(statistic: Statistic, draws: Sequence[np.ndarray], n: int, *, level: float = 0.95) -> Interval:
    """The figure `statistic(rows)` on all `n` samples, with its percentile interval over `draws`.

    Parameters
    ----------
    statistic
        From row indices to a figure; NaN where a draw cannot have one (such draws are left out).
    draws
        From :func:`patient_draws`.
    n
        Number of samples.
    level
        Coverage of the interval.

    Examples
    --------
    >>> hits = np.array([True, True, False, True])
    >>> interval(lambda rows: hits[rows].mean(), patient_draws(["a", "a", "b", "c"], n_boot=200), 4).value
    0.75
    """
    return percentile_interval(float(statistic(np.arange(n))), bootstrap(statistic, draws), level=level)


def paired_interval(
    statistic: Statistic, reference: Statistic, draws: Sequence[np.ndarray], n: int, *, level: float = 0.95
) -> Interval:
    """The difference of two figures of the same samples, its interval from the same draws of patients.

    Parameters
    ----------
    statistic, reference
        From row indices to a figure; the difference is `statistic - reference`.
    draws, n, level
        As in :func:`interval`.
    """
    return interval(lambda rows: statistic(rows) - reference(rows), draws, n, level=level)
