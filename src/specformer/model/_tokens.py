"""The two ways in which a gene and its place in the sample become a token.

The published one adds an embedding of the position within the window to that of the gene, as BERT does; BERT's own
embedding layer is used for it. The other multiplies (feature-wise linear modulation; Perez et al. 2018): what a gene
says is then scaled by how high it stands in the sample, so that even the mean over all tokens tells samples apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    import torch

    from specformer.model._config import SpecformerConfig


class FilmEmbeddings(nn.Module):
    """Tokens `E[gene] * score + B[gene]`, where BERT has gene + position; takes the place of `BertEmbeddings`.

    Special tokens have score 0 and so are their row of `B`. A masked token keeps the score of its gene, which asks:
    which gene stands this high here?
    """

    def __init__(self, config: SpecformerConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id)
        self.offset_embeddings = nn.Embedding(config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def bind(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Tokens of genes (n, size) with their standardised normal scores (n, size): (n, size, hidden_size)."""
        scale = self.word_embeddings(input_ids)
        return scale * scores.to(scale.dtype).unsqueeze(-1) + self.offset_embeddings(input_ids)

    def forward(self, inputs_embeds: torch.Tensor, **_: Any) -> torch.Tensor:
        """What `BertModel` asks of its embedding layer: `bind`'s tokens need neither position nor layer norm."""
        return self.dropout(inputs_embeds)
