"""Representations against axes, in one table."""

from __future__ import annotations

from specformer.bench._checkpoints import checkpoint_embedder, checkpoint_embedders
from specformer.bench._cohorts import Cohorts, divided, read_cohorts
from specformer.bench._linear import LINEAR_REFERENCES
from specformer.bench._representation import Embedder, EmbedderToFit
from specformer.bench._robustness import coverage_curve, robustness
from specformer.bench._run import AXES, run
from specformer.bench._table import markdown
from specformer.bench._trained import TRAINED_REFERENCES, trained_embedders

__all__ = [
    "AXES",
    "LINEAR_REFERENCES",
    "TRAINED_REFERENCES",
    "Cohorts",
    "Embedder",
    "EmbedderToFit",
    "checkpoint_embedder",
    "checkpoint_embedders",
    "coverage_curve",
    "divided",
    "markdown",
    "read_cohorts",
    "robustness",
    "run",
    "trained_embedders",
]
