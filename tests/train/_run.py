"""What the tests of interrupted runs call in processes of their own: `python _run.py MODE COHORT FOLDER`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import specformer as sf
from specformer.train import MaskedGenes, pretrain

CONFIG = {
    "preset": "mini",
    "num_hidden_layers": 1,
    "hidden_size": 16,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "window_size": 32,
    "stride": 22,
    "weighting": "median",
    "attention_probs_dropout_prob": 0.0,
}
# About 120 windows an epoch in batches of 2 x 8: the second epoch begins at step 8, and saves fall inside of epochs.
ARGS = {
    "per_device_train_batch_size": 8,
    "gradient_accumulation_steps": 2,
    "max_steps": 14,
    "eval_steps": 5,
    "save_steps": 4,
    "logging_steps": 3,
    "save_total_limit": 2,
}


class Interrupted(MaskedGenes):
    """Something happens in the middle of a step."""

    def __init__(self, *args, at=11, by="kill", **options):
        super().__init__(*args, **options)
        self.calls_left = 2 * at - 1
        self.by = by

    def __call__(self, model, items, rng):
        if model.training:
            self.calls_left -= 1
        if self.calls_left == 0 and self.by == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.calls_left == 0:
            raise KeyboardInterrupt
        return super().__call__(model, items, rng)


def run(cohort, folder, objective="masked_genes", args=(), **options):
    sf.settings.device, sf.settings.progress = "cpu", False
    return pretrain(
        Path(cohort),
        CONFIG,
        output_dir=folder,
        args=ARGS | dict(args),
        validation=0.2,
        objective=objective,
        objective_options={"random_offsets": True, "n_validation_windows": 2} | options,
    )


def in_two_processes(cohort, folder):
    """An uninterrupted run, and one that is stopped at step 6 and goes on from step 4."""
    args = {"max_steps": 8, "eval_steps": 4}
    run(cohort, folder / "whole", args=args)
    try:
        run(cohort, folder / "stopped", interrupted, args=args)
    except KeyboardInterrupt:
        run(cohort, folder / "stopped", args=args)


def interrupted(corpus, config, genes, **options):
    return Interrupted(corpus, config, genes, at=6, by="exception", **options)


if __name__ == "__main__":
    mode, cohort, folder = sys.argv[1:]
    if mode == "whole":
        run(cohort, Path(folder))
    elif mode == "kill":
        run(cohort, Path(folder), Interrupted)
    else:
        in_two_processes(cohort, Path(folder))
