"""How much more often predictions are right if the unsure ones are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer._keys import CANCER_TYPE, CANCER_TYPE_PROBA
from specformer.pl._canvas import axes_of, finished
from specformer.pl._confidence import read_confidence
from specformer.pl._groups import BLUE, VERMILLION
from specformer.pl._wilson import wilson

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData
    from matplotlib.axes import Axes


def abstention(
    adata: AnnData,
    truth: str = CANCER_TYPE.name,
    *,
    proba: str = CANCER_TYPE_PROBA.name,
    min_confidence: float | None = 0.5,
    ax: Axes | None = None,
    save: str | Path | None = None,
) -> Axes:
    """Draw the accuracy of the answers against the share of samples that are answered, the surest first.

    Parameters
    ----------
    adata
        Samples with probabilities, from :func:`~specformer.tl.predict_cancer_type`, that the head was not fitted to.
    truth
        Column of `obs` with the true labels; samples without one are left out. A label that the head does not know
        counts as wrong.
    proba
        Matrix of `obsm` with the probability of each label.
    min_confidence
        Mark where samples below this confidence are called uncertain; None marks nothing.
    ax
        Where to draw; a new figure by default.
    save
        Also write the figure to this file.

    Returns
    -------
    The axes, with a 95 % interval (Wilson) around the curve. Samples of equal confidence are answered together.

    Raises
    ------
    KeyError
        If there are no probabilities, or no such column.

    Examples
    --------
    >>> import pandas as pd, specformer as sf
    >>> adata = sf.datasets.simulated_cohort(2, groups=["ACC", "STAD"])
    >>> proba = pd.DataFrame({"ACC": [0.9, 0.8], "STAD": [0.1, 0.2]}, index=adata.obs_names)
    >>> adata.obsm["cancer_type_proba"] = proba
    >>> sf.pl.abstention(adata).get_lines()[0].get_xydata().tolist()
    [[50.0, 100.0], [100.0, 50.0]]
    """
    found = read_confidence(adata, truth, proba)
    by_confidence = np.argsort(-found.confidence, kind="stable")
    confidence = found.confidence[by_confidence]
    n_hits = np.cumsum(found.hit[by_confidence])
    # Equal confidences stand or fall together.
    last = np.append(np.flatnonzero(np.diff(confidence)), len(confidence) - 1)
    n, n_hits = last + 1, n_hits[last]
    coverage, accuracy = 100 * n / len(confidence), 100 * n_hits / n
    low, high = wilson(n_hits, n)
    ax = axes_of(ax, 4.8, 3.6)
    ax.plot(coverage, accuracy, color=BLUE, linewidth=1.5)
    ax.fill_between(coverage, 100 * low, 100 * high, color=BLUE, alpha=0.15, linewidth=0)
    n_sure = int((confidence >= min_confidence).sum()) if min_confidence is not None else 0
    if n_sure:
        at = int(np.searchsorted(n, n_sure))
        text = f"confidence ≥ {min_confidence:g}: {coverage[at]:.0f} % answered, {accuracy[at]:.0f} % of them right"
        ax.plot(coverage[at], accuracy[at], "o", color=VERMILLION, markersize=6, label=text, clip_on=False, zorder=3)
        ax.legend(frameon=False, fontsize=8, loc="lower right")
    ax.set_xlim(0, 100)
    ax.set_ylim(min(50.0, float(np.floor(accuracy.min() / 10) * 10)), 100.5)
    ax.set_xlabel(f"samples answered (% of {len(confidence):,}), the surest first")
    ax.set_ylabel("right answers (%)")
    return finished(ax, save)
