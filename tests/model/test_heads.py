from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from specformer.model import Head, SpecformerForSamples, load, load_head, save, save_head
from specformer.model._config import POOLINGS
from specformer.model._heads import TASKS

N_IN = 6


def trained(task="classification", **options):
    """A head with nothing left at its start."""
    torch.manual_seed(0)
    labels = ["OS"] if task == "survival" else ["a", "b", "c"]
    head = Head(task, labels, N_IN, about={"use_rep": "X_specformer", "training": {"n": 3}}, **options)
    head.mean = torch.randn(N_IN)
    head.scale = torch.rand(N_IN) + 0.5
    head.target_mean, head.target_scale = torch.randn(len(labels)), torch.rand(len(labels)) + 0.5
    head.temperature = torch.tensor(1.7)
    if task == "classification":
        head.centroids, head.whitening, head.threshold = (
            torch.randn(3, N_IN),
            torch.randn(N_IN, N_IN),
            torch.tensor(2.0),
        )
    if task == "survival":
        head.baseline_time, head.baseline_hazard = torch.tensor([1.0, 2.0]), torch.tensor([0.1, 0.3])
        head.baseline_stratum = torch.zeros(2, dtype=torch.int64)
    return head


def inputs(aggregator=None, n=5):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, N_IN) if aggregator is None else (n, 4, N_IN)).astype(np.float32)


@pytest.mark.parametrize("task", list(TASKS))
@pytest.mark.parametrize("aggregator", [None, *POOLINGS])
def test_saved_is_bit_equal(tmp_path, task, aggregator):
    head = trained(task, aggregator=aggregator, hidden=(4,), dropout=0.5)
    X = inputs(aggregator)
    again = load_head(save_head(head, tmp_path / "h"))
    np.testing.assert_array_equal(again.predict(X), head.predict(X))
    assert (again.labels, again.about, again.hidden, again.path) == (head.labels, head.about, (4,), tmp_path / "h")
    assert sorted(path.name for path in (tmp_path / "h").iterdir()) == ["config.json", "model.safetensors"]


def test_a_fresh_process_predicts_the_same_bits(tmp_path):
    head = trained()
    save_head(head, tmp_path / "h")
    np.save(tmp_path / "x.npy", inputs())
    code = (
        "import sys, numpy as np; from specformer.model import load_head; "
        "h = load_head(sys.argv[1]); x = np.load(sys.argv[2]); np.save(sys.argv[3], np.c_[h.predict(x), h.distance(x)])"
    )
    paths = [str(tmp_path / name) for name in ("h", "x.npy", "y.npy")]
    subprocess.run([sys.executable, "-c", code, *paths], check=True)
    expected = np.c_[head.predict(inputs()), head.distance(inputs())]
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)


def test_a_linear_head_is_what_it_says():
    head, X = trained(), inputs()
    layer = head.layers[0]
    Z = (X - head.mean.numpy()) / head.scale.numpy()
    logits = (Z @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()) / 1.7
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(head.predict(X), expected, rtol=1e-5)
    far = [np.linalg.norm(Z @ head.whitening.numpy() - c, axis=1) for c in head.centroids.numpy()]
    np.testing.assert_allclose(head.distance(X), np.min(far, axis=0), rtol=1e-5)
    regression = trained("regression")
    raw = regression(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(
        regression.predict(X), raw * regression.target_scale.numpy() + regression.target_mean.numpy(), rtol=1e-5
    )


def test_published_layers_by_name():
    head = Head("classification", ["a", "b"], 8, hidden="published")
    assert [m.weight.shape for m in head.layers if hasattr(m, "weight")] == [(512, 8), (256, 512), (2, 256)]
    with pytest.raises(ValueError, match="expected one of 'linear', 'published'"):
        Head("classification", ["a", "b"], 8, hidden="deep")


@pytest.mark.parametrize("aggregator", [None, *POOLINGS])
def test_a_sample_alone_is_predicted_as_in_company(aggregator):
    head, X = trained(aggregator=aggregator), inputs(aggregator)
    alone = np.concatenate([head.predict(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_allclose(alone, head.predict(X), rtol=1e-6)


def test_survival_curves_are_breslows():
    head = trained("survival")
    curves = head.survival_curves(np.array([0.0, np.log(2)]), [0.5, 1, 1.5, 2, 2.5])
    cumulative = np.array([0, 0.1, 0.1, 0.3])
    np.testing.assert_allclose(curves[:, :4], np.exp([-cumulative, -2 * cumulative]), rtol=1e-6)
    assert np.isnan(curves[:, 4]).all(), "nobody was followed for so long"
    assert np.isnan(head.survival_curves(np.zeros(1), [1.0], np.array([-1]))).all(), "of no stratum"


@pytest.mark.parametrize(("aggregator", "shape"), [(None, (3, 5)), (None, (3, 2, N_IN)), ("mean", (3, N_IN))])
def test_vectors_of_another_kind_are_refused(aggregator, shape):
    with pytest.raises(ValueError, match=rf"{N_IN}\); found"):
        trained(aggregator=aggregator).predict(np.zeros(shape))


def test_halves_take_half_and_stay_close(tmp_path):
    head = trained(hidden=(64, 64))
    whole, half = (save_head(head, tmp_path / name, dtype=dtype) for name, dtype in (("w", None), ("h", torch.float16)))
    sizes = [(path / "model.safetensors").stat().st_size for path in (whole, half)]
    assert sizes[1] < 0.65 * sizes[0]
    np.testing.assert_allclose(load_head(half).predict(inputs()), head.predict(inputs()), atol=2e-3)
    np.testing.assert_array_equal(load_head(half).distance(inputs()), head.distance(inputs()))


@pytest.fixture
def checkpoint(tmp_path, tiny, genes):
    return save(tmp_path / "checkpoint", SpecformerForSamples(tiny()), genes)


def test_a_head_is_found_beside_its_checkpoint_and_refused_beside_another(tmp_path, tiny, genes, checkpoint):
    head = trained()
    head.about["checkpoint"] = {"name": "checkpoint", "sha256": load(checkpoint).sha256}
    save_head(head, checkpoint / "heads" / "type")
    assert load_head("type", checkpoint).labels == ["a", "b", "c"]
    assert load_head("type", load(checkpoint)).labels == ["a", "b", "c"]
    with pytest.raises(FileNotFoundError, match=r"no head 'os'. It has: 'type'"):
        load_head("os", checkpoint)
    torch.manual_seed(1)
    other = save(tmp_path / "other", SpecformerForSamples(tiny()), genes)
    save_head(head, other / "heads" / "type")
    with pytest.raises(ValueError, match=r"fitted on vectors of the checkpoint 'checkpoint'.*mean nothing"):
        load_head("type", other)


def test_damaged_heads_are_refused(tmp_path):
    path = save_head(trained(), tmp_path / "h")
    weights = path / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-8])
    with pytest.raises(ValueError, match="truncated or damaged"):
        load_head(path)
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ValueError, match=r"not the file that its config.json describes"):
        load_head(path)
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | {"model_type": "bert"}))
    with pytest.raises(ValueError, match="describes a 'bert'"):
        load_head(path)
    weights.unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks .model.safetensors."):
        load_head(path)


def test_loading_leaves_the_users_stream_alone(tmp_path):
    path = save_head(trained(), tmp_path / "h")
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    load_head(path)
    assert torch.rand(1) == expected
