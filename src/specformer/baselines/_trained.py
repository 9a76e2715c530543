"""What the trained baselines share: fitted to unlabelled samples by gradient descent, then one vector a sample (torch)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import nn

from specformer._settings import settings
from specformer.baselines._columns import require_linear, shared_columns
from specformer.baselines._descent import descend

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SLICE = 32
"""Samples that are embedded at once."""


class TrainedBaseline(nn.Module):
    """A network over named genes. What it reads, what it is asked and what vector it gives, each baseline says itself.

    Parameters
    ----------
    genes
        Names of the genes that it is fitted on.
    sizes
        Whatever else it takes to build it again.
    """

    batch_size = 16
    learning_rate = 5e-4
    betas = (0.9, 0.98)

    def __init__(self, genes: Sequence[str] | np.ndarray, **sizes: Any) -> None:
        super().__init__()
        self.genes = np.asarray(genes, dtype=str)
        self.sizes = sizes
        self.history: list[float] = []

    @classmethod
    def fit(
        cls,
        X: np.ndarray,
        genes: Sequence[str] | np.ndarray,
        *,
        rng: int = 0,
        steps: int | None = 2000,
        minutes: float | None = None,
        **sizes: Any,
    ) -> Self:
        """Fit on training samples, on the device of `sf.settings.device`.

        Parameters
        ----------
        X
            Linear non-negative expression in any unit, shape (n, n_genes).
        genes
            Names of its columns.
        rng
            Seed of weights, batches and all else that is drawn. On a CPU the same seed and number of steps give the
            same bits; a budget in minutes does not.
        steps, minutes
            Batches to learn from and time (of the processor) to learn for; whichever ends first. None is no limit.
        **sizes
            See the class.

        Returns
        -------
        The fitted baseline; its `history` holds the loss of every step.
        """
        X = require_linear(X)
        device = chosen_device()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(rng)
            model = cls(genes, **sizes)
            model.measure(X)
            samples = model.prepare(X, np.arange(len(model.genes)))
            generator = torch.Generator(device).manual_seed(rng)
            model.to(device).train()
            model.history = descend(model, samples, steps=steps, minutes=minutes, rng=generator)
        return model.eval()

    @torch.no_grad()
    def transform(self, X: np.ndarray, genes: Sequence[str] | np.ndarray) -> np.ndarray:
        """Embed samples, which may lack genes or have others, shape (n, n_dims), float32."""
        known, column = shared_columns(self.genes, genes)
        device = next(self.parameters()).device
        at_hand = torch.from_numpy(known).to(device)
        vectors = []
        for start in range(0, len(X), SLICE):
            values = require_linear(np.asarray(X[start : start + SLICE])[:, column])
            vectors.append(self.embed(self.prepare(values, known).to(device), at_hand).float().cpu().numpy())
        return np.concatenate(vectors)

    def measure(self, X: np.ndarray) -> None:
        """Take from the training samples (n, n_genes), once, what `prepare` needs to know of genes."""
        raise NotImplementedError

    def prepare(self, X: np.ndarray, known: np.ndarray) -> torch.Tensor:
        """Linear expression of the genes at places `known`, (n, n_known), as what the network reads, one row a sample."""
        raise NotImplementedError

    def losses(self, batch: torch.Tensor, rng: torch.Generator, done: float) -> Iterator[torch.Tensor]:
        """The loss of each of `parts`, in turn, on prepared samples; the part has moved before the next is asked for.

        `done` is the share of the budget that is spent.
        """
        raise NotImplementedError

    def embed(self, batch: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Vectors (n, n_dims) of prepared samples that have the genes at places `known`."""
        raise NotImplementedError

    def parts(self) -> list[list[nn.Parameter]]:
        """The parameters that each of `losses` moves."""
        return [list(self.parameters())]


def set_encoder(n_dims: int, n_layers: int, n_heads: int) -> nn.TransformerEncoder:
    """A transformer over tokens without order: each says by itself which gene it is."""
    layer = nn.TransformerEncoderLayer(
        n_dims, n_heads, 4 * n_dims, activation="gelu", batch_first=True, norm_first=True
    )
    return nn.TransformerEncoder(layer, n_layers, norm=nn.LayerNorm(n_dims), enable_nested_tensor=False)


def embedding(n: int, n_dims: int) -> nn.Embedding:
    """An embedding as small as BERT's: torch's own is fifty times as long, and as slow to turn."""
    table = nn.Embedding(n, n_dims)
    nn.init.normal_(table.weight, std=0.02)
    return table


def chosen_device() -> str:
    """Where to fit and embed: what `sf.settings.device` says, or a GPU if there is one."""
    if settings.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return settings.device
