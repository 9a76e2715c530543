"""What happens to a sample before it reaches a user; `sf.pp.thin` and `sf.pp.mix` are the rest of it."""

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


def linear(adata: AnnData) -> np.ndarray:
    """Linear expression, dense, float64."""
    X = adata.X.toarray() if sparse.issparse(adata.X) else np.asarray(adata.X)
    return np.asarray(to_linear(X, detect_scale(X).name), dtype=np.float64)


def with_matrix(adata: AnnData, X: np.ndarray) -> AnnData:
    """The same samples and genes with another matrix."""
    import anndata as ad

    return ad.AnnData(X, obs=adata.obs.copy(), var=adata.var.copy())
