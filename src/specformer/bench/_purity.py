"""Axis 10: the tumour type where normal tissue of the same organ is mixed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer._keys import SAMPLE_TYPE, TISSUE
from specformer.bench._perturb import N_DRAWS
from specformer.bench._score import mean_score
from specformer.bench._tasks import merged, tumour_types, type_readout
from specformer.pp import mix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from specformer.bench._cohorts import Cohorts
    from specformer.bench._representation import Representation
    from specformer.bench._score import Score

PURITIES = (0.75, 0.50, 0.25)


def purity(representation: Representation, cohorts: Cohorts) -> Iterator[Score]:
    """The readout of pure training tumours, asked about mixtures of a held-out tumour with a held-out normal."""
    panel, task, fitted = cohorts["panel"], tumour_types(cohorts), representation.on("panel")
    tissue = merged(panel.obs[TISSUE.name])
    normal = (panel.obs[SAMPLE_TYPE.name].astype(str) == "11").to_numpy() & cohorts.part("panel", "test")
    tumours = np.flatnonzero(task.test & np.isin(tissue, tissue[normal]))
    if len(tumours) == 0:
        return
    predict = type_readout(fitted, task)
    rngs = [np.random.default_rng(i) for i in range(N_DRAWS)]
    mates = [[rng.choice(np.flatnonzero(normal & (tissue == tissue[row]))) for row in tumours] for rng in rngs]
    for share in PURITIES:
        hits = [
            predict(fitted(mix(panel[tumours], panel[normals], purity=share, copy=True))) == task.labels[tumours]
            for normals in mates
        ]
        yield mean_score("panel", f"{share:.0%} tumour", "accuracy", task.patients[tumours], np.array(hits))
