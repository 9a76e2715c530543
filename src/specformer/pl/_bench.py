"""The benchmark as a picture: every figure with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

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

    Returns
    -------
    The figure; nothing is written.

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
    import matplotlib.pyplot as plt

    shown = results[results["metric"].isin(metrics)]
    shown = shown if axes is None else shown[shown["axis"].isin(axes)]
    if shown.empty:
        msg = f"Nothing to draw: `results` has axes {results['axis'].unique().tolist()}, and none has {list(metrics)}."
        raise ValueError(msg)
    names = list(dict.fromkeys(shown["representation"]))
    panels = [(str(axis), rows) for axis, rows in shown.groupby("axis", sort=False)]
    lines = [rows.groupby(["condition", "metric"], sort=False).ngroups for _, rows in panels]
    figure, grid = plt.subplots(
        len(panels), figsize=(width, 0.16 * len(names) * sum(lines) + 0.7 * len(panels) + 0.6), squeeze=False,
        height_ratios=lines, layout="constrained",
    )  # fmt: skip
    colors = plt.get_cmap("tab10" if len(names) <= 10 else "tab20").colors  # type: ignore[attr-defined]
    for ax, (axis, rows) in zip(grid[:, 0], panels, strict=True):
        labels = []
        for place, (label, line) in enumerate(rows.groupby(["condition", "metric"], sort=False)):
            labels.append(": ".join(label))
            for k, name in enumerate(names):
                of = line[line["representation"] == name]
                y = np.full(len(of), place + 0.8 * ((k + 0.5) / len(names) - 0.5))
                ax.hlines(y, of["low"], of["high"], color=colors[k % len(colors)], linewidth=1.5)
                ax.plot(of["value"], y, "o", color=colors[k % len(colors)], markersize=3.5, label=name)
        ax.set_yticks(range(len(labels)), labels)
        ax.set_ylim(len(labels) - 0.5, -0.5)
        ax.set_title(axis, loc="left", fontweight="bold")
        ax.grid(axis="x", alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    handles, texts = grid[0, 0].get_legend_handles_labels()
    unique = dict(zip(texts, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside lower center", ncols=min(len(names), 3), frameon=False)
    return figure
