"""What genes weigh, against how many samples express them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer._checks import require_key, shown
from specformer._keys import DF, GENE_WEIGHT, IDF, TFIDF, TFIDF_RANK
from specformer.pl._canvas import axes_of, finished
from specformer.pl._groups import BLUE, GREY, VERMILLION

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes


def weights(
    adata: AnnData,
    *,
    rank_key: str = TFIDF_RANK.name,
    ax: Axes | None = None,
    save: str | Path | None = None,
) -> Axes:
    """Draw the weight of each gene against the share of samples that express it.

    The published idf, log(N / (1 + df)), is negative for genes that every sample expresses and zero for those that all
    but one express. In bulk data these are most of the expressed genes: their products with tf are below those of genes
    that are not expressed at all, and they stand at the end of the order. The legend counts them.

    Parameters
    ----------
    adata
        Samples with an order, from :func:`~specformer.pp.tfidf_order`.
    rank_key
        The `key_added` of the order.
    ax
        Where to draw; a new figure by default.
    save
        Also write the figure to this file.

    Returns
    -------
    The axes. Genes of the same weight and detection are one circle, its area the number of genes. A weight axis of
    positive weights over more than two powers of ten is logarithmic.

    Raises
    ------
    KeyError
        If there is no order.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(20)
    >>> sf.pp.tfidf_order(adata)
    >>> ax = sf.pl.weights(adata)
    >>> ax.get_ylabel()
    'idf'
    """
    prefix = "" if rank_key == TFIDF_RANK.name else f"{rank_key}_"
    note = require_key(adata, "uns", rank_key if prefix else TFIDF.name, run="sf.pp.tfidf_order(adata)")
    df = require_key(adata, "var", prefix + DF.name, run="sf.pp.tfidf_order(adata)").to_numpy()
    name, weight = _weights(adata.var, prefix)
    known = np.isfinite(weight)
    points, n_genes = np.unique(np.stack([df[known] / int(note["n_obs"]), weight[known]]), axis=1, return_counts=True)
    ax = axes_of(ax, 5.5, 3.8)
    for label, color, of_sign in (
        ("negative", VERMILLION, points[1] < 0),
        ("zero", GREY, points[1] == 0),
        ("positive", BLUE, points[1] > 0),
    ):
        if of_sign.any():
            n = int(n_genes[of_sign].sum())
            ax.scatter(
                100 * points[0, of_sign], points[1, of_sign], s=6 + 500 * n_genes[of_sign] / known.sum(), color=color,
                alpha=0.6, linewidths=0, label=f"{label}: {n:,} genes ({n / known.sum():.0%})", clip_on=False, zorder=3,
            )  # fmt: skip
    if points[1].min() > 0 and points[1].max() > 100 * points[1].min():
        ax.set_yscale("log")
    elif points[1].min() <= 0:
        ax.axhline(0, color="black", linewidth=0.8)
    ax.set_xlim(0, 100)
    ax.set_xlabel(f"samples that express the gene (% of {int(note['n_obs']):,})")
    ax.set_ylabel(name)
    legend = ax.legend(frameon=False, title=f"weighting {note['params']['weighting']!r}")
    for handle in legend.legend_handles:
        handle.set_sizes([30])  # type: ignore[union-attr]
    return finished(ax, save)


def _weights(var: pd.DataFrame, prefix: str) -> tuple[str, np.ndarray]:
    for key, name in ((IDF, "idf"), (GENE_WEIGHT, "weight of the gene")):
        if prefix + key.name in var:
            return name, var[prefix + key.name].to_numpy(float)
    msg = f"Did not find the weights of the order in `adata.var`. Run `sf.pp.tfidf_order(adata)` first. Present: {shown(var.columns)}."
    raise KeyError(msg)
