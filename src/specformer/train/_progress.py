"""What a run says while it runs: a bar with the time left, and one line of the log each time figures are taken."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tqdm.auto import tqdm
from transformers import PrinterCallback, ProgressCallback, TrainerCallback
from transformers.utils import logging as hf_logging

from specformer._logging import logger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import Trainer, TrainerControl, TrainerState, TrainingArguments


def report_progress(trainer: Trainer) -> None:
    """Let `Progress` take the place of transformers' callbacks, which print dictionaries."""
    for callback in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(callback)
    trainer.add_callback(Progress())


class Progress(TrainerCallback):
    """A bar, and a line a log."""

    def __init__(self) -> None:
        self.bar: Any = None

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Open the bar."""
        if state.is_world_process_zero:
            self.bar = tqdm(
                total=state.max_steps, initial=state.global_step, unit="step", disable=args.disable_tqdm, leave=False
            )

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Move the bar, which knows the time left."""
        if self.bar is not None:
            self.bar.update(state.global_step - self.bar.n)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """One line."""
        if state.is_world_process_zero and logs and ({"loss", "eval_loss"} & set(logs)):
            with tqdm.external_write_mode():
                logger.info("    step %s of %s: %s", f"{state.global_step:,}", f"{state.max_steps:,}", line(logs))

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Close the bar."""
        if self.bar is not None:
            self.bar.close()


def line(logs: dict[str, float]) -> str:
    """The figures of a log in words."""
    prefix, words = ("eval_", ["validation"]) if "eval_loss" in logs else ("", [])
    words.append(f"loss {logs[f'{prefix}loss']:.4f}")
    skipped = {"loss", "runtime", "samples_per_second", "steps_per_second", "model_preparation_time"}
    shown = {"grad_norm", "learning_rate", "epoch", "tokens_per_second", "flops_per_second", "step"}
    for name, value in logs.items():
        figure = name.removeprefix(prefix)
        if name.startswith(prefix) and figure not in skipped | shown:
            words.append(f"{figure} {value:.4g}")
    if "tokens_per_second" in logs:
        words.append(f"{logs['tokens_per_second']:,.0f} tokens/s")
        words.append(f"{logs['flops_per_second'] / 1e9:,.1f} GFLOP/s")
    return ", ".join(words)


@contextmanager
def no_bar_for_shards() -> Iterator[None]:
    """Without the bar that transformers draws for each file of weights."""
    was_on = hf_logging.is_progress_bar_enabled()
    hf_logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            hf_logging.enable_progress_bar()
