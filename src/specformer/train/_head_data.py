"""What a head is fitted to: whose vectors, which targets, who is left out and why, and who watches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from specformer._checks import require_key, shown
from specformer._keys import SPECFORMER, SPLIT, WINDOWS, X_SPECFORMER
from specformer.pp._split import split_by_hash, uniform_of

if TYPE_CHECKING:
    from anndata import AnnData

WATCHING = 0.15
N_FOLDS = 5
EMBED = "sf.tl.specformer_embed(adata)"


class Target(NamedTuple):
    """What is to be predicted of each sample of the AnnData."""

    task: str
    labels: list[str]
    values: dict[str, np.ndarray]
    """`"label"` int (n_obs,); or `"value"` (n_obs, n_targets); or `"event"` and `"time"` (n_obs,)."""
    usable: np.ndarray
    """bool (n_obs,)."""
    left_out: dict[str, int]
    """How many samples are not usable, by reason."""


def read_target(adata: AnnData, target: str | tuple[str, str], task: str | None) -> Target:
    """The target and its task, from `obs`, `obsm`, `layers`, or a pair of columns of `obs`."""
    if isinstance(target, tuple) or task == "survival" or (task is None and f"{target}.time" in adata.obs):
        event, time = target if isinstance(target, tuple) else (target, f"{target}.time")
        return _survival(adata, event, time)
    for slot in ("obsm", "layers"):
        if target in getattr(adata, slot) and target not in adata.obs:
            return _matrix(adata, target, getattr(adata, slot)[target], task)
    column = require_key(adata, "obs", target, run=f"adata.obs[{target!r}] = ...")
    numbers = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if task == "regression" or (task is None and numbers):
        return _matrix(adata, target, column.to_numpy(float)[:, None], task, [target])
    missing = column.isna().to_numpy()
    text = column.astype(str).where(~missing, "")
    labels = sorted(set(text[~missing]))
    label = np.array([labels.index(name) if name else -1 for name in text])
    return Target("classification", labels, {"label": label}, ~missing, {"no label": int(missing.sum())})


def _matrix(adata: AnnData, target: str, values: Any, task: str | None, labels: list[str] | None = None) -> Target:
    if task not in (None, "regression"):
        msg = f"`target` {target!r} holds numbers for each sample: that is a regression, not task={task!r}."
        raise ValueError(msg)
    if labels is None:
        named = values.columns if isinstance(values, pd.DataFrame) else None
        if named is None:
            is_layer = values.shape[1] == adata.n_vars and target in adata.layers
            named = adata.var_names if is_layer else [f"{target}_{i}" for i in range(values.shape[1])]
        labels = [str(name) for name in named]
    values = values.toarray() if sparse.issparse(values) else np.asarray(values)
    missing = ~np.isfinite(values).all(axis=1)
    return Target("regression", labels, {"value": values.astype(np.float64)}, ~missing, {"missing": int(missing.sum())})


def _survival(adata: AnnData, event: str, time: str) -> Target:
    run = f"adata.obs[{event!r}], adata.obs[{time!r}] = events, days"
    happened, until = (
        require_key(adata, "obs", c, run=run).to_numpy(dtype=float, na_value=np.nan) for c in (event, time)
    )
    strange = sorted(set(happened[np.isfinite(happened)]) - {0.0, 1.0})
    if strange:
        msg = f"`adata.obs[{event!r}]` holds {shown(strange)}; expected 1 (event seen), 0 (censored) or missing."
        raise ValueError(msg)
    missing = ~(np.isfinite(happened) & np.isfinite(until))
    # A time of zero orders nobody, and negative ones are slips: neither says how long a patient was followed.
    early = ~missing & (until <= 0)
    usable = ~missing & ~early
    return Target(
        "survival", [event], {"event": happened == 1, "time": until}, usable,
        {"endpoint missing": int(missing.sum()), "time not above zero": int(early.sum())},
    )  # fmt: skip


def read_vectors(adata: AnnData, use_rep: str) -> tuple[np.ndarray, dict[str, Any]]:
    """The vectors, and whose they are: the checkpoint and how it was used; empty for any other matrix of `obsm`."""
    X = np.asarray(require_key(adata, "obsm", use_rep, run=EMBED))
    note = adata.uns.get(SPECFORMER.name if use_rep in (X_SPECFORMER.name, WINDOWS.name) else use_rep)
    if not isinstance(note, dict) or "checkpoint" not in note:
        if use_rep in (X_SPECFORMER.name, WINDOWS.name):
            msg = f"`adata.obsm[{use_rep!r}]` has no note in `adata.uns` of the checkpoint it is from. Run `{EMBED}` again."
            raise ValueError(msg)
        return X, {"checkpoint": {}, "embedding": {}}
    kept = ("pooling", "window_embedding", "max_windows", "bypass_layers")
    return X, {
        "checkpoint": {key: note["checkpoint"][key] for key in ("name", "sha256")},
        "embedding": {key: note["params"][key] for key in kept if key in note["params"]},
    }


def read_sides(adata: AnnData, groupby: str | None, usable: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """The side of each sample, `"train"`, `"val"` or another, a fold of its patient, and how they were told.

    `obs["split"]` decides where it is; elsewhere 15 % of the patients watch, by the hash of their names.
    """
    names = adata.obs_names.to_numpy(str)
    patients = names
    if groupby is not None:
        column = require_key(adata, "obs", groupby, run="sf.train.fit_head(..., groupby=None)")
        patients = np.where(column.isna().to_numpy(), names, column.astype(str).to_numpy()).astype(str)
    fold_of = {name: int(N_FOLDS * uniform_of(name, salt="specformer/fold")) for name in np.unique(patients).tolist()}
    fold = np.array([fold_of[name] for name in patients])
    if SPLIT.name in adata.obs:
        side, told = adata.obs[SPLIT.name].astype(str).to_numpy(str), f"obs[{SPLIT.name!r}]"
    else:
        side_of = split_by_hash(np.unique(patients).tolist(), (1 - WATCHING, WATCHING, 0.0), salt="specformer/head")
        side, told = np.array([side_of[name] for name in patients]), "hash of the patient"
    across = set(patients[side == "train"]) & set(patients[(side != "train") & usable])
    if across:
        msg = f"Patients stand on both sides of the split: {shown(sorted(across))}. Run `sf.pp.split(adata)`."
        raise ValueError(msg)
    if not (usable & (side == "train")).any():
        msg = f"No usable sample is on the training side ({told}): {int(usable.sum())} of {adata.n_obs} are usable."
        raise ValueError(msg)
    return side, fold, told
