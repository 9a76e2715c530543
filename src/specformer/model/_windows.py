"""Windows over a sample's ranks: where they start, and how they are seen without a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch

if TYPE_CHECKING:
    Sequences = TypeVar("Sequences", np.ndarray, torch.Tensor)


def window_starts(n_ranks: int, size: int, stride: int) -> np.ndarray:
    """First rank of each window; the last window is flush with the end of the ranks.

    Parameters
    ----------
    n_ranks
        Length of the sequence.
    size, stride
        Ranks in a window and between starts.

    Returns
    -------
    int64 (n_windows,), increasing. A sequence that is no longer than a window has one start, 0.

    Examples
    --------
    >>> window_starts(1_100, 512, 256).tolist()
    [0, 256, 512, 588]
    """
    if n_ranks < 1 or size < 1 or not 1 <= stride <= size:
        msg = f"Found {n_ranks} ranks, windows of {size} and stride {stride}; all must be positive, stride <= size."
        raise ValueError(msg)
    last = max(n_ranks - size, 0)
    return np.append(np.arange(0, last, stride, dtype=np.int64), last)


def window_view(sequences: Sequences, size: int) -> Sequences:
    """Every window of `sequences` (..., n_ranks) as a view (..., n_ranks - size + 1, size): `[..., start, :]`.

    Nothing is copied until windows are taken from it, `view[rows, starts]`. NumPy arrays and tensors alike.
    """
    if isinstance(sequences, torch.Tensor):
        return sequences.unfold(-1, size, 1)
    return np.lib.stride_tricks.sliding_window_view(sequences, size, axis=-1)


def take_windows(
    sequences: torch.Tensor, starts: np.ndarray, *, size: int, fill: float
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The windows of a batch at `starts`, and the mask of what is real.

    Parameters
    ----------
    sequences
        Tokens or scores in the order of ranks, (n, n_ranks).
    starts
        From `window_starts`.
    size
        Ranks in a window.
    fill
        What pads a sequence that is shorter than a window.

    Returns
    -------
    Windows (n, n_windows, size), and None where all positions are real, else bool (n, n_windows, size).
    """
    n_ranks = sequences.shape[-1]
    if n_ranks >= size:
        return window_view(sequences, size)[:, torch.as_tensor(starts, device=sequences.device)], None
    padded = torch.nn.functional.pad(sequences, (0, size - n_ranks), value=fill)
    is_real = torch.arange(size, device=sequences.device) < n_ranks
    return padded[:, None], is_real.expand(len(sequences), 1, size)
