"""The embedding of a dask array where dask has processes: chunks travel, each worker has a model of its own."""

from __future__ import annotations

import sys
from functools import cache, partial
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from specformer._checks import require_rows
from specformer.pp._map_blocks import lazy_matrix, map_blocks
from specformer.pp._statistics import vocabulary_statistics
from specformer.tl._encode import Encoded, encode_ranks
from specformer.tl._ranks import ROWS_AT_ONCE, ROWS_FROM_DASK, ranks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from anndata import AnnData

    from specformer.genes import GeneAlignment
    from specformer.model import Pretrained
    from specformer.ranking._types import Block

_ONE_AT_A_TIME = Lock()  # what makes the encoder fast is set for a whole process


def client_of(adata: AnnData, layer: str | None) -> Any:
    """The client of `dask.distributed` that would compute the matrix; None if that is no dask array, or there is none."""
    if "distributed" not in sys.modules or lazy_matrix(adata, layer) is None:
        return None
    from distributed import get_client

    try:
        return get_client()
    except ValueError:
        return None


def encode_on_workers(
    adata: AnnData,
    layer: str | None,
    pretrained: Pretrained,
    alignment: GeneAlignment,
    *,
    scale: str,
    how: Mapping[str, Any],
) -> Iterator[Encoded]:
    """As `encode_ranks`, from expression, on dask's workers, which must see the checkpoint under the same path."""
    statistics = vocabulary_statistics(pretrained.genes).take(alignment.genes)
    work = partial(
        _encode_block,
        checkpoint=(str(pretrained.path), pretrained.sha256, pretrained.config.pooling),
        rank=partial(ranks_of, scale=scale, statistics=statistics, alignment=alignment, n_threads=1),
        genes=alignment.genes,
        how=how,
    )
    for rows, (encoded, n_expressed) in map_blocks(work, adata, layer, n_rows=ROWS_FROM_DASK):
        silent = n_expressed == 0
        require_rows(silent, adata.obs_names[rows], "None of the known genes is expressed", "Drop these samples.")
        yield encoded


def _encode_block(
    block: Block,
    rows: slice,
    *,
    checkpoint: tuple[str, str, str],
    rank: Callable[[Block, slice], tuple[np.ndarray, np.ndarray]],
    genes: np.ndarray,
    how: Mapping[str, Any],
) -> tuple[Any, np.ndarray]:
    ranks, n_expressed = rank(block, rows)
    if not n_expressed.all():
        return None, n_expressed
    parts = [slice(start, start + ROWS_AT_ONCE) for start in range(0, len(ranks), ROWS_AT_ONCE)]
    blocks = [(slice(part.start, len(ranks[: part.stop])), ranks[part], n_expressed[part]) for part in parts]
    with _ONE_AT_A_TIME:
        encoded = list(encode_ranks(blocks, _model(*checkpoint), genes, **how))
    columns = zip(*((part.vectors, part.windows, part.attention) for part in encoded), strict=True)
    vectors, windows, attention = [None if values[0] is None else np.concatenate(values) for values in columns]
    return Encoded(rows, cast(np.ndarray, vectors), windows, attention, encoded[0].starts), n_expressed


@cache
def _model(path: str, sha256: str, pooling: str) -> Pretrained:
    """The model of this worker, loaded once."""
    from specformer.model import load

    pretrained: Pretrained = load(path, pooling=pooling)
    if pretrained.sha256 != sha256:
        msg = f"{path} holds other weights on this worker than where the embedding was called."
        raise ValueError(msg)
    return pretrained
