"""Axis 3: the tumour type where the sample lacks genes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer.bench._gene_panels import PAM50
from specformer.bench._perturb import N_DRAWS, draw_genes
from specformer.bench._score import mean_score
from specformer.bench._tasks import tumour_types, type_readout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from specformer.bench._cohorts import Cohorts
    from specformer.bench._representation import Representation
    from specformer.bench._score import Score

SHARES_MISSING = (0.5, 0.8, 0.95)


def missing_genes(representation: Representation, cohorts: Cohorts) -> Iterator[Score]:
    """The readout of whole training samples, asked about samples with fewer genes: three random draws, a real panel."""
    panel, task = cohorts["panel"], tumour_types(cohorts)
    asked = panel[task.test]
    draws = {
        f"{share:.0%} missing": [draw_genes(panel, 1 - share, np.random.default_rng(i)) for i in range(N_DRAWS)]
        for share in SHARES_MISSING
    }
    real = panel.var_names[panel.var_names.isin(PAM50)].to_numpy()
    if len(real):
        draws[f"PAM50 ({len(real)} genes)"] = [real]
    for condition, gene_lists in draws.items():
        hits = []
        for genes in gene_lists:
            fitted = representation.at_hand("panel", genes)
            hits.append(type_readout(fitted, task)(fitted(asked[:, genes])) == task.labels[task.test])
        yield mean_score("panel", condition, "accuracy", task.patients[task.test], np.array(hits))
