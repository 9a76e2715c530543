"""What the page computes from a cohort, and what it hands back."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pandas as pd

from specformer._keys import (
    CANCER_TYPE_CONFIDENCE,
    CANCER_TYPE_PRED,
    CANCER_TYPE_UNLIKE,
    X_SPECFORMER,
)
from specformer.serve._nearest import nearest_profiles

if TYPE_CHECKING:
    from anndata import AnnData

UMAP = "X_specformer_umap"
"""Not scanpy's default name: a UMAP that the file brings along stays as it is."""
LEAST_FOR_UMAP = 10


def annotate(adata: AnnData) -> None:
    """Embed a cohort, predict cancer types and lay out a UMAP, all by the public functions.

    Parameters
    ----------
    adata
        Samples x genes.

    Returns
    -------
    Nothing. Sets what :func:`specformer.tl.specformer_embed` and :func:`specformer.tl.predict_cancer_type` set, and for
    ten samples or more `.obsm['X_specformer_umap']`, float32 `(n_obs, 2)`.

    Examples
    --------
    >>> import specformer as sf
    >>> from specformer.serve import annotate
    >>> adata = sf.datasets.simulated_cohort(5)
    >>> annotate(adata)
    >>> adata.obsm["X_specformer"].shape[0]
    5
    """
    from specformer.tl import predict_cancer_type, specformer_embed

    specformer_embed(adata)
    predict_cancer_type(adata)
    if adata.n_obs >= LEAST_FOR_UMAP:
        import anndata as ad
        import scanpy as sc

        layout = ad.AnnData(
            obs=pd.DataFrame(index=adata.obs_names), obsm={X_SPECFORMER.name: adata.obsm[X_SPECFORMER.name]}
        )
        sc.pp.neighbors(
            layout, n_neighbors=min(15, adata.n_obs - 1), use_rep=X_SPECFORMER.name, metric="cosine", random_state=0
        )
        sc.tl.umap(layout, random_state=0)
        adata.obsm[UMAP] = layout.obsm["X_umap"]


def results(adata: AnnData) -> pd.DataFrame:
    """One row for each sample: predicted type, confidence, nearest mean profiles.

    Parameters
    ----------
    adata
        After :func:`annotate`.

    Returns
    -------
    A table to show, with the sample's name as index.

    Examples
    --------
    >>> import specformer as sf
    >>> from specformer.serve import annotate, results
    >>> adata = sf.datasets.simulated_cohort(5)
    >>> annotate(adata)
    >>> results(adata).columns.tolist()[:2]
    ['predicted type', 'confidence']
    """
    table = pd.DataFrame(
        {
            "predicted type": adata.obs[CANCER_TYPE_PRED.name].astype(str),
            "confidence": adata.obs[CANCER_TYPE_CONFIDENCE.name],
        }
    )
    if CANCER_TYPE_UNLIKE.name in adata.obs:
        table["unlike training"] = adata.obs[CANCER_TYPE_UNLIKE.name]
    near = nearest_profiles(adata)
    near.columns = near.columns.str.replace("_", " ").str.replace("nearest ", "nearest profile ")
    return table.join(near)


def embedded_file(adata: AnnData) -> bytes:
    """The cohort as an `.h5ad` file, with everything that was added; nothing stays on disk.

    Parameters
    ----------
    adata
        After :func:`annotate`.

    Returns
    -------
    The bytes of the file.

    Examples
    --------
    >>> import specformer as sf
    >>> from specformer.serve import embedded_file
    >>> embedded_file(sf.datasets.simulated_cohort(2))[1:4]
    b'HDF'
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "embedded.h5ad"
        adata.write_h5ad(path, compression="gzip")
        return path.read_bytes()
