"""Gradient descent under a budget of steps, of minutes of processor time, or of whichever ends first."""

from __future__ import annotations

from math import cos, pi
from time import process_time
from typing import TYPE_CHECKING

import torch

from specformer._settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from specformer.baselines._trained import TrainedBaseline


def descend(
    model: TrainedBaseline, samples: torch.Tensor, *, steps: int | None, minutes: float | None, rng: torch.Generator
) -> list[float]:
    """Fit `model` in place to prepared samples and give its first loss at every step.

    AdamW, warmed up over the first twentieth of the budget, then along a cosine to zero.
    """
    from tqdm.auto import tqdm

    optimizers = [
        torch.optim.AdamW(part, lr=model.learning_rate, betas=model.betas, weight_decay=0.01) for part in model.parts()
    ]
    history: list[float] = []
    bar = tqdm(total=100, unit="%", desc=type(model).__name__, disable=not settings.progress, leave=False)
    for done in spent(steps, minutes):
        rate = model.learning_rate * min(1, 20 * done + 0.05) * (1 + cos(pi * done)) / 2
        rows = torch.randperm(len(samples), generator=rng, device=rng.device)[: model.batch_size].cpu()
        losses = model.losses(samples[rows].to(rng.device), rng, done)
        for i, (optimizer, loss) in enumerate(zip(optimizers, losses, strict=True)):
            # One part's loss leaves gradients in the others, which are not its to move.
            model.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            if i == 0:
                history.append(loss.item())
        bar.update(int(100 * done) - bar.n)
        bar.set_postfix(loss=f"{history[-1]:.4f}")
    bar.close()
    return history


def spent(steps: int | None, minutes: float | None) -> Iterator[float]:
    """The share of the budget that is spent before each step, from 0 until it reaches 1.

    Minutes are those of the processor, so that a machine that is shared gives everybody the same.
    """
    if not (steps or minutes) or (steps or 1) < 0 or (minutes or 1) < 0:
        msg = f"Found `steps={steps}` and `minutes={minutes}`; at least one must be given, and above 0."
        raise ValueError(msg)
    start, step = process_time(), 0
    while True:
        by_steps = step / steps if steps else 0.0
        by_time = (process_time() - start) / (60 * minutes) if minutes else 0.0
        done = max(by_steps, by_time)
        # Even the shortest time is one step.
        if step and done >= 1:
            return
        yield min(done, 1.0)
        step += 1
