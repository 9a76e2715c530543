from __future__ import annotations

import numpy as np
import pytest
import torch

from specformer.baselines import AdversarialNetwork, UpperQuartilePCA, VariationalAutoencoder
from specformer.baselines._generative import perceptron


def generator():
    return torch.Generator().manual_seed(0)


def test_sizes_are_those_of_the_appendix():
    model = VariationalAutoencoder([f"g{i}" for i in range(50)])
    maps = [tuple(layer.weight.shape) for layer in (*model.encoder, *model.decoder) if hasattr(layer, "weight")]
    assert maps == [(1024, 50), (128, 1024), (64, 128), (128, 32), (1024, 128), (50, 1024)]
    model = AdversarialNetwork([f"g{i}" for i in range(50)])
    maps = [tuple(layer.weight.shape) for layer in (*model.generator, *model.discriminator) if hasattr(layer, "weight")]
    assert maps == [(128, 32), (1024, 128), (50, 1024), (1024, 50), (128, 1024), (1, 128)]


def test_perceptron_ends_in_a_linear_map():
    assert [type(layer).__name__ for layer in perceptron([3, 2, 1], torch.nn.ReLU())] == ["Linear", "ReLU", "Linear"]


@pytest.mark.parametrize("kind", [VariationalAutoencoder, AdversarialNetwork])
def test_reads_what_pca_reads_and_a_missing_gene_is_its_mean(kind, expression):
    X, genes, _ = expression
    pca = UpperQuartilePCA.fit(X, genes)
    model = kind(genes)
    model.measure(X)
    every = model.prepare(X, np.arange(90)).numpy()
    np.testing.assert_allclose(every.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(every @ pca.loadings, pca.transform(X, genes), rtol=1e-3, atol=1e-3)
    some = np.arange(0, 90, 2)
    values = model.prepare(X[:, some], some).numpy()
    assert (values[:, 1::2] == 0).all()
    assert (values[:, ::2].std(axis=0) > 0).mean() > 0.9


def test_the_divergence_counts_nothing_at_first_and_in_full_from_half_time_on(expression):
    X, genes, _ = expression
    model = VariationalAutoencoder(genes, n_hidden=(8,), n_latent=2)
    batch = torch.from_numpy(X / X.std(axis=0).clip(1))
    loss = {done: next(model.losses(batch, generator(), done)).item() for done in (0.0, 0.25, 0.5, 1.0)}
    mean, log_variance = model.encoder(batch).chunk(2, dim=1)
    posterior = torch.distributions.Normal(mean, (log_variance / 2).exp())
    kl = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0, 1)).sum(1).mean().item() / 90
    assert loss[0.5] - loss[0.0] == pytest.approx(kl, rel=1e-3)
    assert loss[0.25] - loss[0.0] == pytest.approx(kl / 2, rel=1e-3)
    assert loss[1.0] == loss[0.5]


def test_each_of_the_two_adversaries_moves_alone(expression):
    X, genes, _ = expression
    model = AdversarialNetwork(genes, n_hidden=(8,), n_latent=2)
    discriminator, made = (set(map(id, part)) for part in model.parts())
    assert not discriminator & made
    assert discriminator | made == {id(p) for p in model.parameters()}
    losses = model.losses(torch.from_numpy(X), generator(), 0.0)
    next(losses).backward()
    assert all(p.grad is None for p in model.generator.parameters())
    model.zero_grad()
    next(losses).backward()
    assert all(p.grad.abs().sum() > 0 for p in model.generator.parameters())


def test_vectors_are_the_discriminators_last_hidden_layer(expression):
    X, genes, _ = expression
    model = AdversarialNetwork.fit(X, genes, steps=2, n_hidden=(8, 6), n_latent=2)
    vectors = torch.from_numpy(model.transform(X, genes))
    samples = model.prepare(X, np.arange(90))
    torch.testing.assert_close(model.discriminator[-1](vectors), model.discriminator(samples))


def test_made_samples_come_to_resemble_real_ones(expression):
    X, genes, _ = expression
    model = AdversarialNetwork.fit(X, genes, steps=400, n_hidden=(64, 32), n_latent=4)
    samples = model.prepare(X, np.arange(90))
    with torch.no_grad():
        made = model.generate(48, generator())
    # Standardised genes have no correlation unless the profiles are learned.
    learned = np.corrcoef(np.corrcoef(samples.T)[np.triu_indices(90, 1)], np.corrcoef(made.T)[np.triu_indices(90, 1)])
    assert learned[0, 1] > 0.3
