"""Pictures of what is in an AnnData or a table."""

from __future__ import annotations

from specformer.pl._abstention import abstention
from specformer.pl._attention import attention
from specformer.pl._bench import bench, comparison
from specformer.pl._calibration import calibration
from specformer.pl._confusion import confusion
from specformer.pl._order import order
from specformer.pl._pathways import pathways
from specformer.pl._robustness import robustness
from specformer.pl._survival import survival
from specformer.pl._training import training
from specformer.pl._transfer import transfer
from specformer.pl._weights import weights

__all__ = [
    "abstention",
    "attention",
    "bench",
    "calibration",
    "comparison",
    "confusion",
    "order",
    "pathways",
    "robustness",
    "survival",
    "training",
    "transfer",
    "weights",
]
