from __future__ import annotations

import pytest
import torch

from specformer.model import SpecformerForSamples
from specformer.model._config import POOLINGS


@pytest.mark.parametrize("pooling", POOLINGS)
def test_without_anchor_a_sample_is_its_pooled_windows(tiny, windows, pooling):
    ids, _ = windows()
    model = SpecformerForSamples(tiny(pooling=pooling)).eval()
    with torch.no_grad():
        output = model(ids)
        vectors = model.specformer.encode_samples(ids)
        expected, weights = model.pooling(vectors, torch.ones(ids.shape[:2], dtype=torch.bool))
    assert output.vector.shape == (3, model.config.n_dims)
    torch.testing.assert_close(output.vector, expected)
    torch.testing.assert_close(output.weights, weights)
    assert output.latent is None


def test_padded_windows_do_not_change_a_sample(tiny, windows):
    ids, scores = windows()
    model = SpecformerForSamples(tiny(token="film", pooling="gated_attention")).eval()
    ids[:, 1, 9:] = 0
    is_real = ids > 0
    longer = [torch.cat([x, torch.zeros_like(x[:, :1])], dim=1) for x in (ids, scores, is_real)]
    with torch.no_grad():
        output, expected = model(*longer), model(ids, scores, is_real)
    torch.testing.assert_close(output.vector, expected.vector, atol=1e-6, rtol=0)
    assert (output.weights[:, :2] > 0.01).all(), "a window of which a part is padded still counts"


def test_a_new_model_gives_the_anchor(anchored, windows):
    ids, scores = windows()
    model = SpecformerForSamples(anchored).eval()
    model.set_anchor(torch.randn(60, 8), torch.randn(8, 6))
    latent = model.anchor.posterior(torch.randn(3, 60), torch.arange(60))
    with torch.no_grad():
        output, bypassed = model(ids, scores, None, latent), model(latent=latent, bypass_layers=True)
    assert output.vector.shape == (3, 6)
    assert torch.equal(output.vector, bypassed.vector)
    assert torch.equal(bypassed.vector, latent @ model.anchor.whitening)
    assert bypassed.window_vectors is None


def test_layers_add_to_the_anchor_once_trained(anchored, windows):
    ids, scores = windows()
    model = SpecformerForSamples(anchored)
    model.set_anchor(torch.randn(60, 8))
    latent, target = torch.randn(3, 8), torch.randn(3, 60)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=3e-2)
    losses = []
    for _ in range(15):
        loss = (model.anchor.decode(model(ids, scores, None, latent).latent) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    assert not torch.allclose(model(ids, scores, None, latent).latent, latent)
    assert torch.equal(model.anchor.whitening, torch.eye(8, 6)), "the anchor itself is not trained"


def test_what_the_layers_add_is_evidence_weighed_by_the_uncertainty(anchored, windows):
    ids, scores = windows()
    model = SpecformerForSamples(anchored).eval()
    torch.nn.init.normal_(model.residual.out.weight)
    latent, uncertainty = torch.randn(3, 8), torch.rand(8, 8)
    with torch.no_grad():
        residual = model(ids, scores, None, latent).latent - latent
        weighed = model(ids, scores, None, latent, uncertainty).latent - latent
    torch.testing.assert_close(weighed, residual @ uncertainty, atol=1e-5, rtol=1e-5)


def test_latent_reaches_the_windows(anchored, windows):
    ids, scores = windows()
    model = SpecformerForSamples(anchored).eval()
    with torch.no_grad():
        one, other = (model(ids, scores, None, torch.randn(3, 8)).window_vectors for _ in range(2))
    assert (one - other).abs().max() > 1e-3


def test_gene_embedding_starts_from_the_loadings(anchored):
    model = SpecformerForSamples(anchored)
    before = model.specformer.get_input_embeddings().weight.detach().clone()
    loadings = torch.randn(60, 8)
    model.set_anchor(loadings)
    after = model.specformer.get_input_embeddings().weight
    assert torch.equal(after[3:, :8], loadings)
    assert torch.equal(after[3:, 8:], before[3:, 8:])
    assert torch.equal(after[:3], before[:3])


def test_errors_say_what_is_missing(tiny, anchored, windows):
    ids, scores = windows()
    with pytest.raises(ValueError, match="needs `latent`"):
        SpecformerForSamples(anchored)(ids, scores)
    plain = SpecformerForSamples(tiny())
    for call in (lambda: plain(ids, bypass_layers=True), lambda: plain.set_anchor(torch.zeros(60, 8))):
        with pytest.raises(ValueError, match="has no linear anchor"):
            call()
    with pytest.raises(ValueError, match="Found no `input_ids`"):
        plain()
