"""Which genes lead the order, group by group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer._checks import require_key
from specformer._keys import CANCER_TYPE, GENE_ID, TFIDF_RANK
from specformer.pl._canvas import axes_of, write
from specformer.pl._groups import choose_groups, read_groups

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData
    from matplotlib.axes import Axes


def order(
    adata: AnnData,
    groupby: str = CANCER_TYPE.name,
    *,
    n_genes: int = 5,
    groups: list[str] | None = None,
    rank_key: str = TFIDF_RANK.name,
    ax: Axes | None = None,
    save: str | Path | None = None,
) -> Axes:
    """Draw the genes that lead the order of each group, with their median rank in every group.

    Parameters
    ----------
    adata
        Samples with ranks, from :func:`~specformer.pp.tfidf_order`.
    groupby
        Column of `obs` with the groups.
    n_genes
        Leading genes of each group: those of the lowest median rank. A gene that leads several groups stands once.
    groups
        Which groups to draw, in this order; all by default.
    rank_key
        Layer with the ranks.
    ax
        Where to draw; a new figure by default.
    save
        Also write the figure to this file.

    Returns
    -------
    The axes: a row for each group, a column for each gene; a white dot marks a group's own leading genes.

    Raises
    ------
    KeyError
        If there are no ranks, or no such column.
    ValueError
        If a group has no sample.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(40, groups=["ACC", "STAD"])
    >>> sf.pp.tfidf_order(adata, weighting="median")
    >>> [label.get_text() for label in sf.pl.order(adata).get_yticklabels()]
    ['ACC', 'STAD']
    """
    from matplotlib.colors import LogNorm

    layer = require_key(adata, "layers", rank_key, run="sf.pp.tfidf_order(adata)")
    codes = read_groups(adata, groupby)
    names = choose_groups(codes, groups)
    median = np.stack([np.median(np.asarray(layer[np.flatnonzero(codes == name)]), axis=0) for name in names])
    lead = np.argsort(median, axis=1, kind="stable")[:, :n_genes]
    genes = np.array(list(dict.fromkeys(lead.ravel().tolist())))
    ax = axes_of(ax, 2.4 + 0.2 * len(genes), 1.5 + 0.24 * len(names))
    image = ax.imshow(
        median[:, genes] + 1, norm=LogNorm(1, adata.n_vars), cmap="viridis_r", aspect="auto", interpolation="nearest"
    )
    row, column = np.nonzero([np.isin(genes, own) for own in lead])
    ax.plot(column, row, "o", color="white", markersize=2.5, linestyle="none")
    ax.set_xticks(range(len(genes)), _gene_names(adata)[genes], rotation=90, fontsize=7)
    ax.set_yticks(range(len(names)), names, fontsize=8)
    ax.tick_params(length=0)
    bar = ax.figure.colorbar(image, ax=ax, pad=0.01, label="median rank")
    bar.ax.invert_yaxis()
    write(ax.figure, save)  # type: ignore[arg-type]
    return ax


def _gene_names(adata: AnnData) -> np.ndarray:
    """Approved symbols where harmonisation has found them, else the names of the columns."""
    names = adata.var_names.to_numpy(object)
    if GENE_ID.name not in adata.var:
        return names
    found = adata.var[GENE_ID.name].astype(str).to_numpy(object)
    return np.where(found == "", names, found)
