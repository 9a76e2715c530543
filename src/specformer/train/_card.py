"""The model card: what was trained, on what, how, for how long, with what result, and what it is not for."""

from __future__ import annotations

import os
import platform
import sys
from typing import TYPE_CHECKING, Any

import torch
import transformers

import specformer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from specformer.train._objective import Objective
    from specformer.train._trainer import ObjectiveTrainer

_N_LINES = 12


def hardware(device: torch.device, n_processes: int) -> str:
    """The machine, in words that hold elsewhere."""
    if device.type == "cuda":
        what = torch.cuda.get_device_name(device)
    else:
        what = f"{platform.machine()} CPU, {torch.get_num_threads()} threads of {os.cpu_count()} cores"
    return f"{n_processes} x {what}" if n_processes > 1 else what


def versions() -> str:
    """What it ran on."""
    return (
        f"specformer {specformer.__version__}, torch {torch.__version__}, transformers {transformers.__version__}, "
        f"Python {platform.python_version()}"
    )


def command() -> str:
    """How this process was started; file names without their folders."""
    return " ".join(word.rsplit("/", 1)[-1] for word in sys.argv) or "python"


def facts_of(
    trainer: ObjectiveTrainer,
    goal: Objective,
    options: Mapping[str, Any],
    *,
    sides: tuple[int, int],
    seconds: float,
    processor_seconds: float,
) -> dict[str, Any]:
    """What a run says of itself: heading -> text or dictionary."""
    args, state, corpus = trainer.args, trainer.state, goal.corpus
    return {
        "Command": f"`{command()}`",
        "Data": {
            "cohorts": "; ".join(
                f"{store.scheme}, {len(store):,} samples x {store.n_genes:,} genes" for store in corpus.stores
            ),
            "training samples": f"{sides[0]:,}",
            "validation samples": f"{sides[1]:,}, of other patients",
            "genes": f"{len(trainer.genes or ()):,}",
            "weighting": corpus.stores[0].weighting,
            "membership": "`membership.csv` holds the SHA-256 of every training sample's name",
        },
        "Training": {
            "objective": f"{goal.name} {dict(options) or ''}".strip(),
            "steps": f"{state.global_step:,}",
            "epochs": f"{state.epoch or 0:.2f}",
            "batch": trainer.get_total_train_batch_size(args),
            "learning rate": f"{args.learning_rate:g}, {getattr(args.lr_scheduler_type, 'value', args.lr_scheduler_type)}",
            "precision": "bf16" if args.bf16 else "fp16" if args.fp16 else "fp32",
            "seed": args.seed,
            "operations": f"{state.total_flos:.3g}, on paper",
            "hardware": hardware(args.device, args.world_size),
            "time": f"{seconds:,.0f} s in the last sitting, {processor_seconds:,.0f} s of the processor",
            "versions": versions(),
        },
        "Limits": "For research. It has seen the cohorts above and no others; judge it on your own before use.",
    }


def model_card(facts: dict[str, Any], history: Sequence[dict[str, float]]) -> str:
    """Text of the card.

    Parameters
    ----------
    facts
        Heading -> text or dictionary, in the order of the card.
    history
        `log_history` of the trainer's state.
    """
    parts = [f"# {facts['name']}", "", str(facts["summary"]), ""]
    for heading, content in facts.items():
        if heading in ("name", "summary"):
            continue
        parts += [f"## {heading}", ""]
        if isinstance(content, dict):
            parts += [f"- {key}: {value}" for key, value in content.items()]
        else:
            parts.append(str(content))
        parts.append("")
    parts += ["## Curve", "", *curve(history), ""]
    return "\n".join(parts)


def curve(history: Sequence[dict[str, float]]) -> list[str]:
    """Validation (of training, where there was none) at up to a dozen steps, as a table."""
    prefix = "eval_" if any("eval_loss" in entry for entry in history) else ""
    entries = [entry for entry in history if f"{prefix}loss" in entry]
    if not entries:
        return ["Nothing was logged."]
    skipped = ("runtime", "per_second", "epoch", "step", "grad_norm", "learning_rate", "preparation_time")
    names = [name for name in entries[0] if name.startswith(prefix) and not name.endswith(skipped)]
    last = len(entries) - 1
    chosen = sorted({round(i * last / (_N_LINES - 1)) for i in range(_N_LINES)})
    rows = [f"| step | {' | '.join(names)} |", f"|---{'|---:' * len(names)}|"]
    for i in chosen:
        entry = entries[i]
        rows.append(f"| {entry['step']:,} | {' | '.join(f'{entry[name]:.4f}' for name in names if name in entry)} |")
    return rows
