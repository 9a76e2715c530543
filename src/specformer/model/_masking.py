"""Masking: which positions of a window are hidden, and behind what (Devlin et al. 2019)."""

from __future__ import annotations

import torch

from specformer.genes import MASK, N_SPECIAL, PAD
from specformer.model._masked_genes import IGNORED


def n_masked_of(size: int, share: float = 0.15) -> int:
    """How many positions of a window are masked: 77 of 512."""
    return max(1, round(share * size))


def mask_genes(
    input_ids: torch.Tensor,
    rng: torch.Generator,
    *,
    vocab_size: int,
    n_masked: int | None = None,
    shares: tuple[float, float] = (0.8, 0.1),
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Hide genes of windows, on the device where they are.

    Every window has exactly as many masked positions, drawn without replacement, instead of 15 % on average: shapes
    are static, and the decoder is one product of fixed size. Among them too the numbers are exact: of 77, 62 become
    [MASK], 8 a random gene, and 7 stay what they are.

    Parameters
    ----------
    input_ids
        Gene tokens, int64 (n, size), [PAD] behind the last one; windows must be equally long.
    rng
        On the same device.
    vocab_size
        Genes and special tokens; random tokens are genes.
    n_masked
        Positions to hide in each window; by default 15 % of the real ones.
    shares
        What becomes [MASK], and what becomes a random gene.

    Returns
    -------
    The tokens with genes hidden (n, size); labels, the genes that stood there and -100 elsewhere (n, size); the
    positions (n, n_masked).

    Raises
    ------
    ValueError
        If windows have fewer real positions than are to be hidden.

    Examples
    --------
    >>> import torch
    >>> windows = torch.arange(3, 1027).view(2, 512)
    >>> hidden, labels, positions = mask_genes(windows, torch.Generator().manual_seed(0), vocab_size=1027)
    >>> (labels >= 0).sum(dim=1).tolist()
    [77, 77]
    """
    is_padded = input_ids == PAD
    n_real = input_ids.shape[1] if n_masked is None and not is_padded.any() else int((~is_padded).sum(1).min())
    n_masked = n_masked_of(n_real) if n_masked is None else n_masked
    if n_masked > n_real:
        msg = f"Cannot mask {n_masked} positions of windows with {n_real} genes."
        raise ValueError(msg)
    keys = torch.rand(input_ids.shape, generator=rng, device=input_ids.device)
    # The positions come in random order, so the first of them are a random choice for [MASK].
    positions = keys.masked_fill_(is_padded, -1).topk(n_masked, dim=1).indices
    hidden = input_ids.gather(1, positions)
    n_mask, n_random = round(shares[0] * n_masked), round(shares[1] * n_masked)
    shown = hidden.clone()
    shown[:, :n_mask] = MASK
    shown[:, n_mask : n_mask + n_random] = torch.randint(
        N_SPECIAL, vocab_size, (len(input_ids), n_random), generator=rng, device=input_ids.device
    )
    labels = torch.full_like(input_ids, IGNORED).scatter_(1, positions, hidden)
    return input_ids.scatter(1, positions, shown), labels, positions
