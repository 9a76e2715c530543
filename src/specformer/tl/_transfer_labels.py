"""Labels of the nearest samples of a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from specformer._checks import require_key, shown
from specformer._interrupts import undivided
from specformer._keys import (
    CANCER_TYPE,
    SPECFORMER,
    TRANSFERRED,
    TRANSFERRED_CONFIDENCE,
    TRANSFERRED_NOTE,
    X_SPECFORMER,
)
from specformer._logging import timed
from specformer.metrics._retrieval import unit_rows
from specformer.pp._modality import modality
from specformer.pp._target import target_of

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

EMBED = "sf.tl.specformer_embed"
UNCERTAIN = "uncertain"


def transfer_labels(
    adata: AnnData | MuData,
    reference: AnnData,
    *,
    label: str = CANCER_TYPE.name,
    k: int = 15,
    min_confidence: float = 0.5,
    use_rep: str = X_SPECFORMER.name,
    key_added: str = TRANSFERRED.name,
    mod: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Give samples the label that most of their nearest reference samples have, by cosine.

    Nothing is fitted, so that a few labelled samples will do. The confidence is the share of the `k` neighbours that have
    the label, each weighted by its cosine (none below zero); it is not calibrated.

    Parameters
    ----------
    adata
        Embedded samples.
    reference
        Embedded samples with labels; those without one are left out.
    label
        Column of `reference.obs`.
    k
        Neighbours that are asked; all labelled reference samples where there are fewer.
    min_confidence
        Samples below it are `"uncertain"`.
    use_rep
        Key of `obsm` in both.
    key_added
        What the names of all fields begin with.
    mod
        Which modality to take, as in `"rna"`, if `adata` is a MuData. Results are written into it.
    copy
        Return a copy instead of writing into `adata`.

    Returns
    -------
    `None`, or the copy if `copy=True`. Sets the following fields:

    `.obs['transferred' | key_added]` : category `(n_obs,)`
        The label, or `"uncertain"`.
    `.obs['transferred_confidence']` : float32 `(n_obs,)`
        Weighted share of the neighbours that have it.
    `.uns['transferred' | key_added]` : dict
        Parameters, how many reference samples had a label, how many samples are uncertain.

    Raises
    ------
    KeyError
        If either has no embedding, or the reference no such column.
    ValueError
        If the two were embedded by different checkpoints, or no reference sample has a label.

    Examples
    --------
    >>> import specformer as sf
    >>> cohort = sf.datasets.simulated_cohort(40, groups=["ACC", "STAD"])
    >>> sf.tl.specformer_embed(cohort)  # doctest: +SKIP
    >>> new, reference = cohort[:5].copy(), cohort[5:].copy()
    >>> sf.tl.transfer_labels(new, reference, k=5)  # doctest: +SKIP
    """
    adata = modality(adata, mod)
    query = np.asarray(require_key(adata, "obsm", use_rep, run=f"{EMBED}(adata)"))
    gallery = np.asarray(require_key(reference, "obsm", use_rep, run=f"{EMBED}(reference)"))
    column = require_key(reference, "obs", label, run=f"reference.obs[{label!r}] = ...")
    _require_same_space(adata, reference, use_rep, query, gallery)
    known = column.notna().to_numpy()
    if not known.any() or k < 1:
        msg = f"Found {int(known.sum())} labelled reference samples and `k` = {k}; expected one or more of both."
        raise ValueError(msg)
    names, codes = np.unique(column[known].astype(str).to_numpy(str), return_inverse=True)
    with timed(f"transferring {len(names)} labels from {int(known.sum()):,} samples to {adata.n_obs:,}") as notes:
        cosine = unit_rows(query) @ unit_rows(gallery[known]).T
        nearest = np.argsort(-cosine, axis=1, kind="stable")[:, :k]
        weight = np.maximum(np.take_along_axis(cosine, nearest, axis=1), 1e-12)
        votes = np.zeros((adata.n_obs, len(names)))
        np.add.at(votes, (np.arange(adata.n_obs)[:, None], codes[nearest]), weight)
        votes /= votes.sum(axis=1, keepdims=True)
        confidence = votes.max(axis=1).astype(np.float32)
        is_sure = confidence >= min_confidence
        found = np.where(is_sure, names[votes.argmax(axis=1)], UNCERTAIN)
        target = target_of(adata, copy=copy)
        at = key_added + TRANSFERRED_CONFIDENCE.name.removeprefix(TRANSFERRED.name)
        with undivided():
            categories = list(dict.fromkeys([*names, UNCERTAIN]))
            target.obs[key_added] = pd.Categorical(found, categories=categories).remove_unused_categories()
            target.obs[at] = confidence
            target.uns[TRANSFERRED_NOTE.name if key_added == TRANSFERRED.name else key_added] = {
                "params": {"label": label, "k": k, "min_confidence": min_confidence, "use_rep": use_rep},
                "n_reference": int(known.sum()),
                "n_uncertain": int((~is_sure).sum()),
            }
        notes.append(f"{int((~is_sure).sum()):,} uncertain; added {shown([key_added, at])} (adata.obs)")
    return target if copy else None


def _require_same_space(
    adata: AnnData, reference: AnnData, use_rep: str, query: np.ndarray, gallery: np.ndarray
) -> None:
    of = SPECFORMER.name if use_rep == X_SPECFORMER.name else use_rep
    hashes = [(x.uns.get(of) or {}).get("checkpoint", {}).get("sha256") for x in (adata, reference)]
    if query.shape[1:] != gallery.shape[1:] or (None not in hashes and hashes[0] != hashes[1]):
        msg = (
            f"The samples have vectors of shape {query.shape[1:]} from checkpoint {str(hashes[0])[:12]}, the reference of "
            f"shape {gallery.shape[1:]} from {str(hashes[1])[:12]}. Embed both with the same checkpoint."
        )
        raise ValueError(msg)
