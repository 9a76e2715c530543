"""fp32 products on the CPU by the faster of two libraries, where both are exact."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import torch

from specformer.model._backend import matmul_precision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import TrainingArguments


@contextmanager
def cpu_products(args: TrainingArguments) -> Iterator[None]:
    """Train with oneDNN's products on a CPU in fp32, where a self-test finds them to be full fp32.

    torch hands them to MKL, which reaches less than half of the speed on AMD. Unlike in inference, speed is not
    tried: the choice would depend on how busy the machine is, and with it the last bits of a resumed run.
    """
    if args.device.type != "cpu" or args.bf16 or args.fp16 or not onednn_is_exact():
        yield
        return
    with matmul_precision("medium"):
        yield


@cache
def onednn_is_exact() -> bool:
    """Whether matmul precision "medium" is full fp32 here; with bfloat16 matrix units it is not."""
    rng = torch.Generator().manual_seed(0)
    x, w = (torch.randn(n, 256, generator=rng) for n in (64, 128))
    exact = x.double() @ w.T.double()
    with matmul_precision("medium"):
        error = float(((x @ w.T) - exact).abs().max() / exact.abs().max())
    return error < 1e-6
