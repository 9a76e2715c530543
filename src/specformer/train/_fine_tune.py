"""Fine-tuning: an encoder that moves with the head on it, kept as a checkpoint of its own."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from specformer._checks import require_one_of
from specformer._keys import PATIENT, SPECFORMER, WINDOWS, X_SPECFORMER
from specformer._logging import logger, timed
from specformer._settings import settings
from specformer.model import Head, load, load_head, save_head
from specformer.model._head_files import HEADS
from specformer.pp._modality import modality
from specformer.train._fit_head import fit_head
from specformer.train._head_data import read_sides, read_target
from specformer.train._head_problem import balanced, learnable, make_problem, read_strata
from specformer.train._head_reference import figures, set_reference
from specformer.train._store import rank_store
from specformer.train._tuned_checkpoint import save_tuned
from specformer.train._tuning import Encoding, let_move, tune

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from mudata import MuData

    from specformer.model import Pretrained

SAMPLES_A_STEP = {"survival": 64}
"""The risk set of an event is the samples of its step; 16 for other tasks."""


def fine_tune(
    adata: AnnData | MuData,
    target: str | tuple[str, str],
    *,
    directory: str | Path,
    model: str | Path | Pretrained | None = None,
    name: str | None = None,
    lora: int | None = None,
    task: Literal["classification", "regression", "survival"] | None = None,
    aggregator: Literal["mean", "attention", "gated_attention", "transformer"] | None = "gated_attention",
    groupby: str | None = PATIENT.name,
    strata: str | None = None,
    hidden: Sequence[int] | str = (),
    dropout: float = 0.1,
    class_weight: Literal["balanced"] | None = None,
    min_samples: int = 1,
    unlike_quantile: float = 0.99,
    learning_rate: float = 1e-4,
    head_learning_rate: float = 1e-3,
    weight_decay: float = 1e-2,
    max_epochs: int = 10,
    patience: int = 3,
    batch_size: int | None = None,
    n_windows: int | None = 4,
    layer: str | None = None,
    gene_key: str | None = None,
    device: str = "auto",
    rng: int = 0,
    mod: str | None = None,
) -> Head:
    """Train the encoder together with a head on it, and keep both as a new checkpoint.

    First a head is fitted to the frozen encoder, as by :func:`fit_head`; from there both move, by AdamW, until validation
    patients are served no better. If they never are, the frozen head is what is kept, and the log says so. The linear
    anchor of a checkpoint stays as it is.

    Parameters
    ----------
    adata
        Samples with expression, on any scale and with any gene names; they need no embedding.
    target, task, groupby, strata, hidden, dropout, class_weight, min_samples, unlike_quantile
        As for :func:`fit_head`.
    directory
        Where the new checkpoint goes, with the head under `heads/`.
    model
        What to start from: name, directory, or loaded. None is the checkpoint that comes with the package.
    name
        Of the head; by default the target's.
    lora
        Train matrices of this rank beside the layers' own instead of all weights (LoRA), with
        `pip install "specformer[lora]"`. They are added to the weights in the end: the new checkpoint is like any other.
    aggregator
        Read the vectors of windows, made into one by this; None reads the vector of the sample, which a checkpoint with
        an anchor hardly lets the encoder move where thousands of genes are at hand.
    learning_rate, head_learning_rate, weight_decay, max_epochs, patience
        Of AdamW; `patience` is how many epochs to wait for a better one.
    batch_size
        Samples a step: by default 16, and 64 for survival, where those of a step are at risk together. Validation
        patients are at risk all together.
    n_windows
        How many windows of each sample a step draws; None reads all. Validation reads all.
    layer, gene_key
        Where expression and gene names are.
    device
        Where to train; `"auto"` takes a GPU if there is one.
    rng
        Seed of initial weights, dropout, batches and windows.
    mod
        Which modality to take, as in `"rna"`, if `adata` is a MuData.

    Returns
    -------
    The head, as read back from `directory / "heads" / name`: `sf.tl.predict_*` takes it as it is, or by its name with
    `model=directory`. Nothing is written to `adata`.

    Raises
    ------
    ImportError
        If `lora` is asked for without peft.
    ValueError
        As :func:`fit_head`, and for what `sf.tl.specformer_embed` refuses.

    References
    ----------
    Hu et al. (2022). LoRA: low-rank adaptation of large language models. ICLR. Kumar et al. (2022). Fine-tuning can
    distort pretrained features and underperform out-of-distribution. ICLR. (The head is fitted before the encoder moves.)

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(90, groups=["ACC", "STAD"])
    >>> head = sf.train.fine_tune(adata, "cancer_type", directory="tuned", lora=4)  # doctest: +SKIP
    >>> sf.tl.predict_cancer_type(adata, model="tuned")  # doctest: +SKIP
    """
    adata = modality(adata, mod)
    found = read_target(adata, target, task)
    side, _, told = read_sides(adata, groupby, found.usable)
    is_train, is_val = (found.usable & (side == one) for one in ("train", "val"))
    found, is_train, is_val = learnable(found, is_train, is_val, min_samples)
    stratum, _ = read_strata(adata, strata, found.task)
    require_one_of("lora", lora, (None, *range(1, 257)))
    if not is_val.any():
        msg = f"No usable sample is on the validation side ({told}), by which training is stopped. Run `sf.pp.split`."
        raise ValueError(msg)
    used = np.flatnonzero(is_train | is_val)
    pretrained = load(model) if model is None or isinstance(model, str | Path) else model
    directory, use_rep = Path(directory), WINDOWS.name if aggregator else X_SPECFORMER.name

    with timed(f"fine-tuning {pretrained.path.name} to {target!r} of {int(is_train.sum()):,} samples") as notes:
        store = rank_store(adata, pretrained.genes, rows=is_train | is_val, layer=layer, gene_key=gene_key)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(rng)
            tuned = deepcopy(pretrained.model).to(_device(device))
            merge = let_move(tuned, lora)
            encoding = Encoding.of(tuned, pretrained.genes, store, windows=aggregator is not None)
            X = encoding.all(np.arange(len(used)))
            head = fit_head(
                _frozen(adata, target, used, X, use_rep, pretrained), target, task=task, use_rep=use_rep,
                aggregator=aggregator, groupby=groupby, strata=strata, hidden=hidden, dropout=dropout,
                class_weight=class_weight, min_samples=min_samples, unlike_quantile=unlike_quantile, max_epochs=100, rng=rng,
            )  # fmt: skip
            rows = tuple(np.flatnonzero(which[used]) for which in (is_train, is_val))
            found = found._replace(values={key: value[used] for key, value in found.values.items()})
            weight = balanced(found.values["label"][rows[0]], len(found.labels)) if class_weight else None
            train, val = (make_problem(head, X, found, part, stratum[used], weight) for part in rows)
            how = tune(
                encoding, head, train, val, (rows[0], rows[1]), learning_rate=learning_rate,
                head_learning_rate=head_learning_rate, weight_decay=weight_decay, max_epochs=max_epochs,
                patience=patience, batch_size=batch_size or SAMPLES_A_STEP.get(found.task, 16), n_windows=n_windows,
                rng=np.random.default_rng(rng),
            )  # fmt: skip
            merge()
        if how["best_epoch"] == 0:
            logger.warning("Validation patients were served best before the encoder moved: it is kept as it was.")
        saved = save_tuned(directory, tuned.cpu(), pretrained, target, how, samples=store.samples[rows[0]])
        # What the head keeps of its cohort is that of the encoder which users will load.
        X = Encoding.of(saved.model, saved.genes, store, windows=aggregator is not None).all(np.arange(len(used)))
        train, val = (make_problem(head, X, found, part, stratum[used], weight) for part in rows)
        head.temperature.fill_(1.0)
        set_reference(head, train, val, unlike_quantile)
        metrics = figures(head, val)
        head.about["checkpoint"] = {"name": saved.path.name, "sha256": saved.sha256}
        head.about["training"] |= {
            "left_out": found.left_out, "lora": lora, "n_windows": n_windows, **how,
            "from": {"name": pretrained.path.name, "sha256": pretrained.sha256},
        }  # fmt: skip
        head.about["metrics"] = {"validation": metrics}
        name = name or (target if isinstance(target, str) else target[0])
        head = load_head(save_head(head, directory / HEADS / name))
        notes.append(", ".join(f"{key} {value:.4g}" for key, value in (how | metrics).items() if value is not None))
    return head


def _frozen(
    adata: AnnData, target: str | tuple[str, str], used: np.ndarray, X: np.ndarray, use_rep: str, base: Pretrained
) -> AnnData:
    """The vectors of the encoder as it was, beside all that a head needs."""
    from anndata import AnnData
    from pandas import DataFrame

    frozen = AnnData(obs=adata.obs.iloc[used].copy(), obsm={use_rep: X})
    if isinstance(target, str) and target not in adata.obs:
        if target in adata.obsm:
            values = adata.obsm[target]
            frozen.obsm[target] = values[used] if isinstance(values, np.ndarray) else values.iloc[used]
        else:
            values = adata.layers[target][used]
            values = values if isinstance(values, np.ndarray) else values.toarray()
            frozen.obsm[target] = DataFrame(values, index=frozen.obs_names, columns=adata.var_names)
    params: dict[str, Any] = {key: getattr(base.config, key) for key in ("pooling", "window_embedding")}
    note = {"name": base.path.name, "sha256": base.sha256}
    frozen.uns[SPECFORMER.name] = {"params": params | {"bypass_layers": False}, "checkpoint": note}
    return frozen


def _device(device: str) -> str:
    device = settings.device if device == "auto" else device
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"
