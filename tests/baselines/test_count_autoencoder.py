from __future__ import annotations

import numpy as np
import torch

from specformer.baselines import CountAutoencoder
from specformer.baselines._count_autoencoder import N_READS

SIZES = {"n_tokens": 30, "n_dims": 16, "n_layers": 1, "n_heads": 2, "n_blocks": 1}


def generator():
    return torch.Generator().manual_seed(0)


def test_depth_is_judged_on_the_genes_at_hand(expression):
    X, genes, _ = expression
    model = CountAutoencoder(genes, **SIZES)
    model.measure(X)
    whole = model.prepare(X, np.arange(90)).numpy()
    np.testing.assert_allclose(whole.sum(axis=1), N_READS, rtol=1e-5)
    some = np.arange(0, 90, 2)
    np.testing.assert_allclose(
        model.prepare(X[:, some], some).numpy().sum(axis=1), whole.mean(axis=0)[some].sum(), rtol=1e-4
    )


def test_training_starts_near_the_mean_profile_and_goes_below_it(expression):
    X, genes, _ = expression
    model = CountAutoencoder.fit(X, genes, steps=400, **SIZES | {"n_dims": 32})
    samples = model.prepare(X, np.arange(90))
    expected = samples.mean(dim=0).clamp(min=0.01)
    deviance = (expected - samples + torch.xlogy(samples, samples / expected)).sum(dim=1).mean() / N_READS
    assert abs(model.history[0] - deviance) < 0.25 * deviance
    with torch.no_grad():
        found = np.mean([next(model.losses(samples, generator(), 1.0)).item() for _ in range(5)])
    assert found < 0.8 * deviance


def test_all_genes_are_asked_for_though_few_are_read(expression):
    X, genes, _ = expression
    model = CountAutoencoder(genes, **SIZES)
    model.measure(X)
    samples = model.prepare(X, np.arange(90))
    next(model.losses(samples, generator(), 0.0)).backward()
    assert (model.rate.bias.grad != 0).sum() > 80
    assert (model.gene.weight.grad.abs().sum(dim=1) > 0).sum() == 30


def test_a_missing_gene_is_left_out_and_every_other_is_read_once(expression):
    X, genes, _ = expression
    model = CountAutoencoder.fit(X, genes, steps=2, **SIZES)
    some = np.arange(90) % 3 > 0
    seen = []
    model.gene.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    vectors = model.transform(X[:5, some], genes[some])
    assert sorted(torch.cat(seen).tolist()) == np.flatnonzero(some).tolist()
    assert max(map(len, seen)) <= 30
    filled = model.transform(np.where(some, X[:5], 0), genes)
    assert np.abs(vectors - filled).max() > 1e-3
