"""From ranks to vectors, batch by batch, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from specformer._logging import logger
from specformer._settings import settings
from specformer.tl._memory import ran_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np

    from specformer.model import Pretrained


class Encoded(NamedTuple):
    """What comes out of the model for a few samples."""

    rows: slice
    vectors: np.ndarray
    """float32 (n, n_dims)."""
    windows: np.ndarray | None
    """float32 (n, n_windows, hidden_size); None where the layers were bypassed."""
    attention: np.ndarray | None
    """float32 (n, n_windows); None where the layers were bypassed."""
    starts: np.ndarray
    """int64 (n_windows,): first rank of each window."""


def encode_ranks(
    ranks: Iterable[tuple[slice, np.ndarray, np.ndarray]],
    pretrained: Pretrained,
    genes: np.ndarray,
    *,
    max_windows: int | None = None,
    bypass_layers: bool = False,
    batch_size: int | Literal["auto"] = "auto",
    device: str = "auto",
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto",
) -> Iterator[Encoded]:
    """Encode blocks of (rows, ranks among `genes`, number of them above zero), in order, a batch at a time.

    The last bits of a sum can depend on the shape of the batch. Batches are cut from the first row of each block, so
    that blocks which begin at the same rows give the same bits.
    """
    import torch

    from specformer.model import GenePanel, fast_inference

    model = pretrained.model.to(find_device(device))
    panel = GenePanel(model, pretrained.genes, genes)
    starts = panel.starts[:max_windows]
    size = (16 if model.device.type == "cpu" else 64) if batch_size == "auto" else batch_size
    if size < 1:
        msg = f"`batch_size` is {batch_size!r}; expected a number of samples, or 'auto'."
        raise ValueError(msg)
    with torch.no_grad(), fast_inference(model, dtype="float32" if dtype == "auto" else dtype) as encode:
        for rows, block_ranks, n_expressed in ranks:
            start = 0
            while start < len(block_ranks):
                part = slice(start, start + size)
                try:
                    inputs = panel.inputs(block_ranks[part], n_expressed[part], starts=starts, layers=not bypass_layers)
                    output = model(**inputs, bypass_layers=bypass_layers, encode=encode)
                except (MemoryError, RuntimeError) as error:
                    size = min(size, len(block_ranks) - start) // 2
                    if size == 0 or not ran_out_of_memory(error):
                        raise
                    logger.warning("Memory ran out; going on with batch_size=%d.", size)
                    continue
                at = slice(rows.start + start, rows.start + start + len(output.vector))
                windows, attention = (
                    None if values is None else values.float().cpu().numpy()
                    for values in (output.window_vectors, output.weights)
                )
                yield Encoded(at, output.vector.float().cpu().numpy(), windows, attention, starts)
                start += size


def require_windows(max_windows: int | None) -> None:
    """Raise a ValueError unless this is a number of windows, or None for all."""
    if max_windows is not None and max_windows < 1:
        msg = f"`max_windows` is {max_windows!r}; expected at least 1, or None for all."
        raise ValueError(msg)


def find_device(device: str) -> str:
    """The device to run on, for `"auto"` what `sf.settings.device` says, or the first that there is."""
    import torch

    device = settings.device if device == "auto" else device
    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
