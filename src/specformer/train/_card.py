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
    from collections.abc import Sequence

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
