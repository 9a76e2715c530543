"""Risk of an endpoint, and survival curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from specformer._checks import require_key, shown
from specformer._interrupts import undivided
from specformer._keys import OS_RISK, OS_SURVIVAL, SURVIVAL_NOTE
from specformer._logging import timed
from specformer.pp._modality import modality
from specformer.pp._target import target_of
from specformer.tl._head_input import HeadInput, find_head, head_note, read_input, require_task

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anndata import AnnData
    from mudata import MuData

    from specformer.model import Head, Pretrained

ENDPOINTS = ("OS", "DSS", "PFI", "DFI")


def predict_survival(
    adata: AnnData | MuData,
    head: Head | str | Path | None = None,
    *,
    endpoints: Sequence[str] = ENDPOINTS,
    times: Sequence[float] | None = None,
    strata: str | None = None,
    model: str | Path | Pretrained | None = None,
    layer: str | None = None,
    gene_key: str | None = None,
    device: str = "auto",
    mod: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Predict the risk of endpoints from the embedding.

    Over several cancer types a risk mostly tells the types apart; compare samples within one type, or use a head that was
    fitted with `strata`. A risk orders patients like those of the training cohort; it is no clinical advice.

    Parameters
    ----------
    adata
        Samples, embedded or not; see :func:`specformer_embed` for what they may hold.
    head
        One head from `sf.train.fit_head`, or its directory; None takes those of `endpoints` beside the checkpoint.
    endpoints
        Names of heads: overall survival, disease-specific survival, progression-free and disease-free interval.
    times
        Also give the probability of no event up to each of these times, in days (the unit of the training times).
    strata
        Column of `obs` with the stratum of each sample, for curves of a head that was fitted in strata; by default the
        column that it was fitted with.
    model
        The checkpoint: name, directory, or loaded. None is the head's, or the one that comes with the package.
    layer, gene_key
        Where expression and gene names are, if the samples have to be embedded first.
    device
        Where to embed.
    mod
        Which modality to take, as in `"rna"`, if `adata` is a MuData. Results are written into it.
    copy
        Return a copy instead of writing into `adata`.

    Returns
    -------
    `None`, or the copy if `copy=True`. Sets, for each endpoint, the following fields:

    `.obs['OS_risk']` : float32 `(n_obs,)`
        Log hazard relative to the training cohort's mean; higher is earlier.
    `.obsm['OS_survival']` : DataFrame of float32 `(n_obs, n_times)`
        With `times`: the survival curve from Breslow's baseline hazard, a column a time (its name in days). Missing
        beyond the last training time, and for strata without an event or unknown in training.
    `.uns['survival']` : dict
        Parameters, and for each endpoint the head, its checkpoint and how the samples were embedded.

    The embedding is added too (`obsm`, `uns`) where `adata` has none.

    Raises
    ------
    FileNotFoundError
        If the checkpoint has no such head.
    ValueError
        If a head belongs to another checkpoint, or is no survival head; or for what `specformer_embed` refuses.

    References
    ----------
    Breslow (1972), in the discussion of Cox's paper.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(20)
    >>> sf.tl.predict_survival(adata, endpoints=["OS"], times=[365, 1825])  # doctest: +SKIP
    >>> adata.obs["OS_risk"].dtype  # doctest: +SKIP
    dtype('float32')
    """
    adata = modality(adata, mod)
    heads = [find_head(name, name, model) for name in endpoints] if head is None else [find_head(head, "", model)]
    for one in heads:
        require_task(one, "survival", "predict_survival")
    columns: dict[str, np.ndarray] = {}
    curves: dict[str, pd.DataFrame] = {}
    notes_of: dict[str, Any] = {}
    inputs: dict[str, HeadInput] = {}
    with timed(f"predicting {shown([one.labels[0] for one in heads])} of {adata.n_obs:,} samples") as notes:
        for one in heads:
            endpoint = one.labels[0]
            # Heads of one checkpoint read the same vectors.
            kind = repr([one.about.get(name) for name in ("use_rep", "checkpoint", "embedding")])
            if kind not in inputs:
                inputs[kind] = read_input(adata, one, model, layer=layer, gene_key=gene_key, device=device)
            found = inputs[kind]
            risk = one.predict(found.X)[:, 0]
            columns[_named(OS_RISK.name, endpoint)] = risk
            if times is not None:
                stratum = _stratum(adata, one, strata)
                curves[_named(OS_SURVIVAL.name, endpoint)] = pd.DataFrame(
                    one.survival_curves(risk, np.asarray(times), stratum), index=adata.obs_names,
                    columns=[f"{time:g}" for time in times],
                )  # fmt: skip
            notes_of[endpoint] = {"head": head_note(one), **found.note}
        target = target_of(adata, copy=copy)
        with undivided():
            for found in inputs.values():
                found.write(target)
            for name, risk in columns.items():
                target.obs[name] = risk
            for name, curve in curves.items():
                target.obsm[name] = curve
            params = {"times": None if times is None else [float(time) for time in times], "strata": strata}
            target.uns[SURVIVAL_NOTE.name] = {"params": params | {"layer": layer, "gene_key": gene_key}, **notes_of}
        notes.append(f"added {shown(columns)} (adata.obs)" + (f", {shown(curves)} (adata.obsm)" if curves else ""))
    return target if copy else None


def _named(key: str, endpoint: str) -> str:
    return key.replace("OS", endpoint, 1)


def _stratum(adata: AnnData, head: Head, strata: str | None) -> np.ndarray:
    """The number of each sample's stratum in the head, -1 where it has none."""
    training = head.about["training"]
    if not training["strata_labels"]:
        return np.zeros(adata.n_obs, int)
    number = {name: i for i, name in enumerate(training["strata_labels"])}
    run = f"sf.tl.predict_survival(..., strata=...), as this head was fitted in strata of {training['strata']!r}"
    column = require_key(adata, "obs", strata or training["strata"], run=run)
    return np.array([number.get(name, -1) for name in column.astype(str)])
