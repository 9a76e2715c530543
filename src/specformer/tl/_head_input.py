"""From an AnnData and a head to what the head reads: an embedding that is there, or one made as the head's was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from specformer._checks import require_key
from specformer._keys import SPECFORMER, WINDOWS, X_SPECFORMER
from specformer._logging import logger
from specformer.tl._embedding import Embedding, compute_embedding, write_embedding

if TYPE_CHECKING:
    from anndata import AnnData

    from specformer.model import Head, Pretrained


class HeadInput(NamedTuple):
    """What a head reads of samples."""

    X: np.ndarray
    embedding: Embedding | None
    """Where it was computed for this, and `adata` has none."""
    note: dict[str, Any]
    """For `uns`: whose vectors, and how they came here."""

    def write(self, target: AnnData) -> None:
        """Keep a new embedding, so that the next prediction need not compute it."""
        if self.embedding is not None:
            write_embedding(target, self.embedding)


def find_head(head: Head | str | Path | None, default: str, model: str | Path | Pretrained | None) -> Head:
    """A head as it is, by its directory or name, or the checkpoint's own of the name `default`."""
    from specformer.model import load_head

    return load_head(default if head is None else head, model) if head is None or isinstance(head, str | Path) else head


def require_task(head: Head, task: str, function: str) -> None:
    """Raise a ValueError unless the head was fitted to what the function predicts."""
    if head.task != task:
        msg = f"This is a {head.task} head; `{function}` needs one fitted with task={task!r}."
        raise ValueError(msg)


def read_input(
    adata: AnnData,
    head: Head,
    model: str | Path | Pretrained | None,
    *,
    layer: str | None = None,
    gene_key: str | None = None,
    device: str = "auto",
) -> HeadInput:
    """Vectors of the samples, made by the head's checkpoint in the head's way.

    An embedding in `obsm` is taken if its note says so. One that was made otherwise is left alone, and another is made
    for this prediction; where there is none, the new one is kept.
    """
    use_rep: str = head.about.get("use_rep", X_SPECFORMER.name)
    checkpoint, how = head.about.get("checkpoint") or {}, head.about.get("embedding") or {}
    if not checkpoint:
        X = np.asarray(require_key(adata, "obsm", use_rep, run="the same reduction as on the training cohort"))
        return HeadInput(X, None, {"use_rep": use_rep})
    if model is not None:
        model = open_checkpoint(head, model)
    own_note = adata.uns.get(SPECFORMER.name if use_rep in (X_SPECFORMER.name, WINDOWS.name) else use_rep)
    note = {"use_rep": use_rep, "checkpoint": checkpoint["name"], "checkpoint_sha256": checkpoint["sha256"]}
    asked = {name: value for name, value in {"layer": layer, "gene_key": gene_key}.items() if value is not None}
    if use_rep in adata.obsm and _was_made_so(own_note, checkpoint["sha256"], how | asked, use_rep):
        genes = own_note["genes"]
        return HeadInput(
            np.asarray(adata.obsm[use_rep]), None, {**note, "embedded": "before", "gene_coverage": genes["coverage"]}
        )
    model = model or open_checkpoint(head, None)
    if use_rep in adata.obsm:
        logger.info(
            "adata.obsm[%r] was made otherwise than this head's vectors: it stays, and others are made.", use_rep
        )
    embedding = compute_embedding(
        adata, model, layer=layer, gene_key=gene_key, device=device, windows=use_rep == WINDOWS.name,
        max_windows=how.get("max_windows"), bypass_layers=bool(how.get("bypass_layers")),
    )  # fmt: skip
    vectors = embedding.windows if use_rep == WINDOWS.name else embedding.vectors
    is_new = X_SPECFORMER.name not in adata.obsm and use_rep in (X_SPECFORMER.name, WINDOWS.name)
    note |= {"embedded": "now", "gene_coverage": embedding.note["genes"]["coverage"]}
    return HeadInput(np.asarray(vectors), embedding if is_new else None, note)


def head_note(head: Head) -> dict[str, Any]:
    """What `uns` says of a head."""
    training = head.about.get("training", {})
    known = {name: training[name] for name in ("target", "n_train", "n_validation") if name in training}
    return {"task": head.task, "n_labels": len(head.labels), "path": str(head.path or ""), **known}


def _was_made_so(note: Any, sha256: str, how: dict[str, Any], use_rep: str) -> bool:
    if not isinstance(note, dict) or note.get("checkpoint", {}).get("sha256") != sha256:
        return False
    wanted = {"max_windows": None} | how | ({"windows": True} if use_rep == WINDOWS.name else {})
    return all(note["params"].get(name) == value for name, value in wanted.items())


def _beside(head: Head) -> Path | None:
    """The checkpoint that a head lies beside, if it lies beside one."""
    place = None if head.path is None else head.path.resolve().parents[1]
    return place if place is not None and (place / "genes.csv").is_file() else None


def open_checkpoint(head: Head, model: str | Path | Pretrained | None) -> Pretrained:
    """The head's own checkpoint, used in the head's way; any other is refused. None is the one beside it, or ours."""
    from specformer.model import load
    from specformer.model._head_files import require_same_checkpoint

    where = ""
    if model is None:
        model = _beside(head)
        where = "the default checkpoint" if model is None else ""
    pretrained = load(model) if model is None or isinstance(model, str | Path) else model
    require_same_checkpoint(head, pretrained.sha256, where or str(pretrained.path))
    how = head.about.get("embedding") or {}
    ways: dict[str, Any] = {name: how.get(name) for name in ("pooling", "window_embedding")}
    if all(value in (None, getattr(pretrained.config, name)) for name, value in ways.items()):
        return pretrained
    return load(pretrained.path, **ways)
