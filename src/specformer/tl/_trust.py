"""How far a vector can be trusted when part of the vocabulary is missing: the checkpoint's own measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

COVERAGE = "coverage.csv"
"""Made by `sf.bench.coverage_curve`; a checkpoint may lack it."""
DOUBTFUL = 0.9
"""Below this cosine to the vector from all genes, for one sample in twenty, a cohort's user is warned."""


def expected_cosine(checkpoint: Path, coverage: float) -> tuple[float, float] | None:
    """Cosine to the vector from all genes at this coverage: mean, and 5th percentile over samples; None if unknown."""
    path = checkpoint / COVERAGE
    if not path.is_file():
        return None
    curve = pd.read_csv(path).sort_values("coverage")
    # With all genes a vector is itself; below the smallest share that was measured, nothing better is known.
    at = np.append(curve["coverage"], 1.0)
    return tuple(float(np.interp(coverage, at, np.append(curve[name], 1.0))) for name in ("cosine", "low"))  # type: ignore[return-value]


def doubt(trust: tuple[float, float] | None, coverage: float) -> str | None:
    """The warning that a cohort with this coverage deserves, if any."""
    if trust is None or trust[1] >= DOUBTFUL:
        return None
    return (
        f"Only {coverage:.1%} of the checkpoint's genes are at hand. Random sets of as many genes gave vectors whose cosine "
        f"to the vector from all genes was {trust[0]:.2f} in the mean and below {trust[1]:.2f} for one sample in twenty."
    )
