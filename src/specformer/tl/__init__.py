"""Apply a checkpoint to AnnData."""

from __future__ import annotations

from specformer.tl._attribute import attribute
from specformer.tl._embed import specformer_embed
from specformer.tl._embed_to_zarr import embed_to_zarr
from specformer.tl._gene_embeddings import gene_embeddings
from specformer.tl._predict_cancer_type import predict_cancer_type
from specformer.tl._predict_expression import predict_expression
from specformer.tl._predict_pathways import predict_pathways
from specformer.tl._predict_survival import predict_survival
from specformer.tl._score_pathways import score_pathways
from specformer.tl._transfer_labels import transfer_labels

__all__ = [
    "attribute",
    "embed_to_zarr",
    "gene_embeddings",
    "predict_cancer_type",
    "predict_expression",
    "predict_pathways",
    "predict_survival",
    "score_pathways",
    "specformer_embed",
    "transfer_labels",
]
