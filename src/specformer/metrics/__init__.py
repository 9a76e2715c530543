"""Figures on plain arrays, and their intervals over patients."""

from specformer.metrics._calibration import expected_calibration_error
from specformer.metrics._classification import (
    accuracy,
    balanced_accuracy,
    classification_table,
    macro_auc,
    macro_f1,
    matthews,
    top_k_accuracy,
    weighted_f1,
)
from specformer.metrics._geometry import effective_rank, spectrum, top_eigenvalue_share
from specformer.metrics._intervals import (
    Interval,
    bootstrap,
    interval,
    paired_interval,
    patient_draws,
    percentile_interval,
)
from specformer.metrics._probe import linear_probe
from specformer.metrics._regression import columnwise_pearson, mean_absolute_error, samplewise_pearson
from specformer.metrics._retrieval import precision_at_k, row_cosine, same_sample_top1
from specformer.metrics._survival import harrell_c, harrell_c_within, ipcw_c
from specformer.metrics._survival_times import cumulative_auc, integrated_brier, survival_table
from specformer.metrics._transfer import centroids, nearest_centroid, procrustes

__all__ = [
    "Interval",
    "accuracy",
    "balanced_accuracy",
    "bootstrap",
    "centroids",
    "classification_table",
    "columnwise_pearson",
    "cumulative_auc",
    "effective_rank",
    "expected_calibration_error",
    "harrell_c",
    "harrell_c_within",
    "integrated_brier",
    "interval",
    "ipcw_c",
    "linear_probe",
    "macro_auc",
    "macro_f1",
    "matthews",
    "mean_absolute_error",
    "nearest_centroid",
    "paired_interval",
    "patient_draws",
    "percentile_interval",
    "precision_at_k",
    "procrustes",
    "row_cosine",
    "same_sample_top1",
    "samplewise_pearson",
    "spectrum",
    "survival_table",
    "top_eigenvalue_share",
    "top_k_accuracy",
    "weighted_f1",
]
