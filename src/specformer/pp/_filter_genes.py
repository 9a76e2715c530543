"""The paper's gene filter: genes that are silent, or that never vary, are marked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from specformer._checks import require_key
from specformer._keys import FILTER, GENE_FILTER, SPLIT
from specformer._logging import logger
from specformer.pp._modality import modality
from specformer.pp._scan import require_linear, scan_with
from specformer.pp._target import target_of
from specformer.ranking._log_sums import add_log_sums, log_sums, log_variance, median_is_below

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

    from specformer.ranking._log_sums import LogSums
    from specformer.ranking._types import Block


def filter_genes(
    adata: AnnData | MuData,
    *,
    min_median: float = 0.1,
    min_variance_quantile: float = 0.1,
    mask_obs: str | np.ndarray | None = None,
    layer: str | None = None,
    mod: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Mark the genes that are worth a place in a vocabulary.

    A gene is dropped if its median over the training samples is below `min_median`, or its variance in the lowest
    `min_variance_quantile` of all genes: the filters of the SpecFormer paper, which applied them to log2 expression.
    Both are taken on log2(x + 1), x being linear expression scaled to one million per sample, so that the same samples
    pass the same genes as counts, as CPM or as logs of either. Nothing is removed: subset with
    `adata[:, adata.var["informative"]]`.

    Parameters
    ----------
    adata
        Samples x genes, on any scale that can be made linear; in memory, backed or on dask. It is read once, in
        blocks of samples.
    min_median
        Least median of log2(x + 1); 0 for no such filter.
    min_variance_quantile
        The share of genes, least variable first, that are dropped; 0 for no such filter. Genes that tie with the
        last of them are dropped as well, so a gene that never varies always is.
    mask_obs
        The samples to learn from: a boolean column of `obs`, or a boolean array. By default the training samples
        where `sf.pp.split` has marked them, else all samples.
    layer
        Read `adata.layers[layer]` instead of `adata.X`.
    mod
        Which modality to take, as in `"rna"`, if `adata` is a MuData. Results are written into it.
    copy
        Whether to return a copy instead of writing to `adata`.

    Returns
    -------
    None, or the copy. Sets:

    `.var['informative']` : bool
        Whether the gene passed both filters.
    `.uns['gene_filter']` : dict
        The parameters, the scale found, the samples learned from, the least variance, and how many genes fell.

    Raises
    ------
    ValueError
        If fewer than two samples are left to learn from, a threshold is out of range, or linear expression cannot be
        had from the matrix.
    KeyError
        If the layer, or the column named by `mask_obs`, is not there.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(n_obs=40)
    >>> sf.pp.filter_genes(adata)
    >>> informative = adata[:, adata.var["informative"]]
    """
    adata = modality(adata, mod)
    if not 0 <= min_variance_quantile < 1 or min_median < 0:
        msg = (
            f"`min_median` is {min_median!r} and `min_variance_quantile` is {min_variance_quantile!r}; "
            "expected a median of at least 0 and a share of at least 0 and below 1."
        )
        raise ValueError(msg)
    mask, rows = training_rows(adata, mask_obs)
    scale, parts = scan_with(adata, layer, None, partial(_learn, mask=mask, threshold=min_median))
    require_linear(scale, layer)
    sums = add_log_sums(part for part in parts if part is not None)
    silent, variance = median_is_below(sums, min_median), log_variance(sums)
    least = float(np.quantile(variance, min_variance_quantile)) if min_variance_quantile else -1.0
    flat = variance <= least
    kept = ~(silent | flat)

    adata = target_of(adata, copy=copy)
    adata.var[GENE_FILTER.name] = kept
    adata.uns[FILTER.name] = {
        "params": {"min_median": min_median, "min_variance_quantile": min_variance_quantile, "layer": layer},
        "scale": scale.name,
        "rows": rows,
        "n_obs": int(mask.sum()),
        "min_variance": max(least, 0.0),
        "n_low_median": int(silent.sum()),
        "n_low_variance": int(flat.sum()),
        "n_kept": int(kept.sum()),
    }
    logger.info(
        "%s of %s genes are informative (%s below the median, %s below the variance), learned from %s (%s samples)",
        *(f"{n:,}" for n in (kept.sum(), len(kept), silent.sum(), flat.sum())),
        rows,
        f"{mask.sum():,}",
    )
    return adata if copy else None


def training_rows(adata: AnnData, mask_obs: str | np.ndarray | None) -> tuple[np.ndarray, str]:
    """The samples that statistics may be fitted on, and how they were chosen, in words."""
    if mask_obs is None:
        if SPLIT.name in adata.obs:
            mask, rows = (adata.obs[SPLIT.name] == "train").to_numpy(), f"obs[{SPLIT.name!r}] == 'train'"
        else:
            mask, rows = np.ones(adata.n_obs, dtype=bool), "all samples"
    elif isinstance(mask_obs, str):
        run = f"adata.obs[{mask_obs!r}] = ..."
        mask, rows = require_key(adata, "obs", mask_obs, run=run).to_numpy(), f"obs[{mask_obs!r}]"
    else:
        mask, rows = np.asarray(mask_obs), "a mask"
    if mask.dtype != bool or mask.shape != (adata.n_obs,):
        msg = f"`mask_obs` has dtype {mask.dtype} and shape {mask.shape}; expected bool and ({adata.n_obs},)."
        raise ValueError(msg)
    if mask.sum() < 2:
        msg = f"{rows} leaves {int(mask.sum())} of {adata.n_obs} samples to learn from; expected at least two."
        raise ValueError(msg)
    return mask, rows


def _learn(linear: Block, rows: slice, *, mask: np.ndarray, threshold: float) -> LogSums | None:
    learned = linear[mask[rows]]
    return log_sums(learned, threshold) if learned.shape[0] else None
