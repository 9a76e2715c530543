"""Axis 1: the tumour type of held-out patients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from specformer.bench._score import label_scores, mean_score
from specformer.bench._tasks import tumour_types, type_readout
from specformer.metrics import precision_at_k

if TYPE_CHECKING:
    from collections.abc import Iterator

    from specformer.bench._cohorts import Cohorts
    from specformer.bench._representation import Representation
    from specformer.bench._score import Score


def types(representation: Representation, cohorts: Cohorts) -> Iterator[Score]:
    """Logistic regression, and the nearest training tumour by cosine."""
    task, fitted = tumour_types(cohorts), representation.on("panel")
    Z, labels = fitted.of("panel", task.train | task.test), task.labels
    patients = task.patients[task.test]
    predicted = type_readout(fitted, task)(Z[task.test])
    yield from label_scores("panel", "held-out patients", patients, labels[task.test], predicted)
    hits = precision_at_k(Z[task.test], labels[task.test], gallery=Z[task.train], gallery_labels=labels[task.train])
    yield mean_score("panel", "held-out patients", "precision@1", patients, hits)
