"""What happens to a sample before it reaches a user: genes are lost, reads are lost, tissue is mixed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from specformer.ranking import detect_scale, to_linear

if TYPE_CHECKING:
    from anndata import AnnData

N_DRAWS = 3


def draw_genes(adata: AnnData, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Names of a random `fraction` of the genes, in the order of the columns."""
    n_kept = max(1, round(fraction * adata.n_vars))
    return adata.var_names[np.sort(rng.permutation(adata.n_vars)[:n_kept])].to_numpy()


def thinned(adata: AnnData, n_reads: float, rng: np.random.Generator) -> AnnData:
    """Counts drawn at `n_reads` a sample in the mean: Poisson around the sample's linear expression.

    Where only normalised expression is at hand, it stands in for the expected share of reads.
    """
    share = linear(adata)
    share = share / share.sum(axis=1, keepdims=True)
    return with_matrix(adata, rng.poisson(share * n_reads).astype(np.float32))


def mixed(tumours: AnnData, normals: AnnData, purity: float) -> AnnData:
    """Row by row, `purity` parts of a tumour and the rest of a normal, on linear scale at equal upper quartiles."""
    tumour, normal = (_at_equal_quartile(linear(adata)) for adata in (tumours, normals))
    return with_matrix(tumours, (purity * tumour + (1 - purity) * normal).astype(np.float32))


def linear(adata: AnnData) -> np.ndarray:
    """Linear expression, dense, float64."""
    X = adata.X.toarray() if sparse.issparse(adata.X) else np.asarray(adata.X)
    return np.asarray(to_linear(X, detect_scale(X).name), dtype=np.float64)


def with_matrix(adata: AnnData, X: np.ndarray) -> AnnData:
    """The same samples and genes with another matrix."""
    import anndata as ad

    return ad.AnnData(X, obs=adata.obs.copy(), var=adata.var.copy())


def _at_equal_quartile(X: np.ndarray) -> np.ndarray:
    return X / np.array([np.quantile(row[row > 0], 0.75) for row in X])[:, None]
