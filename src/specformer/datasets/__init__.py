"""Where cohorts come from."""

from __future__ import annotations

from specformer.datasets._simulated import simulated_cohort

__all__ = ["simulated_cohort"]
