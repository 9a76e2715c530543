"""How much each part of the order counts in a sample's vector, group by group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer._checks import require_key
from specformer._keys import ATTENTION, CANCER_TYPE, SPECFORMER
from specformer.pl._canvas import axes_of, finished
from specformer.pl._groups import choose_groups, group_colors, read_groups

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData
    from matplotlib.axes import Axes


def attention(
    adata: AnnData,
    groupby: str = CANCER_TYPE.name,
    *,
    groups: list[str] | None = None,
    key: str = SPECFORMER.name,
    ax: Axes | None = None,
    save: str | Path | None = None,
) -> Axes:
    """Draw the weight of each window in the samples' vectors, head of the order first.

    A weight says how much a window counts in the pooled vector, not that its genes are causes of anything; where the
    checkpoint has a linear anchor, it speaks only of what the layers add to it.

    Parameters
    ----------
    adata
        Samples embedded with `sf.tl.specformer_embed(adata, attention=True)`.
    groupby
        Column of `obs` with the groups.
    groups
        Which groups to draw; all by default. More than eight colours are hard to tell apart.
    key
        Entry of `uns` with the note of the embedding.
    ax
        Where to draw; a new figure by default.
    save
        Also write the figure to this file.

    Returns
    -------
    The axes: for each group the mean weight of every window, and a band from the lower to the upper quartile of its
    samples; dashed, the weight if all windows counted alike.

    Raises
    ------
    KeyError
        If there are no weights, or no such column.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(20, groups=["ACC", "STAD"])
    >>> sf.tl.specformer_embed(adata, attention=True)  # doctest: +SKIP
    >>> sf.pl.attention(adata)  # doctest: +SKIP
    """
    run = "sf.tl.specformer_embed(adata, attention=True)"
    weight = np.asarray(require_key(adata, "obsm", ATTENTION.name, run=run))
    codes = read_groups(adata, groupby)
    names = choose_groups(codes, groups)
    colors = group_colors(adata, groupby, names)
    starts = (adata.uns.get(key) or {}).get("window_starts")
    has_starts = starts is not None and len(starts) == weight.shape[1]
    x = np.asarray(starts) + 1 if has_starts else np.arange(1, weight.shape[1] + 1)
    ax = axes_of(ax, 6.0, 3.4)
    for name in names:
        own = weight[np.asarray(codes == name)]
        low, high = np.quantile(own, (0.25, 0.75), axis=0)
        ax.fill_between(x, 100 * low, 100 * high, color=colors[name], alpha=0.15, linewidth=0)
        ax.plot(
            x, 100 * own.mean(axis=0), "o-", color=colors[name], markersize=2.5, linewidth=1.2,
            label=f"{name} (n = {len(own):,})",
        )  # fmt: skip
    ax.axhline(100 / weight.shape[1], color="black", linewidth=0.8, linestyle="--", label="all windows alike")
    ax.set_xlabel("first rank of the window" if has_starts else "window, head of the order first")
    ax.set_ylabel("weight of the window (%)")
    ax.legend(
        frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1), ncols=1 + len(names) // 16,
        title=groupby.replace("_", " "), alignment="left",
    )  # fmt: skip
    return finished(ax, save)
