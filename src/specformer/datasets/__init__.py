"""Where cohorts come from."""

from __future__ import annotations

from specformer.datasets._gene_table import gene_table
from specformer.datasets._simulated import simulated_cohort

__all__ = ["gene_table", "simulated_cohort"]
