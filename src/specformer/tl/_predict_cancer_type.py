"""What kind of tumour a sample is, how sure that is, and whether it is like anything in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from specformer._checks import shown
from specformer._interrupts import undivided
from specformer._keys import (
    CANCER_TYPE,
    CANCER_TYPE_CONFIDENCE,
    CANCER_TYPE_NOTE,
    CANCER_TYPE_PRED,
    CANCER_TYPE_PROBA,
    CANCER_TYPE_UNLIKE,
)
from specformer._logging import timed
from specformer.pp._modality import modality
from specformer.pp._target import target_of
from specformer.tl._head_input import find_head, head_note, read_input, require_task

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from anndata import AnnData
    from mudata import MuData

    from specformer.model import Head, Pretrained

UNCERTAIN = "uncertain"
COLORECTAL = {"COAD": "CRC", "READ": "CRC"}
"""Colon and rectum as one: TCGA's two studies are told apart by site and by pipeline more than by biology."""


def predict_cancer_type(
    adata: AnnData | MuData,
    head: Head | str | Path | None = None,
    *,
    model: str | Path | Pretrained | None = None,
    min_confidence: float = 0.5,
    merge: Mapping[str, str] | bool = False,
    layer: str | None = None,
    gene_key: str | None = None,
    device: str = "auto",
    key_added: str = CANCER_TYPE.name,
    mod: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Predict the cancer type of samples, or any label that a head was fitted to.

    Probabilities are calibrated on patients that the head was not fitted to. A sample whose best type has less than `min_confidence` is
    called `"uncertain"`. A sample that lies farther from every type than nearly all validation patients (healthy tissue,
    a cell line, a tumour of no type in training) is flagged; its type is no answer, however confident.

    Parameters
    ----------
    adata
        Samples, embedded or not; see :func:`specformer_embed` for what they may hold.
    head
        From `sf.train.fit_head`, a directory, or the name of a head beside the checkpoint. None is `"cancer_type"`.
    model
        The checkpoint: name, directory, or loaded. None is the head's, or the one that comes with the package.
    min_confidence
        Below it a sample is `"uncertain"`. 0 always gives a type.
    merge
        Types to be taken as one, their probabilities added, `{type: common name}`; True is colon and rectum
        (COAD, READ) as CRC.
    layer, gene_key
        Where expression and gene names are, if the samples have to be embedded first.
    device
        Where to embed.
    key_added
        What the names of all fields begin with.
    mod
        Which modality to take, as in `"rna"`, if `adata` is a MuData. Results are written into it.
    copy
        Return a copy instead of writing into `adata`.

    Returns
    -------
    `None`, or the copy if `copy=True`. Sets the following fields:

    `.obs['cancer_type_pred']` : category `(n_obs,)`
        The type, or `"uncertain"`. Only those that occur are categories.
    `.obs['cancer_type_confidence']` : float32 `(n_obs,)`
        Probability of the most probable type.
    `.obs['cancer_type_unlike_training']` : bool `(n_obs,)`
        Whether the sample is unlike the training cohort. Left out for heads without that knowledge.
    `.obsm['cancer_type_proba']` : DataFrame of float32 `(n_obs, n_types)`
        Probability of each type.
    `.uns['cancer_type_pred']` : dict
        Parameters, the head and its checkpoint, how the samples were embedded, and counts.

    The embedding is added too (`obsm`, `uns`) where `adata` has none.

    Raises
    ------
    FileNotFoundError
        If the checkpoint has no such head.
    ValueError
        If the head belongs to another checkpoint, or is no classification; or for what `specformer_embed` refuses.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(20, groups=["ACC", "STAD"])
    >>> sf.tl.predict_cancer_type(adata)  # doctest: +SKIP
    >>> adata.obs["cancer_type_pred"].value_counts()  # doctest: +SKIP
    """
    adata = modality(adata, mod)
    head = find_head(head, CANCER_TYPE.name, model)
    require_task(head, "classification", "predict_cancer_type")
    groups = dict(COLORECTAL) if merge is True else dict(merge or {})
    if strangers := sorted(set(groups) - set(head.labels)):
        msg = f"`merge` names {shown(strangers)}, which this head does not know. It knows {shown(head.labels, 40)}."
        raise ValueError(msg)
    found = read_input(adata, head, model, layer=layer, gene_key=gene_key, device=device)
    with timed(f"predicting one of {len(head.labels)} labels for {adata.n_obs:,} samples") as notes:
        proba = head.to_frame(found.X, adata.obs_names)
        if groups:
            proba = proba.T.groupby([groups.get(name, name) for name in proba.columns], sort=False).sum().T
        confidence = proba.to_numpy().max(axis=1)
        is_sure = confidence >= min_confidence
        best = proba.columns.to_numpy(str)[proba.to_numpy().argmax(axis=1)]
        unlike = None if head.threshold is None else head.distance(found.X) > float(head.threshold)
        note: dict[str, Any] = {
            "params": {"min_confidence": min_confidence, "merge": groups, "layer": layer, "gene_key": gene_key},
            "head": head_note(head),
            **found.note,
            "n_uncertain": int((~is_sure).sum()),
            "n_unlike_training": -1 if unlike is None else int(unlike.sum()),
        }
        names = [key.name.replace(CANCER_TYPE.name, key_added, 1) for key in (
            CANCER_TYPE_PRED, CANCER_TYPE_CONFIDENCE, CANCER_TYPE_UNLIKE, CANCER_TYPE_PROBA, CANCER_TYPE_NOTE
        )]  # fmt: skip
        target = target_of(adata, copy=copy)
        with undivided():
            found.write(target)
            # All types would crowd the legend of every picture, in colours that are hard to tell apart.
            target.obs[names[0]] = pd.Categorical(
                np.where(is_sure, best, UNCERTAIN), categories=[*proba.columns, UNCERTAIN]
            ).remove_unused_categories()
            target.obs[names[1]] = confidence
            if unlike is not None:
                target.obs[names[2]] = unlike
            target.obsm[names[3]] = proba
            target.uns[names[4]] = note
        if unlike is not None:
            notes.append(f"{int(unlike.sum()):,} unlike the training cohort")
        notes.append(f"{int((~is_sure).sum()):,} uncertain (confidence below {min_confidence:g})")
        notes.append(f"added {names[0]!r}, {names[1]!r} (adata.obs), {names[3]!r} (adata.obsm)")
    return target if copy else None
