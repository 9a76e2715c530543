"""Heads on frozen vectors: any column of `obs`, any matrix, any endpoint, in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from specformer._checks import require_one_of
from specformer._keys import PATIENT, WINDOWS, X_SPECFORMER
from specformer._logging import timed
from specformer.model import Head
from specformer.pp._modality import modality
from specformer.train._head_data import read_sides, read_target, read_vectors
from specformer.train._head_descent import descend
from specformer.train._head_linear import fit_linear_map
from specformer.train._head_problem import balanced, learnable, make_problem, read_strata, standardise
from specformer.train._head_reference import figures, set_reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from mudata import MuData

    from specformer.train._head_data import Target
    from specformer.train._head_linear import Problem


def fit_head(
    adata: AnnData | MuData,
    target: str | tuple[str, str],
    *,
    task: Literal["classification", "regression", "survival"] | None = None,
    use_rep: str | None = None,
    aggregator: Literal["mean", "attention", "gated_attention", "transformer"] | None = None,
    groupby: str | None = PATIENT.name,
    strata: str | None = None,
    hidden: Sequence[int] | str = (),
    dropout: float = 0.1,
    class_weight: Literal["balanced"] | None = None,
    min_samples: int = 1,
    unlike_quantile: float = 0.99,
    penalty: float | None = None,
    learning_rate: float = 1e-3,
    weight_decay: float = 1e-2,
    max_epochs: int = 300,
    patience: int = 30,
    batch_size: int | None = None,
    rng: int = 0,
    mod: str | None = None,
) -> Head:
    """Fit a readout of frozen vectors to a label, to numbers, or to survival.

    A linear head of samples' vectors has one best solution, which is computed; its penalty is chosen over five folds of
    the training patients, and its confidence calibrated on what each fold's patients were given without them, beside the
    validation patients. Hidden layers and aggregators are trained by AdamW on the whole training cohort at a time, and
    the epoch that serves validation patients best is kept. The same call gives the same head.

    Parameters
    ----------
    adata
        Samples with vectors, from :func:`~specformer.tl.specformer_embed`.
    target
        A column of `obs` (text or categories are classes, numbers a regression), a matrix of `obsm` or `layers`
        (a regression), or an endpoint: its column of events, `"OS"`, beside which `"OS.time"` has the times, or both
        columns as a pair.
    task
        Where it cannot be told from the target.
    use_rep
        Key of `obsm`; by default the embedding, or its windows where there is an `aggregator`. A head of any other
        matrix, such as `"X_pca"`, belongs to no checkpoint and is used as it is.
    aggregator
        Read the vectors of windows (`specformer_embed(..., windows=True)`), made into one by this. The published way is
        `"gated_attention"` in its text and `"attention"` in its tables.
    groupby
        Column of `obs` that says whose samples these are; None if each is somebody else's.
    strata
        Survival: column of `obs`; only samples of one stratum are at risk together, so that the head says what goes
        beyond, for instance, the tumour type.
    hidden
        Sizes of hidden layers; `()` is a linear head, `"published"` is (512, 256).
    dropout
        While hidden layers are trained.
    class_weight
        `"balanced"`: classes count alike, however many samples they have. Confidences then do too.
    min_samples
        Classes with fewer training samples are left out.
    unlike_quantile
        Classification: samples farther from every class than this share of the validation patients are flagged as
        unlike the training cohort.
    penalty
        Linear heads: weight of half the squared length of the coefficients, beside the mean loss.
    learning_rate, weight_decay, max_epochs, patience
        Of AdamW; `patience` is how many epochs to wait for a better one.
    batch_size
        Samples a step of AdamW; None is all of them. Survival needs all: the risk set is the cohort.
    rng
        Seed of initial weights, dropout and batches.
    mod
        Which modality to take, as in `"rna"`, if `adata` is a MuData.

    Returns
    -------
    A :class:`~specformer.model.Head`, in evaluation mode; its `about` holds the checkpoint it belongs to, how it was
    trained and figures on validation patients. Keep it with :func:`~specformer.model.save_head`. Nothing is written to
    `adata`.

    Raises
    ------
    KeyError
        If there is no such target or matrix.
    ValueError
        If there is nothing to learn: fewer than two classes, no event among training patients, no usable sample, no
        validation patient where one is needed; or if a patient is on both sides.

    Notes
    -----
    `obs["split"]` says who is `"train"` and `"val"`; samples of other sides are not looked at. Without it, the hash of a
    patient's name decides. Samples without the label, the endpoint or a time are left out, as are times of zero or
    less; the head says how many.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(90, groups=["ACC", "STAD"])
    >>> sf.tl.specformer_embed(adata)  # doctest: +SKIP
    >>> head = sf.train.fit_head(adata, "cancer_type")  # doctest: +SKIP
    >>> sf.tl.predict_cancer_type(adata, head)  # doctest: +SKIP
    """
    adata = modality(adata, mod)
    use_rep = use_rep or (WINDOWS.name if aggregator else X_SPECFORMER.name)
    found = read_target(adata, target, task)
    require_one_of("task", found.task if task is None else task, (found.task,))
    X, origin = read_vectors(adata, use_rep)
    side, fold, told = read_sides(adata, groupby, found.usable)
    is_train, is_val = (found.usable & (side == name) for name in ("train", "val"))
    found, is_train, is_val = learnable(found, is_train, is_val, min_samples)
    stratum, strata_labels = read_strata(adata, strata, found.task)
    is_linear = aggregator is None and (hidden == "linear" or len(hidden) == 0)
    if batch_size is not None and found.task == "survival":
        msg = "`batch_size` must be None for survival: the risk set of an event is the whole cohort."
        raise ValueError(msg)
    if not is_linear and not is_val.any():
        msg = f"No usable sample is on the validation side ({told}), by which training is stopped. Run `sf.pp.split`."
        raise ValueError(msg)

    with timed(f"fitting a {found.task} head to {target!r} of {int(is_train.sum()):,} samples") as notes:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(rng)
            head = Head(
                found.task, found.labels, X.shape[-1], aggregator=aggregator, hidden=hidden,
                dropout=0.0 if is_linear else dropout,
            )  # fmt: skip
            standardise(head, X[is_train], found, is_train)
            weight = balanced(found.values["label"][is_train], len(found.labels)) if class_weight else None
            train, val = (make_problem(head, X, found, rows, stratum, weight) for rows in (is_train, is_val))
            held_out = None
            if is_linear:
                how, held_out = _fit_linear(head, train, fold[is_train], penalty)
            else:
                how = descend(
                    head, train.single(), val.single(), learning_rate=learning_rate, weight_decay=weight_decay,
                    max_epochs=max_epochs, patience=patience, batch_size=batch_size,
                    rng=torch.Generator().manual_seed(rng),
                )  # fmt: skip
        set_reference(head, train, val, unlike_quantile, held_out)
        metrics = figures(head, val) if is_val.any() else {}
        head.about = {
            "use_rep": use_rep,
            **origin,
            "training": {
                "target": list(target) if isinstance(target, tuple) else target,
                "n_train": int(is_train.sum()),
                "n_validation": int(is_val.sum()),
                "left_out": found.left_out,
                "split": told,
                "groupby": groupby,
                "strata": strata,
                "strata_labels": strata_labels,
                "class_weight": class_weight,
                "unlike_quantile": unlike_quantile if found.task == "classification" else None,
                **_counts(found, is_train),
                **how,
            },
            "metrics": {"validation": metrics},
        }
        left_out = ", ".join(f"{n:,} {reason}" for reason, n in found.left_out.items() if n)
        if left_out:
            notes.append(f"left out: {left_out}")
        notes.append(", ".join(f"{name} {value:.4g}" for name, value in (how | metrics).items() if value is not None))
    return head


@torch.no_grad()
def _fit_linear(
    head: Head, train: Problem, fold: np.ndarray, penalty: float | None
) -> tuple[dict[str, Any], torch.Tensor | None]:
    standardised = train._replace(x=(train.x - head.mean) / head.scale)
    fit = fit_linear_map(standardised, fold, penalty)
    layer: Any = head.layers[0]
    layer.weight.copy_(fit.map.weight)
    layer.bias.copy_(fit.map.bias)
    return {"penalty": fit.penalty}, fit.held_out


def _counts(found: Target, is_train: np.ndarray) -> dict[str, Any]:
    """What training samples had: classes, or events."""
    if found.task == "classification":
        counts = np.bincount(found.values["label"][is_train], minlength=len(found.labels)).tolist()
        return {"n_by_class": dict(zip(found.labels, counts, strict=True))}
    return {"n_events": int(found.values["event"][is_train].sum())} if found.task == "survival" else {}
