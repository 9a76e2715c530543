"""Axis 9: the shape of the cloud of held-out samples. Not a quality: read it beside an untrained network and PCA."""

from __future__ import annotations

from typing import TYPE_CHECKING

from specformer._keys import PATIENT
from specformer.bench._score import Score
from specformer.metrics import effective_rank, top_eigenvalue_share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from specformer.bench._cohorts import Cohorts
    from specformer.bench._representation import Representation


def geometry(representation: Representation, cohorts: Cohorts) -> Iterator[Score]:
    """Effective rank and share of the first eigenvalue."""
    test = cohorts.part("panel", "test")
    Z = representation.on("panel").of("panel", test)[test]
    patients = cohorts["panel"].obs[PATIENT.name].astype(str).to_numpy()[test]
    yield Score("panel", "held-out samples", "effective rank", patients, lambda rows: effective_rank(Z[rows]))
    yield Score("panel", "held-out samples", "top eigenvalue", patients, lambda rows: top_eigenvalue_share(Z[rows]))
