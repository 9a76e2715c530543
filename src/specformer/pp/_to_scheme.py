"""Bring a cohort to a normalisation scheme."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from specformer._checks import require_key, shown
from specformer._interrupts import undivided
from specformer._keys import SCHEME
from specformer._logging import logger, timed
from specformer.pp._blocks import row_blocks
from specformer.pp._modality import modality
from specformer.pp._scan import place, require_linear, scan
from specformer.pp._target import target_of
from specformer.ranking import normalise_rows, parse_scheme, to_linear

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

NOT_FROM = {
    "tpm": "TPM are divided by gene length already",
    "quantile": "quantile normalisation has replaced the counts",
    "quantile_log2p1": "quantile normalisation has replaced the counts",
}
"""Scales from which no scheme can be made, and why."""


def to_scheme(
    adata: AnnData | MuData,
    scheme: str,
    *,
    lengths: str | np.ndarray | None = None,
    layer: str | None = None,
    mod: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Normalise counts: CPM, TPM, FPKM or upper quartile, linear or as a logarithm.

    Parameters
    ----------
    adata
        Counts, samples x genes; or what is proportional to the counts of a sample (RSEM expected or normalised counts,
        CPM), or a known logarithm of either, which is undone first. In memory or on dask; the result is in memory.
    scheme
        `"cpm"`, `"tpm"`, `"fpkm"` or `"uq"` (upper quartile of the genes above zero = 1,000); with the prefix `"log2"`
        for log2(x + 1), and the suffix `"0.001"` too for Toil's log2(x + 0.001): `"log2tpm"`, `"log2tpm0.001"`.
    lengths
        Length of each gene in bases, for TPM and FPKM: the name of a column of `var`, or an array.
    layer
        Read `adata.layers[layer]` instead of `adata.X`.
    mod
        Which modality to take, as in `"rna"`, if `adata` is a MuData. Results are written into it.
    copy
        Return a copy instead of writing into `adata`.

    Returns
    -------
    `None`, or the copy if `copy=True`. Sets the following fields:

    `.X` : float32 `(n_obs, n_vars)`
        Expression in the scheme; sparse if it was, except for log2(x + 0.001). scanpy's note of a logarithm of the
        former `X`, `uns["log1p"]`, is removed.
    `.uns['scheme']` : dict
        `scheme`; what it was made `from`; the `layer` and the `lengths` used.

    Raises
    ------
    ValueError
        If lengths are missing or not positive, if the values are TPM, quantile-normalised or z-scores, or if samples
        have NaN, infinite values, negative counts or no expression.
    KeyError
        If the layer or the column of lengths is not there.

    Examples
    --------
    >>> import anndata as ad, numpy as np, specformer as sf
    >>> adata = ad.AnnData(np.array([[1.0, 3.0], [6.0, 2.0]]))
    >>> sf.pp.to_scheme(adata, "cpm")
    >>> adata.X
    array([[250000., 750000.],
           [750000., 250000.]], dtype=float32)
    """
    adata = modality(adata, mod)
    bases = read_lengths(adata, lengths) if parse_scheme(scheme).needs_lengths else None
    if adata.isbacked:
        msg = "`adata` is backed; its `X` cannot be replaced. Use `adata.to_memory()` first."
        raise ValueError(msg)
    with timed(f"bringing {adata.n_obs:,} samples to {scheme}") as notes:
        found = scan(adata, layer)
        require_linear(found, layer)
        if found.name in NOT_FROM:
            msg = f"{place(layer)} holds {found.name} values; counts cannot be had from them: {NOT_FROM[found.name]}."
            raise ValueError(msg)
        if found.name == "linear":
            logger.warning("%s is linear, but not integer: taken as proportional to counts, as RSEM is.", place(layer))
        blocks = [normalise_rows(to_linear(block, found.name), scheme, bases) for _, block in row_blocks(adata, layer)]
        X = sparse.vstack(blocks, format="csr") if sparse.issparse(blocks[0]) else np.concatenate(blocks)

        target = target_of(adata, copy=copy)
        with undivided():
            target.uns[SCHEME.name] = {
                "scheme": scheme,
                "from": found.name,
                "layer": layer,
                "lengths": lengths if lengths is None or isinstance(lengths, str) else "an array",
            }
            target.uns.pop("log1p", None)
            target.X = X
        notes.append(f"from {found.name} in {place(layer)}; replaced `X`, added `uns[{SCHEME.name!r}]`")
    return target if copy else None


def read_lengths(adata: AnnData, lengths: str | np.ndarray | None) -> np.ndarray:
    """Bases of each column, float64, from a column of `var` or an array; errors where a gene has none."""
    if lengths is None:
        msg = (
            "TPM and FPKM need the length of each gene in bases: pass `lengths=`, a column of `adata.var` or an array."
        )
        raise ValueError(msg)
    if isinstance(lengths, str):
        lengths = require_key(adata, "var", lengths, run=f"adata.var[{lengths!r}] = ...").to_numpy(np.float64)
    bases = np.asarray(lengths, dtype=np.float64)
    if bases.shape != (adata.n_vars,):
        msg = f"`lengths` has shape {bases.shape}; expected ({adata.n_vars:,},), one for each gene."
        raise ValueError(msg)
    missing = ~(np.isfinite(bases) & (bases > 0))
    if missing.any():
        msg = (
            f"{missing.sum():,} genes have no positive length: {shown(adata.var_names[missing])}. "
            "Fill in `lengths`, or leave these genes out."
        )
        raise ValueError(msg)
    return bases
