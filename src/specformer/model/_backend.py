"""Faster inference at the same numbers, by three public switches of torch and transformers.

On processors whose fp32 products go to a slow library (MKL on AMD), torch's matmul precision "medium" hands them to
oneDNN; without bfloat16 matrix units that is still full fp32, which a self-test checks before it is used. Attention is
computed head by head, so that its weights stay in the cache and use the same kernels. Windows are shared out among
threads of which each computes alone: no thread waits for another inside a product, and a sample's vector does not
depend on how many threads there are or on which samples stand beside it.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from functools import cache, partial
from time import thread_time
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from specformer._checks import require_one_of
from specformer._logging import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from specformer.model._encoder import SpecformerModel
    from specformer.model._samples import SpecformerForSamples

# What one product is given: more leaves the second-level cache, less pays more for calls than for arithmetic.
WINDOWS_AT_ONCE = {"float32": 4, "bfloat16": 8, "float16": 8}
TOLERANCE = 1e-5
ATTENTION = "specformer_by_head"
LOG2_E = 1 / math.log(2)


@contextmanager
def fast_inference(
    model: SpecformerForSamples,
    *,
    dtype: Literal["float32", "bfloat16", "float16"] = "float32",
    n_threads: int | None = None,
) -> Iterator[Callable[..., torch.Tensor]]:
    """Yield the fastest `encode` for `model(..., encode=encode)` that keeps its numbers, on the model's device.

    Parameters
    ----------
    model
        In evaluation mode; as it was afterwards.
    dtype
        Precision of the encoder. `"float32"` differs from the plain encoder by at most 1e-5; the halves are opt-in
        and cost about two digits. Pooling and the anchor stay float32.
    n_threads
        Threads on the CPU; None takes torch's. Results do not depend on it.

    Yields
    ------
    A function from (input_ids, scores, attention_mask, query) of samples to window vectors, float32
    (n, n_windows, hidden_size). It computes no gradient.
    """
    require_one_of("dtype", dtype, ("float32", "bfloat16", "float16"))
    with ExitStack() as stack:
        encoder = model.specformer
        if dtype != "float32":
            encoder = deepcopy(encoder).to(getattr(torch, dtype))
        if encoder.device.type != "cpu":
            yield partial(_encode_at_once, encoder)
            return
        n_threads = n_threads or torch.get_num_threads()
        if dtype != "float32" or onednn_is_faster():
            stack.enter_context(_attention(encoder, ATTENTION))
        if dtype == "float32" and onednn_is_faster():
            stack.enter_context(matmul_precision("medium"))
        pool = stack.enter_context(_workers(n_threads))
        yield partial(_encode_by_sample, encoder, pool, WINDOWS_AT_ONCE[dtype])


@cache
def onednn_is_faster() -> bool:
    """Whether matmul precision "medium" is both exact and faster on this machine; tried once, in milliseconds."""
    generator = torch.Generator().manual_seed(0)
    x, w = (torch.randn(n, 512, generator=generator) for n in (1024, 512))
    exact = x.double() @ w.T.double()
    times: dict[str, list[float]] = {"highest": [], "medium": []}
    for _ in range(5):
        for precision, taken in times.items():
            with matmul_precision(precision):
                start = thread_time()
                product = x @ w.T
                taken.append(thread_time() - start)
    error = float((product - exact).abs().max() / exact.abs().max())
    gain = min(times["highest"]) / max(min(times["medium"]), 1e-9)
    logger.debug("oneDNN products: %.2fx the default's speed, relative error %.1e", gain, error)
    is_exact = error < TOLERANCE / 10
    if not is_exact:
        logger.info(
            "    the fast products of this processor are not exact (%.1e): torch's default ones are used", error
        )
    return is_exact and gain > 1.1


def attention_by_head(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention without a mask, one head of one window at a time; with a mask, torch's own. Inference only."""
    if attention_mask is not None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
    n, n_heads, size, head_size = query.shape
    query = query * ((head_size**-0.5 if scaling is None else scaling) * LOG2_E)
    # Cauchy and Schwarz bound the logits. Small ones need no shift by their maximum before the exponential, nor a pass
    # that divides all weights: the few sums divide the output instead.
    is_small = query.dtype != torch.float16 and _longest(query) * _longest(key) < 60
    output, weights = query.new_empty(n, size, n_heads, head_size), query.new_empty(size, size)
    for i in range(n):
        for j in range(n_heads):
            torch.mm(query[i, j], key[i, j].T, out=weights)
            if is_small:
                torch.exp2(weights, out=weights)
                sums = weights.sum(dim=-1, keepdim=True)
                torch.div(weights @ value[i, j], sums, out=output[i, :, j])
            else:
                torch.mm((weights / LOG2_E).softmax(dim=-1), value[i, j], out=output[i, :, j])
    return output, None


def _longest(vectors: torch.Tensor) -> float:
    return float(vectors.float().norm(dim=-1).max())


AttentionInterface.register(ATTENTION, attention_by_head)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)


@torch.no_grad()
def _encode_at_once(encoder: SpecformerModel, *inputs: torch.Tensor | None) -> torch.Tensor:
    return encoder.encode_samples(*cast(Any, inputs))


def _encode_by_sample(
    encoder: SpecformerModel,
    pool: ThreadPoolExecutor,
    n_at_once: int,
    input_ids: torch.Tensor,
    scores: torch.Tensor | None = None,
    attention_mask: torch.Tensor | None = None,
    query: torch.Tensor | None = None,
) -> torch.Tensor:
    n, n_windows, _ = input_ids.shape

    def encode(chunk: tuple[slice, slice]) -> torch.Tensor:
        windows = [None if x is None else x[chunk] for x in (input_ids, scores, attention_mask)]
        return _encode_at_once(encoder, *windows, None if query is None else query[chunk[0]])[0]

    # A chunk never holds windows of two samples, so that no product's shape depends on the batch.
    starts = range(0, n_windows, n_at_once)
    chunks = [(slice(i, i + 1), slice(at, at + n_at_once)) for i in range(n) for at in starts]
    return torch.cat(list(pool.map(encode, chunks))).unflatten(0, (n, n_windows))


@contextmanager
def _workers(n_threads: int) -> Iterator[ThreadPoolExecutor]:
    before = torch.get_num_threads()
    with ThreadPoolExecutor(n_threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            yield pool
        finally:
            # A worker's setting is its own, except that threads started later would inherit it.
            torch.set_num_threads(before)


@contextmanager
def matmul_precision(precision: str) -> Iterator[None]:
    """Set how torch multiplies float32, and set it back."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextmanager
def _attention(encoder: SpecformerModel, implementation: str) -> Iterator[None]:
    before = encoder.config._attn_implementation
    encoder.set_attn_implementation(implementation)
    try:
        yield
    finally:
        encoder.set_attn_implementation(before)
