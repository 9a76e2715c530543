"""The encoder: windows of genes in, one vector a gene and one a window out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import nn
from transformers import BertModel
from transformers.models.bert.modeling_bert import BertPreTrainedModel
from transformers.utils import ModelOutput

from specformer.genes import CLS
from specformer.model._config import SpecformerConfig
from specformer.model._tokens import FilmEmbeddings


class SpecformerPreTrainedModel(BertPreTrainedModel):
    """What all SpecFormer models share: config, prefix and the initialisation of weights."""

    config: SpecformerConfig
    config_class = SpecformerConfig
    base_model_prefix = "specformer"


@dataclass
class WindowOutput(ModelOutput):
    """Hidden states of windows, without and with the token that the model puts before them.

    Parameters
    ----------
    last_hidden_state
        (n, size, hidden_size), one vector a gene, aligned with `input_ids`.
    cls_state
        (n, hidden_size), the [CLS] token; None where `config.cls_token` is False.
    """

    last_hidden_state: torch.Tensor | None = None
    cls_state: torch.Tensor | None = None


class SpecformerModel(SpecformerPreTrainedModel):
    """Transformers' `BertModel` over windows of genes, with the tokens of `config.token`."""

    def __init__(self, config: SpecformerConfig) -> None:
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        if config.token == "film":
            self.bert.embeddings = FilmEmbeddings(config)  # type: ignore[assignment]
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        """The embedding of genes."""
        return self.bert.embeddings.word_embeddings

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the embedding of genes."""
        self.bert.set_input_embeddings(value)

    def forward(
        self,
        input_ids: torch.Tensor,
        scores: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        query: torch.Tensor | None = None,
    ) -> WindowOutput:
        """Hidden states of windows.

        Parameters
        ----------
        input_ids
            Gene tokens in the order of ranks, int64 (n, size), without [CLS].
        scores
            Standardised normal scores of the genes, (n, size); film tokens need them, additive ones ignore them.
        attention_mask
            True for real positions, (n, size); None where all are.
        query
            Added to the [CLS] token, (n, hidden_size).
        """
        n, size = input_ids.shape
        if size > self.config.window_size:
            msg = f"Found windows of {size} genes; this model was made for at most {self.config.window_size}."
            raise ValueError(msg)
        n_cls = int(self.config.cls_token)
        if n_cls:
            input_ids = torch.cat([input_ids.new_full((n, 1), CLS), input_ids], dim=1)
            scores = None if scores is None else nn.functional.pad(scores, (1, 0))
            if attention_mask is not None:
                attention_mask = nn.functional.pad(attention_mask, (1, 0), value=1)
        tokens = self._tokens(input_ids, scores)
        if query is not None:
            _require_cls(self.config, "query")
            tokens = torch.cat([tokens[:, :1] + query[:, None].to(tokens.dtype), tokens[:, 1:]], dim=1)
        hidden = self.bert(inputs_embeds=tokens, attention_mask=attention_mask).last_hidden_state
        return WindowOutput(hidden[:, n_cls:], hidden[:, 0] if n_cls else None)

    def window_vectors(
        self,
        input_ids: torch.Tensor,
        scores: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        query: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """One vector a window, float32 (n, hidden_size): mean of its genes or its [CLS] token. Takes `forward`'s."""
        output = self(input_ids, scores, attention_mask, query)
        if self.config.window_embedding == "cls":
            return output.cls_state.float()
        hidden = output.last_hidden_state.float()
        if attention_mask is None:
            return hidden.mean(dim=1)
        weight = attention_mask.to(hidden.dtype).unsqueeze(-1)
        return (hidden * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)

    def encode_samples(
        self,
        input_ids: torch.Tensor,
        scores: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        query: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Window vectors of samples, float32 (n, n_windows, hidden_size), all at once.

        Takes what `forward` takes with samples apart: (n, n_windows, size), and one query a sample (n, hidden_size).
        """
        n, n_windows, _ = input_ids.shape
        vectors = self.window_vectors(
            input_ids.flatten(0, 1),
            None if scores is None else scores.flatten(0, 1),
            None if attention_mask is None else attention_mask.flatten(0, 1),
            None if query is None else query.repeat_interleave(n_windows, dim=0),
        )
        return vectors.unflatten(0, (n, n_windows))

    def _tokens(self, input_ids: torch.Tensor, scores: torch.Tensor | None) -> torch.Tensor:
        if self.config.token == "additive":
            # BertModel adds the positions and the layer norm to whatever tokens it is given.
            return self.bert.embeddings.word_embeddings(input_ids)
        if scores is None:
            msg = "Film tokens need `scores`, the standardised normal score of each gene; found None."
            raise ValueError(msg)
        embeddings = cast(FilmEmbeddings, self.bert.embeddings)
        return embeddings.bind(input_ids, scores)


def _require_cls(config: SpecformerConfig, name: str) -> None:
    if not config.cls_token:
        msg = f"Found `{name}`, which is carried by the [CLS] token; this model has none (`cls_token=False`)."
        raise ValueError(msg)
