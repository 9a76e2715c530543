"""Linear baselines on AnnData: any gene names, any unit."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from specformer._atomic import atomic_file
from specformer._checks import require_one_of, shown
from specformer._keys import X_LINEAR
from specformer._logging import timed
from specformer.baselines._rank_ppca import RankPPCA
from specformer.baselines._upper_quartile import HighlyVariableGenes, UpperQuartilePCA
from specformer.baselines._wccn import wccn_projection
from specformer.genes import GeneVocabulary, align_columns, match_genes, name_kind
from specformer.pp._blocks import row_blocks
from specformer.pp._detect_scale import detect_scale
from specformer.pp._target import target_of
from specformer.ranking import to_linear

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anndata import AnnData

METHODS: dict[str, Any] = {"pca": UpperQuartilePCA, "hvg": HighlyVariableGenes, "rank_ppca": RankPPCA}
"""Baselines by name."""


@dataclass(frozen=True, eq=False)
class LinearEmbedder:
    """A fitted baseline with the gene names it knows; called with an AnnData it gives one vector a sample."""

    model: UpperQuartilePCA | HighlyVariableGenes | RankPPCA
    """The baseline on arrays; its genes are called by `vocabulary.ids`."""
    vocabulary: GeneVocabulary
    """The genes by all their names."""
    projection: np.ndarray | None = None
    """Whitening by the differences between two schemes of the same samples, shape (n_dims, n_dims), or none."""

    def __call__(self, adata: AnnData, layer: str | None = None) -> np.ndarray:
        """Embed samples: float32 (n_obs, n_dims)."""
        vectors = self.model.transform(*linear_matrix(adata, self.vocabulary, layer))
        return vectors if self.projection is None else (vectors @ self.projection).astype(np.float32)

    def write(self, path: Path) -> None:
        """Write a directory with `genes.csv` and `arrays.npz`."""
        path.mkdir(parents=True, exist_ok=True)
        self.vocabulary.write(path / "genes.csv")
        method = next(name for name, kind in METHODS.items() if isinstance(self.model, kind))
        arrays: dict[str, Any] = {
            f"model.{field.name}": getattr(self.model, field.name) for field in fields(self.model)
        }
        if self.projection is not None:
            arrays["projection"] = self.projection
        with atomic_file(path / "arrays.npz") as written:
            np.savez(written, method=method, **arrays)

    @classmethod
    def read(cls, path: Path) -> LinearEmbedder:
        """Read what `write` wrote."""
        with np.load(path / "arrays.npz") as stored:
            kind = METHODS[str(stored["method"])]
            parts = {field.name: stored[f"model.{field.name}"] for field in fields(kind)}
            model = kind(**{name: part.item() if part.ndim == 0 else part for name, part in parts.items()})
            projection = stored["projection"] if "projection" in stored else None
        return cls(model, GeneVocabulary.read(path / "genes.csv"), projection)


def fit_linear(
    adata: AnnData,
    *,
    method: str = "rank_ppca",
    n_dims: int | None = None,
    pairs: Sequence[tuple[AnnData, AnnData]] = (),
    layer: str | None = None,
    vocabulary: GeneVocabulary | None = None,
) -> LinearEmbedder:
    """Fit a linear baseline to training samples.

    Parameters
    ----------
    adata
        Training samples, in any unit that can be made linear. Labels are not read.
    method
        `"pca"`: principal components of standardised upper-quartile log2 expression; `"hvg"`: its most variable genes;
        `"rank_ppca"`: probabilistic PCA of normal-scored ranks, in which missing genes are missing.
    n_dims
        Size of the vector: 128 by default, 5,000 for `"hvg"`; less where the data have less.
    pairs
        The same training samples (row by row) in two schemes each, for instance as counts and as FPKM. Given any, the
        vectors are whitened by the differences between the two (within-class covariance normalisation), so that what
        the scheme does to a sample counts little.
    layer
        Read `adata.layers[layer]` instead of `adata.X`.
    vocabulary
        Names of the genes. By default from `adata.var`: its columns `symbol`, `ensembl` and `entrez`, or `var_names`
        alone, by which other cohorts must then call their genes.

    Returns
    -------
    The fitted embedder; nothing is written. Give it to :func:`linear_embed`, or call it.

    Raises
    ------
    ValueError
        If values cannot be made linear, or the two members of a pair have not the same number of samples.

    Examples
    --------
    >>> import anndata as ad
    >>> counts = np.random.default_rng(0).poisson(20, size=(30, 50)).astype("float32")
    >>> adata = ad.AnnData(counts)
    >>> adata.var_names = [f"GENE{i}" for i in range(50)]
    >>> fit_linear(adata, n_dims=8)(adata[:, :25]).shape
    (30, 8)
    """
    require_one_of("method", method, tuple(METHODS))
    uneven = [(len(first), len(second)) for first, second in pairs if len(first) != len(second)]
    if uneven:
        msg = f"A pair holds the same samples twice, row by row; found {shown(uneven)} samples."
        raise ValueError(msg)
    size = {} if n_dims is None else {"n_top" if method == "hvg" else "n_dims": n_dims}
    vocabulary = own_vocabulary(adata) if vocabulary is None else vocabulary
    with timed(f"fitting {method} to {adata.n_obs:,} samples"):
        embedder = LinearEmbedder(METHODS[method].fit(*linear_matrix(adata, vocabulary, layer), **size), vocabulary)
        if not pairs:
            return embedder
        differences = np.concatenate([embedder(first) - embedder(second) for first, second in pairs])
        variance = float(embedder(adata, layer).var(axis=0).mean())
    return LinearEmbedder(embedder.model, vocabulary, wccn_projection(differences, variance))


def linear_embed(
    adata: AnnData,
    embedder: LinearEmbedder,
    *,
    layer: str | None = None,
    key_added: str = X_LINEAR.name,
    copy: bool = False,
) -> AnnData | None:
    """Embed samples with a fitted linear baseline.

    Parameters
    ----------
    adata
        Samples by any human gene names in any unit that can be made linear.
    embedder
        From :func:`fit_linear`.
    layer
        Read `adata.layers[layer]` instead of `adata.X`.
    key_added
        Where in `obsm` the vectors go.
    copy
        Whether to return a copy instead of writing to `adata`.

    Returns
    -------
    None, or the copy. Sets:

    `.obsm['X_linear' | key_added]` : :class:`~numpy.ndarray` (shape `(n_obs, n_dims)`, dtype `float32`)
        One vector per sample.

    Examples
    --------
    >>> import anndata as ad
    >>> adata = ad.AnnData(np.random.default_rng(0).poisson(20, size=(30, 50)).astype("float32"))
    >>> adata.var_names = [f"GENE{i}" for i in range(50)]
    >>> linear_embed(adata, fit_linear(adata, n_dims=8))
    >>> adata.obsm["X_linear"].shape
    (30, 8)
    """
    vectors = embedder(adata, layer)
    target = target_of(adata, copy=copy)
    target.obsm[key_added] = vectors
    return target if copy else None


def linear_matrix(
    adata: AnnData, vocabulary: GeneVocabulary, layer: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Linear expression of the vocabulary's genes at hand, float32 (n_obs, n_genes), and their ids."""
    scale = detect_scale(adata, layer)
    if not scale.invertible:
        msg = (
            f"Values on scale {scale.name!r} cannot be made linear ({scale.evidence['because']}). Give counts or logs."
        )
        raise ValueError(msg)
    alignment = align_columns(match_genes(adata.var_names, vocabulary))
    blocks = [alignment.apply(to_linear(block, scale.name)) for _, block in row_blocks(adata, layer)]
    dense = [block if isinstance(block, np.ndarray) else block.toarray() for block in blocks]
    return np.concatenate(dense), vocabulary.ids[alignment.genes].astype(str)


def own_vocabulary(adata: AnnData) -> GeneVocabulary:
    """The names that `adata.var` gives its genes."""
    named = [column for column in ("symbol", "ensembl", "entrez") if column in adata.var]
    if {"symbol", "ensembl"} & set(named):
        return GeneVocabulary.from_table(adata.var[named])
    column = "ensembl" if name_kind(adata.var_names) == "ensembl" else "symbol"
    return GeneVocabulary.from_table(adata.var_names.to_frame(index=False, name=column))
