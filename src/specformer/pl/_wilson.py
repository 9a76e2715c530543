"""The interval of a share that was counted."""

from __future__ import annotations

import numpy as np

Z = 1.959964
"""Of a 95 % interval."""


def wilson(n_hits: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end of Wilson's (1927) 95 % interval of `n_hits / n`; within 0 and 1 even for few samples."""
    n_hits, n = np.asarray(n_hits, float), np.asarray(n, float)
    center = (n_hits + Z**2 / 2) / (n + Z**2)
    half = Z / (n + Z**2) * np.sqrt(n_hits * (n - n_hits) / n + Z**2 / 4)
    return np.maximum(center - half, 0), np.minimum(center + half, 1)
