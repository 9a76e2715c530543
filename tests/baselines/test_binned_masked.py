from __future__ import annotations

import numpy as np
import torch

from specformer.baselines import BinnedMaskedModel
from specformer.baselines._binned_masked import log_per_million

SIZES = {"n_bins": 8, "n_tokens": 30, "n_dims": 16, "n_layers": 1, "n_heads": 2}


def fitted_bins(X, genes):
    model = BinnedMaskedModel(genes, **SIZES)
    model.measure(X)
    return model


def test_bins_are_even_in_the_logarithm_and_the_first_is_for_zero_alone(expression):
    X, genes, _ = expression
    bins = fitted_bins(X, genes).prepare(X, np.arange(90)).numpy()
    logs = np.log10(1 + 1e6 * X / X.sum(axis=1, keepdims=True))
    edges = np.linspace(0, logs.max(), 8)
    expected = np.where(X > 0, np.digitize(logs, edges[1:-1]) + 1, 0)
    assert (bins == expected).mean() > 0.999
    assert ((bins == 0) == (X == 0)).all()
    assert bins.max() == 7


def test_beyond_the_training_samples_is_the_last_bin(expression):
    X, genes, _ = expression
    alone = np.zeros((1, 90), dtype=np.float32)
    alone[0, 3] = 1
    assert fitted_bins(X, genes).prepare(alone, np.arange(90))[0, 3] == 7


def test_log_per_million_of_nothing_is_nothing():
    np.testing.assert_allclose(log_per_million(np.array([[0.0, 0.0], [1.0, 3.0]])).round(3), [[0, 0], [5.398, 5.875]])


def test_a_missing_gene_is_zero(expression):
    X, genes, _ = expression
    model = BinnedMaskedModel.fit(X, genes, steps=2, **SIZES)
    filled = np.where(np.arange(90) % 3 == 0, 0, X)
    some = np.arange(90) % 3 > 0
    np.testing.assert_array_equal(model.transform(X[:, some], genes[some]), model.transform(filled, genes))


def test_the_mean_is_over_all_genes_once(expression):
    X, genes, _ = expression
    model = BinnedMaskedModel.fit(X, genes, steps=2, **SIZES)
    seen = []
    model.encoder = torch.nn.Identity()
    model.gene.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    vectors = model.transform(X, genes)
    assert sorted(torch.cat(seen).tolist()) == sorted([*range(90)] * 2)  # two slices of samples
    assert max(map(len, seen)) == 30
    tokens = model.gene(torch.arange(90)) + model.bin(model.prepare(X, np.arange(90)).long() + 3)
    np.testing.assert_allclose(vectors, tokens.mean(dim=1).detach(), atol=1e-5)
