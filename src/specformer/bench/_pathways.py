"""Axis 8: activities of pathways, predicted by ridge regression."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from specformer._atomic import atomic_file
from specformer._keys import PATIENT
from specformer._settings import settings
from specformer.baselines import ssgsea
from specformer.bench._perturb import linear
from specformer.bench._readouts import ridge
from specformer.bench._score import Score, mean_score
from specformer.metrics import columnwise_pearson, samplewise_pearson

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from specformer.bench._cohorts import Cohorts
    from specformer.bench._representation import Representation

MIN_GENES = 1


def pathways(representation: Representation, cohorts: Cohorts) -> Iterator[Score]:
    """Single-sample enrichment of every gene set on the wide cohort, z-scored on training samples."""
    adata, train, test = cohorts["wide"], cohorts.part("wide", "train"), cohorts.part("wide", "test")
    Z = representation.on("wide").of("wide", train | test)
    targets = _enrichment(linear(adata), adata.var_names.to_numpy(str), cohorts.gene_sets)
    sd = targets[train].std(axis=0)
    targets = ((targets - targets[train].mean(axis=0)) / np.where(sd > 0, sd, 1))[:, sd > 0]
    predicted, truth = ridge(Z[train], targets[train])(Z[test]), targets[test]
    patients = adata.obs[PATIENT.name].astype(str).to_numpy()[test]
    condition = f"{targets.shape[1]:,} sets"
    yield mean_score("wide", condition, "sample-wise Pearson", patients, samplewise_pearson(truth, predicted))
    yield Score(
        "wide",
        condition,
        "pathway-wise Pearson",
        patients,
        lambda rows: float(np.nanmean(columnwise_pearson(truth[rows], predicted[rows]))),
    )


def _enrichment(X: np.ndarray, genes: np.ndarray, gene_sets: Mapping[str, list[str]]) -> np.ndarray:
    """Enrichment scores, kept under the cache directory by the content they were computed from."""
    content = sha256(np.ascontiguousarray(X, dtype=np.float32).tobytes())
    content.update("\n".join([*genes, *(f"{name}:{','.join(chosen)}" for name, chosen in gene_sets.items())]).encode())
    stored = settings.cachedir / "bench" / f"ssgsea-{content.hexdigest()[:16]}.npy"
    if stored.is_file():
        return np.load(stored)
    scores = ssgsea(X, genes, gene_sets, min_size=MIN_GENES).to_numpy()
    with atomic_file(stored) as written:
        np.save(written, scores)
    return scores
