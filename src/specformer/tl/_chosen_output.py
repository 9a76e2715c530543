"""Which output of a head is attributed: a class against others, a target in its own unit, or a log hazard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from specformer._checks import require_one_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from specformer.model import Head


def chosen_output(head: Head, label: str | None, against: str | None) -> Callable[[torch.Tensor], torch.Tensor]:
    """From a sample's raw outputs (n_labels,) to their weights in what is attributed; errors for what a head has not."""
    import torch

    for name, value in (("label", label), ("against", against)):
        if value is not None:
            require_one_of(name, value, head.labels)
    is_class = head.task == "classification"
    if (against is not None and not is_class) or (against is not None and against == label):
        msg = (
            f"`against` is {against!r}; expected another class than `label` of a classification, this is a {head.task}."
        )
        raise ValueError(msg)
    if label is None and not is_class and len(head.labels) > 1:
        msg = f"This head has {len(head.labels):,} targets; say which with `label`, such as {shown(head.labels, 3)}."
        raise ValueError(msg)

    def choose(raw: torch.Tensor) -> torch.Tensor:
        weights = torch.zeros_like(raw)
        if not is_class:
            at = head.labels.index(label) if label else 0
            weights[at] = head.target_scale[at] if head.task == "regression" else 1.0
            return weights
        if label is None and against is not None:
            raw = raw.clone()
            raw[head.labels.index(against)] = -torch.inf
        at = int(raw.argmax()) if label is None else head.labels.index(label)
        others = [k for k in range(len(raw)) if k != at] if against is None else [head.labels.index(against)]
        weights[others] = -1 / len(others)
        weights[at] = 1.0
        return weights / head.temperature.to(raw.device)

    return choose
