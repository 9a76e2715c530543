"""transformers' Trainer with an objective: the loop, devices, precision, distribution and resuming are its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

import torch
from transformers import Trainer
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from specformer._checks import shown
from specformer.train._checkpoints import rotate, seal
from specformer.train._items import Items, collate
from specformer.train._masking import step_seed
from specformer.train._progress import no_bar_for_shards
from specformer.train._running_means import RunningMeans

if TYPE_CHECKING:
    import numpy as np
    from torch.utils.data import DataLoader
    from transformers import PreTrainedModel, TrainingArguments
    from transformers.trainer_utils import EvalLoopOutput

    from specformer.genes import GeneVocabulary
    from specformer.model._encoder import SpecformerPreTrainedModel
    from specformer.train._objective import Objective

_VALIDATION = -1
"""In place of the step in the seed of validation: its masks are the same at every step."""


class ObjectiveTrainer(Trainer):
    """A Trainer whose loss is an objective's.

    All that is random in a micro-step (schemes, windows, masks, dropout) is drawn under a seed made of the run's
    seed, the step, the process and the micro-step, so that a resumed run repeats the uninterrupted one; validation is
    drawn under fixed seeds.

    Checkpoints hold, beside the weights (safetensors), what the Trainer needs to go on: optimizer, scheduler and
    random state, which torch writes as pickles and transformers reads back with `weights_only=True`. They stay
    within a run; what `sf.train.pretrain` hands on has no pickle.

    Parameters
    ----------
    model
        What the objective asks of.
    objective
        See `Objective`.
    args
        As for the Trainer, from `training_arguments`.
    items
        The objective's items to train on, int64.
    validation_items
        The items to be judged on; None for no validation.
    genes
        The vocabulary, written into every checkpoint, which makes each of them loadable by `sf.model.load`.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        objective: Objective,
        args: TrainingArguments,
        *,
        items: np.ndarray,
        validation_items: np.ndarray | None = None,
        genes: GeneVocabulary | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            model=model,
            args=args,
            train_dataset=Items(items),
            eval_dataset=None if validation_items is None else Items(validation_items),
            data_collator=collate,
            **kwargs,
        )
        self.objective: Objective = objective
        self.genes = genes
        self._micro_step = (-1, 0)
        self._n_validated = 0
        self._figures = RunningMeans()
        self._validation_figures = RunningMeans()
        # When figures were last logged, at which step, after how many operations.
        self._logged: tuple[float, int, float] | None = None

    def compute_loss(  # type: ignore[override]
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,  # noqa: FBT001, FBT002  (the Trainer's signature)
        **kwargs: Any,
    ) -> Any:
        """The objective's loss on a micro-batch."""
        step = self.state.global_step
        if self._logged is None:
            self._logged = (perf_counter(), step, self.state.total_flos)
        last, n = self._micro_step
        self._micro_step = (step, n + 1 if step == last else 0)
        seed = step_seed(self.args.seed, step, self.args.process_index, self._micro_step[1])
        torch.manual_seed(seed)  # dropout
        loss, figures = self.objective(model, inputs["items"], self._generator(seed))
        self._figures.add(figures, 1)
        return (loss, figures) if return_outputs else loss

    def prediction_step(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        prediction_loss_only: bool,  # noqa: FBT001  (the Trainer's signature)
        ignore_keys: list[str] | None = None,
    ) -> tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]:
        """The objective's loss on a batch of validation, under a fixed seed."""
        inputs = self._prepare_inputs(inputs)
        seed = step_seed(self.args.seed, _VALIDATION, self.args.process_index, self._n_validated)
        self._n_validated += 1
        with torch.no_grad(), self.compute_loss_context_manager():
            loss, figures = self.objective(model, inputs["items"], self._generator(seed))
        self._validation_figures.add(figures, len(inputs["items"]))
        return loss.detach().mean(), None, None

    def evaluation_loop(
        self,
        dataloader: DataLoader,
        description: str,
        prediction_loss_only: bool | None = None,  # noqa: FBT001  (the Trainer's signature)
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """As the Trainer's, with the objective's figures."""
        start = perf_counter()
        self._n_validated, self._validation_figures = 0, RunningMeans()
        output = super().evaluation_loop(dataloader, description, prediction_loss_only, ignore_keys, metric_key_prefix)
        metrics = cast("dict[str, float]", output.metrics)
        for name, value in self._validation_figures.over_all(self.accelerator).items():
            metrics[f"{metric_key_prefix}_{name}"] = value
        if self._logged is not None:  # time of validation is not time of training
            self._logged = (self._logged[0] + perf_counter() - start, *self._logged[1:])
        return output

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """As the Trainer's, with the objective's figures and the speed since the last time."""
        if "loss" in logs and self._logged is not None:
            logs.update(self._figures.over_all(self.accelerator))
            self._figures = RunningMeans()
            now, (then, step, flops) = perf_counter(), self._logged
            if self.state.global_step > step:
                n_items = (self.state.global_step - step) * self.get_total_train_batch_size(self.args)
                seconds = max(now - then, 1e-9)
                logs["tokens_per_second"] = round(n_items * self.objective.tokens_per_item / seconds, 1)
                logs["flops_per_second"] = (self.state.total_flos - flops) / seconds
            self._logged = (now, self.state.global_step, self.state.total_flos)
        super().log(logs, start_time)

    @property
    def num_items(self) -> int:
        """Items of an epoch."""
        return len(cast(Items, self.train_dataset))

    def whole_model(self) -> SpecformerPreTrainedModel:
        """The model without what spreads it over processes; on all of them together, for FSDP has parts on each."""
        model = self.accelerator.unwrap_model(self.model)
        if not self.is_fsdp_enabled:
            return cast("SpecformerPreTrainedModel", model)
        state = self.accelerator.get_state_dict(self.model_wrapped)
        whole = type(model)(model.config)
        if state:  # the main process alone is given it
            whole.load_state_dict(state)
        return cast("SpecformerPreTrainedModel", whole)

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """On paper; transformers' rule of thumb (6 x tokens x parameters) knows no masked-only head."""
        return round(len(inputs["items"]) * self.objective.flops_per_item)

    def get_decay_parameter_names(self, model: torch.nn.Module) -> list[str]:
        """Matrices of the layers alone.

        Biases and norms are left out as always; gene embeddings too, whose length means something: it is the loading
        of a gene in a film token, and would be pulled to zero by what is to keep the layers small.
        """
        tied = getattr(self.model, "_tied_weights_keys", None) or ()
        names = super().get_decay_parameter_names(model)
        return [name for name in names if "embeddings" not in name and name not in tied]

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        run = Path(self._get_output_dir(trial=trial))
        directory = run / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
        if self.args.should_save and directory.exists():
            shutil.rmtree(directory)  # left by a run that was killed: half of it may be of that time
        self.accelerator.wait_for_everyone()
        # The Trainer would remove older checkpoints before this one is sealed.
        limit, self.args.save_total_limit = self.args.save_total_limit, None
        try:
            with no_bar_for_shards():
                super()._save_checkpoint(model, trial)
        finally:
            self.args.save_total_limit = limit
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            if self.genes is not None:
                self.genes.write(directory / "genes.csv")
            seal(directory)
            best = self.state.best_model_checkpoint
            rotate(run, limit, None if best is None else Path(best))

    def _issue_warnings_after_load(self, load_result: Any) -> None:
        # Tied weights are stored once, which is no loss; anything else is.
        missing = sorted(set(load_result.missing_keys) - set(getattr(self.model, "_tied_weights_keys", None) or ()))
        if missing or load_result.unexpected_keys:
            names = shown([*missing, *load_result.unexpected_keys])
            msg = f"The checkpoint to resume from belongs to another model: {names} are missing or unknown."
            raise ValueError(msg)

    def _generator(self, seed: int) -> torch.Generator:
        return torch.Generator(self.args.device).manual_seed(seed)
