"""Whether an error says that memory ran out, by whatever name."""

from __future__ import annotations


def ran_out_of_memory(error: Exception) -> bool:
    """True for numpy's, Python's and torch's errors; on a CPU, torch has no class of its own for it."""
    import torch

    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(
        words in str(error) for words in ("can't allocate memory", "not enough memory", "bad_alloc")
    )
