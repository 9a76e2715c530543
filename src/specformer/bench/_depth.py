"""Axis 4: the tumour type at low sequencing depth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer.bench._perturb import N_DRAWS
from specformer.bench._score import mean_score
from specformer.bench._tasks import tumour_types, type_readout
from specformer.pp import thin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from specformer.bench._cohorts import Cohorts
    from specformer.bench._representation import Representation
    from specformer.bench._score import Score

N_READS = {"1M reads": 1_000_000, "100k reads": 100_000, "20k reads": 20_000}


def depth(representation: Representation, cohorts: Cohorts) -> Iterator[Score]:
    """The readout of whole training samples, asked about Poisson counts, three draws.

    The panel holds no counts: its linear upper-quartile expression, brought to the depth, is the expectation drawn from.
    """
    task, fitted = tumour_types(cohorts), representation.on("panel")
    asked, predict = cohorts["panel"][task.test], type_readout(fitted, task)
    for condition, n_reads in N_READS.items():
        drawn = [thin(asked, n_reads, rng=i, copy=True) for i in range(N_DRAWS)]
        hits = [predict(fitted(sample)) == task.labels[task.test] for sample in drawn]
        yield mean_score("panel", condition, "accuracy", task.patients[task.test], np.array(hits))
