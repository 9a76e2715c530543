"""What holds for every trained baseline."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from specformer.baselines._fit_trained import METHODS

# What a step of each needs to be seen to fall in a test's time; a GAN's loss is a draw between two, and need not fall.
STEPS = {"vae": 400, "binned_masked": 150, "count_autoencoder": 150, "truncated_window": 60}


@pytest.fixture(scope="module")
def fitted(tiny, expression):
    X, genes, _ = expression
    return {name: kind.fit(X, genes, steps=STEPS.get(name, 60), **tiny[name]) for name, kind in METHODS.items()}


@pytest.mark.parametrize("method", METHODS)
def test_one_finite_float32_vector_a_sample_that_differs_between_samples(fitted, expression, method):
    X, genes, _ = expression
    vectors = fitted[method].transform(X, genes)
    assert vectors.shape == (48, {"vae": 4, "truncated_window": 128}.get(method, 16))
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    assert len(np.unique(vectors.round(4), axis=0)) == 48


@pytest.mark.parametrize("method", STEPS)
def test_the_loss_falls(fitted, method):
    history = fitted[method].history
    assert len(history) == STEPS[method]
    assert np.mean(history[-10:]) < 0.97 * np.mean(history[:10])


@pytest.mark.parametrize("method", METHODS)
def test_the_seed_decides_every_bit_and_no_state_is_left_behind(tiny, expression, method):
    X, genes, _ = expression
    before = torch.get_rng_state()
    one, same, other = (METHODS[method].fit(X, genes, rng=rng, steps=3, **tiny[method]) for rng in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(one.transform(X, genes), same.transform(X, genes))
    assert one.history == same.history
    assert one.history != other.history


@pytest.mark.parametrize("method", METHODS)
def test_unit_company_column_order_and_unknown_genes_have_no_say(fitted, expression, method):
    X, genes, _ = expression
    expected = fitted[method].transform(X, genes)
    some = np.random.default_rng(1).permutation(90)
    found = fitted[method].transform(np.c_[X[5:8][:, some] * 0.25, [[7.0], [0.0], [9.0]]], [*genes[some], "unheard of"])
    np.testing.assert_allclose(found, expected[5:8], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_few_genes_and_no_expression_still_give_a_vector(fitted, expression, method):
    X, genes, _ = expression
    X = X[:4, :7].copy()
    X[0] = 0
    assert np.isfinite(fitted[method].transform(X, genes[:7])).all()
    with pytest.raises(ValueError, match="None of the 2 genes"):
        fitted[method].transform(X[:, :2], ["x", "y"])


@pytest.mark.parametrize("method", METHODS)
def test_samples_of_one_profile_lie_together(fitted, expression, method):
    X, genes, kind = expression
    vectors = fitted[method].transform(X, genes)
    vectors = vectors - vectors.mean(axis=0)
    cosine = vectors @ vectors.T / np.outer(*[np.linalg.norm(vectors, axis=1)] * 2)
    np.fill_diagonal(cosine, -np.inf)
    assert (kind[cosine.argmax(axis=1)] == kind).mean() > 0.9


@pytest.mark.parametrize("method", METHODS)
def test_logarithms_are_refused(tiny, expression, method):
    X, genes, _ = expression
    with pytest.raises(ValueError, match="non-negative"):
        METHODS[method].fit(np.log(X + 0.1), genes, steps=1, **tiny[method])
