"""Heads with hidden layers or an aggregator: AdamW until validation patients are served no better."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch

from specformer._settings import settings

if TYPE_CHECKING:
    from specformer.model import Head
    from specformer.train._head_linear import Problem


def descend(
    head: Head,
    train: Problem,
    val: Problem,
    *,
    learning_rate: float,
    weight_decay: float,
    max_epochs: int,
    patience: int,
    batch_size: int | None,
    rng: torch.Generator,
) -> dict[str, Any]:
    """Fit `head` in place, keep its best epoch, and say how it went."""
    from tqdm.auto import tqdm

    optimizer = torch.optim.AdamW(head.parameters(), lr=learning_rate, weight_decay=weight_decay)
    best, best_epoch, kept = float("inf"), 0, deepcopy(head.state_dict())
    bar = tqdm(range(1, max_epochs + 1), unit="epoch", disable=not settings.progress, leave=False)
    for epoch in bar:
        head.train()
        order = torch.randperm(len(train.x), generator=rng)
        for rows in order.split(batch_size or len(order)):
            optimizer.zero_grad()
            batch = train.at(rows.sort().values)
            batch.loss(head(batch.x)).backward()
            torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
            optimizer.step()
        head.eval()
        with torch.no_grad():
            loss = float(val.loss(head(val.x)))
        bar.set_postfix(validation=f"{loss:.4f}")
        if loss < best:
            best, best_epoch, kept = loss, epoch, deepcopy(head.state_dict())
        elif epoch - best_epoch >= patience:
            break
    bar.close()
    head.load_state_dict(kept)
    head.eval()
    return {"epochs": epoch, "best_epoch": best_epoch, "validation_loss": best}
