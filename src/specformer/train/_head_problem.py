"""From what a user has to what a head can be fitted to: enough classes or events, standardised, as tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from specformer._checks import require_key, shown
from specformer.train._head_linear import Problem

if TYPE_CHECKING:
    from anndata import AnnData

    from specformer.model import Head
    from specformer.train._head_data import Target


def learnable(
    found: Target, is_train: np.ndarray, is_val: np.ndarray, min_samples: int
) -> tuple[Target, np.ndarray, np.ndarray]:
    """Classes that training has, and an error where there is nothing to learn."""
    if found.task == "survival" and not found.values["event"][is_train].any():
        msg = f"None of the {int(is_train.sum()):,} training samples has an event of {found.labels[0]!r}: all are censored."
        raise ValueError(msg)
    if found.task != "classification":
        return found, is_train, is_val
    label = found.values["label"]
    counts = np.bincount(label[is_train], minlength=len(found.labels))
    kept = np.flatnonzero(counts >= max(min_samples, 1))
    if len(kept) < 2:
        msg = (
            f"Found {len(kept)} class(es) with {max(min_samples, 1)} or more training samples "
            f"({shown([found.labels[k] for k in kept])}); expected at least two."
        )
        raise ValueError(msg)
    number = np.full(len(found.labels) + 1, -1)
    number[kept] = np.arange(len(kept))
    label = number[label]
    n_rare = int(((label < 0) & found.usable).sum())
    found = found._replace(
        labels=[found.labels[k] for k in kept], values={"label": label}, usable=label >= 0,
        left_out=found.left_out | {"of a class that is too rare in training": n_rare},
    )  # fmt: skip
    return found, is_train & found.usable, is_val & found.usable


def read_strata(adata: AnnData, strata: str | None, task: str) -> tuple[np.ndarray, list[str] | None]:
    """The number of each sample's stratum, and the strata's names."""
    if strata is None:
        return np.zeros(adata.n_obs, int), None
    if task != "survival":
        msg = f"`strata` is for survival; this is a {task}."
        raise ValueError(msg)
    column = require_key(adata, "obs", strata, run=f"adata.obs[{strata!r}] = ...")
    names, number = np.unique(column.astype(str).to_numpy(str), return_inverse=True)
    return number, names.tolist()


def standardise(head: Head, X: np.ndarray, found: Target, is_train: np.ndarray) -> None:
    """Put into the head the mean and spread of training vectors and targets."""
    flat = X.reshape(-1, X.shape[-1]).astype(np.float64)
    if not np.isfinite(flat).all():
        msg = "The vectors hold NaN or infinite values."
        raise ValueError(msg)
    mean, sd = flat.mean(axis=0), flat.std(axis=0)
    head.mean = torch.from_numpy(mean.astype(np.float32))
    head.scale = torch.from_numpy(np.where(sd > 1e-6 * (1 + np.abs(mean)), sd, 1).astype(np.float32))
    if found.task == "regression":
        value = found.values["value"][is_train]
        sd = value.std(axis=0)
        head.target_mean = torch.from_numpy(value.mean(axis=0).astype(np.float32))
        head.target_scale = torch.from_numpy(np.where(sd > 0, sd, 1).astype(np.float32))


def make_problem(
    head: Head, X: np.ndarray, found: Target, rows: np.ndarray, stratum: np.ndarray, class_weight: torch.Tensor | None
) -> Problem:
    """Raw vectors for a head that standardises them itself, beside targets in its terms."""
    y = {name: torch.from_numpy(value[rows]) for name, value in found.values.items()}
    if found.task == "regression":
        y["value"] = (y["value"] - head.target_mean) / head.target_scale
    if found.task == "survival":
        y["stratum"] = torch.from_numpy(stratum[rows])
    return Problem(found.task, torch.from_numpy(X[rows].astype(np.float64)), y, len(found.labels), class_weight)


def balanced(label: np.ndarray, n_classes: int) -> torch.Tensor:
    """Weights by which every class counts alike, 1 in the mean over samples."""
    return torch.from_numpy(len(label) / (n_classes * np.bincount(label, minlength=n_classes)))
