"""A fine-tuned encoder as a checkpoint: what it came from, and who was seen on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from specformer._atomic import atomic_file
from specformer.model import load, save
from specformer.model._checkpoint import MEMBERSHIP
from specformer.model._save import hashed

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from specformer.model import Pretrained, SpecformerForSamples


def save_tuned(
    directory: Path,
    model: SpecformerForSamples,
    base: Pretrained,
    target: object,
    how: dict[str, Any],
    *,
    samples: np.ndarray,
) -> Pretrained:
    """Write `model`, which began as `base` and was tuned to `target` on `samples`, and read it back."""
    saved: Pretrained = load(save(directory, model, base.genes, card=_card(base, target, how)))
    _add_members(saved.path, base.path, samples)
    return saved


def _card(base: Pretrained, target: object, how: dict[str, Any]) -> str:
    return (
        f"# Fine-tuned from {base.path.name}\n\nTo {target!r}, by `sf.train.fine_tune`; the weights it began with have "
        f"SHA-256 {base.sha256}. Best of {how['epochs']} epochs: {how['best_epoch']}.\n"
    )


def _add_members(directory: Path, base: Path, samples: np.ndarray) -> None:
    """Who was seen: in pretraining, and now."""
    known = (base / MEMBERSHIP).read_text(encoding="utf-8").split()[1:] if (base / MEMBERSHIP).is_file() else []
    with atomic_file(directory / MEMBERSHIP) as partial:
        partial.write_text("\n".join(["sha256", *sorted({*known, *hashed(samples)}), ""]), encoding="utf-8")
