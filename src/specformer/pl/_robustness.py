"""What losses of genes and reads, and changes of unit, do to vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer.pl._canvas import axes_of, finished
from specformer.pl._groups import palette

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from matplotlib.axes import Axes

COLUMNS = ("condition", "metric", "value", "low", "high")


def robustness(card: pd.DataFrame, *, ax: Axes | None = None, save: str | Path | None = None) -> Axes:
    """Draw the robustness card of a checkpoint on a cohort: each condition with its intervals.

    Parameters
    ----------
    card
        From `sf.bench.robustness`: columns `condition`, `metric`, `value`, `low`, `high`.
    ax
        Where to draw; a new figure by default.
    save
        Also write the figure to this file.

    Returns
    -------
    The axes: a line for each condition, in the order of the table; a colour for each metric; 1 is no loss.

    Raises
    ------
    KeyError
        If the table lacks a column.
    ValueError
        If the table is empty.

    Examples
    --------
    >>> import pandas as pd, specformer as sf
    >>> row = dict(condition="1M reads", metric="cosine", value=0.99, low=0.98, high=0.995)
    >>> ax = sf.pl.robustness(pd.DataFrame([row]))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['1M reads']
    """
    if missing := [name for name in COLUMNS if name not in card]:
        msg = f"`card` has no column {', '.join(map(repr, missing))}. Make it with `sf.bench.robustness(adata)`."
        raise KeyError(msg)
    if card.empty:
        msg = "`card` is empty; there is nothing to draw."
        raise ValueError(msg)
    conditions, metrics = (list(dict.fromkeys(card[name])) for name in ("condition", "metric"))
    ax = axes_of(ax, 5.6, 1.3 + 0.26 * len(conditions))
    for k, (metric, color) in enumerate(zip(metrics, palette(len(metrics)), strict=True)):
        of = card[card["metric"] == metric]
        y = of["condition"].map(conditions.index) + 0.5 * ((k + 0.5) / len(metrics) - 0.5)
        ax.hlines(y, of["low"], of["high"], color=color, linewidth=1.6)
        ax.plot(of["value"], y, "os^D"[k % 4], color=color, markersize=4.5, label=metric, clip_on=False, zorder=3)
    ax.set_yticks(range(len(conditions)), conditions)
    ax.set_ylim(len(conditions) - 0.4, -0.6)
    ax.set_xlim(min(0.8, float(np.floor(10 * card["low"].min()) / 10)), 1)
    n = f", n = {int(card['n'].max()):,}" if "n" in card else ""
    ax.set_xlabel(f"against all genes at full depth, 95 % interval{n}")
    ax.locator_params(axis="x", nbins=6)
    ax.grid(axis="x", alpha=0.3)
    ax.legend(frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(metrics))
    return finished(ax, save)
