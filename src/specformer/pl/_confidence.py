"""How sure predictions were, and whether they were right: what calibration and abstention are drawn from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from specformer._checks import require_key

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData


class Confidence(NamedTuple):
    """Of each sample with a true label."""

    confidence: np.ndarray
    """Probability of the most probable label."""
    hit: np.ndarray
    """Whether that label is the true one."""
    truth: np.ndarray
    proba: pd.DataFrame


def read_confidence(adata: AnnData, truth: str, proba: str) -> Confidence:
    """Confidence and hits of the samples whose true label is known."""
    run = "sf.tl.predict_cancer_type(adata)"
    labels = require_key(adata, "obs", truth, run=f"adata.obs[{truth!r}] = ...")
    table = require_key(adata, "obsm", proba, run=run)
    if not isinstance(table, pd.DataFrame):
        msg = f"`adata.obsm[{proba!r}]` is {type(table).__name__}; expected a DataFrame with a column a label. Run `{run}`."
        raise TypeError(msg)
    known = labels.notna().to_numpy()
    if not known.any():
        msg = f"`adata.obs[{truth!r}]` is missing for all {adata.n_obs:,} samples; confidence cannot be judged."
        raise ValueError(msg)
    table, true = table[known], labels[known].astype(str).to_numpy(object)
    values = table.to_numpy(float)
    best = table.columns.to_numpy(object)[values.argmax(axis=1)]
    return Confidence(values.max(axis=1), best == true, true, table)
