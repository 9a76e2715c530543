"""What the trainer shuffles and carries around: bare numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.utils.data import Dataset

if TYPE_CHECKING:
    import numpy as np


class Items(Dataset):
    """Bare numbers; what stands behind them, the objective fetches by the batch."""

    def __init__(self, items: np.ndarray) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> int:
        return int(self.items[index])


def collate(batch: list[int]) -> dict[str, torch.Tensor]:
    """A batch of items as the trainer carries it around."""
    return {"items": torch.tensor(batch, dtype=torch.int64)}
