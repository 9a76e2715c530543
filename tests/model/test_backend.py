from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest
import torch

from specformer.model import SpecformerForSamples, fast_inference
from specformer.model import _backend as backend

KINDS = {
    "published": {},
    "cls": {"cls_token": True, "window_embedding": "cls", "pooling": "attention"},
    "film": {"token": "film", "pooling": "gated_attention"},
}


@pytest.fixture(params=KINDS)
def model(request, tiny):
    return SpecformerForSamples(tiny(hidden_size=128, **KINDS[request.param])).eval()


@torch.no_grad()
def test_fast_float32_keeps_the_numbers(model, windows):
    ids, scores = windows(4, 3)
    plain = model(ids, scores)
    with fast_inference(model) as encode:
        fast = model(ids, scores, encode=encode)
    torch.testing.assert_close(fast.window_vectors, plain.window_vectors, atol=1e-5, rtol=0)
    torch.testing.assert_close(fast.vector, plain.vector, atol=1e-5, rtol=0)


@torch.no_grad()
def test_both_ways_of_fast_products_keep_the_numbers(model, windows, monkeypatch):
    ids, scores = windows(2, 3)
    plain = model(ids, scores).vector
    for answer in (True, False):
        monkeypatch.setattr(backend, "onednn_is_faster", lambda answer=answer: answer)
        with fast_inference(model) as encode:
            used = model.config._attn_implementation, torch.get_float32_matmul_precision()
            torch.testing.assert_close(model(ids, scores, encode=encode).vector, plain, atol=1e-5, rtol=0)
        assert used == ((backend.ATTENTION, "medium") if answer else ("sdpa", "highest"))


@torch.no_grad()
def test_company_and_threads_do_not_change_a_window_vector_by_one_bit(model, windows):
    ids, scores = windows(5, 3)
    with fast_inference(model, n_threads=2) as encode:
        together = encode(ids, scores)
        again = encode(ids.flip(0), scores.flip(0)).flip(0)
    with fast_inference(model, n_threads=1) as encode:
        alone = torch.cat([encode(ids[i : i + 1], scores[i : i + 1]) for i in range(5)])
    assert torch.equal(together, again)
    assert torch.equal(together, alone)


@torch.no_grad()
def test_padding_is_masked(model, windows):
    ids, scores = windows(2, 2)
    is_real = torch.ones_like(ids, dtype=torch.bool)
    is_real[:, 1, 9:] = False
    plain = model(ids, scores, is_real).vector
    with fast_inference(model) as encode:
        torch.testing.assert_close(model(ids, scores, is_real, encode=encode).vector, plain, atol=1e-5, rtol=0)


@torch.no_grad()
def test_anchor_latent_is_carried(anchored, windows):
    ids, scores = windows(3, 2)
    model, latent = SpecformerForSamples(anchored).eval(), torch.randn(3, 8)
    plain = model(ids, scores, None, latent)
    with fast_inference(model) as encode:
        fast = model(ids, scores, None, latent, encode=encode)
    torch.testing.assert_close(fast.window_vectors, plain.window_vectors, atol=1e-5, rtol=0)


@torch.no_grad()
def test_bfloat16_is_near(model, windows):
    ids, scores = windows(4, 3)
    plain = model(ids, scores)
    with fast_inference(model, dtype="bfloat16") as encode:
        half = model(ids, scores, encode=encode)
    assert half.vector.dtype == torch.float32
    difference = (half.window_vectors - plain.window_vectors).abs()
    assert 0 < difference.max() < 0.1
    assert torch.cosine_similarity(half.vector, plain.vector).min() > 0.99


def test_everything_is_put_back_even_after_an_error(model, windows, monkeypatch):
    monkeypatch.setattr(backend, "onednn_is_faster", lambda: True)
    torch.set_float32_matmul_precision("highest")
    n_threads = torch.get_num_threads()
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    ids, scores = windows()
    with pytest.raises(IndexError, match="out of range"), fast_inference(model, n_threads=n_threads + 2) as encode:
        encode(ids + 1_000, scores)
    assert torch.get_float32_matmul_precision() == "highest"
    assert model.config._attn_implementation == "sdpa"
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())
    assert torch.get_num_threads() == n_threads


def test_threads_started_later_are_not_held_to_one(windows, tiny):
    ids, _ = windows()
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with fast_inference(SpecformerForSamples(tiny()).eval()) as encode:
            encode(ids)
        with ThreadPoolExecutor(1) as later:
            # A thread takes the process's number when it first computes.
            assert later.submit(lambda: (torch.ones(9).sum(), torch.get_num_threads())[1]).result() == 2
    finally:
        torch.set_num_threads(before)


def test_self_test_turns_inexact_products_down_and_says_so(monkeypatch, capsys, model, windows):
    # What a machine with bfloat16 matrix units would do under "medium".
    matmul = torch.Tensor.__matmul__

    def rounded(x, y):
        if torch.get_float32_matmul_precision() == "medium" and x.dtype == torch.float32:
            return matmul(x.bfloat16(), y.bfloat16()).float()
        return matmul(x, y)

    monkeypatch.setattr(torch.Tensor, "__matmul__", rounded)
    monkeypatch.setattr(backend, "onednn_is_faster", cache(backend.onednn_is_faster.__wrapped__))
    assert not backend.onednn_is_faster()
    assert "are not exact" in capsys.readouterr().err
    with fast_inference(model) as encode:
        assert (model.config._attn_implementation, torch.get_float32_matmul_precision()) == ("sdpa", "highest")
        encode(*windows(2, 3))
    assert "are not exact" not in capsys.readouterr().err, "tried and said once"


def test_exact_products_say_nothing(capsys):
    backend.onednn_is_faster.__wrapped__()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("scale", "atol"), [(1, 1e-6), (30, 1e-5), (1_000, 1e-4)])
def test_attention_by_head_is_that_of_torch(scale, atol):
    # A logit keeps seven digits, whatever its size; at 1,000 its exponential overflows float32.
    query, key, value = torch.randn(3, 2, 4, 16, 8)
    expected = torch.nn.functional.scaled_dot_product_attention(scale * query, key, value).transpose(1, 2)
    found, _ = backend.attention_by_head(torch.nn.Module(), scale * query, key, value, None)
    torch.testing.assert_close(found, expected, atol=atol, rtol=0)


def test_attention_keeps_to_the_scaling_it_is_given():
    query, key, value = torch.randn(3, 2, 4, 16, 8)
    expected = torch.nn.functional.scaled_dot_product_attention(query, key, value, scale=0.7).transpose(1, 2)
    found, _ = backend.attention_by_head(torch.nn.Module(), query, key, value, None, scaling=0.7)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_unknown_precision_is_refused(model):
    with (
        pytest.raises(ValueError, match="`dtype` is 'int8'; expected one of 'float32', 'bfloat16'"),
        fast_inference(model, dtype="int8"),
    ):
        pass
