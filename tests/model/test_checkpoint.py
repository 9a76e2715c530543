from __future__ import annotations

import hashlib
import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from specformer.model import (
    SpecformerForMaskedGenes,
    SpecformerForSamples,
    SpecformerModel,
    load,
    save,
    seen_in_pretraining,
)
from specformer.model._config import POOLINGS


@pytest.fixture
def checkpoint(tmp_path, tiny, genes):
    return save(tmp_path / "checkpoint", SpecformerForSamples(tiny()), genes)


def change(path, **entries):
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | entries))


def rewrite(path, change_weights):
    weights = load_file(path / "model.safetensors")
    change_weights(weights)
    save_file(weights, path / "model.safetensors")
    change(path, weights_sha256=None)


@pytest.mark.parametrize("pooling", POOLINGS)
@torch.no_grad()
def test_loaded_is_identical(tmp_path, tiny, genes, windows, pooling):
    ids, _ = windows()
    model = SpecformerForSamples(tiny(pooling=pooling)).eval()
    loaded = load(save(tmp_path / "c", model, genes))
    assert torch.equal(loaded.model(ids).vector, model(ids).vector)
    assert not loaded.model.training
    assert loaded.genes.table.equals(genes.table)
    assert (loaded.genes.weighting, loaded.genes.n_obs) == ("median", 7)
    assert (loaded.config.weighting, loaded.config.n_reference_obs) == ("median", 7)
    assert loaded.path == tmp_path / "c"
    assert len(loaded.sha256) == 64


@torch.no_grad()
def test_loaded_anchor_is_identical(tmp_path, anchored, genes, windows):
    ids, scores = windows()
    model = SpecformerForSamples(anchored).eval()
    model.set_anchor(torch.randn(60, 8), torch.randn(8, 6))
    torch.nn.init.normal_(model.residual.out.weight)
    latent = torch.randn(3, 8)
    loaded = load(save(tmp_path / "c", model, genes)).model
    assert torch.equal(loaded(ids, scores, None, latent).vector, model(ids, scores, None, latent).vector)
    assert loaded.anchor.noise_variance == 0.35


@pytest.mark.parametrize("token", ["additive", "film"])
@torch.no_grad()
def test_pretrained_model_embeds_and_goes_on_pretraining(tmp_path, tiny, genes, windows, token):
    ids, scores = windows()
    model = SpecformerForMaskedGenes(tiny(token=token)).eval()
    path = save(tmp_path / "c", model, genes)
    assert "head.decoder.weight" not in load_file(path / "model.safetensors"), "tied weights are stored once"
    again = load(path, SpecformerForMaskedGenes).model
    labels = ids.flatten(0, 1)
    assert torch.equal(
        model(labels, labels, scores.flatten(0, 1)).loss, again(labels, labels, scores.flatten(0, 1)).loss
    )
    assert again.head.decoder.weight is again.specformer.get_input_embeddings().weight
    expected = model.specformer.encode_samples(ids, scores).mean(dim=1)
    torch.testing.assert_close(load(path).model(ids, scores).vector, expected)


@torch.no_grad()
def test_transformers_reads_it_too(checkpoint, windows):
    ids, _ = windows()
    plain = load(checkpoint).model
    by_transformers = SpecformerForSamples.from_pretrained(checkpoint).eval()
    assert torch.equal(by_transformers(ids).vector, plain(ids).vector)
    encoder = SpecformerModel.from_pretrained(checkpoint).eval()
    assert torch.equal(encoder.encode_samples(ids), plain.specformer.encode_samples(ids))


@torch.no_grad()
def test_half_precision_on_disk_is_float32_in_memory(tmp_path, tiny, genes, windows):
    ids, _ = windows()
    model = SpecformerForSamples(tiny()).eval()
    full, half = save(tmp_path / "full", model, genes), save(tmp_path / "half", model, genes, dtype=torch.float16)
    size, half_size = ((path / "model.safetensors").stat().st_size for path in (full, half))
    assert half_size < 0.65 * size
    loaded = load(half).model
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    torch.testing.assert_close(loaded(ids).vector, model(ids).vector, atol=0.02, rtol=0)


def test_loading_leaves_the_random_stream_alone(checkpoint):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    load(checkpoint)
    assert torch.equal(torch.rand(2), expected)


def test_card_and_membership_are_written_without_names(tmp_path, tiny, genes):
    path = save(
        tmp_path / "c", SpecformerForSamples(tiny()), genes, card="# Card\n", membership=["TCGA-2", "TCGA-1", "TCGA-1"]
    )
    assert (path / "README.md").read_text() == "# Card\n"
    lines = (path / "membership.csv").read_text().splitlines()
    assert lines[0] == "sha256"
    assert lines[1:] == sorted(hashlib.sha256(name).hexdigest() for name in (b"TCGA-1", b"TCGA-2"))
    assert seen_in_pretraining(path, ["TCGA-3", "TCGA-2"]).tolist() == [False, True]


