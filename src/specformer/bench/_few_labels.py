"""Axis 2: the tumour type from one, five or ten labelled tumours of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer.bench._score import mean_score
from specformer.bench._tasks import tumour_types
from specformer.metrics import nearest_centroid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from specformer.bench._cohorts import Cohorts
    from specformer.bench._representation import Representation
    from specformer.bench._score import Score

N_LABELS = (1, 5, 10)
N_DRAWS = 10


def few_labels(representation: Representation, cohorts: Cohorts) -> Iterator[Score]:
    """Nearest centroid by cosine, ten draws of the labelled tumours."""
    task = tumour_types(cohorts)
    Z = representation.on("panel").of("panel", task.train | task.test)
    members = [np.flatnonzero(task.train & (task.labels == label)) for label in np.unique(task.labels[task.train])]
    for k in N_LABELS:
        rng = np.random.default_rng(k)
        hits = []
        for _ in range(N_DRAWS):
            chosen = np.concatenate([rng.choice(rows, k, replace=False) for rows in members])
            hits.append(nearest_centroid(Z[chosen], task.labels[chosen], Z[task.test]) == task.labels[task.test])
        yield mean_score("panel", f"{k} a type", "accuracy", task.patients[task.test], np.array(hits))
