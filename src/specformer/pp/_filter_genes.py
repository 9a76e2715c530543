"""The paper's gene filter: genes that are silent, or that never vary, are marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specformer._checks import require_key
from specformer._interrupts import undivided
from specformer._keys import FILTER, GENE_FILTER, SPLIT
from specformer._logging import logger
from specformer.pp._blocks import row_blocks
from specformer.pp._scan import require_linear, scan
from specformer.pp._target import target_of
from specformer.ranking import to_linear
from specformer.ranking._sums import per_million

if TYPE_CHECKING:
    from anndata import AnnData

    from specformer.ranking import Scale

_N_BUFFERED = 2**26  # values held at once: 256 MB


def filter_genes(
    adata: AnnData,
    *,
    min_median: float = 0.1,
    min_variance_quantile: float = 0.1,
    mask_obs: str | np.ndarray | None = None,
    layer: str | None = None,
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
        Samples x genes, on any scale that can be made linear; in memory, backed or on dask. It is read in blocks of
        samples, more than once where samples are many.
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
    if not 0 <= min_variance_quantile < 1 or min_median < 0:
        msg = (
            f"`min_median` is {min_median!r} and `min_variance_quantile` is {min_variance_quantile!r}; "
            "expected a median of at least 0 and a share of at least 0 and below 1."
        )
        raise ValueError(msg)
    mask, rows = training_rows(adata, mask_obs)
    scale = scan(adata, layer)
    require_linear(scale, layer)
    median, variance = _median_and_variance(adata, layer, scale, mask)
    silent = median < min_median
    least = float(np.quantile(variance, min_variance_quantile)) if min_variance_quantile else -1.0
    flat = variance <= least
    kept = ~(silent | flat)

    adata = target_of(adata, copy=copy)
    with undivided():
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


def _median_and_variance(
    adata: AnnData, layer: str | None, scale: Scale, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Exact median and variance of log2(x + 1) of each gene, holding as many genes at once as fit the buffer."""
    n_obs, n_vars = int(mask.sum()), adata.n_vars
    median, variance = np.empty(n_vars), np.empty(n_vars)
    width = max(_N_BUFFERED // n_obs, 1)
    for start in range(0, n_vars, width):
        genes = slice(start, min(start + width, n_vars))
        values = np.empty((n_obs, genes.stop - start), dtype=np.float32)
        filled = 0
        for rows, block in row_blocks(adata, layer):
            learned = block[mask[rows]]
            if learned.shape[0]:
                scaled = per_million(to_linear(learned, scale.name))[:, genes]
                scaled = scaled if isinstance(scaled, np.ndarray) else scaled.toarray()
                values[filled : filled + len(scaled)] = np.log2(scaled + 1)
                filled += len(scaled)
        median[genes] = np.median(values, axis=0)
        variance[genes] = values.var(axis=0, dtype=np.float64)
    return median, variance
