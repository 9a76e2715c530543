"""Enrichment of pathways, computed from expression: what heads are fitted to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from specformer._interrupts import undivided
from specformer._keys import GENE_ID, PATHWAY_SCORE
from specformer._logging import timed
from specformer.datasets._gene_sets import read_gmt
from specformer.pp._blocks import row_blocks
from specformer.pp._gene_names import read_gene_names
from specformer.pp._modality import modality
from specformer.pp._scan import require_linear, scan
from specformer.pp._target import target_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData
    from mudata import MuData


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
    names = read_gene_names(adata, gene_key)
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
