"""The order of genes within each sample."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from specformer._checks import require_key, require_one_of, require_rows, shown
from specformer._keys import TFIDF, TFIDF_RANK
from specformer._logging import logger, timed
from specformer.pp._modality import modality
from specformer.pp._order_fields import field, write_order
from specformer.pp._ranks import rank_samples
from specformer.pp._scan import place, require_linear, scan_with
from specformer.pp._statistics import own_columns, reference_columns
from specformer.pp._target import target_of
from specformer.ranking import LOG_SCALES, WEIGHTINGS
from specformer.ranking._gene_sums import add_sums, gene_sums

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData
    from mudata import MuData

    from specformer.pp._statistics import ColumnStatistics
    from specformer.ranking._gene_sums import GeneSums
    from specformer.ranking._types import Block
    from specformer.ranking._weights import Weighting


def tfidf_order(
    adata: AnnData | MuData,
    *,
    weighting: Weighting = "tfidf",
    layer: str | None = None,
    scale: str | None = None,
    reference: AnnData | Any | str | Path | None = None,
    mask_obs: str | np.ndarray | None = None,
    key_added: str = TFIDF_RANK.name,
    mod: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Rank the genes of each sample by TF-IDF: the sequence that the encoder reads.

    The default is the published formula to the letter: tf = x / sum(x), idf = log(N / (1 + df)) with df the number of
    the N samples in which the gene is above zero, genes ranked by tf * idf, decreasing. Equal scores are ordered by
    gene id, so that ranks do not depend on the order of columns; nor do they depend on the order of samples, on the
    container, on block sizes or on the number of threads.

    .. warning::
        The published idf is negative for a gene expressed in every sample and zero for one expressed in all but one.
        Such genes, most of the expressed ones in bulk data, stand *behind the zeros*, the highest expressed last.
        `weighting="tfidf_smooth"` has positive weights only.

    Parameters
    ----------
    adata
        Samples x genes. Counts, CPM, TPM, FPKM or a known logarithm of them: see :func:`~specformer.pp.detect_scale`.
        Logarithms are undone on the way, z-scores are refused. A backed object keeps the ranks in memory; on dask, they
        stay lazy and are computed chunk by chunk.
    weighting
        What a gene weighs, see :func:`~specformer.ranking.fit_statistics`: `"tfidf"`, `"tfidf_smooth"`, `"cohort_l2"`,
        `"median"`, `"expression"` or `"zscore"`. A reference brings its own.
    layer
        Rank `adata.layers[layer]` instead of `adata.X`.
    scale
        What the values are, one of the names of :func:`~specformer.pp.detect_scale`, where detection would be wrong.
    reference
        Whose frozen statistics to use instead of this cohort's own: an AnnData that was ordered before, a loaded
        checkpoint, or the name or path of one. Samples are then ranked alike alone and in company. Genes are matched by
        `var["gene_id"]`, where :func:`~specformer.pp.harmonize_genes` has written it, else by `var_names`; a checkpoint
        knows all their names. Genes that the reference does not know rank behind all that it knows, by name; that none
        is known is an error.
    mask_obs
        Samples that the statistics come from, such as those to train on: the name of a boolean column of `obs`, or a
        boolean array. All samples are ranked.
    key_added
        Name of the layer. If it is not the default, it also names the entry of `uns` and prefixes the other fields, so
        that several orders can stand side by side.
    mod
        Which modality to take, as in `"rna"`, if `adata` is a MuData. Results are written into it.
    copy
        Return a copy instead of writing into `adata`.

    Returns
    -------
    `None`, or the copy if `copy=True`. Sets the following fields:

    `.layers['tfidf_rank' | key_added]` : uint16, uint32 above 65,535 genes, `(n_obs, n_vars)`
        Rank of each gene within its sample, 0 = head of the sequence. Leaving out genes keeps the relative order.
    `.obs['n_genes_expressed']` : int32 `(n_obs,)`
        Genes above zero, among those that the statistics know.
    `.var['idf']` or `.var['gene_weight']` : float32 `(n_vars,)`
        The factor of each gene (idf for the two tf-idf weightings); NaN where the reference does not know the gene.
    `.var['gene_offset']` : float32 `(n_vars,)`
        For `weighting="zscore"`: what is subtracted before.
    `.var['df']` : int64 `(n_vars,)`
        Document frequency; 0 where the reference does not know the gene.
    `.uns['tfidf']` : dict
        `params`; the `scale` found, with the evidence; whose statistics (`reference`, `n_obs`, `fingerprint`).

    Raises
    ------
    ValueError
        If samples have NaN, infinite values, negative counts or no expression (they are named), values are z-scores,
        gene names stand twice, or the reference knows none of the genes. `adata` is then as it was.
    KeyError
        If the layer, the column of `obs` or the statistics of the reference are not there.

    Notes
    -----
    Sample names may stand twice, which is logged: ranks do not depend on them. Under `weighting="zscore"`, "per million"
    refers to the genes that the statistics know.

    Examples
    --------
    >>> import anndata as ad, numpy as np, specformer as sf
    >>> adata = ad.AnnData(np.array([[5.0, 0.0, 7.0], [1.0, 1.0, 0.0]]))
    >>> sf.pp.tfidf_order(adata, weighting="expression")
    >>> adata.layers["tfidf_rank"]
    array([[1, 2, 0],
           [0, 1, 2]], dtype=uint16)
    """
    adata = modality(adata, mod)
    require_one_of("weighting", weighting, WEIGHTINGS)
    if reference is not None and mask_obs is not None:
        msg = "`mask_obs` chooses samples for statistics of this cohort, but `reference` brings its own; pass one of them."
        raise ValueError(msg)
    _require_writable(adata, copy=copy)
    mask = None if mask_obs is None else _mask(adata, mask_obs)
    if not adata.obs_names.is_unique:
        twice = adata.obs_names[adata.obs_names.duplicated()].unique()
        logger.warning("Sample names stand more than once: %s. Ranks do not depend on names.", shown(twice))

    with timed(f"ordering the genes of {adata.n_obs:,} samples") as notes:
        columns = None if reference is None else reference_columns(adata, reference, key_added)
        known = None if columns is None else columns.known
        fitted = None if reference is not None else weighting
        part = partial(_count, known=known, weighting=fitted, mask=mask)
        found, parts = scan_with(adata, layer, scale, part)
        require_linear(found, layer)
        if columns is None:
            columns = own_columns(adata, add_sums(sums for _, sums in parts if sums is not None), weighting, mask)
        else:
            weighting = _reference_weighting(weighting, columns)
        n_expressed = np.concatenate([n for n, _ in parts])
        silent = n_expressed == 0
        require_rows(silent, adata.obs_names, "None of the known genes is expressed", "Drop these samples.")

        ranks = rank_samples(adata, layer, found.name, columns)
        params = {
            "weighting": weighting,
            "layer": layer,
            "scale": scale,
            "mask_obs": mask_obs if mask_obs is None or isinstance(mask_obs, str) else "an array",
        }
        note = {"params": params, "scale": {"name": found.name, **found.evidence}}
        target = target_of(adata, copy=copy)
        write_order(target, ranks, n_expressed, columns, note, key_added)

        undone = ", undone before ranking" if found.name in LOG_SCALES else ""
        notes.append(f"{place(layer)}: {found.name} ({found.evidence['because']}){undone}")
        notes.append(f"weighting {weighting!r}, statistics of {columns.source} (n = {columns.statistics.n_obs:,})")
        if columns.unknown.size:
            notes.append(f"{columns.unknown.size:,} of {adata.n_vars:,} genes are not in the reference and rank last")
        notes.append(f"added `layers[{key_added!r}]`, `uns[{field(TFIDF, key_added)!r}]`")
        if columns.statistics.n_obs == 1 and weighting == "tfidf":
            logger.warning("The idf of a single sample says nothing. Pass `reference=` to rank it like a cohort.")
    return target if copy else None


