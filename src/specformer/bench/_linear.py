"""The classical references that stand in every table, as embedders still to be fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from specformer._keys import TFIDF_RANK
from specformer.baselines import LinearEmbedder, fit_linear
from specformer.pp import tfidf_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from specformer.bench._representation import Embedder, EmbedderToFit


@dataclass(frozen=True)
class LinearReference:
    """A method of :func:`specformer.baselines.fit_linear`, fitted by the benchmark on its training samples."""

    method: str

    def fit(self, train: AnnData, pairs: Sequence[tuple[AnnData, AnnData]]) -> LinearEmbedder:
        """Fit without the pairs."""
        return fit_linear(train, method=self.method)


@dataclass(frozen=True)
class WhitenedReference(LinearReference):
    """The same, whitened by the differences between two schemes of the same training samples."""

    def fit(self, train: AnnData, pairs: Sequence[tuple[AnnData, AnnData]]) -> LinearEmbedder:
        """Fit with the pairs."""
        return fit_linear(train, method=self.method, pairs=pairs)


@dataclass(frozen=True)
class Oracle(LinearReference):
    """The same, refitted to training samples cut down to the genes that the asked sample has.

    No deployed model can do this: it needs the training samples again for every new set of genes.
    """

    refits: bool = True


@dataclass(frozen=True)
class RankLayer:
    """The published order itself as features: each gene's rank, under the idf of the training samples."""

    def fit(self, train: AnnData, pairs: Sequence[tuple[AnnData, AnnData]]) -> Embedder:
        """Freeze the idf; samples to embed need the same genes."""
        reference = train.copy()
        tfidf_order(reference)

        def ranks(adata: AnnData) -> np.ndarray:
            ordered = adata.copy()
            tfidf_order(ordered, reference=reference)
            return np.asarray(ordered.layers[TFIDF_RANK.name], dtype=np.float32)

        return ranks


RANK_LAYER = "tf-idf rank layer"
LINEAR_REFERENCES: dict[str, EmbedderToFit] = {
    "PCA-128": LinearReference("pca"),
    "rank-PPCA-128": LinearReference("rank_ppca"),
    "rank-PPCA + WCCN": WhitenedReference("rank_ppca"),
    "PCA refitted on the genes at hand": Oracle("pca"),
    "HVG-5000": LinearReference("hvg"),
    RANK_LAYER: RankLayer(),
}
"""By the name they have in tables."""
