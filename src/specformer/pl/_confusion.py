"""What was predicted, against what is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from specformer._keys import CANCER_TYPE, CANCER_TYPE_PRED
from specformer.pl._canvas import axes_of, write
from specformer.pl._groups import read_groups

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData
    from matplotlib.axes import Axes

MOST_COUNTS = 40
"""Columns, beyond which counts within the cells could not be read."""


def confusion(
    adata: AnnData,
    truth: str = CANCER_TYPE.name,
    *,
    pred: str = CANCER_TYPE_PRED.name,
    ax: Axes | None = None,
    save: str | Path | None = None,
) -> Axes:
    """Draw how the samples of each true label were predicted.

    Parameters
    ----------
    adata
        Samples with predictions, from :func:`~specformer.tl.predict_cancer_type` or
        :func:`~specformer.tl.transfer_labels`.
    truth
        Column of `obs` with the true labels; samples without one are left out.
    pred
        Column of `obs` with the predicted labels.
    ax
        Where to draw; a new figure by default.
    save
        Also write the figure to this file.

    Returns
    -------
    The axes: a row for each true label, a column for each predicted one, those that are never true last. Colour is the
    share of the row, numbers are samples.

    Raises
    ------
    KeyError
        If either column is not there.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(4, groups=["ACC", "STAD"])
    >>> adata.obs["cancer_type_pred"] = ["ACC", "STAD", "uncertain", "STAD"]
    >>> [label.get_text() for label in sf.pl.confusion(adata).get_xticklabels()]
    ['ACC', 'STAD', 'uncertain']
    """
    rows, columns = read_groups(adata, truth), read_groups(adata, pred)
    true_names = [str(name) for name in rows.categories]
    names = [*true_names, *(name for name in map(str, columns.categories) if name not in true_names)]
    known = (rows.codes >= 0) & (columns.codes >= 0)
    count = (
        pd.crosstab(pd.Series(rows[known].astype(str)), pd.Series(columns[known].astype(str)))
        .reindex(index=true_names, columns=names, fill_value=0)
        .to_numpy()
    )
    predicted = [name in true_names or count[:, j].any() for j, name in enumerate(names)]
    count, names = count[:, predicted], [name for name, is_shown in zip(names, predicted, strict=True) if is_shown]
    share = count / np.maximum(count.sum(axis=1, keepdims=True), 1)
    ax = axes_of(ax, max(3.6, 2.6 + 0.26 * len(names)), max(2.6, 1.6 + 0.26 * len(true_names)))
    image = ax.imshow(100 * share, vmin=0, vmax=100, cmap="Blues", aspect="auto", interpolation="nearest")
    if len(names) <= MOST_COUNTS:
        for i, j in zip(*np.nonzero(count), strict=True):
            color = "white" if share[i, j] > 0.55 else "black"
            ax.text(j, i, f"{count[i, j]:,}", ha="center", va="center", fontsize=6.5, color=color)
    ax.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    ax.set_yticks(range(len(true_names)), true_names, fontsize=8)
    ax.tick_params(length=0)
    ax.set_xlabel("predicted")
    ax.set_ylabel("true")
    right = int(sum(count[i, i] for i in range(len(true_names))))
    ax.set_title(f"{right:,} of {int(count.sum()):,} samples right", fontsize=9, loc="left")
    ax.figure.colorbar(image, ax=ax, pad=0.01, label="% of the true label")
    write(ax.figure, save)  # type: ignore[arg-type]
    return ax
