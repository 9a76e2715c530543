from __future__ import annotations

import pytest
import torch
from transformers import BertConfig, BertModel

from specformer.genes import CLS
from specformer.model import SpecformerModel


def bert_of(config):
    names = BertConfig().to_dict()
    return BertConfig(**{name: value for name, value in config.to_dict().items() if name in names})


@pytest.mark.parametrize("cls_token", [False, True])
def test_published_encoder_is_transformers_bert_at_equal_weights(tiny, windows, cls_token):
    config = tiny(cls_token=cls_token)
    model = SpecformerModel(config).eval()
    oracle = BertModel(bert_of(config), add_pooling_layer=False).eval()
    oracle.load_state_dict(model.bert.state_dict())
    ids = windows()[0].flatten(0, 1)
    seen = torch.cat([torch.full((len(ids), 1), CLS), ids], dim=1) if cls_token else ids
    with torch.no_grad():
        output, expected = model(ids), oracle(input_ids=seen).last_hidden_state
    torch.testing.assert_close(output.last_hidden_state, expected[:, int(cls_token) :], atol=1e-6, rtol=0)
    if cls_token:
        torch.testing.assert_close(output.cls_state, expected[:, 0], atol=1e-6, rtol=0)
    else:
        assert output.cls_state is None


def test_film_tokens_go_straight_into_the_layers(tiny, windows):
    ids, scores = (x.flatten(0, 1) for x in windows())
    model = SpecformerModel(tiny(token="film", num_hidden_layers=0)).eval()
    torch.testing.assert_close(model(ids, scores).last_hidden_state, model.bert.embeddings.bind(ids, scores))


def test_film_model_does_not_know_the_order_of_its_tokens(tiny, windows):
    ids, scores = (x.flatten(0, 1) for x in windows())
    model = SpecformerModel(tiny(token="film")).eval()
    shuffled = torch.randperm(ids.shape[1])
    with torch.no_grad():
        plain, other = model.window_vectors(ids, scores), model.window_vectors(ids[:, shuffled], scores[:, shuffled])
    torch.testing.assert_close(plain, other, atol=1e-5, rtol=0)


@pytest.mark.parametrize("token", ["additive", "film"])
def test_window_vector_is_the_mean_of_real_genes(tiny, windows, token):
    ids, scores = (x.flatten(0, 1) for x in windows())
    model = SpecformerModel(tiny(token=token)).eval()
    is_real = torch.ones_like(ids, dtype=torch.bool)
    is_real[:, 10:] = False
    with torch.no_grad():
        hidden = model(ids, scores).last_hidden_state
        torch.testing.assert_close(model.window_vectors(ids, scores), hidden.mean(dim=1))
        padded = model.window_vectors(ids, scores, is_real)
        short = model.window_vectors(ids[:, :10], scores[:, :10])
        other = model.window_vectors(torch.where(is_real, ids, 7), scores, is_real)
    torch.testing.assert_close(padded, short, atol=1e-6, rtol=0)
    torch.testing.assert_close(padded, other, atol=1e-6, rtol=0)


def test_window_vector_is_the_cls_token_where_asked_for(tiny, windows):
    ids = windows()[0].flatten(0, 1)
    model = SpecformerModel(tiny(cls_token=True, window_embedding="cls")).eval()
    with torch.no_grad():
        torch.testing.assert_close(model.window_vectors(ids), model(ids).cls_state)


def test_masked_positions_do_not_hide_the_cls_token(tiny, windows):
    ids = windows()[0].flatten(0, 1)
    model = SpecformerModel(tiny(cls_token=True)).eval()
    with torch.no_grad():
        unmasked, masked = model(ids), model(ids, None, torch.ones_like(ids, dtype=torch.bool))
        part = torch.ones_like(ids, dtype=torch.bool)
        part[:, 10:] = False
        short, padded = model(ids[:, :10]), model(ids, None, part)
    torch.testing.assert_close(masked.last_hidden_state, unmasked.last_hidden_state, atol=1e-6, rtol=0)
    torch.testing.assert_close(padded.cls_state, short.cls_state, atol=1e-6, rtol=0)
    torch.testing.assert_close(padded.last_hidden_state[:, :10], short.last_hidden_state, atol=1e-6, rtol=0)


def test_query_is_added_to_the_cls_token_alone(tiny, windows):
    ids, scores = (x.flatten(0, 1) for x in windows())
    model = SpecformerModel(tiny(token="film", cls_token=True, num_hidden_layers=0)).eval()
    query = torch.randn(len(ids), 32)
    plain, asked = model(ids, scores), model(ids, scores, None, query)
    torch.testing.assert_close(asked.cls_state, plain.cls_state + query)
    torch.testing.assert_close(asked.last_hidden_state, plain.last_hidden_state)


def test_samples_are_windows_put_apart(tiny, windows):
    ids, scores = windows()
    model = SpecformerModel(tiny(token="film", cls_token=True)).eval()
    query = torch.randn(len(ids), 32)
    with torch.no_grad():
        together = model.encode_samples(ids, scores, None, query)
        apart = model.window_vectors(ids[2], scores[2], None, query[[2, 2]])
    torch.testing.assert_close(together[2], apart, atol=1e-6, rtol=0)


def test_errors_say_what_is_missing(tiny, windows):
    ids = windows()[0].flatten(0, 1)
    with pytest.raises(ValueError, match="Film tokens need `scores`"):
        SpecformerModel(tiny(token="film"))(ids)
    with pytest.raises(ValueError, match=r"Found `query`.*`cls_token=False`"):
        SpecformerModel(tiny())(ids, query=torch.zeros(len(ids), 32))
    with pytest.raises(ValueError, match=r"windows of 17 genes; this model was made for at most 16"):
        SpecformerModel(tiny())(torch.full((1, 17), 5))
