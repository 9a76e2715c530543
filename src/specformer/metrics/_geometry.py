"""The shape of a cloud of samples. An untrained network scores high here: read it beside one, and beside PCA."""

from __future__ import annotations

import numpy as np


def spectrum(X: np.ndarray) -> np.ndarray:
    """Share of the variance along each principal axis, largest first, shape (min(n, d),). Columns are centred."""
    X = np.asarray(X, dtype=np.float64)
    energy = np.linalg.svd(X - X.mean(axis=0), compute_uv=False) ** 2
    if energy.sum() == 0:
        msg = f"All {len(X):,} rows are the same: there is no variance to share out."
        raise ValueError(msg)
    return energy / energy.sum()


def effective_rank(X: np.ndarray) -> float:
    """Exponential of the entropy of the variance shares: how many axes are in use.

    Parameters
    ----------
    X
        Samples, shape (n, d). Columns are centred.

    References
    ----------
    Roy, Vetterli (2007). The effective rank: a measure of effective dimensionality. EUSIPCO. (There singular values
    are taken as they are; here they are squared, so that the shares are of variance.)
    """
    share = spectrum(X)
    share = share[share > 0]
    return float(np.exp(-(share * np.log(share)).sum()))


def top_eigenvalue_share(X: np.ndarray) -> float:
    """Share of the variance along the first principal axis. Columns are centred."""
    return float(spectrum(X)[0])
