"""Representations against axes, in one table."""

from __future__ import annotations

from specformer.bench._cohorts import Cohorts, divided, read_cohorts
from specformer.bench._linear import LINEAR_REFERENCES
from specformer.bench._run import AXES, run

__all__ = ["AXES", "LINEAR_REFERENCES", "Cohorts", "divided", "read_cohorts", "run"]
