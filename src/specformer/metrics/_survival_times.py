"""Figures of survival at stated times, under censoring; scikit-survival counts (imported when called)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer.metrics._intervals import interval, patient_draws
from specformer.metrics._survival import harrell_c, harrell_c_within, ipcw_c, within_follow_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


def integrated_brier(
    event_train: np.ndarray,
    time_train: np.ndarray,
    event: np.ndarray,
    time: np.ndarray,
    curves: np.ndarray,
    *,
    times: Sequence[float] | np.ndarray,
) -> float:
    """Squared error of survival curves, weighted for censoring and averaged from the first to the last of `times`.

    0.25 is what a constant probability of one half has, and the Kaplan-Meier curve of the training cohort is the figure
    to beat.

    Parameters
    ----------
    event_train, time_train
        The cohort from which the censoring distribution is estimated.
    event, time
        Whether the event was seen, and when or until when; shape (n,). Censored at the last training time.
    curves
        Probability of no event up to each of `times`, shape (n, n_times).
    times
        At least two, increasing, in the unit of `time`; from the first time of the samples to before their last one.

    References
    ----------
    Graf, Schmoor, Sauerbrei, Schumacher (1999). Assessment and comparison of prognostic classification schemes for
    survival data. Statistics in Medicine.
    """
    from sksurv.metrics import integrated_brier_score

    train, test = within_follow_up(event_train, time_train, event, time)
    curves, times = np.asarray(curves, dtype=float), _usable_times(times, test["time"])
    if not np.isfinite(curves).all():
        msg = (
            f"{int((~np.isfinite(curves)).any(axis=1).sum()):,} of {len(curves):,} survival curves have missing values: "
            "leave out samples without a baseline, and times after the last training time."
        )
        raise ValueError(msg)
    return float(integrated_brier_score(train, test, curves, times))


def cumulative_auc(
    event_train: np.ndarray,
    time_train: np.ndarray,
    event: np.ndarray,
    time: np.ndarray,
    risk: np.ndarray,
    *,
    times: Sequence[float] | np.ndarray,
) -> tuple[np.ndarray, float]:
    """Area under the ROC curve of having had the event by each of `times`, cases weighted for censoring.

    Parameters
    ----------
    event_train, time_train
        The cohort from which the censoring distribution is estimated.
    event, time
        Whether the event was seen, and when or until when; shape (n,). Censored at the last training time.
    risk
        Higher means earlier, shape (n,) or, where it depends on time, (n, n_times).
    times
        Increasing, in the unit of `time`; from the first time of the samples to before their last one.

    Returns
    -------
    The area at each time, NaN before the first event, and their mean, weighted by how many have the event in between.

    References
    ----------
    Uno, Cai, Tian, Wei (2007). Evaluating prediction rules for t-year survivors with censored regression models. JASA.
    """
    from sksurv.metrics import cumulative_dynamic_auc

    train, test = within_follow_up(event_train, time_train, event, time)
    times, risk = _usable_times(times, test["time"]), np.asarray(risk, dtype=float)
    is_late = times >= min(test["time"][test["event"]], default=np.inf)
    areas, mean = np.full(len(times), np.nan), np.nan
    if is_late.any():
        found = cumulative_dynamic_auc(train, test, risk[:, is_late] if risk.ndim > 1 else risk, times[is_late])
        areas[is_late], mean = found
    return areas, float(mean)


def survival_table(
    event: np.ndarray,
    time: np.ndarray,
    risk: np.ndarray,
    *,
    train: tuple[np.ndarray, np.ndarray],
    curves: np.ndarray | None = None,
    times: Sequence[float] | np.ndarray | None = None,
    strata: Sequence[object] | np.ndarray | None = None,
    patients: Sequence[object] | np.ndarray | None = None,
    n_boot: int = 1000,
    rng: np.random.Generator | int | None = None,
) -> pd.DataFrame:
    """Every figure of a risk score with its 95 % interval over patients.

    Parameters
    ----------
    event, time, risk
        As in :func:`harrell_c`, shape (n,).
    train
        Events and times of the training cohort, from which the censoring distribution is estimated.
    curves
        Probability of no event up to each of `times`, shape (n, n_times); adds the integrated Brier score.
    times
        For the area under the ROC curve and the Brier score; None takes five between the 15th and the 75th percentile of
        the times of events, unless there are `curves`.
    strata
        Adds the concordance within one stratum.
    patients
        Who gave each sample; `None` takes every sample for its own patient.
    n_boot
        Draws of the bootstrap. Those that are followed for too short a time for `times` are left out.
    rng
        Random generator or seed.

    Returns
    -------
    Columns `metric`, `value`, `low`, `high`, `n`; NaN where a figure cannot be had, as without any event.

    Examples
    --------
    >>> event, time = np.array([True, True, False, True] * 3), np.arange(1.0, 13)
    >>> table = survival_table(event, time, -time, train=(event, time), n_boot=10)
    >>> table.set_index("metric").value.harrell_c.item()
    1.0
    """
    import pandas as pd

    event, time, risk = np.asarray(event, dtype=bool), np.asarray(time, dtype=float), np.asarray(risk, dtype=float)
    if curves is not None and times is None:
        msg = "`curves` were given without `times`: say at which time each of their columns is."
        raise ValueError(msg)
    if times is None:
        times = np.unique(np.quantile(time[event], np.linspace(0.15, 0.75, 5))) if event.any() else []
    times = np.asarray(times, dtype=float)
    figures = {
        "harrell_c": lambda rows: harrell_c(event[rows], time[rows], risk[rows]),
        "ipcw_c": lambda rows: ipcw_c(*train, event[rows], time[rows], risk[rows]),
        "cumulative_auc": lambda rows: (
            cumulative_auc(*train, event[rows], time[rows], risk[rows], times=times)[1] if covers(rows) else np.nan
        ),
    }

    def covers(rows: np.ndarray) -> bool:
        ends = np.minimum(time[rows], np.max(train[1]))
        return len(times) > 0 and bool(ends.min() <= times[0] and times[-1] < ends.max())

    if strata is not None:
        groups = np.asarray(strata)
        figures["harrell_c_within"] = lambda rows: harrell_c_within(event[rows], time[rows], risk[rows], groups[rows])
    if curves is not None:
        survival = np.asarray(curves, dtype=float)
        figures["integrated_brier"] = lambda rows: (
            integrated_brier(*train, event[rows], time[rows], survival[rows], times=times) if covers(rows) else np.nan
        )
    draws = patient_draws(np.arange(len(time)) if patients is None else patients, n_boot=n_boot, rng=rng)
    rows = [(name, *interval(figure, draws, len(time)), len(time)) for name, figure in figures.items()]
    return pd.DataFrame(rows, columns=["metric", "value", "low", "high", "n"])


def _usable_times(times: Sequence[float] | np.ndarray, followed: np.ndarray) -> np.ndarray:
    times = np.asarray(times, dtype=float)
    if not len(times) or (np.diff(times) <= 0).any() or times[0] < followed.min() or times[-1] >= followed.max():
        msg = (
            f"`times` are {times.tolist()}; expected increasing ones from {followed.min():g} to before "
            f"{followed.max():g}, between which the samples (and the training cohort) were followed."
        )
        raise ValueError(msg)
    return times
