"""TrainingArguments: our defaults, and what must hold whatever the user asks for."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainingArguments

from specformer._settings import settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULTS: dict[str, Any] = {
    "per_device_train_batch_size": 64,
    "per_device_eval_batch_size": 64,
    "num_train_epochs": 10,
    "learning_rate": 5e-4,
    "lr_scheduler_type": "cosine",
    "warmup_steps": 0.05,  # below 1: a share of all steps
    "weight_decay": 0.01,
    "adam_beta2": 0.98,
    "max_grad_norm": 1.0,
    "logging_steps": 50,
    "eval_strategy": "steps",
    "eval_steps": 500,
    "save_strategy": "steps",
    "save_steps": 500,
    "save_total_limit": 3,
    "seed": 0,
    # Nothing is sent anywhere unless asked for, such as "tensorboard".
    "report_to": [],
    # A batch is a slice of an array in memory: workers would only copy it.
    "dataloader_num_workers": 0,
    # A loss that is not a number is to be seen, not smoothed over.
    "logging_nan_inf_filter": False,
    # Every parameter takes part in every loss; looking for idle ones costs a pass over the graph.
    "ddp_find_unused_parameters": False,
}


def training_arguments(args: TrainingArguments | Mapping[str, Any] | None, output_dir: str | Path) -> TrainingArguments:
    """What the user asks for on top of our defaults.

    A `TrainingArguments` passes as it is, but for what the trainer cannot do without; a mapping overrides defaults.
    """
    if isinstance(args, TrainingArguments):
        args = copy.copy(args)
        args.output_dir = str(output_dir)
    else:
        chosen = DEFAULTS | _by_device() | dict(args or {})
        if chosen["eval_strategy"] == "no":
            chosen.pop("eval_steps", None)
        args = TrainingArguments(output_dir=str(output_dir), **chosen)
    # Validation would gather logits of all positions and genes for metrics that the objective computes by itself.
    args.prediction_loss_only = True
    # The batch holds items, which are no arguments of the model's `forward` and would be removed.
    args.remove_unused_columns = False
    if args.data_seed is None:
        # The order of samples then depends on nothing but the run's seed and the epoch.
        args.data_seed = args.seed
    if args.n_gpu > 1:
        # Several devices in one process would be DataParallel, which splits what the objective has already drawn.
        # All of them are used by `torchrun --nproc-per-node`.
        args._n_gpu = 1
    return args


def _by_device() -> dict[str, Any]:
    cpu = settings.device == "cpu" or (settings.device == "auto" and not torch.cuda.is_available())
    return {
        "use_cpu": cpu,
        "bf16": not cpu and torch.cuda.is_bf16_supported(),
        "dataloader_pin_memory": not cpu,
        "disable_tqdm": not settings.progress,
    }
