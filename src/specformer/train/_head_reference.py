"""What a fitted head keeps of the cohort it was fitted to: its confidence, its classes' places, its baseline hazard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from specformer._logging import logger
from specformer.metrics import (
    accuracy,
    balanced_accuracy,
    columnwise_pearson,
    expected_calibration_error,
    harrell_c,
    samplewise_pearson,
)

if TYPE_CHECKING:
    from specformer.model import Head
    from specformer.train._head_linear import Problem

MIN_TO_CALIBRATE = 20
RIDGE = 0.1
"""Added to every direction: this share of the mean variance, times dimensions over samples."""


@torch.no_grad()
def set_reference(
    head: Head, train: Problem, val: Problem, unlike_quantile: float, held_out: torch.Tensor | None = None
) -> None:
    """All that a head of its task keeps; `held_out` are raw outputs for training samples from maps fitted without them."""
    if head.task == "classification":
        set_places(head, train.x.numpy(), train.y["label"].numpy())
        set_threshold(head, (val if len(val.x) else train).x.numpy(), unlike_quantile)
        asked = [(_raw(head, val).double(), val.y["label"])] if len(val.x) else []
        asked += [] if held_out is None else [(held_out, train.y["label"])]
        if asked:
            set_temperature(head, *(torch.cat(parts) for parts in zip(*asked, strict=True)))
    elif head.task == "survival":
        head.target_mean.fill_(float(_raw(head, train).mean()))
        event, time, stratum = (train.y[name].numpy() for name in ("event", "time", "stratum"))
        set_baseline(head, head.predict(train.x.numpy())[:, 0], event, time, stratum)


def _raw(head: Head, problem: Problem) -> torch.Tensor:
    return torch.from_numpy(head.in_double(problem.x.numpy(), lambda h, x: h(x)))


def set_temperature(head: Head, logits: torch.Tensor, label: torch.Tensor) -> None:
    """The one number that logits are divided by, for the likelihood of patients that the head was not fitted to.

    References
    ----------
    Guo, Pleiss, Sun, Weinberger (2017). On calibration of modern neural networks. ICML.
    """
    from scipy.optimize import minimize_scalar

    if len(label) < MIN_TO_CALIBRATE:
        logger.warning(
            "Only %d validation samples: confidences are not calibrated (at least %d).", len(label), MIN_TO_CALIBRATE
        )
        return

    def loss(log_temperature: float) -> float:
        return float(torch.nn.functional.cross_entropy(logits / np.exp(log_temperature), label))

    head.temperature.fill_(float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x)))


def set_places(head: Head, X: np.ndarray, label: np.ndarray) -> None:
    """Class centroids, and the metric of the pooled spread around them.

    Its ridge is small on purpose. Shrinkage for the least error of a covariance (Ledoit-Wolf) fills up directions in which
    a class hardly varies, and in those directions normal tissue differs from a tumour.
    """
    features = head.in_double(X, lambda h, x: h.features(x)).astype(np.float64)
    centroids = np.stack([features[label == k].mean(axis=0) for k in range(len(head.labels))])
    around = features - centroids[label]
    spread = around.T @ around / len(around)
    ridge = RIDGE * spread.shape[0] / len(around) * np.trace(spread) / len(spread)
    variance, axes = np.linalg.eigh(spread + ridge * np.eye(len(spread)))
    # A direction without any spread would make the least step infinitely far.
    whitening = axes / np.sqrt(np.maximum(variance, 1e-6 * variance.max()))
    head.whitening = torch.from_numpy(whitening.astype(np.float32))
    head.centroids = torch.from_numpy((centroids @ whitening).astype(np.float32))


def set_threshold(head: Head, X: np.ndarray, quantile: float) -> None:
    """The distance beyond which a sample is unlike the training cohort: a quantile over validation patients."""
    head.threshold = torch.tensor(float(np.quantile(head.distance(X), quantile)))


def set_baseline(head: Head, risk: np.ndarray, event: np.ndarray, time: np.ndarray, stratum: np.ndarray) -> None:
    """Cumulative baseline hazard of each stratum, by Breslow's estimator, at risk 0.

    A stratum without an event has none: nothing is known of its hazard but that it was not seen.

    References
    ----------
    Breslow (1972), in the discussion of Cox's paper.
    """
    times, hazards, of = [], [], []
    for one in np.unique(stratum[event]):
        rows = stratum == one
        at, hazard = breslow(event[rows], time[rows], risk[rows])
        times.append(at)
        hazards.append(hazard)
        of.append(np.full(len(at), one))
    head.baseline_time = torch.from_numpy(np.concatenate(times).astype(np.float32))
    head.baseline_hazard = torch.from_numpy(np.concatenate(hazards).astype(np.float32))
    head.baseline_stratum = torch.from_numpy(np.concatenate(of).astype(np.int64))


def breslow(event: np.ndarray, time: np.ndarray, risk: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Times of events and the last time of follow-up, ascending, and the cumulative baseline hazard there."""
    order = np.argsort(time, kind="stable")
    event, time, weight = event[order], time[order], np.exp(risk[order])
    at = np.unique(np.append(time[event], time[-1]))
    at_risk = np.append(np.cumsum(weight[::-1])[::-1], 0.0)[np.searchsorted(time, at, side="left")]
    n_events = np.array([(event & (time == t)).sum() for t in at])
    return at, np.cumsum(n_events / at_risk)


def figures(head: Head, problem: Problem) -> dict[str, float | None]:
    """How a head does on samples, in its task's figures; None where there is no such figure."""
    predicted = head.predict(problem.x.numpy())
    y = {name: value.numpy() for name, value in problem.y.items()}
    if head.task == "classification":
        codes = range(len(head.labels))
        guess = predicted.argmax(axis=1)
        found = {
            "accuracy": accuracy(y["label"], guess),
            "balanced_accuracy": balanced_accuracy(y["label"], guess),
            "expected_calibration_error": expected_calibration_error(y["label"], predicted, codes),
        }
    elif head.task == "regression":
        standardised = (predicted - head.target_mean.numpy()) / head.target_scale.numpy()
        by_sample, by_target = (
            samplewise_pearson(y["value"], standardised),
            columnwise_pearson(y["value"], standardised),
        )
        found = {
            "samplewise_pearson": _mean(by_sample),
            "columnwise_pearson": _mean(by_target),
            "mean_absolute_error": float(np.abs(y["value"] - standardised).mean()),
        }
    else:
        found = {"harrell_c": harrell_c(y["event"], y["time"], predicted[:, 0])}
    return {name: float(value) if np.isfinite(value) else None for name, value in found.items()}


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else np.nan
