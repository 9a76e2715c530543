"""Pathways that tell groups apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from specformer._checks import require_key
from specformer._keys import CANCER_TYPE, PATHWAY_ACTIVITY
from specformer.pl._canvas import axes_of, write
from specformer.pl._groups import choose_groups, read_groups

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anndata import AnnData
    from matplotlib.axes import Axes

LONGEST = 56
"""Letters of a pathway's name; the middle of a longer one is left out."""


def pathways(
    adata: AnnData,
    groupby: str = CANCER_TYPE.name,
    *,
    obsm: str = PATHWAY_ACTIVITY.name,
    n_pathways: int = 30,
    pathways: Sequence[str] | None = None,
    groups: list[str] | None = None,
    ax: Axes | None = None,
    save: str | Path | None = None,
) -> Axes:
    """Draw the mean activity of pathways in each group, both in the order of a hierarchical clustering.

    Parameters
    ----------
    adata
        Samples with pathways, from :func:`~specformer.tl.predict_pathways` or
        :func:`~specformer.tl.score_pathways`.
    groupby
        Column of `obs` with the groups.
    obsm
        Matrix of `obsm`, a DataFrame with a column a pathway.
    n_pathways
        Draw those whose group means differ most (standard deviation over groups).
    pathways
        Draw these instead.
    groups
        Which groups to draw; all by default.
    ax
        Where to draw; a new figure by default.
    save
        Also write the figure to this file.

    Returns
    -------
    The axes: a row a pathway, a column a group, the tree of the groups above (average linkage of Euclidean distances).
    Red is high, blue low, white zero; for scores that were computed rather than predicted, the mean over groups.

    Raises
    ------
    KeyError
        If there are no pathways, or no such column.
    TypeError
        If the matrix is no DataFrame.
    ValueError
        If a pathway or a group is not there.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(20)
    >>> sf.tl.predict_pathways(adata)  # doctest: +SKIP
    >>> sf.pl.pathways(adata)  # doctest: +SKIP
    """
    from scipy.cluster.hierarchy import dendrogram

    names = choose_groups(read_groups(adata, groupby), groups)
    means = _means(adata, groupby, obsm).loc[names]
    is_predicted = obsm == PATHWAY_ACTIVITY.name
    if not is_predicted:
        means = (means - means.mean()) / means.std(ddof=0).replace(0, 1)
    means = _chosen(means, obsm, pathways, n_pathways)
    tree = _tree(means.to_numpy())
    columns = dendrogram(tree, no_plot=True)["leaves"] if tree is not None else list(range(len(means)))
    by_pathway = _tree(means.to_numpy().T)
    rows = dendrogram(by_pathway, no_plot=True)["leaves"] if by_pathway is not None else list(range(means.shape[1]))
    values = means.to_numpy()[np.ix_(columns, rows)].T
    ax = axes_of(ax, 4.6 + 0.24 * len(names), 2.0 + 0.18 * len(rows))
    # A few extreme cells would leave the others pale.
    most = max(float(np.quantile(np.abs(values), 0.98)), 1e-12)
    image = ax.imshow(values, cmap="RdBu_r", vmin=-most, vmax=most, aspect="auto", interpolation="nearest")
    ax.set_xticks(range(len(names)), means.index[columns], rotation=90, fontsize=8)
    ax.set_yticks(range(len(rows)), [_shortened(name) for name in means.columns[rows]], fontsize=7)
    ax.tick_params(length=0)
    unit = "mean activity\n(SD of the training cohort)" if is_predicted else "mean score\n(SD over groups)"
    ax.figure.colorbar(
        image, ax=ax, pad=0.01, label=unit, shrink=0.6, extend="both" if np.abs(values).max() > most else "neither"
    )
    if tree is not None:
        _draw_tree(ax, tree, len(names))
    write(ax.figure, save)  # type: ignore[arg-type]
    return ax


def _means(adata: AnnData, groupby: str, obsm: str) -> pd.DataFrame:
    table = require_key(adata, "obsm", obsm, run="sf.tl.predict_pathways(adata)")
    if not isinstance(table, pd.DataFrame):
        msg = f"`adata.obsm[{obsm!r}]` is {type(table).__name__}; expected a DataFrame with a column a pathway."
        raise TypeError(msg)
    groups = read_groups(adata, groupby)
    means = table.groupby(pd.Categorical(groups), observed=True).mean()
    return means.set_axis(means.index.astype(str))


def _chosen(means: pd.DataFrame, obsm: str, pathways: Sequence[str] | None, n_pathways: int) -> pd.DataFrame:
    if pathways is None:
        spread = means.std(ddof=0).to_numpy() if len(means) > 1 else np.abs(means.to_numpy()[0])
        return means.iloc[:, np.sort(np.argsort(-spread, kind="stable")[:n_pathways])]
    if strangers := [name for name in pathways if name not in means]:
        msg = f"`adata.obsm[{obsm!r}]` has no pathway {', '.join(map(repr, strangers[:5]))}."
        raise ValueError(msg)
    return means[list(pathways)]


def _tree(rows: np.ndarray) -> np.ndarray | None:
    """Average linkage, similar leaves side by side; none for fewer than three rows."""
    from scipy.cluster.hierarchy import linkage

    return linkage(rows, method="average", metric="euclidean", optimal_ordering=True) if len(rows) > 2 else None


def _draw_tree(ax: Axes, tree: np.ndarray, n: int) -> None:
    from scipy.cluster.hierarchy import dendrogram

    above = ax.inset_axes((0.0, 1.005, 1.0, 0.09))
    found = dendrogram(tree, no_plot=True)
    for x, y in zip(found["icoord"], found["dcoord"], strict=True):
        # scipy counts leaves as 5, 15, 25, ...
        above.plot((np.array(x) - 5) / 10, y, color="0.3", linewidth=0.8)
    above.set_xlim(-0.5, n - 0.5)
    above.set_ylim(bottom=0)
    above.axis("off")


def _shortened(name: str) -> str:
    name = " ".join(name.replace("_", " ").split())
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 19].rstrip()} … {name[-16:].lstrip()}"
