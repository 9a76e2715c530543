"""Axis 6: healthy tissue beside tumours, and GTEx beside the normals of TCGA."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer._keys import PATIENT, SAMPLE_TYPE, TISSUE
from specformer.bench._readouts import logistic
from specformer.bench._score import Score, label_scores, mean_score
from specformer.bench._tasks import tissues
from specformer.metrics import centroids, nearest_centroid, precision_at_k, procrustes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from specformer.bench._cohorts import Cohorts
    from specformer.bench._representation import Representation

ORGAN_OF_GTEX = {"Bladder": "bladder", "Cervix": "uterus or cervix", "Kidney": "kidney", "Uterus": "uterus or cervix"}
ORGAN_OF_TCGA = {
    "BLCA": "bladder", "BRCA": "breast", "CESC": "uterus or cervix", "CHOL": "liver", "COAD": "bowel", "ESCA": "oesophagus",
    "HNSC": "head and neck", "KICH": "kidney", "KIRC": "kidney", "KIRP": "kidney", "LIHC": "liver", "LUAD": "lung",
    "LUSC": "lung", "PRAD": "prostate", "READ": "bowel", "STAD": "stomach", "THCA": "thyroid", "UCEC": "uterus or cervix",
}  # fmt: skip


def healthy_tissue(representation: Representation, cohorts: Cohorts) -> Iterator[Score]:
    """Tissue and whether it is tumour; organs of GTEx learnt from TCGA's normals; how alike the two lie."""
    task = tissues(cohorts)
    Z = representation.on("wide").of("wide", np.ones(cohorts["wide"].n_obs, dtype=bool))
    n_classes = len(np.unique(task.labels[task.train]))
    condition = f"{n_classes} tissues, tumour or normal"
    predicted = logistic(Z[task.train], task.labels[task.train])(Z[task.test])
    patients = task.patients[task.test]
    yield from label_scores("wide", condition, patients, task.labels[task.test], predicted)
    hits = precision_at_k(
        Z[task.test], task.labels[task.test], gallery=Z[task.train], gallery_labels=task.labels[task.train]
    )
    yield mean_score("wide", condition, "precision@1", patients, hits)
    yield from _gtex_and_tcga(Z, cohorts)


def _gtex_and_tcga(Z: np.ndarray, cohorts: Cohorts) -> Iterator[Score]:
    obs = cohorts["wide"].obs
    kind, tissue = obs[SAMPLE_TYPE.name].astype(str).to_numpy(), obs[TISSUE.name].astype(str)
    organ = np.where(kind == "GTEX", tissue.map(ORGAN_OF_GTEX), tissue.map(ORGAN_OF_TCGA)).astype(str)
    patients = obs[PATIENT.name].astype(str).to_numpy()
    known, held_out = organ != "nan", cohorts.part("wide", "test")
    teach = known & (kind == "11") & cohorts.part("wide", "train")
    asked = known & (kind == "GTEX") & held_out & np.isin(organ, organ[teach])
    if not asked.any():
        return
    found = nearest_centroid(Z[teach], organ[teach], Z[asked])
    condition = "organs of GTEx from TCGA normals"
    yield mean_score("wide", condition, "accuracy", patients[asked], found == organ[asked])

    # Nothing is fitted to centroids, so that every sample of a shared organ may count.
    normal = known & np.isin(kind, ("11", "GTEX"))
    shared = np.intersect1d(organ[normal & (kind == "11")], organ[normal & (kind == "GTEX")])
    rows = np.flatnonzero(normal & np.isin(organ, shared))
    if len(shared) < 3:
        return

    def disparity(drawn: np.ndarray) -> float:
        chosen = rows[drawn]
        sides = [chosen[kind[chosen] == side] for side in ("11", "GTEX")]
        (first, A), (second, B) = (centroids(Z[side], organ[side]) for side in sides)
        return procrustes(A, B) if np.array_equal(first, second) and len(first) == len(shared) else np.nan

    yield Score("wide", f"centroids of {len(shared)} organs", "Procrustes disparity", patients[rows], disparity)
