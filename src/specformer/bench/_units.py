"""Axis 5: other units, other pipelines, other gene names; the same sample twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer._keys import CANCER_TYPE, PATIENT
from specformer.bench._cohorts import LENGTH
from specformer.bench._readouts import logistic
from specformer.bench._score import label_scores, mean_score
from specformer.bench._tasks import merged, tumour_types, type_readout
from specformer.metrics import row_cosine, same_sample_top1
from specformer.pp import to_scheme

if TYPE_CHECKING:
    from collections.abc import Iterator

    from specformer.bench._cohorts import Cohorts
    from specformer.bench._representation import Representation
    from specformer.bench._score import Score

SCHEMES = ("cpm", "tpm", "fpkm", "uq", "log2tpm0.001")


def units(representation: Representation, cohorts: Cohorts) -> Iterator[Score]:
    """Labels learnt in one scheme and asked in another; whether a sample finds itself across schemes."""
    if "htseq" in cohorts:
        yield from _other_pipeline(representation, cohorts)
    if "htseq" in cohorts and LENGTH in cohorts["htseq"].var:
        yield from _made_from_counts(representation, cohorts)
    if "expected_count" in cohorts and "fpkm" in cohorts:
        yield from _counts_to_fpkm(representation, cohorts)
    yield from _same_samples(representation, cohorts)


def _other_pipeline(representation: Representation, cohorts: Cohorts) -> Iterator[Score]:
    """Trained on the panel's logarithms under symbols, asked raw counts under Ensembl ids."""
    task, fitted, adata = tumour_types(cohorts), representation.on("panel"), cohorts["htseq"]
    labels = merged(adata.obs[CANCER_TYPE.name])
    asked = cohorts.part("htseq", "test") & np.isin(labels, task.labels[task.train])
    predicted = type_readout(fitted, task)(fitted.of("htseq", asked)[asked])
    patients = adata.obs[PATIENT.name].astype(str).to_numpy()[asked]
    yield from label_scores("htseq", "HTSeq counts, Ensembl ids", patients, labels[asked], predicted)


def _made_from_counts(representation: Representation, cohorts: Cohorts) -> Iterator[Score]:
    """Schemes made from raw counts, against the raw counts."""
    task, fitted, adata = tumour_types(cohorts), representation.on("panel"), cohorts["htseq"]
    asked = adata[cohorts.part("htseq", "test"), adata.var[LENGTH] > 0]
    patients = asked.obs[PATIENT.name].astype(str).to_numpy()
    counts, predict = fitted(asked), type_readout(fitted, task)
    for scheme in SCHEMES:
        other = fitted(to_scheme(asked, scheme, lengths=LENGTH, copy=True))
        yield from _agreement("htseq", f"counts against {scheme}", patients, counts, other)
        flipped = predict(counts) != predict(other)
        yield mean_score("htseq", f"counts against {scheme}", "label flips", patients, flipped)


def _counts_to_fpkm(representation: Representation, cohorts: Cohorts) -> Iterator[Score]:
    """Tissues learnt from expected counts, asked of FPKM."""
    fitted, obs = representation.on("panel"), cohorts["expected_count"].obs
    labels, train = obs["cohort"].astype(str).to_numpy(), cohorts.part("expected_count", "train")
    asked = cohorts.part("expected_count", "test") & np.isin(labels, labels[train])
    predict = logistic(fitted.of("expected_count", train)[train], labels[train])
    other = cohorts["fpkm"][obs.index[asked]]
    predicted = predict(fitted(other))
    patients = obs[PATIENT.name].astype(str).to_numpy()[asked]
    yield from label_scores("rnaseqdb", "expected counts to FPKM", patients, labels[asked], predicted)


def _same_samples(representation: Representation, cohorts: Cohorts) -> Iterator[Score]:
    fitted = representation.on("panel")
    for first, second in cohorts.pairs("test"):
        name = "RSEM counts against FPKM" if "cohort" in first.obs else "HTSeq against RSEM"
        patients = first.obs[PATIENT.name].astype(str).to_numpy()
        yield from _agreement("same samples", name, patients, fitted(first), fitted(second))


def _agreement(cohort: str, condition: str, patients: np.ndarray, A: np.ndarray, B: np.ndarray) -> Iterator[Score]:
    yield mean_score(cohort, condition, "same sample top-1", patients, same_sample_top1(A, B))
    yield mean_score(cohort, condition, "cosine", patients, row_cosine(A, B))
