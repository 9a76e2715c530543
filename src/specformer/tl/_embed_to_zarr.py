"""The embedding of a cohort that fits neither into memory nor into one uninterrupted run."""

from __future__ import annotations

import json
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from anndata import AnnData
from scipy import sparse

from specformer._checks import require_one_of
from specformer._keys import SPECFORMER
from specformer._logging import logger, timed
from specformer.genes import align_columns, match_genes
from specformer.pp._blocks import row_reader
from specformer.pp._gene_names import read_gene_names
from specformer.pp._open import open_cohort
from specformer.pp._scan import require_linear, scan_with
from specformer.pp._statistics import vocabulary_statistics
from specformer.tl._embed import DTYPES
from specformer.tl._embedding_store import EmbeddingStore
from specformer.tl._encode import encode_ranks, require_windows
from specformer.tl._provenance import provenance, summary
from specformer.tl._ranks import ROWS_AT_ONCE, ranks_of, require_expressed
from specformer.tl._trust import doubt, expected_cosine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from specformer.model import Pretrained
    from specformer.ranking._types import Block
    from specformer.tl._ranks import RankBlocks


def embed_to_zarr(
    path: str | Path,
    path_out: str | Path,
    model: str | Path | Pretrained | None = None,
    *,
    layer: str | None = None,
    gene_key: str | None = None,
    scale: str | None = None,
    pooling: Literal["mean", "attention", "gated_attention", "transformer"] | None = None,
    max_windows: int | None = None,
    bypass_layers: bool = False,
    batch_size: int | Literal["auto"] = "auto",
    device: str = "auto",
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto",
) -> Path:
    """Embed a cohort on disk into a zarr store on disk, 2,048 samples at a time; killed, the same call goes on.

    The cohort is read twice: once to tell its scale and to know it again, and once to embed it. Neither it nor its
    embedding is ever in memory as a whole. What is being made lies beside `path_out` in a folder that ends in
    `.partial`, each block sealed by its hash; when all blocks are there, the store is moved to its place. A run that
    was killed, at any moment and any number of times, ends with the bits of one that was not.

    Parameters
    ----------
    path
        An `.h5ad` file or a `.zarr` store, samples x genes, on any scale that can be made linear; dense or CSR.
    path_out
        The store to be made.
    model
        As for :func:`~specformer.tl.specformer_embed`, and so are all further parameters.
    layer
        Embed this layer instead of `X`.
    gene_key
        Column of `var` with gene names; by default `var_names`.
    scale
        What the values are, where detection would be wrong.
    pooling
        How windows become a vector, where the checkpoint has weights for another way than its default one.
    max_windows
        Read only so many windows, from the head of the order; by default all.
    bypass_layers
        Give the vector of the checkpoint's linear anchor alone.
    batch_size
        Samples at a time.
    device
        Where to compute.
    dtype
        Precision of the encoder.

    Returns
    -------
    `path_out`: an AnnData without `X` that `anndata.read_zarr` opens, with the samples' `obs` and

    `.obsm['X_specformer']` : float32 `(n_obs, n_dims)`
        The embedding, bit for bit that of `specformer_embed`.
    `.uns['specformer']` : dict
        Provenance, as of `specformer_embed`; under `stream` the hash of what was embedded.

    Raises
    ------
    ValueError
        If `path_out` holds anything else than this embedding of this cohort, or the beginnings of another one; or for
        what `specformer_embed` would not embed. Nothing is written then.
    FileNotFoundError
        If there is no such cohort or checkpoint.

    Examples
    --------
    >>> import anndata as ad, specformer as sf
    >>> sf.tl.embed_to_zarr("cohort.zarr", "embedded.zarr")  # doctest: +SKIP
    >>> ad.read_zarr("embedded.zarr").obsm["X_specformer"].shape  # doctest: +SKIP
    (100000, 128)
    """
    from specformer.model import load

    require_one_of("dtype", dtype, DTYPES)
    require_windows(max_windows)
    adata = open_cohort(path)
    pretrained = load(model, pooling=pooling) if model is None or isinstance(model, str | Path) else model
    names = read_gene_names(adata, gene_key)
    match = match_genes(list(names), pretrained.genes)
    alignment = align_columns(match)
    how: dict[str, Any] = {"max_windows": max_windows, "bypass_layers": bypass_layers, "dtype": dtype}
    with timed(f"embedding {adata.n_obs:,} samples of {Path(path).name} with {pretrained.path.name}") as notes:
        found, digests = scan_with(adata, layer, scale, _digest)
        require_linear(found, layer)
        trust = expected_cosine(pretrained.path, match.coverage)
        if warning := doubt(trust, match.coverage):
            logger.warning(warning)
        config = pretrained.config
        params = {
            "layer": layer, "gene_key": gene_key, "windows": False, "attention": False, "pooling": config.pooling,
            "window_embedding": config.window_embedding, **how, "dtype": "float32" if dtype == "auto" else dtype,
        }  # fmt: skip
        note = provenance(adata, pretrained, match, found, trust, params)
        recipe = {
            "cohort": _hash_of([*adata.obs_names, *names, *digests]),
            "checkpoint": pretrained.sha256,
            "scale": found.name,
            "batch_size": batch_size,
            **params,
        }
        note["stream"] = json.dumps(recipe)
        store = EmbeddingStore(Path(path_out), recipe)
        if not store.is_whole():
            read = row_reader(adata, layer)
            statistics = vocabulary_statistics(pretrained.genes).take(alignment.genes)
            rank = partial(ranks_of, scale=found.name, statistics=statistics, alignment=alignment)
            blocks = store.begin(AnnData(obs=adata.obs, uns={SPECFORMER.name: note}), config.n_dims)
            ranks = require_expressed(_ranked(read, rank, blocks), adata.obs_names)
            encoded = encode_ranks(ranks, pretrained, alignment.genes, batch_size=batch_size, device=device, **how)
            store.fill(encoded, blocks)
        notes += [*summary(note), f"wrote {path_out}"]
    return Path(path_out)


def _ranked(
    read: Callable[[slice], Block],
    rank: Callable[[Block, slice], tuple[np.ndarray, np.ndarray]],
    blocks: Iterable[slice],
) -> RankBlocks:
    for rows in blocks:
        ranks, n_expressed = rank(read(rows), rows)
        for start in range(0, len(ranks), ROWS_AT_ONCE):  # as `specformer_embed` does it
            part = slice(start, start + ROWS_AT_ONCE)
            yield slice(rows.start + start, rows.start + start + len(ranks[part])), ranks[part], n_expressed[part]


def _digest(linear: Block, rows: slice) -> str:
    """SHA-256 of a block of expression, by which a cohort is known again."""
    values = (linear.data, linear.indices, linear.indptr) if sparse.issparse(linear) else (linear,)
    digest = sha256()
    for array in values:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _hash_of(words: Iterable[object]) -> str:
    return sha256("\0".join(map(str, words)).encode()).hexdigest()
