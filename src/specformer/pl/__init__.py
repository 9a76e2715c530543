"""Pictures of what is in an AnnData or a table."""

from __future__ import annotations

from specformer.pl._bench import bench
from specformer.pl._training import training

__all__ = ["bench", "training"]
