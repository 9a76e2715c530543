"""What is this matrix?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from specformer._logging import logger
from specformer.pp._modality import modality
from specformer.pp._scan import place, scan

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

    from specformer.ranking import Scale


def detect_scale(adata: AnnData | MuData, layer: str | None = None, *, mod: str | None = None) -> Scale:
    """Tell what the values of a matrix are, with the evidence.

    Everything in the package that ranks expression calls this first, undoes a logarithm by itself and refuses what
    cannot be undone; call it to see what they will do. The rules stand in
    :func:`specformer.ranking.detect_scale`; beside them, the base of the logarithm is taken from `adata.uns["log1p"]`
    where scanpy has recorded it.

    Parameters
    ----------
    adata
        Samples x genes; in memory, backed or on dask.
    layer
        Look at `adata.layers[layer]` instead of `adata.X`.
    mod
        Which modality to take, as in `"rna"`, if `adata` is a MuData.

    Returns
    -------
    `name`: `"counts"`, `"cpm"`, `"tpm"`, `"linear"` (FPKM, RSEM, upper quartile), `"log2p1"`, `"log1p"`, `"toil"`
    (log2(x + 0.001)), `"quantile"` or `"quantile_log2p1"` (quantile-normalised), `"zscore"`; `invertible`: whether
    linear expression can be had from it; `evidence`: a dict with the reason under `"because"`. Nothing is written.

    Raises
    ------
    ValueError
        If samples have NaN, infinite values, negative counts, or no expression at all; they are named.

    Examples
    --------
    >>> import anndata as ad, numpy as np, specformer as sf
    >>> sf.pp.detect_scale(ad.AnnData(np.array([[3.0, 0.0, 12.0], [7.0, 1.0, 0.0]]))).name
    'counts'
    """
    adata = modality(adata, mod)
    found = scan(adata, layer)
    logger.info("%s: %s (%s)", place(layer), found.name, found.evidence["because"])
    return found
