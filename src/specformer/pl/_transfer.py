"""Whether groups lie to one another as they should, when their profiles are predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer._checks import require_key
from specformer._keys import CANCER_TYPE, PREDICTED
from specformer.pl._canvas import axes_of, finished
from specformer.pl._groups import BLUE, SAFE, choose_groups, group_colors, kept_colors, read_groups
from specformer.pl._labels import label_points
from specformer.pp._blocks import row_blocks
from specformer.pp._scan import require_linear, scan
from specformer.ranking import to_linear

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData
    from matplotlib.axes import Axes


def transfer(
    adata: AnnData,
    groupby: str = CANCER_TYPE.name,
    *,
    layer: str | None = None,
    predicted: str = PREDICTED.name,
    groups: list[str] | None = None,
    ax: Axes | None = None,
    save: str | Path | None = None,
) -> Axes:
    """Draw arrows from each group's actual centroid to its predicted one, after the best shift, scale and rotation.

    Parameters
    ----------
    adata
        Samples with expression and its prediction, from :func:`~specformer.tl.predict_expression`.
    groupby
        Column of `obs` with the groups, such as tissues.
    layer
        Actual expression in `adata.layers[layer]` instead of `adata.X`; log2(per million + 1) is made of it.
    predicted
        Layer with the predicted expression; genes that it lacks are left out.
    groups
        Which groups to draw; all by default.
    ax
        Where to draw; a new figure by default.
    save
        Also write the figure to this file.

    Returns
    -------
    The axes: the two principal axes of all centroids. The arrows are what these axes show of a fit in all dimensions;
    the disparity in the title is of all dimensions, 0 where predicted centroids lie as actual ones do, at most 1.

    Raises
    ------
    KeyError
        If there is no prediction, or no such column.
    ValueError
        If there are fewer than three groups, or no gene has a prediction.

    Notes
    -----
    Each gene is centred over the groups and divided by its standard deviation over them, in the actual and in the
    predicted centroids, for the two are in different units and a gene's range in one is not its range in the other.

    The disparity of centroids is coarse. It tells tissues in their places from tissues that are mixed up, but not a good
    prediction from a fair one: means over samples hide what is lost sample by sample, and a small difference of two
    disparities has no meaning. Read it beside :func:`~specformer.metrics.columnwise_pearson` over samples.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(40)
    >>> sf.tl.predict_expression(adata)  # doctest: +SKIP
    >>> sf.pl.transfer(adata)  # doctest: +SKIP
    """
    from scipy.spatial import procrustes

    codes = read_groups(adata, groupby)
    names = choose_groups(codes, groups)
    guess = require_key(adata, "layers", predicted, run="sf.tl.predict_expression(adata)")
    genes = np.flatnonzero(np.isfinite(np.asarray(guess[:1])).all(axis=0))
    if len(names) < 3 or not len(genes):
        msg = f"Found {len(names)} groups and {len(genes):,} predicted genes; need three groups and one gene."
        raise ValueError(msg)
    member = np.stack([np.asarray(codes == name) for name in names]).astype(np.float64)
    member /= member.sum(axis=1, keepdims=True)
    actual, found = _actual(adata, layer, member, genes), member @ np.asarray(guess, np.float64)[:, genes]
    actual, found = _standardised(actual, found)
    # As many dimensions as the centroids span: the comparison is the same there, and small.
    span = np.linalg.svd(np.vstack([actual, found]), full_matrices=False)[2].T
    start, end, disparity = procrustes(actual @ span, found @ span)
    axes = np.linalg.svd(np.vstack([start, end]), full_matrices=False)[2][:2].T
    # A direction has no sign of its own: the largest coordinate is positive.
    axes *= np.sign((start @ axes)[np.abs(start @ axes).argmax(axis=0), [0, 1]])
    start, end = start @ axes, end @ axes
    size = 4.6 + 0.07 * len(names)
    ax = axes_of(ax, size + 1, size)
    # Every group is named beside its point: where colours could not be told apart, one will do.
    colors = group_colors(adata, groupby, names) if len(names) <= len(SAFE) else kept_colors(adata, groupby)
    shades = [colors.get(name, BLUE) for name in names]
    ax.quiver(
        *start.T, *(end - start).T, angles="xy", scale_units="xy", scale=1, color=shades, width=0.003, headwidth=4,
        headlength=5, minlength=0, zorder=2,
    )  # fmt: skip
    ax.scatter(start[:, 0], start[:, 1], c=shades, s=34, zorder=3, label="actual")
    ax.scatter(
        end[:, 0], end[:, 1], facecolors="white", edgecolors=shades, s=20, linewidths=1.1, zorder=3, label="predicted"
    )
    ax.margins(0.14)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xlabel("first principal axis")
    ax.set_ylabel("second principal axis")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_title(
        f"Procrustes disparity {disparity:.3f} ({len(names)} groups, {len(genes):,} genes)", fontsize=9, loc="left"
    )
    legend = ax.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    legend.legend_handles[0].set_color("black")  # type: ignore[union-attr]
    legend.legend_handles[1].set_edgecolor("black")  # type: ignore[union-attr]
    # The layout decides where points lie on the page, and names go by that.
    ax.figure.canvas.figure.draw_without_rendering()
    along = np.linspace(start, end, 12).reshape(-1, 2)
    label_points(ax, start, names, avoid=along)
    return finished(ax, save)


def _actual(adata: AnnData, layer: str | None, member: np.ndarray, genes: np.ndarray) -> np.ndarray:
    """Mean log2(per million + 1) of the groups, shape (n_groups, n_genes)."""
    found = scan(adata, layer)
    require_linear(found, layer)
    total = np.zeros((len(member), len(genes)))
    for rows, block in row_blocks(adata, layer):
        linear = to_linear(block, found.name)
        dense = linear if isinstance(linear, np.ndarray) else linear.toarray()
        per_million = 1e6 * dense[:, genes] / np.maximum(dense.sum(axis=1, keepdims=True), 1e-12)
        total += member[:, rows] @ np.log2(per_million + 1)
    return total


def _standardised(*centroids: np.ndarray) -> list[np.ndarray]:
    """Genes centred and scaled over the groups; one that does not vary stays at zero."""
    done = []
    for values in centroids:
        centred = values - values.mean(axis=0)
        spread = centred.std(axis=0)
        done.append(centred / np.where(spread > 1e-9, spread, 1))
    return done
