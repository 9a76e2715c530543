from __future__ import annotations

import pytest

from specformer.model import load
from specformer.train.__main__ import main, training_flags


def test_the_command_trains(cohort, tiny, tmp_path):
    cohort.write_h5ad(tmp_path / "cohort.h5ad")
    settings = [word for name, value in tiny.items() if name != "preset" for word in ("--set", f"{name}={value}")]
    main(
        [
            str(tmp_path / "cohort.h5ad"),
            *("--output-dir", str(tmp_path / "run")),
            *settings,
            *("--objective-option", "random_offsets=true"),
            *("--validation", "0.2"),
            *("--max_steps", "2", "--per_device_train_batch_size", "4", "--save_steps", "2", "--learning_rate", "1e-3"),
        ]
    )
    trained = load(tmp_path / "run" / "model")
    assert (trained.config.window_size, trained.config.weighting) == (32, "median")
    card = (tmp_path / "run" / "model" / "README.md").read_text()
    assert "{'random_offsets': True}" in card
    assert "learning rate: 0.001" in card
    assert "s of the processor" in card
    assert str(tmp_path) not in card, "no paths of the machine"


def test_the_command_trains_whole_profiles(cohort, tmp_path):
    cohort.write_h5ad(tmp_path / "cohort.h5ad")
    sizes = ("n_anchor=8", "num_hidden_layers=1", "hidden_size=16", "num_attention_heads=2", "intermediate_size=32")
    main(
        [
            str(tmp_path / "cohort.h5ad"),
            *("--output-dir", str(tmp_path / "run")),
            *(
                "--objective",
                "whole_profile",
                "--objective-option",
                "min_genes=10",
                "--objective-option",
                "max_genes=40",
            ),
            *(word for size in sizes for word in ("--set", size)),
            *("--validation", "0.2", "--max_steps", "2", "--per_device_train_batch_size", "8"),
        ]
    )
    trained = load(tmp_path / "run" / "model")
    assert (trained.config.token, trained.config.n_anchor, trained.config.weighting) == ("film", 8, "median")
    card = (tmp_path / "run" / "model" / "README.md").read_text()
    assert "eval_anchor_profile_error" in card


def test_flags_of_the_trainer_that_were_given_and_no_others():
    assert training_flags(["--max_steps", "5", "--bf16", "true"]) == {"max_steps": 5, "bf16": True}
    with pytest.raises(SystemExit):
        training_flags(["--max_stepz", "5"])


def test_errors_are_one_line(tmp_path):
    with pytest.raises(SystemExit, match="error: There is no file"):
        main([str(tmp_path / "absent.h5ad"), "--output-dir", str(tmp_path)])
    with pytest.raises(SystemExit, match="'hidden_size' is no setting; expected NAME=VALUE"):
        main(["a.h5ad", "--output-dir", str(tmp_path), "--set", "hidden_size"])
