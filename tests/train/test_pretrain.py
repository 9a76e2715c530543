from __future__ import annotations

import hashlib
import math

import numpy as np
import pandas as pd
import pytest
import torch

import specformer as sf
from specformer.model import SpecformerConfig, load
from specformer.pl._training import read_history
from specformer.train import pretrain
from specformer.train._arguments import DEFAULTS

SHORT = {"max_steps": 3, "per_device_train_batch_size": 8, "logging_steps": 1, "save_steps": 3, "eval_steps": 3}


@pytest.fixture
def split_cohort(cohort):
    cohort.obs["split"] = ["train"] * 20 + ["val"] * 5 + ["test"] * 5
    return cohort


def test_a_run_leaves_a_whole_checkpoint(split_cohort, tiny, tmp_path):
    trained = pretrain(split_cohort, tiny, output_dir=tmp_path / "run", args=SHORT, card={"Purpose": "A test."})
    again = load(tmp_path / "run" / "model")
    assert again.sha256 == trained.sha256
    assert (again.config.weighting, again.config.n_reference_obs, again.config.n_genes) == ("median", 20, 120)
    card = (trained.path / "README.md").read_text()
    for heading in (
        "## Purpose",
        "## Command",
        "## Data",
        "## Training",
        "## Limits",
        "## Curve",
        "| step | eval_loss",
    ):
        assert heading in card
    assert "training samples: 20" in card
    seen = (trained.path / "membership.csv").read_text().split()[1:]
    names = split_cohort.obs_names[:20]
    assert seen == sorted(hashlib.sha256(name.encode()).hexdigest() for name in names), "and no held-out sample"
    assert "split" in split_cohort.obs, "the cohort is as it was"
    assert list(split_cohort.layers) == []


def test_nothing_is_learned_from_held_out_samples(split_cohort, tiny, tmp_path, permuted_genes):
    scrambled = permuted_genes(split_cohort, split_cohort.obs["split"] != "train")
    one = pretrain(split_cohort, tiny, output_dir=tmp_path / "one", args=SHORT)
    other = pretrain(scrambled, tiny, output_dir=tmp_path / "other", args=SHORT)
    assert one.sha256 == other.sha256
    pd.testing.assert_frame_equal(one.genes.table, other.genes.table, check_exact=True)
    training = permuted_genes(split_cohort, np.arange(30) == 3)
    third = pretrain(training, tiny, output_dir=tmp_path / "third", args=SHORT)
    assert third.sha256 != one.sha256


def test_film_tokens_train(split_cohort, tiny, tmp_path):
    trained = pretrain(split_cohort, tiny | {"token": "film"}, output_dir=tmp_path, args=SHORT)
    assert trained.config.token == "film"


def test_several_cohorts_in_several_schemes_from_files(split_cohort, tiny, tmp_path):
    split_cohort.var["length"] = np.linspace(500, 5000, 120)
    split_cohort.write_h5ad(tmp_path / "counts.h5ad")
    logs = split_cohort[:, 30:].copy()
    sf.pp.to_scheme(logs, "log2cpm")
    del logs.obs["split"]
    trained = pretrain(
        [tmp_path / "counts.h5ad", logs],
        tiny,
        output_dir=tmp_path / "run",
        args=SHORT,
        schemes=["tpm"],
        lengths="length",
        cache=tmp_path / "ranks",
    )
    assert trained.config.n_genes == 120
    assert len(list((tmp_path / "ranks").glob("*.npy"))) == 4
    card = (trained.path / "README.md").read_text()
    assert "training samples: 20" in card, "the same twenty in all four"
    assert "counts, 25 samples x 120 genes; tpm, 25 samples x 120 genes; log2p1, 25 samples x 90 genes" in card


def test_a_config_may_be_said_in_three_ways(split_cohort, tiny, tmp_path, genes):
    preset = tiny.pop("preset")
    config = SpecformerConfig.preset(preset, **tiny)
    by_config = pretrain(split_cohort, config, output_dir=tmp_path / "a", args=SHORT)
    by_mapping = pretrain(split_cohort, tiny, output_dir=tmp_path / "b", args=SHORT)
    assert by_config.sha256 == by_mapping.sha256
    with pytest.raises(ValueError, match="`config` is 'huge'; expected one of"):
        pretrain(split_cohort, "huge", output_dir=tmp_path / "c")
    with pytest.raises(ValueError, match="`objective` is 'words'; expected one of 'masked_genes'"):
        pretrain(split_cohort, tiny, output_dir=tmp_path / "c", objective="words", vocabulary=genes)


def test_half_precision_on_disk(split_cohort, tiny, tmp_path):
    trained = pretrain(split_cohort, tiny, output_dir=tmp_path, args=SHORT, weights_dtype=torch.float16)
    whole = load(tmp_path / "checkpoint-3")
    for name, tensor in whole.model.state_dict().items():
        torch.testing.assert_close(trained.model.state_dict()[name], tensor, rtol=1e-3, atol=1e-6)


def test_bf16_trains_and_says_so(split_cohort, tiny, tmp_path):
    trained = pretrain(split_cohort, tiny, output_dir=tmp_path, args=SHORT | {"bf16": True})
    assert "precision: bf16" in (trained.path / "README.md").read_text()
    assert all(weight.dtype == torch.float32 for weight in trained.model.parameters())


def test_every_default_is_an_argument_of_the_trainer():
    from dataclasses import fields

    from transformers import TrainingArguments

    assert set(DEFAULTS) <= {field.name for field in fields(TrainingArguments)}


def test_a_short_run_beats_the_unigram_entropy(tmp_path):
    """200 simulated samples: the neighbours of a hidden gene say more than how often each gene is hidden."""
    adata = sf.datasets.simulated_cohort(200, groups=["ACC", "STAD", "UVM", "LGG"])
    names = adata.var_names[np.argsort(-adata.X.mean(axis=0))[:150]]
    adata = adata[:, names].copy()
    config = {
        "num_hidden_layers": 2,
        "hidden_size": 48,
        "num_attention_heads": 2,
        "intermediate_size": 96,
        "window_size": 64,
        "stride": 32,
        "weighting": "expression",
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    args = {
        "max_steps": 250,
        "per_device_train_batch_size": 32,
        "learning_rate": 4e-3,
        "eval_steps": 250,
        "save_steps": 250,
    }
    options = {"random_offsets": True}
    pretrain(adata, config, output_dir=tmp_path, args=args, validation=0.1, objective_options=options)
    history = read_history(tmp_path)
    loss = history["eval_loss"].dropna().iloc[-1]
    # Windows of 64 at stride 32 among 150 genes: ranks are covered once or twice. Were every gene always at the same
    # rank, this would be the entropy of the genes that are hidden; that of genes which move is higher.
    coverage = sum(
        ((np.arange(150) >= start) & (np.arange(150) < start + 64)).astype(float) for start in (0, 32, 64, 86)
    )
    share = coverage / coverage.sum()
    entropy = -(share * np.log(share)).sum()
    # 10 of 64 positions are masked: 8 show [MASK], 1 a random gene and 1 the right one. Copying wins half of the last two.
    copying = 0.8 * entropy + 0.2 * (math.log(2) + 0.5 * entropy)
    assert loss < copying - 0.1 < entropy