def _count(
    linear: Block, rows: slice, *, known: np.ndarray | None, weighting: str | None, mask: np.ndarray | None
) -> tuple[np.ndarray, GeneSums | None]:
    """Of one block: known genes above zero in each sample, and the sums for statistics if there are to be any."""
    n_expressed = np.asarray(((linear if known is None else linear[:, known]) > 0).sum(axis=1), np.int32).ravel()
    if weighting is None:
        return n_expressed, None
    learned = linear if mask is None else linear[mask[rows]]
    return n_expressed, gene_sums(learned, weighting) if learned.shape[0] else None


def _reference_weighting(asked: str, columns: ColumnStatistics) -> Weighting:
    found = columns.statistics.weighting
    if asked not in (found, "tfidf"):
        msg = f"`weighting={asked!r}`, but the reference was made with {found!r} and decides; leave `weighting` out."
        raise ValueError(msg)
    return found  # type: ignore[return-value]


def _mask(adata: AnnData, mask_obs: str | np.ndarray) -> np.ndarray:
    if isinstance(mask_obs, str):
        mask_obs = require_key(adata, "obs", mask_obs, run=f"adata.obs[{mask_obs!r}] = ...")
    mask = np.asarray(mask_obs)
    if not pd.api.types.is_bool_dtype(mask) or mask.shape != (adata.n_obs,):
        msg = f"`mask_obs` has dtype {mask.dtype} and shape {mask.shape}; expected bool ({adata.n_obs:,},)."
        raise ValueError(msg)
    if not mask.any():
        msg = "`mask_obs` chooses no sample; the statistics need at least one."
        raise ValueError(msg)
    return mask


def _require_writable(adata: AnnData, *, copy: bool) -> None:
    if adata.isbacked and (adata.is_view or copy):
        what = "a view of a backed AnnData" if adata.is_view else "a copy of a backed AnnData"
        msg = f"Ranks cannot be added to {what}. Use `adata.to_memory()` first."
        raise ValueError(msg)
