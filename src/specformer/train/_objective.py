"""What an objective is to the trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch

    from specformer.model._encoder import SpecformerPreTrainedModel
    from specformer.train._corpus import Corpus


class Objective(Protocol):
    """What is asked of a model, over a corpus that it reads itself.

    The data set that the trainer shuffles holds bare numbers, *items*: what an item is (a window of a sample, a
    sample), only the objective knows. It is kept out of the model, so that DDP and FSDP see nothing but the model.
    """

    name: str
    """For the record."""
    corpus: Corpus
    """What it reads."""
    tokens_per_item: int
    """Gene tokens that the encoder sees for one item, for tokens/s."""
    flops_per_item: float
    """Multiplications and additions of forward and backward pass for one item, for FLOP/s."""

    def make_model(self, samples: np.ndarray) -> SpecformerPreTrainedModel:
        """The model at the start of training; what it may have fitted is fitted on these training samples."""

    def items(self, samples: np.ndarray) -> np.ndarray:
        """The items of some samples (numbers of the corpus), int64: what one epoch goes through."""

    def validation_items(self, samples: np.ndarray) -> np.ndarray:
        """The items on which a run is judged, int64: fewer, and always the same."""

    def __call__(
        self, model: torch.nn.Module, items: torch.Tensor, rng: torch.Generator
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The loss of a batch of items, and figures to log; calls `model` once, for DDP's sake.

        All that is random comes from `rng`, which is on the model's device.
        """
