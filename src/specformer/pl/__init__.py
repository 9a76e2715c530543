"""Pictures of what is in an AnnData or a table."""

from __future__ import annotations

from specformer.pl._bench import bench

__all__ = ["bench"]
