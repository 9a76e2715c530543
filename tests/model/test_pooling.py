from __future__ import annotations

import pytest
import torch

from specformer.model._config import POOLINGS
from specformer.model._pooling import make_pooling


@pytest.fixture(params=POOLINGS)
def pooling(request, tiny):
    module = make_pooling(tiny(pooling=request.param)).eval()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return module


def drawn(n=4, n_windows=6):
    is_real = torch.rand(n, n_windows) < 0.6
    is_real[:, 0] = True
    return torch.randn(n, n_windows, 32), is_real


def test_weights_sum_to_one_over_real_windows(pooling):
    windows, is_real = drawn()
    vectors, weights = pooling(windows, is_real)
    assert vectors.shape == (4, 32)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(4))
    assert not weights[~is_real].any()
    assert (weights[is_real] > 0).all()


@pytest.mark.parametrize("rubbish", [1e4, float("nan")])
def test_masked_windows_do_not_count(pooling, rubbish):
    windows, is_real = drawn()
    with torch.no_grad():
        vectors, _ = pooling(windows.masked_fill(~is_real.unsqueeze(-1), rubbish), is_real)
        for i in range(len(windows)):
            alone, _ = pooling(windows[i : i + 1, is_real[i]], is_real[i : i + 1, is_real[i]])
            torch.testing.assert_close(vectors[i], alone[0], atol=1e-5, rtol=1e-5)


def test_mean_is_the_mean_and_weights_give_the_vector(pooling):
    windows, _ = drawn()
    is_real = torch.ones(4, 6, dtype=torch.bool)
    vectors, weights = pooling(windows, is_real)
    name = type(pooling).__name__
    if name == "MeanPooling":
        torch.testing.assert_close(vectors, windows.mean(dim=1))
    elif "Attention" in name:
        torch.testing.assert_close(vectors, (weights.unsqueeze(-1) * windows).sum(dim=1))
        assert weights.std(dim=1).min() > 0.01, "windows differ in weight"
    else:
        assert not torch.allclose(vectors, windows.mean(dim=1), atol=0.1), "windows see one another first"


def test_gated_attention_is_the_published_formula(tiny):
    module = make_pooling(tiny(pooling="gated_attention"))
    windows = torch.randn(1, 5, 32)
    value, gate, weight = module.value, module.gate, module.weight.weight
    logits = [(weight @ (torch.tanh(value(x)) * torch.sigmoid(gate(x)))).squeeze() for x in windows[0]]
    expected = torch.stack(logits).softmax(dim=0)
    torch.testing.assert_close(module(windows, torch.ones(1, 5, dtype=torch.bool))[1][0], expected)
