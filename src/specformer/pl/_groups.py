"""Groups of samples and their colours: those that scanpy has given them, or ones that everybody can tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from specformer._checks import require_key

if TYPE_CHECKING:
    from anndata import AnnData

# Okabe & Ito (2008), told apart with every kind of colour vision; their yellow is too light for lines on white.
BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, BLACK = (
    "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#000000",
)  # fmt: skip
GREY = "#666666"
SAFE = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, BLACK, GREY)


def read_groups(adata: AnnData, groupby: str) -> pd.Categorical:
    """The group of each sample; a column that is no category is read as one, and groups without a sample are left out."""
    column = require_key(adata, "obs", groupby, run=f"adata.obs[{groupby!r}] = ...")
    groups = column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("string").astype("category")
    groups = pd.Categorical(groups).remove_unused_categories()
    if not len(groups.categories):
        msg = f"`adata.obs[{groupby!r}]` is missing for all {adata.n_obs:,} samples; there is nothing to draw."
        raise ValueError(msg)
    return groups


def choose_groups(groups: pd.Categorical, chosen: list[str] | None) -> list[str]:
    """The groups to draw, in their own order or the one asked for."""
    names = [str(name) for name in groups.categories]
    if chosen is None:
        return names
    if strangers := [name for name in chosen if name not in names]:
        msg = f"No sample is in group {', '.join(map(repr, strangers))}. There are: {', '.join(names)}."
        raise ValueError(msg)
    return list(chosen)


def kept_colors(adata: AnnData, groupby: str) -> dict[str, str]:
    """The colour of each group in `uns["<groupby>_colors"]`, where scanpy has left them; else nothing."""
    column, kept = adata.obs[groupby], adata.uns.get(f"{groupby}_colors")
    if kept is None or not isinstance(column.dtype, pd.CategoricalDtype) or len(kept) < len(column.cat.categories):
        return {}
    return dict(zip(map(str, column.cat.categories), map(str, kept), strict=False))


def group_colors(adata: AnnData, groupby: str, names: list[str]) -> dict[str, str]:
    """A colour for each group of `names`: scanpy's where it has left them, else a palette of as many."""
    return kept_colors(adata, groupby) or dict(zip(names, palette(len(names)), strict=True))


def palette(n: int) -> list[str]:
    """`n` colours: Okabe and Ito's up to eight; beyond, scanpy's, which no eye tells apart all at once."""
    if n <= len(SAFE):
        return list(SAFE[:n])
    from scanpy.plotting import palettes

    longest = palettes.default_20 if n <= 20 else palettes.default_28 if n <= 28 else palettes.default_102
    return [longest[i % len(longest)] for i in range(n)]
