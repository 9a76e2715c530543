from __future__ import annotations

import numpy as np
import torch

from specformer.baselines import TruncatedWindow
from specformer.genes import N_SPECIAL, PAD


def made(X, genes, size=24):
    model = TruncatedWindow(genes, window_size=size)
    model.measure(X)
    return model


def test_tokens_are_the_expressed_genes_by_expression_over_median(expression):
    X, genes, _ = expression
    per_million = X / X.sum(axis=1, keepdims=True)
    median = np.array([np.median(column[column > 0]) for column in per_million.T])
    for row, tokens in zip(X, made(X, genes).prepare(X, np.arange(90)).numpy(), strict=True):
        score = row / median
        expected = np.argsort(-score, kind="stable")[:24]
        np.testing.assert_allclose(score[tokens - N_SPECIAL], score[expected], rtol=1e-5)


def test_the_unexpressed_and_the_never_seen_are_padding(expression):
    X, genes, _ = expression
    X = X.copy()
    X[:, 5] = 0
    model = made(X, genes)
    row = np.zeros((1, 90))
    row[0, [2, 5, 7]] = [1, 1e6, 1]
    tokens = model.prepare(row, np.arange(90))[0].tolist()
    assert sorted(tokens[:2]) == [2 + N_SPECIAL, 7 + N_SPECIAL]
    assert set(tokens[2:]) == {PAD}


def test_a_missing_gene_is_left_out_and_the_next_moves_up(expression):
    X, genes, _ = expression
    model = made(X, genes)
    whole = model.prepare(X[:1], np.arange(90))[0].tolist()
    without = np.delete(np.arange(90), whole[3] - N_SPECIAL)
    tokens = model.prepare(X[:1, without], without)[0].tolist()
    assert tokens[:23] == whole[:3] + whole[4:]


def test_padding_does_not_reach_the_vector(expression):
    X, genes, _ = expression
    model = TruncatedWindow.fit(X, genes, steps=2, window_size=24)
    row = np.zeros((1, 90))
    row[0, :9] = X[0, :9] + 1
    alone = model.prepare(row, np.arange(90))
    short = model.embed(alone[:, :9], torch.arange(90))
    np.testing.assert_allclose(model.transform(row, genes), short.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_the_decoder_is_tied_to_the_embedding(expression):
    _, genes, _ = expression
    model = TruncatedWindow(genes, window_size=24).model
    assert model.head.decoder.weight is model.specformer.get_input_embeddings().weight
