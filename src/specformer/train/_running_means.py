"""Means of figures that are taken batch by batch, over all processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from accelerate import Accelerator


class RunningMeans:
    """Weighted sums so far, kept on the device: nothing waits for them before they are asked for."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[torch.Tensor, int]] = {}

    def add(self, figures: dict[str, torch.Tensor], weight: int) -> None:
        """The figures of one more batch."""
        for name, value in figures.items():
            total, weight_so_far = self._sums.get(name, (torch.zeros_like(value), 0))
            self._sums[name] = (total + value.detach() * weight, weight_so_far + weight)

    def over_all(self, accelerator: Accelerator) -> dict[str, float]:
        """The mean of each figure over the batches of all processes, which ask for it together."""
        means = {}
        for name, (total, weight) in self._sums.items():
            pair = torch.stack([total.float(), torch.as_tensor(float(weight), device=total.device)])
            total_of_all, weight_of_all = accelerator.reduce(pair, reduction="sum").tolist()
            means[name] = total_of_all / weight_of_all
        return means
