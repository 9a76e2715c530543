"""Activity of pathways, predicted from the embedding; and their enrichment, computed, to fit heads to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from specformer._checks import require_key
from specformer._interrupts import undivided
from specformer._keys import GENE_ID, PATHWAY_ACTIVITY, PATHWAY_SCORE
from specformer._logging import timed
from specformer.datasets._gene_sets import read_gmt
from specformer.pp._blocks import row_blocks
from specformer.pp._modality import modality
from specformer.pp._scan import require_linear, scan
from specformer.pp._target import target_of
from specformer.tl._head_input import find_head, head_note, read_input

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    if head.task != "regression":
        msg = f"This is a {head.task} head; `predict_pathways` needs one fitted with task='regression'."
        raise ValueError(msg)
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


def score_pathways(
    adata: AnnData | MuData,
    gene_sets: Mapping[str, Sequence[str]] | str | Path,
    *,
    layer: str | None = None,
    gene_key: str | None = None,
    min_size: int = 5,
    key_added: str = PATHWAY_SCORE.name,
    mod: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Compute the enrichment of gene sets in each sample (ssGSEA), which heads can be fitted to.

    Parameters
    ----------
    adata
        Samples x genes; only the order of genes within a sample counts.
    gene_sets
        Genes of each set, by the names that `adata` uses for its genes; or a GMT file.
    layer
        Read `adata.layers[layer]` instead of `adata.X`.
    gene_key
        Column of `var` with gene names; by default what `sf.pp.harmonize_genes` found, else `var_names`.
    min_size
        Sets with fewer genes at hand are left out.
    key_added
        Where in `obsm` and `uns` to write.
    mod
        Which modality to take, as in `"rna"`, if `adata` is a MuData. Results are written into it.
    copy
        Return a copy instead of writing into `adata`.

    Returns
    -------
    `None`, or the copy if `copy=True`. Sets the following fields:

    `.obsm['pathway_score' | key_added]` : DataFrame of float32 `(n_obs, n_sets)`
        Scores of :func:`~specformer.baselines.ssgsea`, divided by the number of genes.
    `.uns['pathway_score' | key_added]` : dict
        Parameters, and how many sets were left out.

    Raises
    ------
    ValueError
        If no set has enough genes, or `adata` holds z-scores.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(20)
    >>> sf.tl.score_pathways(adata, {"cell cycle": ["MKI67", "TOP2A", "CCNB1"]}, min_size=3)
    >>> adata.obsm["pathway_score"].shape
    (20, 1)
    >>> head = sf.train.fit_head(adata, "pathway_score")  # doctest: +SKIP
    >>> sf.tl.predict_pathways(new_samples, head)  # doctest: +SKIP
    """
    adata = modality(adata, mod)
    from specformer.baselines import ssgsea

    sets = read_gmt(Path(gene_sets)) if isinstance(gene_sets, str | Path) else dict(gene_sets)
    if gene_key is None and GENE_ID.name in adata.var:
        gene_key = GENE_ID.name
    names = adata.var_names if gene_key is None else require_key(adata, "var", gene_key, run="adata.var[...] = ...")
    with timed(f"scoring {len(sets):,} gene sets in {adata.n_obs:,} samples") as notes:
        require_linear(scan(adata, layer), layer)
        blocks = []
        for _, block in row_blocks(adata, layer, n_rows=256):
            dense = block if isinstance(block, np.ndarray) else block.toarray()
            blocks.append(ssgsea(dense, names.to_numpy(str), sets, min_size=min_size).astype(np.float32))
        scores = pd.concat(blocks).set_axis(adata.obs_names)
        target = target_of(adata, copy=copy)
        with undivided():
            target.obsm[key_added] = scores
            target.uns[key_added] = {
                "params": {"layer": layer, "gene_key": gene_key, "min_size": min_size},
                "n_sets": scores.shape[1],
                "n_left_out": len(sets) - scores.shape[1],
            }
        notes.append(f"{len(sets) - scores.shape[1]:,} sets with fewer than {min_size} genes at hand left out")
        notes.append(f"added {key_added!r} (adata.obsm)")
    return target if copy else None
