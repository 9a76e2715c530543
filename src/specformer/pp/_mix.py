"""Two tissues in one sample: what a tumour looks like when the surgeon took some of its neighbourhood."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from specformer._checks import shown
from specformer._keys import SCHEME
from specformer._logging import timed
from specformer.pp._blocks import row_blocks
from specformer.pp._modality import modality
from specformer.pp._scan import require_linear, scan
from specformer.pp._target import target_of
from specformer.ranking import normalise_rows, to_linear

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

    from specformer.ranking._types import Block


def mix(
    adata: AnnData | MuData,
    other: AnnData,
    *,
    purity: float,
    layer: str | None = None,
    mod: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Mix every sample with another one: tumours of a lower purity.

    Both are brought to equal upper quartiles on linear scale, then added: `purity` parts of the sample and
    `1 - purity` parts of the row of `other` at the same place.

    Parameters
    ----------
    adata
        Samples x genes, on any scale that can be made linear; in memory or on dask.
    other
        As many samples of the same genes, in any such scale; repeat or permute its rows to say who meets whom. It is
        not changed.
    purity
        Share of `adata` in the mixture, from 0 to 1.
    layer
        Read this layer of both instead of `X`.
    mod
        Which modality to take, as in `"rna"`, if `adata` is a MuData. Results are written into it.
    copy
        Return a copy instead of writing into `adata`.

    Returns
    -------
    `None`, or the copy if `copy=True`. Sets the following fields:

    `.X` : float32 `(n_obs, n_vars)`
        Linear expression; in a sample that is not mixed, the upper quartile is 1,000. Sparse if both were. Notes of
        what `X` was before, `uns["scheme"]` and scanpy's `uns["log1p"]`, are removed.

    Raises
    ------
    ValueError
        If numbers of samples or genes differ, if `purity` is no share, if the values are z-scores, or if samples have
        NaN, infinite values, negative counts or no expression.
    KeyError
        If the layer is not there.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(4)
    >>> sf.pp.mix(adata, adata[[1, 0, 3, 2]], purity=0.75)
    >>> sf.pp.detect_scale(adata).name
    'linear'
    """
    adata = modality(adata, mod)
    if not 0 <= purity <= 1:
        msg = f"`purity` is {purity!r}; expected a share from 0 to 1."
        raise ValueError(msg)
    if adata.n_obs != other.n_obs:
        msg = f"`other` has {other.n_obs:,} samples, `adata` {adata.n_obs:,}. Choose one for each: `other[rows]`."
        raise ValueError(msg)
    if not adata.var_names.equals(other.var_names):
        differing = adata.var_names.symmetric_difference(other.var_names)
        msg = f"Genes of `adata` and `other` differ or stand in another order: {shown(differing)}. Use `other[:, adata.var_names]`."
        raise ValueError(msg)
    if adata.isbacked:
        msg = "`adata` is backed; its `X` cannot be replaced. Use `adata.to_memory()` first."
        raise ValueError(msg)
    with timed(f"mixing {adata.n_obs:,} samples, {purity:.0%} of each"):
        own, added = (_at_equal_quartile(cohort, layer) for cohort in (adata, other))
        if not (sparse.issparse(own) and sparse.issparse(added)):
            own, added = (X.toarray() if sparse.issparse(X) else X for X in (own, added))
        mixed = np.float32(purity) * own + np.float32(1 - purity) * added

        target = target_of(adata, copy=copy)
        for note in (SCHEME.name, "log1p"):
            target.uns.pop(note, None)
        target.X = mixed
    return target if copy else None


def _at_equal_quartile(adata: AnnData, layer: str | None) -> Block:
    found = scan(adata, layer)
    require_linear(found, layer)
    blocks = [normalise_rows(to_linear(block, found.name), "uq") for _, block in row_blocks(adata, layer)]
    return sparse.vstack(blocks, format="csr") if sparse.issparse(blocks[0]) else np.concatenate(blocks)
