"""The classical references that stand in every table, as embedders still to be fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from specformer.baselines import LinearEmbedder, fit_linear

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData


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


LINEAR_REFERENCES = {
    "PCA-128": LinearReference("pca"),
    "rank-PPCA-128": LinearReference("rank_ppca"),
    "rank-PPCA + WCCN": WhitenedReference("rank_ppca"),
    "PCA refitted on the genes at hand": Oracle("pca"),
    "HVG-5000": LinearReference("hvg"),
}
"""By the name they have in tables."""
