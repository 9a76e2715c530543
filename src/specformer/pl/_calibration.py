"""Whether a confidence means what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer._keys import CANCER_TYPE, CANCER_TYPE_PROBA
from specformer.metrics import expected_calibration_error
from specformer.pl._canvas import axes_of, finished
from specformer.pl._confidence import read_confidence
from specformer.pl._groups import BLUE
from specformer.pl._wilson import wilson

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData
    from matplotlib.axes import Axes


def calibration(
    adata: AnnData,
    truth: str = CANCER_TYPE.name,
    *,
    proba: str = CANCER_TYPE_PROBA.name,
    n_bins: int = 10,
    ax: Axes | None = None,
    save: str | Path | None = None,
) -> Axes:
    """Draw a reliability diagram: how often predictions of a confidence are right.

    Parameters
    ----------
    adata
        Samples with probabilities, from :func:`~specformer.tl.predict_cancer_type`, that the head was not fitted to.
    truth
        Column of `obs` with the true labels; samples without one are left out. A label that the head does not know
        counts as wrong.
    proba
        Matrix of `obsm` with the probability of each label.
    n_bins
        Equal bins of confidence between 0 and 1.
    ax
        Where to draw; a new figure by default.
    save
        Also write the figure to this file.

    Returns
    -------
    The axes: for each bin the share of right predictions with its 95 % interval (Wilson), at the mean confidence;
    below it in grey, how the samples spread over the bins. A well calibrated head stays near the diagonal.

    Raises
    ------
    KeyError
        If there are no probabilities, or no such column.

    Examples
    --------
    >>> import pandas as pd, specformer as sf
    >>> adata = sf.datasets.simulated_cohort(2, groups=["ACC", "STAD"])
    >>> proba = pd.DataFrame({"ACC": [0.9, 0.2], "STAD": [0.1, 0.8]}, index=adata.obs_names)
    >>> adata.obsm["cancer_type_proba"] = proba
    >>> sf.pl.calibration(adata).get_title(loc="left")
    'expected calibration error 0.15, n = 2'
    """
    found = read_confidence(adata, truth, proba)
    which = np.minimum((found.confidence * n_bins).astype(int), n_bins - 1)
    n = np.bincount(which, minlength=n_bins)
    used = n > 0
    hits = np.bincount(which, weights=found.hit, minlength=n_bins)[used]
    mean = np.bincount(which, weights=found.confidence, minlength=n_bins)[used] / n[used]
    low, high = wilson(hits, n[used])
    error = expected_calibration_error(found.truth, found.proba.to_numpy(), list(found.proba.columns), n_bins=n_bins)
    ax = axes_of(ax, 5.6, 4.2)
    edges = np.arange(n_bins) / n_bins
    ax.bar(
        edges, 0.25 * n / n.max(), width=1 / n_bins, align="edge", color="0.85", edgecolor="white",
        label="samples in the bin",
    )  # fmt: skip
    for place, height, count in zip(edges[used] + 0.5 / n_bins, 0.25 * n[used] / n.max(), n[used], strict=True):
        ax.text(place, height + 0.005, f"{count:,}", ha="center", va="bottom", fontsize=6.5, color="0.35")
    ax.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle="--", label="as sure as right")
    ax.errorbar(
        mean, hits / n[used], yerr=[np.maximum(hits / n[used] - low, 0), np.maximum(high - hits / n[used], 0)],
        fmt="o-", color=BLUE, markersize=4.5, linewidth=1.2, elinewidth=1, label="right predictions", clip_on=False,
    )  # fmt: skip
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.set_aspect("equal")
    ax.set_xlabel("confidence")
    ax.set_ylabel("share of right predictions")
    ax.set_title(f"expected calibration error {error:.2g}, n = {len(found.hit):,}", fontsize=9, loc="left")
    ax.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return finished(ax, save)
