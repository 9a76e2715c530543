"""What is written of an embedding: genes, scale, ranks under the checkpoint's statistics, windows, vectors, a note."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from specformer._interrupts import undivided
from specformer._keys import ATTENTION, SPECFORMER, WINDOWS, X_SPECFORMER
from specformer._logging import logger, timed
from specformer._settings import settings
from specformer.genes import align_columns
from specformer.tl._encode import encode_ranks, require_windows
from specformer.tl._encode_on_workers import client_of, encode_on_workers
from specformer.tl._provenance import provenance, summary
from specformer.tl._ranks import read_ranks, require_expressed
from specformer.tl._trust import doubt, expected_cosine

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from anndata import AnnData

    from specformer.model import Pretrained
    from specformer.tl._encode import Encoded


class Embedding(NamedTuple):
    """What is written of an embedding."""

    vectors: np.ndarray
    windows: np.ndarray | None
    attention: np.ndarray | None
    note: dict[str, Any]


def compute_embedding(
    adata: AnnData,
    pretrained: Pretrained,
    *,
    layer: str | None = None,
    gene_key: str | None = None,
    scale: str | None = None,
    windows: bool = False,
    attention: bool = False,
    max_windows: int | None = None,
    bypass_layers: bool = False,
    batch_size: int | Literal["auto"] = "auto",
    device: str = "auto",
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto",
) -> Embedding:
    """All that `specformer_embed` writes; `adata` is only read."""
    require_windows(max_windows)
    if attention and bypass_layers:
        msg = "`attention=True` asks how windows weigh, but `bypass_layers=True` reads none; pass one of them."
        raise ValueError(msg)
    with timed(f"embedding {adata.n_obs:,} samples with {pretrained.path.name}") as notes:
        match, found, genes, ranks = read_ranks(adata, pretrained.genes, layer=layer, gene_key=gene_key, scale=scale)
        how: dict[str, Any] = {
            "max_windows": max_windows, "bypass_layers": bypass_layers, "batch_size": batch_size, "device": device,
            "dtype": dtype,
        }  # fmt: skip
        if client_of(adata, layer) is None:
            parts = encode_ranks(require_expressed(ranks, adata.obs_names), pretrained, genes, **how)
        else:
            parts = encode_on_workers(adata, layer, pretrained, align_columns(match), scale=found.name, how=how)
        asked = {"windows": windows, "attention": attention}
        encoded = _collected(parts, adata.n_obs, keep=[name for name in asked if asked[name]])
        params = {
            "layer": layer,
            "gene_key": gene_key,
            "pooling": pretrained.config.pooling,
            "windows": windows,
            "attention": attention,
            "max_windows": max_windows,
            "window_embedding": pretrained.config.window_embedding,
            "bypass_layers": bypass_layers,
            "dtype": "float32" if dtype == "auto" else dtype,
        }
        trust = expected_cosine(pretrained.path, match.coverage)
        if warning := doubt(trust, match.coverage):
            logger.warning(warning)
        note = provenance(adata, pretrained, match, found, trust, params)
        if attention:
            note["window_starts"] = encoded.starts
        notes += summary(note)
    return Embedding(encoded.vectors, encoded.windows, encoded.attention, note)


def write_embedding(target: AnnData, embedding: Embedding, key_added: str = X_SPECFORMER.name) -> None:
    """Write vectors, windows, their weights and their note."""
    with undivided():
        target.obsm[key_added] = embedding.vectors
        if embedding.windows is not None:
            target.obsm[WINDOWS.name] = embedding.windows
        if embedding.attention is not None:
            target.obsm[ATTENTION.name] = embedding.attention
        target.uns[SPECFORMER.name if key_added == X_SPECFORMER.name else key_added] = embedding.note
    logger.info("    added %r, %d dimensions (adata.obsm)", key_added, embedding.vectors.shape[1])


class _Collected(NamedTuple):
    """What comes out of the model, row by row, and the first rank of each window."""

    vectors: np.ndarray
    windows: np.ndarray | None
    attention: np.ndarray | None
    starts: np.ndarray


def _collected(encoded: Iterable[Encoded], n_obs: int, *, keep: Sequence[str]) -> _Collected:
    from tqdm.auto import tqdm

    kept: dict[str, np.ndarray] = {}
    starts = np.arange(0)
    with tqdm(total=n_obs, unit="sample", disable=not settings.progress or n_obs < 2) as bar:
        for part in encoded:
            starts = part.starts
            for name in ("vectors", *keep):
                values = getattr(part, name)
                if values is not None:
                    if name not in kept:
                        kept[name] = np.empty((n_obs, *values.shape[1:]), np.float32)
                    kept[name][part.rows] = values
            bar.update(len(part.vectors))
    return _Collected(kept["vectors"], kept.get("windows"), kept.get("attention"), starts)
