"""The vectors that a checkpoint has for genes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from specformer._checks import require_one_of
from specformer._keys import GENE_EMBEDDING
from specformer._logging import logger
from specformer.genes import N_SPECIAL, match_genes
from specformer.pp._gene_names import read_gene_names
from specformer.pp._modality import modality
from specformer.pp._target import target_of

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

    from specformer.model import Pretrained


def gene_embeddings(
    adata: AnnData | MuData,
    model: str | Path | Pretrained | None = None,
    *,
    of: Literal["tokens", "anchor"] = "tokens",
    gene_key: str | None = None,
    key_added: str = GENE_EMBEDDING.name,
    mod: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Give each gene the vector that the checkpoint has for it.

    Parameters
    ----------
    adata
        Any samples; only the names of the genes are read.
    model
        The checkpoint: name, directory, or loaded. None is the one that comes with the package.
    of
        `"tokens"`: the embedding with which the encoder reads a gene. `"anchor"`: the gene's loadings on the latent
        dimensions of the linear anchor, where there is one; genes that vary together have them alike.
    gene_key
        Column of `var` with gene names; by default `var_names`.
    key_added
        Where in `varm` to write.
    mod
        Which modality to take, as in `"rna"`, if `adata` is a MuData. Results are written into it.
    copy
        Return a copy instead of writing into `adata`.

    Returns
    -------
    `None`, or the copy if `copy=True`. Sets the following fields:

    `.varm['specformer' | key_added]` : float32 `(n_vars, hidden_size)`, or `(n_vars, n_anchor)`
        One vector a gene, NaN where the checkpoint does not know the name.

    Raises
    ------
    ValueError
        If no gene is known, or the checkpoint has no anchor.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(2)
    >>> sf.tl.gene_embeddings(adata)  # doctest: +SKIP
    >>> adata.varm["specformer"].shape[1]  # doctest: +SKIP
    128
    """
    adata = modality(adata, mod)
    from specformer.model import load

    require_one_of("of", of, ("tokens", "anchor"))
    pretrained = load(model) if model is None or isinstance(model, str | Path) else model
    if of == "anchor" and not pretrained.config.n_anchor:
        msg = f"The checkpoint {pretrained.path.name!r} has no linear anchor; take `of='tokens'`."
        raise ValueError(msg)
    row = match_genes(list(read_gene_names(adata, gene_key)), pretrained.genes).index
    if of == "tokens":
        vectors = pretrained.model.specformer.get_input_embeddings().weight.detach()[N_SPECIAL:]
    else:
        vectors = pretrained.model.anchor.loadings.detach()
    found = np.full((adata.n_vars, vectors.shape[1]), np.nan, np.float32)
    found[row >= 0] = vectors.float().cpu().numpy()[row[row >= 0]]
    target = target_of(adata, copy=copy)
    target.varm[key_added] = found
    logger.info("added %r: vectors of %d of %d genes (adata.varm)", key_added, int((row >= 0).sum()), adata.n_vars)
    return target if copy else None
