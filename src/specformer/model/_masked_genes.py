"""Masked gene modelling: which gene stood here? (the published objective; Devlin et al. 2019 for words)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from transformers.models.bert.modeling_bert import BertLMPredictionHead
from transformers.utils import ModelOutput

from specformer.genes import MASK
from specformer.model._encoder import SpecformerModel, SpecformerPreTrainedModel

if TYPE_CHECKING:
    from specformer.model._config import SpecformerConfig

IGNORED = -100
"""Label of a position that is not to be predicted."""


@dataclass
class MaskedGenesOutput(ModelOutput):
    """Loss and predictions at the masked positions, in the order of rows, then positions.

    Parameters
    ----------
    loss
        Mean cross-entropy in nats; None without labels.
    logits
        (n_masked, vocab_size).
    labels
        Token that stood there, int64 (n_masked,); None without labels.
    """

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    labels: torch.Tensor | None = None


class SpecformerForMaskedGenes(SpecformerPreTrainedModel):
    """The encoder under BERT's masked-token head, whose decoder is tied to the gene embedding.

    Logits are computed at masked positions alone: with 10,000 genes the decoder is the largest product of a small
    model, and 85 % of it would be thrown away.
    """

    _tied_weights_keys = {  # noqa: RUF012  (transformers reads it from the class)
        "head.decoder.weight": "specformer.bert.embeddings.word_embeddings.weight",
        "head.decoder.bias": "head.bias",
    }

    def __init__(self, config: SpecformerConfig) -> None:
        super().__init__(config)
        self.specformer = SpecformerModel(config)
        self.head = BertLMPredictionHead(config)
        self.post_init()

    def get_output_embeddings(self) -> nn.Linear:
        """The decoder, tied to the embedding of genes."""
        return self.head.decoder

    def set_output_embeddings(self, value: nn.Linear) -> None:
        """Replace the decoder."""
        self.head.decoder = value
        self.head.bias = value.bias

    def forward(
        self,
        input_ids: torch.Tensor,
        labels: torch.Tensor | None = None,
        scores: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        masked_positions: torch.Tensor | None = None,
        query: torch.Tensor | None = None,
    ) -> MaskedGenesOutput:
        """Predict the genes at masked positions.

        Parameters
        ----------
        input_ids
            Gene tokens with some of them masked, int64 (n, size).
        labels
            The tokens that stood at masked positions and -100 elsewhere, int64 (n, size).
        scores, attention_mask, query
            As for `SpecformerModel`. In film mode a masked token keeps its score.
        masked_positions
            Positions to predict, int64 (n, n_masked), where each window has as many: shapes are then static. Without
            it, the positions with a label; without labels, those that hold [MASK].
        """
        hidden = self.specformer(input_ids, scores, attention_mask, query).last_hidden_state
        if masked_positions is not None:
            index = masked_positions.unsqueeze(-1).expand(-1, -1, hidden.shape[-1])
            hidden = hidden.gather(1, index).flatten(0, 1)
            targets = None if labels is None else labels.gather(1, masked_positions).flatten()
        else:
            is_masked = input_ids == MASK if labels is None else labels != IGNORED
            hidden = hidden[is_masked]
            targets = None if labels is None else labels[is_masked]
        logits = self.head(hidden)
        # Half precision has too few digits for a sum over 10,000 exponentials.
        loss = None if targets is None else nn.functional.cross_entropy(logits.float(), targets)
        return MaskedGenesOutput(loss, logits, targets)
