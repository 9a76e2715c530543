from __future__ import annotations

import torch

from specformer.genes import CLS, MASK, PAD
from specformer.model._tokens import FilmEmbeddings


def test_film_tokens_multiply_gene_and_score(tiny):
    film = FilmEmbeddings(tiny(token="film", hidden_dropout_prob=0.0))
    ids, scores = torch.tensor([[5, 9]]), torch.tensor([[2.0, -0.5]])
    scale, offset = film.word_embeddings.weight, film.offset_embeddings.weight
    expected = torch.stack([2.0 * scale[5] + offset[5], -0.5 * scale[9] + offset[9]])[None]
    torch.testing.assert_close(film.bind(ids, scores), expected)
    torch.testing.assert_close(film(inputs_embeds=expected, position_ids=None), expected)


def test_masked_genes_keep_their_score_and_lose_their_name(tiny):
    film = FilmEmbeddings(tiny(token="film"))
    scores = torch.tensor([[1.5]])
    masked = film.bind(torch.tensor([[MASK]]), scores)
    expected = 1.5 * film.word_embeddings.weight[MASK] + film.offset_embeddings.weight[MASK]
    torch.testing.assert_close(masked[0, 0], expected)
    assert not torch.equal(masked, film.bind(torch.tensor([[MASK]]), scores + 1))


def test_special_tokens_at_score_zero_are_their_offset(tiny):
    film = FilmEmbeddings(tiny(token="film"))
    tokens = film.bind(torch.tensor([[PAD, CLS]]), torch.zeros(1, 2))
    torch.testing.assert_close(tokens[0], film.offset_embeddings.weight[[PAD, CLS]])
    assert not tokens[0, 0].any()
