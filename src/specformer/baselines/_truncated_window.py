"""One window of the highest genes by median ranks, masked identities: the single-cell recipe on bulk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from specformer.baselines._trained import TrainedBaseline
from specformer.genes import N_SPECIAL, PAD
from specformer.model import SpecformerConfig, SpecformerForMaskedGenes
from specformer.model._masking import mask_genes
from specformer.ranking import GeneStatistics, fit_statistics, rank_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class TruncatedWindow(TrainedBaseline):
    """BERT over the first genes of a sample, ordered by expression over the gene's median; a vector is their mean.

    After Geneformer: genes are divided by their non-zero training median, only expressed ones are ordered, the first
    2,048 are kept, 15 % of them are hidden and their identity predicted. **A missing gene is left out, as there**, and
    the next one moves up. Different from it: this is the encoder of `sf.model`, as small as its preset says, and the
    last layer is taken, not the last but one.

    Parameters
    ----------
    genes
        Names of the genes.
    window_size
        Genes to keep.
    preset
        Size of the encoder, one of `sf.model.PRESETS`.

    References
    ----------
    Theodoris et al. (2023). Transfer learning enables predictions in network biology. Nature.
    """

    scale: torch.Tensor
    batch_size = 8

    def __init__(self, genes: Sequence[str] | np.ndarray, *, window_size: int = 2048, preset: str = "mini") -> None:
        super().__init__(genes, window_size=window_size, preset=preset)
        # Dropout within the attention would hold the 2,048 x 2,048 weights of every head, and take most of a step.
        config = SpecformerConfig.preset(
            preset, vocab_size=len(self.genes) + N_SPECIAL, window_size=window_size, stride=window_size,
            weighting="median", hidden_dropout_prob=0.02, attention_probs_dropout_prob=0.0,
        )  # fmt: skip
        self.model = SpecformerForMaskedGenes(config)
        self.register_buffer("scale", torch.zeros(len(self.genes)))

    def measure(self, X: np.ndarray) -> None:
        """The inverse of each gene's non-zero median."""
        self.scale.copy_(torch.from_numpy(fit_statistics([X], "median").scale))

    def prepare(self, X: np.ndarray, known: np.ndarray) -> torch.Tensor:
        """Tokens of the highest genes, int32 (n, window_size), [PAD] behind the last expressed one."""
        scale = self.scale.cpu().numpy()[known]
        ranks = rank_rows(X, GeneStatistics("median", len(X), scale, None, np.zeros(len(known), np.int64)))
        size = min(self.sizes["window_size"], len(known))
        highest = np.argsort(ranks, axis=1)[:, :size]
        # A gene that no training sample expressed has no median, and stands with the unexpressed.
        is_expressed = (np.take_along_axis(X, highest, axis=1) > 0) & (scale[highest] > 0)
        return torch.from_numpy(np.where(is_expressed, known[highest] + N_SPECIAL, PAD).astype(np.int32))

    def losses(self, batch: torch.Tensor, rng: torch.Generator, done: float) -> Iterator[torch.Tensor]:
        """Cross-entropy of hidden genes, in nats."""
        shown, labels, positions = mask_genes(batch.long(), rng, vocab_size=len(self.genes) + N_SPECIAL)
        yield self.model(shown, labels, attention_mask=is_real(batch), masked_positions=positions).loss

    def embed(self, batch: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Mean of the genes' hidden states."""
        return self.model.specformer.window_vectors(batch.long(), attention_mask=is_real(batch))


def is_real(tokens: torch.Tensor) -> torch.Tensor | None:
    """True for genes and False for padding; None where nothing is padded, which spares the attention a mask."""
    real = tokens != PAD
    return None if real.all() else real
