"""Figures of a risk score under censoring; scikit-survival counts (GPL-3.0-or-later, imported when called)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def harrell_c(event: np.ndarray, time: np.ndarray, risk: np.ndarray) -> float:
    """Harrell's concordance over all comparable pairs; NaN where there is none.

    Parameters
    ----------
    event
        Whether the event was seen, shape (n,).
    time
        Time to event or censoring, in days (any unit will do), shape (n,).
    risk
        Higher means earlier, shape (n,).
    """
    return harrell_c_within(event, time, risk, np.zeros(len(risk), dtype=int))


def harrell_c_within(
    event: np.ndarray, time: np.ndarray, risk: np.ndarray, strata: Sequence[object] | np.ndarray
) -> float:
    """Harrell's concordance over pairs inside one stratum only, all strata's pairs counted together.

    A pooled figure over cancer types mostly tells the types apart; this one cannot.

    Parameters
    ----------
    event, time, risk
        As in :func:`harrell_c`.
    strata
        The stratum of each sample, shape (n,). Strata without a comparable pair add nothing.
    """
    from sksurv.exceptions import NoComparablePairException
    from sksurv.metrics import concordance_index_censored

    event, time, risk = np.asarray(event, dtype=bool), np.asarray(time, dtype=float), np.asarray(risk, dtype=float)
    strata = np.asarray(strata)
    right = pairs = 0.0
    for stratum in np.unique(strata):
        rows = strata == stratum
        if rows.sum() < 2 or not event[rows].any():
            continue
        try:
            with np.errstate(invalid="ignore"):
                _, concordant, discordant, tied, _ = concordance_index_censored(event[rows], time[rows], risk[rows])
        except NoComparablePairException:
            continue
        right += concordant + tied / 2
        pairs += concordant + discordant + tied
    return right / pairs if pairs else np.nan


def ipcw_c(
    event_train: np.ndarray,
    time_train: np.ndarray,
    event: np.ndarray,
    time: np.ndarray,
    risk: np.ndarray,
    *,
    tau: float | None = None,
) -> float:
    """Uno's concordance, its pairs weighted by the inverse probability of censoring in the training cohort.

    NaN where there is no comparable pair.

    Parameters
    ----------
    event_train, time_train
        The cohort from which the censoring distribution is estimated.
    event, time, risk
        As in :func:`harrell_c`.
    tau
        Pairs whose earlier time is later than this do not count; `None` takes the last training time. Samples followed
        for longer than anyone in training are counted as censored at the last training time, where the weights end.

    References
    ----------
    Uno et al. (2011). On the C-statistics for evaluating overall adequacy of risk prediction procedures with censored
    survival data. Statistics in Medicine.
    """
    from sksurv.exceptions import NoComparablePairException
    from sksurv.metrics import concordance_index_ipcw

    train, test = within_follow_up(event_train, time_train, event, time)
    if not test["event"].any():
        return np.nan
    try:
        return float(concordance_index_ipcw(train, test, np.asarray(risk), tau=tau)[0])
    except NoComparablePairException:
        return np.nan


def within_follow_up(
    event_train: np.ndarray, time_train: np.ndarray, event: np.ndarray, time: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Both cohorts as scikit-survival has them, the second censored at the last training time, where weights end."""
    from sksurv.util import Surv

    event_train, time_train = np.asarray(event_train, dtype=bool), np.asarray(time_train, dtype=float)
    last = float(np.max(time_train))
    event = np.asarray(event, dtype=bool) & (np.asarray(time) < last)
    time = np.minimum(np.asarray(time, dtype=float), last)
    return Surv.from_arrays(event_train, time_train), Surv.from_arrays(event, time)
