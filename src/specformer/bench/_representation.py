"""What is compared: functions from AnnData to a matrix, fitted on training patients only, without labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from specformer.bench._cohorts import Cohorts


class Embedder(Protocol):
    """From samples to one vector each, shape (n_obs, n_dims)."""

    def __call__(self, adata: AnnData) -> np.ndarray: ...


class EmbedderToFit(Protocol):
    """What becomes an :class:`Embedder` once it has seen training samples."""

    def fit(self, train: AnnData, pairs: Sequence[tuple[AnnData, AnnData]]) -> Embedder:
        """Fit on training samples and on training samples in two schemes; none of them has labels."""
        ...


def blind(adata: AnnData) -> AnnData:
    """The samples without names, labels, or anything else but expression, genes and `obsm`."""
    import anndata as ad
    import pandas as pd

    obs = pd.DataFrame(index=[f"sample{i}" for i in range(adata.n_obs)])
    return ad.AnnData(adata.X, obs=obs, var=adata.var.copy(), obsm=dict(adata.obsm))


@dataclass(eq=False)
class Fitted:
    """An embedder as fitted on the training samples of one cohort."""

    embed: Embedder
    cohorts: Cohorts
    genes: np.ndarray | None = None
    """Genes that every sample is cut down to, where the embedder was refitted on them."""
    memo: dict[Any, Any] = field(default_factory=dict)

    def __call__(self, adata: AnnData) -> np.ndarray:
        vectors = np.asarray(self.embed(blind(adata)))
        if vectors.ndim != 2 or len(vectors) != adata.n_obs or not np.isfinite(vectors).all():
            msg = f"An embedder gave shape {vectors.shape} for {adata.n_obs:,} samples, or values that are not finite."
            raise ValueError(msg)
        return vectors if vectors.dtype.kind == "f" else vectors.astype(np.float32)

    def of(self, name: str, needed: np.ndarray) -> np.ndarray:
        """The samples of a cohort that are `needed`, bool (n_obs,), as they are; rows of all others are NaN.

        No sample is embedded twice, and none before it is needed.
        """
        adata = self.cohorts[name]
        absent = needed & np.isnan(self.memo[name][:, 0]) if name in self.memo else needed
        if absent.any():
            found = self(adata[absent] if self.genes is None else adata[absent, self.genes])
            known = self.memo.setdefault(name, np.full((adata.n_obs, found.shape[1]), np.nan, dtype=found.dtype))
            known[absent] = found
        return self.memo[name]


@dataclass(eq=False)
class Representation:
    """An embedder, fitted where an axis needs it."""

    embedder: Embedder | EmbedderToFit
    cohorts: Cohorts
    fitted: dict[Any, Fitted] = field(default_factory=dict)

    def on(self, name: str) -> Fitted:
        """Fitted on the training samples of cohort `name`; as it is where there is nothing to fit."""
        key = name if hasattr(self.embedder, "fit") else None
        if key not in self.fitted:
            self.fitted[key] = self._fit(name, None)
        return self.fitted[key]

    def at_hand(self, name: str, genes: np.ndarray) -> Fitted:
        """The same as :meth:`on`, but refitted on `genes` alone where the embedder asks for that (`refits = True`)."""
        return self._fit(name, genes) if getattr(self.embedder, "refits", False) else self.on(name)

    def _fit(self, name: str, genes: np.ndarray | None) -> Fitted:
        if not hasattr(self.embedder, "fit"):
            return Fitted(self.embedder, self.cohorts)
        train = self.cohorts[name][self.cohorts.part(name, "train")]
        pairs = [(blind(a), blind(b)) for a, b in self.cohorts.pairs("train")]
        return Fitted(self.embedder.fit(blind(train if genes is None else train[:, genes]), pairs), self.cohorts, genes)
