from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from transformers import TrainingArguments

from specformer.model import load
from specformer.train import MaskedGenes, ObjectiveTrainer
from specformer.train._arguments import training_arguments
from specformer.train._flops import encoder_flops, head_flops
from specformer.train._recipe import asked_config, fitted_config


@pytest.fixture
def objective(corpus, genes, tiny):
    return MaskedGenes(corpus, fitted_config(asked_config(tiny), genes), genes, n_validation_windows=2)


@pytest.fixture
def make_trainer(objective, genes, tmp_path):
    def make(**args):
        torch.manual_seed(0)
        args = {"max_steps": 4, "per_device_train_batch_size": 8, "logging_steps": 2, "disable_tqdm": True} | args
        return ObjectiveTrainer(
            objective.make_model(np.arange(24)),
            objective,
            training_arguments(args, tmp_path / "run"),
            items=objective.items(np.arange(24)),
            validation_items=objective.validation_items(np.arange(24, 30)),
            genes=genes,
        )

    return make


def test_what_is_logged(make_trainer):
    trainer = make_trainer(gradient_accumulation_steps=2)
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert [entry["step"] for entry in logged] == [2, 4]
    for entry in logged:
        assert 0 <= entry["top1"] <= entry["top10"] <= 1
        assert entry["tokens_per_second"] > 0
        # Tokens and operations are counted in the same time.
        ratio = entry["flops_per_second"] / entry["tokens_per_second"]
        assert ratio == pytest.approx(trainer.objective.flops_per_item / 32, rel=1e-3)
    assert trainer.state.total_flos == pytest.approx(4 * 2 * 8 * trainer.objective.flops_per_item)


def test_flops_by_hand(objective):
    # One layer of width 16 and inner width 32, 32 tokens: four maps for attention, two of the feed-forward net.
    maps = 2 * 32 * (4 * 16 * 16 + 2 * 16 * 32)
    attention = 2 * (2 * 32 * 32 * 16)
    assert encoder_flops(objective.config, 32) == maps + attention
    assert head_flops(objective.config, 5) == 2 * 5 * (16 * 16 + 16 * 123)


def test_validation_is_the_same_whenever_it_is_asked(make_trainer):
    trainer = make_trainer()
    first, second = trainer.evaluate(), trainer.evaluate()
    assert first["eval_loss"] == second["eval_loss"]
    assert first["eval_top10"] == second["eval_top10"]
    trainer.state.global_step = 7
    assert trainer.evaluate()["eval_loss"] == first["eval_loss"]
    assert trainer.model.training is False


def test_every_micro_step_draws_anew(make_trainer, monkeypatch):
    trainer = make_trainer(gradient_accumulation_steps=2, eval_strategy="no")
    seeds = []
    generator = trainer._generator
    monkeypatch.setattr(trainer, "_generator", lambda seed: seeds.append(seed) or generator(seed))
    trainer.train()
    assert len(seeds) == 8
    assert len(set(seeds)) == 8


def test_embeddings_biases_and_norms_do_not_decay(make_trainer):
    trainer = make_trainer()
    decaying = trainer.get_decay_parameter_names(trainer.model)
    parameters = dict(trainer.model.named_parameters())
    assert decaying
    assert all(parameters[name].ndim == 2 for name in decaying)
    assert not [name for name in decaying if "embeddings" in name]
    others = set(parameters) - set(decaying)
    assert {n for n in others if parameters[n].ndim == 2} == {
        n for n in parameters if "embeddings" in n and "Norm" not in n
    }


def test_checkpoints_are_sealed_load_and_rotate(make_trainer, genes, tmp_path):
    trainer = make_trainer(max_steps=6, save_steps=2, save_total_limit=2)
    trainer.train()
    run = tmp_path / "run"
    assert sorted(path.name for path in run.glob("checkpoint-*")) == ["checkpoint-4", "checkpoint-6"]
    sealed = json.loads((run / "checkpoint-6" / "complete.json").read_text())
    present = {path.name for path in (run / "checkpoint-6").iterdir()}
    assert set(sealed) == present - {"complete.json"}
    loaded = load(run / "checkpoint-6")
    for name, tensor in loaded.model.specformer.state_dict().items():
        torch.testing.assert_close(tensor, trainer.model.specformer.state_dict()[name], rtol=0, atol=0)
    assert loaded.genes.table.equals(genes.table)


def test_a_checkpoint_of_another_model_is_refused(make_trainer, tmp_path):
    from safetensors.torch import load_file, save_file

    make_trainer(max_steps=2, save_steps=2).train()
    file = tmp_path / "run" / "checkpoint-2" / "model.safetensors"
    weights = load_file(file)
    weights["stranger"] = weights.pop("head.bias")
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"belongs to another model: 'head\.bias', 'stranger'"):
        make_trainer(max_steps=4).train(resume_from_checkpoint=str(tmp_path / "run" / "checkpoint-2"))


def test_arguments_pass_through_but_for_what_must_hold(tmp_path):
    given = TrainingArguments(output_dir="elsewhere", learning_rate=3e-3, seed=5, use_cpu=True, report_to=[])
    args = training_arguments(given, tmp_path)
    assert (args.learning_rate, args.seed, args.data_seed) == (3e-3, 5, 5)
    assert args.output_dir == str(tmp_path)
    assert args.prediction_loss_only
    assert not args.remove_unused_columns
    assert given.output_dir == "elsewhere", "the user's object is left alone"
    assert given.remove_unused_columns
    ours = training_arguments({"learning_rate": 1e-3}, tmp_path)
    assert (ours.learning_rate, ours.lr_scheduler_type, ours.report_to) == (1e-3, "cosine", [])
    assert training_arguments(None, tmp_path).use_cpu
    with pytest.raises(TypeError, match="learning_rat"):
        training_arguments({"learning_rat": 1}, tmp_path)
