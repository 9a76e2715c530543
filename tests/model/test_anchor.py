from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from specformer.model import LinearAnchor, SpecformerConfig

N_GENES, N_ANCHOR = 60, 8


def anchor() -> LinearAnchor:
    config = SpecformerConfig.preset(
        "mini", vocab_size=N_GENES + 3, cls_token=True, n_anchor=N_ANCHOR, n_dims=5, noise_variance=0.35
    )
    module = LinearAnchor(config)
    rng = np.random.default_rng(1)
    module.loadings.copy_(torch.as_tensor(rng.normal(size=(N_GENES, N_ANCHOR))))
    module.whitening.copy_(torch.as_tensor(rng.normal(size=(N_ANCHOR, 5))))
    return module


def oracle(loadings, scores, noise_variance):
    """Posterior mean by the other form, through the covariance of genes: W' (W W' + s I)^-1 z."""
    covariance = loadings @ loadings.T + noise_variance * np.eye(len(loadings))
    return (loadings.T @ np.linalg.solve(covariance, scores.T)).T


@settings(max_examples=200)
@given(st.lists(st.integers(0, N_GENES - 1), min_size=1, unique=True), st.integers(0, 2**32 - 1))
def test_posterior_of_any_genes_is_that_of_a_dense_oracle(genes, seed):
    module = anchor()
    scores = np.random.default_rng(seed).normal(size=(3, len(genes))).astype(np.float32)
    expected = oracle(module.loadings.numpy()[genes].astype(float), scores.astype(float), 0.35)
    found = module.posterior(torch.as_tensor(scores), torch.tensor(genes))
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("n_genes", [1, 20, 60])
def test_uncertainty_is_the_posterior_covariance(n_genes):
    module, genes = anchor(), torch.arange(n_genes)
    loadings = module.loadings.numpy()[:n_genes].astype(float)
    expected = np.linalg.inv(np.eye(N_ANCHOR) + loadings.T @ loadings / 0.35)
    np.testing.assert_allclose(module.solver(genes)[1].numpy(), expected, atol=1e-6)


@settings(max_examples=200)
@given(st.permutations(range(20)))
def test_order_of_genes_and_company_of_samples_do_not_matter(order):
    module, genes = anchor(), torch.arange(0, 60, 3)
    scores = torch.as_tensor(np.random.default_rng(2).normal(size=(5, 20)).astype(np.float32))
    together = module.posterior(scores, genes)
    torch.testing.assert_close(module.posterior(scores[:, order], genes[list(order)]), together, atol=1e-6, rtol=0)
    torch.testing.assert_close(module.posterior(scores[3:4], genes)[0], together[3], atol=1e-6, rtol=0)


def test_missing_genes_are_missing_and_not_zero():
    module, scores = anchor(), torch.randn(4, N_GENES)
    some = torch.arange(10)
    as_zero = torch.zeros_like(scores)
    as_zero[:, some] = scores[:, some]
    missing = module.posterior(scores[:, some], some)
    assert (missing - module.posterior(as_zero, torch.arange(N_GENES))).abs().max() > 0.1


def test_latents_come_back_from_noiseless_profiles_of_half_the_genes():
    module, latent = anchor(), torch.randn(6, N_ANCHOR)
    module.noise_variance = 1e-6
    genes = torch.randperm(N_GENES)[:30]
    torch.testing.assert_close(module.posterior(module.decode(latent)[:, genes], genes), latent, atol=1e-4, rtol=0)


def test_decode_and_whiten_are_linear_maps():
    module, latent = anchor(), torch.randn(2, N_ANCHOR)
    torch.testing.assert_close(module.decode(latent), latent @ module.loadings.T)
    torch.testing.assert_close(module.whiten(latent), latent @ module.whitening)
    assert not any(parameter.requires_grad for parameter in module.parameters())


def test_a_gene_counts_once():
    with pytest.raises(ValueError, match="stands twice among the genes at hand"):
        anchor().solver(torch.tensor([1, 2, 1]))
