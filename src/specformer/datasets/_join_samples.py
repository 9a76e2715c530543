"""Single samples become a cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from anndata import AnnData

from specformer._checks import shown
from specformer._keys import BIOTYPE, FILE, UNASSIGNED

if TYPE_CHECKING:
    from pathlib import Path

    from specformer.datasets._quantified import Quantified


def join_samples(parts: list[Quantified], files: list[Path], origin: list[str]) -> AnnData:
    """Put samples below each other, their genes in the order of the first file; all have to have the same."""
    genes = parts[0].counts.index
    for path, part in zip(files, parts, strict=False):
        if not part.counts.index.is_unique:
            repeated = part.counts.index[part.counts.index.duplicated()]
            msg = f"{path} has genes twice: {shown(repeated)}."
            raise ValueError(msg)
        if len(other := genes.symmetric_difference(part.counts.index)):
            msg = (
                f"{path} has {part.counts.shape[0]:,} genes and {files[0]} has {len(genes):,}; they differ in "
                f"{shown(other)}. Count all samples against one annotation."
            )
            raise ValueError(msg)
    samples = pd.Index([name for part in parts for name in part.counts], dtype=object)
    if not samples.is_unique:
        name = samples[samples.duplicated()][0]
        of_name = [file for sample, file in zip(samples, origin, strict=True) if sample == name]
        msg = f"Several files are of a sample named {name!r}: {shown(of_name)}. Pass the paths of those to take."
        raise ValueError(msg)
    obs = pd.DataFrame({FILE.name: origin}, index=samples)
    var = parts[0].var.copy()
    if BIOTYPE.name in var:
        var[BIOTYPE.name] = var[BIOTYPE.name].astype("category")
    adata = AnnData(_stacked([part.counts for part in parts], genes), obs=obs, var=var)
    for key in parts[0].layers:
        adata.layers[key] = _stacked([part.layers[key] for part in parts], genes)
    unassigned = pd.concat([part.unassigned for part in parts], axis=1).T
    if unassigned.shape[1]:
        adata.obsm[UNASSIGNED.name] = unassigned.reindex(samples).astype(np.float32)
    return adata


def _stacked(tables: list[pd.DataFrame], genes: pd.Index) -> np.ndarray:
    """Samples x genes, genes in one order."""
    return np.concatenate([table.reindex(genes).to_numpy(np.float32).T for table in tables])
