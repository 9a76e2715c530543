"""The benchmark as pictures: every figure with its interval, and its difference to the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer.pl._canvas import write
from specformer.pl._groups import palette

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure

HEADLINES = (
    "accuracy",
    "precision@1",
    "same sample top-1",
    "C within type",
    "sample-wise Pearson",
    "pathway-wise Pearson",
)


def bench(
    results: pd.DataFrame,
    *,
    axes: Sequence[str] | None = None,
    metrics: Sequence[str] = HEADLINES,
    width: float = 8.0,
    save: str | Path | None = None,
) -> Figure:
    """Draw a forest plot of a benchmark: one panel for each axis, one line for each condition and metric.

    Parameters
    ----------
    results
        From `sf.bench.run`: columns `axis`, `condition`, `metric`, `representation`, `value`, `low`, `high`.
    axes
        Which axes to draw; all that have one of `metrics` by default.
    metrics
        Which metrics to draw.
    width
        Width of the figure in inches; its height follows from the lines.
    save
        Also write the figure to this file.

    Returns
    -------
    The figure.

    Raises
    ------
    ValueError
        If `results` has none of the axes and metrics.

    Examples
    --------
    >>> import pandas as pd, specformer as sf
    >>> row = dict(axis="depth", condition="1M reads", metric="accuracy", value=0.9, low=0.85, high=0.94)
    >>> sf.pl.bench(pd.DataFrame([row | {"representation": name} for name in ("PCA-128", "mine")])).axes[0].get_title(
    ...     "left"
    ... )
    'depth'
    """
    return _forest(_shown(results, axes, metrics), ("value", "low", "high"), width, save)


def comparison(
    results: pd.DataFrame,
    *,
    axes: Sequence[str] | None = None,
    metrics: Sequence[str] = HEADLINES,
    width: float = 8.0,
    save: str | Path | None = None,
) -> Figure:
    """Draw the paired differences of a benchmark to its reference: a forest plot around zero.

    Two intervals that overlap say little about the difference of two figures on the same patients; its own interval does.

    Parameters
    ----------
    results
        From `sf.bench.run` with a `reference`: columns `axis`, `condition`, `metric`, `representation`, `reference`,
        `difference`, `difference_low`, `difference_high`.
    axes
        Which axes to draw; all that have one of `metrics` by default.
    metrics
        Which metrics to draw.
    width
        Width of the figure in inches; its height follows from the lines.
    save
        Also write the figure to this file.

    Returns
    -------
    The figure. An interval that reaches over the line at zero is no difference.

    Raises
    ------
    ValueError
        If `results` has none of the axes and metrics, or no differences.

    Examples
    --------
    >>> import pandas as pd, specformer as sf
    >>> row = dict(axis="depth", condition="1M reads", metric="accuracy", representation="mine", reference="PCA-128")
    >>> row |= dict(difference=0.02, difference_low=-0.01, difference_high=0.05)
    >>> sf.pl.comparison(pd.DataFrame([row])).axes[0].get_xlabel()
    'difference to PCA-128'
    """
    columns = ("difference", "difference_low", "difference_high")
    shown = _shown(results, axes, metrics)
    if missing := [name for name in ("reference", *columns) if name not in shown]:
        msg = f"`results` has no column {', '.join(map(repr, missing))}. Run `sf.bench.run(..., reference=...)`."
        raise ValueError(msg)
    shown = shown[shown["difference"].notna() & (shown["representation"] != shown["reference"])]
    if shown.empty:
        msg = "Nothing to draw: no figure has a difference to a reference. Run `sf.bench.run(..., reference=...)`."
        raise ValueError(msg)
    figure = _forest(shown, columns, width, None)
    for ax in figure.axes:
        ax.axvline(0, color="black", linewidth=0.8, zorder=1)
    figure.axes[-1].set_xlabel(f"difference to {shown['reference'].iloc[0]}")
    write(figure, save)
    return figure


def _shown(results: pd.DataFrame, axes: Sequence[str] | None, metrics: Sequence[str]) -> pd.DataFrame:
    shown = results[results["metric"].isin(metrics)]
    shown = shown if axes is None else shown[shown["axis"].isin(axes)]
    if shown.empty:
        msg = f"Nothing to draw: `results` has axes {results['axis'].unique().tolist()}, and none has {list(metrics)}."
        raise ValueError(msg)
    return shown


def _forest(shown: pd.DataFrame, columns: tuple[str, str, str], width: float, save: str | Path | None) -> Figure:
    """A panel an axis, a line a condition and metric, a point with its interval a representation."""
    import matplotlib.pyplot as plt

    value, low, high = columns
    names = list(dict.fromkeys(shown["representation"]))
    panels = [(str(axis), rows) for axis, rows in shown.groupby("axis", sort=False)]
    lines = [rows.groupby(["condition", "metric"], sort=False).ngroups for _, rows in panels]
    figure, grid = plt.subplots(
        len(panels), figsize=(width, 0.16 * len(names) * sum(lines) + 0.7 * len(panels) + 0.6), squeeze=False,
        height_ratios=lines, layout="constrained",
    )  # fmt: skip
    colors = palette(len(names))
    drawn = {}
    for ax, (axis, rows) in zip(grid[:, 0], panels, strict=True):
        labels = []
        for place, (label, line) in enumerate(rows.groupby(["condition", "metric"], sort=False)):
            labels.append(": ".join(label))
            for k, name in enumerate(names):
                of = line[line["representation"] == name]
                y = np.full(len(of), place + 0.8 * ((k + 0.5) / len(names) - 0.5))
                ax.hlines(y, of[low], of[high], color=colors[k], linewidth=1.5)
                (drawn[name],) = ax.plot(of[value], y, "o", color=colors[k], markersize=3.5, label=name)
        ax.set_yticks(range(len(labels)), labels)
        ax.set_ylim(len(labels) - 0.5, -0.5)
        ax.set_title(axis, loc="left", fontweight="bold")
        ax.grid(axis="x", alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    figure.legend(
        [drawn[name] for name in names], names, loc="outside lower center", ncols=min(len(names), 3), frameon=False
    )
    write(figure, save)
    return figure
