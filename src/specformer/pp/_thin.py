"""Fewer reads: what a cohort would have looked like at a lower sequencing depth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from specformer._keys import SCHEME
from specformer._logging import timed
from specformer.pp._blocks import row_blocks
from specformer.pp._modality import modality
from specformer.pp._scan import place, require_linear, scan
from specformer.pp._target import target_of
from specformer.ranking import to_linear
from specformer.ranking._sums import dense_slices

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData


def thin(
    adata: AnnData | MuData,
    n_reads: float,
    *,
    layer: str | None = None,
    rng: np.random.Generator | int = 0,
    mod: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Thin every sample to a number of reads: Poisson counts around its expression.

    The expected count of a gene is its share of the sample's linear expression times `n_reads`; where counts are not at
    hand, TPM or upper-quartile expression stand in for the share of reads, without what gene length would do to it.

    Parameters
    ----------
    adata
        Samples x genes, counts or expression on any scale that can be made linear; in memory or on dask.
    n_reads
        Reads of a sample in the mean, over the genes at hand. It should lie well below the depth of the data: around
        the depth itself, the noise of sequencing would be counted twice.
    layer
        Read `adata.layers[layer]` instead of `adata.X`.
    rng
        Random generator or seed.
    mod
        Which modality to take, as in `"rna"`, if `adata` is a MuData. Results are written into it.
    copy
        Return a copy instead of writing into `adata`.

    Returns
    -------
    `None`, or the copy if `copy=True`. Sets the following fields:

    `.X` : float32 `(n_obs, n_vars)`
        Counts; sparse if it was. Notes of what `X` was before, `uns["scheme"]` and scanpy's `uns["log1p"]`, are removed.

    Raises
    ------
    ValueError
        If `n_reads` is not positive, if the values are z-scores, or if samples have NaN, infinite values, negative
        counts or no expression.
    KeyError
        If the layer is not there.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(4)
    >>> shallow = sf.pp.thin(adata, 20_000, copy=True)
    >>> bool(abs(shallow.X.sum(axis=1) - 20_000).max() < 1_000)
    True
    """
    adata = modality(adata, mod)
    if not n_reads > 0:
        msg = f"`n_reads` is {n_reads!r}; expected a positive number of reads a sample."
        raise ValueError(msg)
    if adata.isbacked:
        msg = "`adata` is backed; its `X` cannot be replaced. Use `adata.to_memory()` first."
        raise ValueError(msg)
    rng = np.random.default_rng(rng)
    with timed(f"thinning {adata.n_obs:,} samples to {n_reads:,.0f} reads") as notes:
        found = scan(adata, layer)
        require_linear(found, layer)
        blocks = []
        for _, block in row_blocks(adata, layer):
            for _, piece in dense_slices(to_linear(block, found.name)):
                drawn = _drawn(piece.astype(np.float64), n_reads, rng)
                blocks.append(sparse.csr_matrix(drawn) if sparse.issparse(block) else drawn)
        X = sparse.vstack(blocks, format="csr") if sparse.issparse(blocks[0]) else np.concatenate(blocks)

        target = target_of(adata, copy=copy)
        for note in (SCHEME.name, "log1p"):
            target.uns.pop(note, None)
        target.X = X
        notes.append(f"from {found.name} in {place(layer)}; replaced `X`")
    return target if copy else None


def _drawn(linear: np.ndarray, n_reads: float, rng: np.random.Generator) -> np.ndarray:
    share = linear / linear.sum(axis=1, keepdims=True)
    return rng.poisson(share * n_reads).astype(np.float32)
