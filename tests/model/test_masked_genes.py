from __future__ import annotations

import math

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM

from specformer.genes import MASK, N_SPECIAL
from specformer.model import SpecformerForMaskedGenes


def masked(ids, n_masked=5):
    """Windows with the first of a random permutation masked, their labels, and the positions."""
    positions = torch.rand(ids.shape).argsort(dim=1)[:, :n_masked]
    labels = torch.full_like(ids, -100).scatter(1, positions, ids.gather(1, positions))
    return ids.scatter(1, positions, MASK), labels, positions


def test_loss_and_logits_are_those_of_transformers_at_equal_weights(tiny, windows):
    config = tiny()
    model = SpecformerForMaskedGenes(config).eval()
    names = BertConfig().to_dict()
    oracle = BertForMaskedLM(BertConfig(**{k: v for k, v in config.to_dict().items() if k in names})).eval()
    oracle.bert.load_state_dict(model.specformer.bert.state_dict())
    oracle.cls.predictions.load_state_dict(model.head.state_dict())
    ids, labels, _ = masked(windows()[0].flatten(0, 1))
    with torch.no_grad():
        output, expected = model(ids, labels), oracle(input_ids=ids, labels=labels)
    torch.testing.assert_close(output.logits, expected.logits[labels != -100], atol=1e-6, rtol=0)
    torch.testing.assert_close(output.loss, expected.loss, atol=1e-6, rtol=0)


@pytest.mark.parametrize("token", ["additive", "film"])
def test_static_positions_give_the_same_loss_and_gradient(tiny, windows, token):
    ids, scores = (x.flatten(0, 1) for x in windows())
    ids, labels, positions = masked(ids)
    model = SpecformerForMaskedGenes(tiny(token=token, cls_token=True)).eval()
    by_label = model(ids, labels, scores)
    by_position = model(ids, labels, scores, masked_positions=positions)
    assert by_position.logits.shape == (positions.numel(), model.config.vocab_size)
    torch.testing.assert_close(by_label.loss, by_position.loss)
    torch.testing.assert_close(by_position.labels, labels.gather(1, positions).flatten())


def test_without_labels_the_masked_genes_are_predicted(tiny, windows):
    ids, labels, _ = masked(windows()[0].flatten(0, 1))
    model = SpecformerForMaskedGenes(tiny()).eval()
    output = model(ids)
    assert output.loss is None
    torch.testing.assert_close(output.logits, model(ids, labels).logits)


def test_decoder_is_tied(tiny):
    model = SpecformerForMaskedGenes(tiny(token="film"))
    assert model.head.decoder.weight is model.specformer.get_input_embeddings().weight
    assert model.head.decoder.bias is model.head.bias


@pytest.mark.parametrize("token", ["additive", "film"])
def test_untrained_loss_is_that_of_guessing(tiny, windows, token):
    config = tiny(token=token, vocab_size=5_003)
    ids, scores = torch.randint(N_SPECIAL, 5_003, (16, 16)), torch.randn(16, 16)
    ids, labels, _ = masked(ids)
    loss = SpecformerForMaskedGenes(config).eval()(ids, labels, scores).loss
    assert abs(loss.item() - math.log(5_003)) < 0.2


@pytest.mark.parametrize("token", ["additive", "film"])
def test_eight_samples_are_learned_by_heart(tiny, windows, token):
    ids, scores = windows(8, 1)
    ids, labels, _ = masked(ids.flatten(0, 1), 3)
    model = SpecformerForMaskedGenes(tiny(token=token, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0))
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(150):
        loss = model(ids, labels, scores.flatten(0, 1)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    output = model(ids, labels, scores.flatten(0, 1))
    assert output.loss.item() < 0.1
    assert torch.equal(output.logits.argmax(dim=1), output.labels)
