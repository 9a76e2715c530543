"""Label tasks that several axes share: who is trained on, who is asked, and what the answer is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from specformer._keys import CANCER_TYPE, IS_TUMOR, PATIENT, SAMPLE_TYPE, TISSUE
from specformer.bench._readouts import logistic

if TYPE_CHECKING:
    from anndata import AnnData

    from specformer.bench._cohorts import Cohorts
    from specformer.bench._readouts import Predict
    from specformer.bench._representation import Fitted

MIN_TRAIN_TUMOURS = 15
MIN_TRAIN_TISSUE = 4
MERGED = {"COAD": "CRC", "READ": "CRC"}


class Task(NamedTuple):
    """A label for each sample of a cohort, and the samples that count, bool (n_obs,) each."""

    labels: np.ndarray
    train: np.ndarray
    test: np.ndarray
    patients: np.ndarray


def merged(column: pd.Series) -> np.ndarray:
    """Labels as text, colon and rectum as one: between the two, pipeline and organ cannot be told apart here."""
    return column.astype(str).replace(MERGED).to_numpy()


def primary_tumours(adata: AnnData) -> np.ndarray:
    """Which samples are primary tumours, bool (n_obs,)."""
    return (adata.obs[SAMPLE_TYPE.name].astype(str) == "01").to_numpy()


def tumour_types(cohorts: Cohorts) -> Task:
    """Tumour types of the panel with 15 or more training tumours."""
    return _frequent(
        cohorts, "panel", merged(cohorts["panel"].obs[CANCER_TYPE.name]), MIN_TRAIN_TUMOURS, primary_only=True
    )


def tissues(cohorts: Cohorts) -> Task:
    """Tissue, tumour or normal, of the wide cohort, with 4 or more training samples."""
    obs = cohorts["wide"].obs
    kind = np.where(obs[IS_TUMOR.name].astype(bool), "tumour", "normal")
    labels = np.array([f"{tissue} {what}" for tissue, what in zip(merged(obs[TISSUE.name]), kind, strict=True)])
    return _frequent(cohorts, "wide", labels, MIN_TRAIN_TISSUE, primary_only=False)


def type_readout(fitted: Fitted, task: Task) -> Predict:
    """The logistic regression of tumour types on whole training samples, fitted once."""
    if "type readout" not in fitted.memo:
        fitted.memo["type readout"] = logistic(fitted.of("panel", task.train)[task.train], task.labels[task.train])
    return fitted.memo["type readout"]


def _frequent(cohorts: Cohorts, name: str, labels: np.ndarray, least: int, *, primary_only: bool) -> Task:
    eligible = primary_tumours(cohorts[name]) if primary_only else np.ones(len(labels), dtype=bool)
    train = eligible & cohorts.part(name, "train")
    counts = pd.Series(labels[train]).value_counts()
    known = np.isin(labels, counts.index[counts >= least])
    test = eligible & known & cohorts.part(name, "test")
    return Task(labels, train & known, test, cohorts[name].obs[PATIENT.name].astype(str).to_numpy())
