from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch

from specformer import bench
from specformer.bench._checkpoints import held_out_seen
from specformer.genes import GeneVocabulary
from specformer.model import Pretrained, SpecformerConfig, SpecformerForSamples


@pytest.fixture
def pretrained(genes):
    """A very small model with a linear anchor, all of it random."""
    rng = np.random.default_rng(0)
    table = genes.assign(
        scale=rng.random(len(genes)) + 0.5,
        df=7,
        score_mean=rng.normal(size=len(genes)),
        score_sd=rng.random(len(genes)) + 0.5,
    )
    vocabulary = GeneVocabulary.from_table(table, weighting="median", n_obs=7)
    config = SpecformerConfig(
        vocab_size=len(genes) + 3, num_hidden_layers=1, hidden_size=16, num_attention_heads=2, intermediate_size=32,
        window_size=64, stride=64, weighting="median", token="film", cls_token=True, window_embedding="cls", n_anchor=8,
        n_dims=6, noise_variance=0.35,
    )  # fmt: skip
    torch.manual_seed(0)
    model = SpecformerForSamples(config)
    model.set_anchor(torch.randn(len(genes), 8))
    torch.nn.init.normal_(model.residual.out.weight)
    return Pretrained(model.eval(), vocabulary, config, Path("tiny"), "")


def test_a_checkpoint_stands_beside_its_anchor_and_an_untrained_network(pretrained, cohorts):
    embedders = bench.checkpoint_embedders(pretrained)
    assert list(embedders) == ["tiny", "tiny, layers bypassed", "random weights"]
    sample = cohorts["panel"][:4].copy()
    vectors = {name: embed(sample) for name, embed in embedders.items()}
    assert vectors["tiny"].shape == (4, 6)
    assert vectors["random weights"].shape == (4, 16)
    assert not np.allclose(vectors["tiny"], vectors["tiny, layers bypassed"])
    assert not sample.obsm or "X_specformer" not in sample.obsm


def test_random_weights_are_the_same_every_time_and_leave_the_users_stream_alone(pretrained, cohorts):
    sample = cohorts["panel"][:3].copy()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, second = (bench.checkpoint_embedders(pretrained)["random weights"](sample) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert torch.rand(1) == expected


def test_the_card_and_the_curve_of_a_checkpoint(pretrained, cohorts):
    counts = cohorts["htseq"]
    card = bench.robustness(counts, pretrained, n_obs=8, n_boot=5).set_index(["condition", "metric"])["value"]
    assert card["as cpm", "cosine"] == pytest.approx(1, abs=1e-5)
    assert card["95% of genes missing", "cosine"] < 0.9
    half = counts[:, : counts.n_vars // 2].copy()
    curve = bench.coverage_curve(half, pretrained, shares=(1.0, 0.5), n_obs=8)
    assert curve["coverage"].tolist() == pytest.approx([0.5, 0.25])


def test_held_out_samples_that_were_pretrained_on_are_named(pretrained, cohorts, tmp_path):
    panel = cohorts["panel"]
    train, test = (panel.obs_names[cohorts.part("panel", side)] for side in ("train", "test"))
    for seen, expected in ((train, []), ([*train, test[3]], [test[3]])):
        hashes = [sha256(name.encode()).hexdigest() for name in seen]
        (tmp_path / "membership.csv").write_text("\n".join(["sha256", *hashes]) + "\n")
        assert held_out_seen(pretrained._replace(path=tmp_path), cohorts) == expected
