"""The tidy table as Markdown for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterator

LOWER_IS_BETTER = ("label flips", "Procrustes disparity")
NO_BETTER = ("effective rank", "top eigenvalue", "C pooled, type alone")


def markdown(results: pd.DataFrame) -> str:
    """One table for each axis: conditions and metrics down, representations across, intervals in every cell.

    Parameters
    ----------
    results
        From :func:`run`.

    Returns
    -------
    GitHub-flavoured Markdown. A figure is bold where its paired difference to the reference is better than zero over
    the whole interval, and struck through where it is worse.
    """
    references = [name for name in results["reference"].unique() if name]
    about = "Values with 95 % intervals over patients (percentile bootstrap)."
    if references:
        about += (
            f" Bold: better than {references[0]} over the whole interval of the paired difference; struck through: "
            "worse."
        )
    return "\n\n".join([about, *_sections(results)]) + "\n"


def _sections(results: pd.DataFrame) -> Iterator[str]:
    names = list(dict.fromkeys(results["representation"]))
    for axis, rows in results.groupby("axis", sort=False):
        lines = ["| | n | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
        for (condition, metric), row in rows.groupby(["condition", "metric"], sort=False):
            of = {line.representation: line for line in row.itertuples()}
            cells = [_cell(of[name]) if name in of else "" for name in names]
            lines.append(f"| {condition}: {metric} | {row['n'].iloc[0]:,} | " + " | ".join(cells) + " |")
        yield f"### {str(axis)[0].upper()}{str(axis)[1:]}\n\n" + "\n".join(lines)


def _cell(line: object) -> str:
    value, low, high, metric = (getattr(line, field) for field in ("value", "low", "high", "metric"))
    digits = 1 if metric == "effective rank" else 3
    text = f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
    edges = np.array([getattr(line, "difference_low"), getattr(line, "difference_high")])  # noqa: B009
    edges = -edges[::-1] if metric in LOWER_IS_BETTER else edges
    if metric in NO_BETTER or pd.isna(edges).any():
        return text
    return f"**{text}**" if edges[0] > 0 else f"~~{text}~~" if edges[1] < 0 else text
