"""Axis 7: survival of held-out patients, over all types and within one type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer.bench._readouts import cox
from specformer.bench._score import Score
from specformer.bench._tasks import tumour_types
from specformer.metrics import harrell_c, harrell_c_within

if TYPE_CHECKING:
    from collections.abc import Iterator

    from specformer.bench._cohorts import Cohorts
    from specformer.bench._representation import Representation

ENDPOINTS = ("OS", "PFI")


def survival(representation: Representation, cohorts: Cohorts) -> Iterator[Score]:
    """Ridge Cox on the vectors, beside a Cox that knows the tumour type and nothing else.

    Samples without the endpoint or with a time of zero are left out.
    """
    task, obs = tumour_types(cohorts), cohorts["panel"].obs
    Z = representation.on("panel").of("panel", task.train | task.test)
    for endpoint in ENDPOINTS:
        event, time = (obs[column].to_numpy(dtype=float) for column in (endpoint, f"{endpoint}.time"))
        usable = np.isfinite(event) & np.isfinite(time) & (time > 0)
        train, test = task.train & usable, task.test & usable
        if not (event[train] == 1).any() or not (event[test] == 1).any():
            continue
        happened, types = event == 1, task.labels
        risk = cox(Z[train], happened[train], time[train])(Z[test])
        within = cox(Z[train], happened[train], time[train], strata=types[train])(Z[test])
        one_hot = (types[:, None] == np.unique(types[train])).astype(float)
        of_type = cox(one_hot[train], happened[train], time[train])(one_hot[test])
        yield from _scores(
            endpoint, task.patients[test], happened[test], time[test], types[test], risk, within, of_type
        )


def _scores(
    endpoint: str,
    patients: np.ndarray,
    event: np.ndarray,
    time: np.ndarray,
    types: np.ndarray,
    risk: np.ndarray,
    within: np.ndarray,
    of_type: np.ndarray,
) -> Iterator[Score]:
    yield Score("panel", endpoint, "C pooled", patients, lambda r: harrell_c(event[r], time[r], risk[r]))
    yield Score("panel", endpoint, "C pooled, type alone", patients, lambda r: harrell_c(event[r], time[r], of_type[r]))
    yield Score(
        "panel", endpoint, "C within type", patients, lambda r: harrell_c_within(event[r], time[r], within[r], types[r])
    )