def test_a_checkpoint_without_membership_has_seen_nobody(checkpoint):
    assert seen_in_pretraining(checkpoint, ["a", "b"]).tolist() == [False, False]


def test_a_failed_save_leaves_the_old_checkpoint_and_no_debris(tmp_path, checkpoint, tiny, genes):
    before = {file.name: file.read_bytes() for file in checkpoint.iterdir()}
    broken = SpecformerForSamples(tiny())
    with torch.no_grad():
        broken.specformer.get_input_embeddings().weight[5, 5] = float("nan")
    with pytest.raises(ValueError, match=r"word_embeddings.weight' are not finite"):
        save(checkpoint, broken, genes)
    assert {file.name: file.read_bytes() for file in checkpoint.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_a_save_replaces_all_of_the_old_checkpoint(tmp_path, checkpoint, tiny, genes):
    (checkpoint / "stale.txt").write_text("old")
    before = load(checkpoint).sha256
    torch.manual_seed(1)
    save(checkpoint, SpecformerForSamples(tiny()), genes)
    assert load(checkpoint).sha256 != before
    assert not (checkpoint / "stale.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_vocabulary_must_fit_the_model(tmp_path, tiny, genes):
    with pytest.raises(ValueError, match=r"The vocabulary has 60 genes; .*`vocab_size` of 103 means 100 genes"):
        save(tmp_path / "c", SpecformerForSamples(tiny(vocab_size=103)), genes)
    assert not list(tmp_path.iterdir())


def test_what_is_not_there_is_told_with_what_is(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"'specformer-giga' is neither a directory nor a known checkpoint"):
        load("specformer-giga")
    with pytest.raises(FileNotFoundError, match="There is no directory"):
        load(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"lacks 'config.json', 'model.safetensors', .* It holds: nothing"):
        load(tmp_path)


def test_pickles_are_refused_with_the_cure(checkpoint):
    (checkpoint / "model.safetensors").rename(checkpoint / "pytorch_model.bin")
    with pytest.raises(
        ValueError, match=r"'pytorch_model.bin', a pickle, which can run any code .*`weights_only=True`"
    ):
        load(checkpoint)


def test_truncated_weights_are_noticed_by_their_hash(checkpoint):
    file = checkpoint / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"but its config.json says .* truncated, damaged or from another checkpoint"):
        load(checkpoint)


def test_truncated_weights_are_noticed_without_a_hash(checkpoint):
    file = checkpoint / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    change(checkpoint, weights_sha256=None)
    with pytest.raises(ValueError, match=r"cannot be read .* truncated or damaged"):
        load(checkpoint)


def test_one_changed_bit_is_noticed(checkpoint):
    file = checkpoint / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match="truncated, damaged or from another checkpoint"):
        load(checkpoint)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"model_type": "bert"}, r"describes a model of type 'bert'; expected 'specformer'"),
        ({"specformer_version": "9.0.0"}, r"made by specformer 9.0.0; installed is"),
        ({"vocab_size": 50}, r"genes.csv has 60 genes; .*`vocab_size` of 50 means 47 genes"),
        ({"pooling": "attention"}, r"it lacks 'pooling.*'attention' pooling was not trained with it; set `pooling`"),
        ({"intermediate_size": 128}, r"for a SpecformerForSamples it has other shapes for 'specformer.bert.encoder"),
        ({"num_hidden_layers": 3}, r"it lacks 'specformer.bert.encoder.layer.2"),
        ({"num_hidden_layers": 1}, r"it should not hold 'specformer.bert.encoder.layer.1"),
    ],
)
def test_config_that_does_not_fit_is_refused(checkpoint, entries, message):
    change(checkpoint, **entries)
    with pytest.raises(ValueError, match=message):
        load(checkpoint)


def test_config_that_is_no_json_is_refused(checkpoint):
    (checkpoint / "config.json").write_text("{'model_type':")
    with pytest.raises(ValueError, match=r"config.json is not JSON"):
        load(checkpoint)


def test_genes_that_were_lost_are_noticed(checkpoint):
    lines = (checkpoint / "genes.csv").read_text().splitlines()
    (checkpoint / "genes.csv").write_text("\n".join(lines[:-4]) + "\n")
    with pytest.raises(ValueError, match=r"genes.csv has 56 genes; .* means 60 genes and 3 special tokens"):
        load(checkpoint)


def test_weights_of_another_model_are_refused(checkpoint):
    rewrite(checkpoint, lambda weights: weights.update(decoder=torch.zeros(2)))
    with pytest.raises(ValueError, match=r"it should not hold 'decoder'"):
        load(checkpoint)
