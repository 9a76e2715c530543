"""The ordering of `specformer.ranking` on a torch device, for ranks that are needed there anyway."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import sparse

from specformer.ranking._order import prepare

if TYPE_CHECKING:
    from specformer.ranking._types import Block
    from specformer.ranking._weights import GeneStatistics

_ID_BITS = 31  # with 32 bits of score this fills a signed 64-bit word


def rank_rows_torch(
    X: Block,
    statistics: GeneStatistics,
    *,
    tie_order: np.ndarray | None = None,
    device: torch.device | str | None = None,
) -> torch.Tensor:
    """The ranks of :func:`specformer.ranking.rank_rows`, bit for bit, computed and left on a torch device.

    Score and gene id are packed into one 64-bit word. No two words of a row are equal, so that any sort, stable or
    not, gives the same order.

    Parameters
    ----------
    X, statistics, tie_order
        As for :func:`specformer.ranking.rank_rows`.
    device
        Where to rank; by default torch's default device.

    Returns
    -------
    Ranks, `(n, G)`, int32, 0 for the highest score.
    """
    values, scale, offset, by_id = prepare(X, statistics, tie_order)
    if sparse.issparse(values):
        values = values.toarray()
    columns = torch.as_tensor(by_id.astype(np.int64), device=device)
    position = torch.arange(len(by_id), device=device)

    scores = torch.as_tensor(values, device=device)[:, columns]
    scores = (scores - torch.as_tensor(offset, device=device)) * torch.as_tensor(scale, device=device)
    bits = (scores + 0.0).view(torch.int32).long()  # adding zero turns -0.0 into +0.0
    keys = torch.where(bits >= 0, bits ^ 0x7FFFFFFF, bits & 0xFFFFFFFF)
    order = ((keys << _ID_BITS) | position).sort(dim=1).indices
    ranks = torch.empty(scores.shape, dtype=torch.int32, device=scores.device)
    return ranks.scatter_(1, columns[order], position.int().expand(scores.shape))
