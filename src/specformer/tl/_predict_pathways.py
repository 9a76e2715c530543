"""Activity of pathways, predicted from the embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from specformer._interrupts import undivided
from specformer._keys import PATHWAY_ACTIVITY
from specformer._logging import timed
from specformer.pp._modality import modality
from specformer.pp._target import target_of
from specformer.tl._head_input import find_head, head_note, read_input, require_task

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData
    from mudata import MuData

    from specformer.model import Head, Pretrained

PATHWAYS = "pathways"


def predict_pathways(
    adata: AnnData | MuData,
    head: Head | str | Path | None = None,
    *,
    model: str | Path | Pretrained | None = None,
    layer: str | None = None,
    gene_key: str | None = None,
    device: str = "auto",
    key_added: str = PATHWAY_ACTIVITY.name,
    mod: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Predict the activity of pathways from the embedding.

    The shipped head was fitted to single-sample enrichment scores of 1,387 pathways; for other gene sets see
    :func:`score_pathways`. The prediction has use where genes are missing or reads are few; with a whole transcriptome at
    hand, the score itself can be computed.

    Parameters
    ----------
    adata
        Samples, embedded or not; see :func:`specformer_embed` for what they may hold.
    head
        From `sf.train.fit_head`, a directory, or the name of a head beside the checkpoint. None is `"pathways"`.
    model
        The checkpoint: name, directory, or loaded. None is the head's, or the one that comes with the package.
    layer, gene_key
        Where expression and gene names are, if the samples have to be embedded first.
    device
        Where to embed.
    key_added
        Where in `obsm` and `uns` to write.
    mod
        Which modality to take, as in `"rna"`, if `adata` is a MuData. Results are written into it.
    copy
        Return a copy instead of writing into `adata`.

    Returns
    -------
    `None`, or the copy if `copy=True`. Sets the following fields:

    `.obsm['pathway_activity' | key_added]` : DataFrame of float32 `(n_obs, n_pathways)`
        Activity in standard deviations of the training cohort, 0 its mean.
    `.uns['pathway_activity' | key_added]` : dict
        The head and its checkpoint, and how the samples were embedded.

    The embedding is added too (`obsm`, `uns`) where `adata` has none.

    Raises
    ------
    FileNotFoundError
        If the checkpoint has no such head.
    ValueError
        If the head belongs to another checkpoint, or is no regression; or for what `specformer_embed` refuses.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(20)
    >>> sf.tl.predict_pathways(adata)  # doctest: +SKIP
    >>> adata.obsm["pathway_activity"].shape  # doctest: +SKIP
    (20, 1387)
    """
    adata = modality(adata, mod)
    head = find_head(head, PATHWAYS, model)
    require_task(head, "regression", "predict_pathways")
    found = read_input(adata, head, model, layer=layer, gene_key=gene_key, device=device)
    with timed(f"predicting {len(head.labels):,} pathways of {adata.n_obs:,} samples") as notes:
        activity = (head.to_frame(found.X, adata.obs_names) - head.target_mean.numpy()) / head.target_scale.numpy()
        note: dict[str, Any] = {"params": {"layer": layer, "gene_key": gene_key}, "head": head_note(head), **found.note}
        target = target_of(adata, copy=copy)
        with undivided():
            found.write(target)
            target.obsm[key_added] = activity
            target.uns[key_added] = note
        notes.append(f"added {key_added!r}, {activity.shape[1]:,} pathways (adata.obsm)")
    return target if copy else None
