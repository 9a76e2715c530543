"""Pretraining, in one call: from cohorts to a checkpoint."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from transformers import set_seed

from specformer._checks import require_one_of
from specformer._logging import timed
from specformer.model import load, save
from specformer.train._arguments import training_arguments
from specformer.train._card import facts_of, model_card
from specformer.train._masked_genes import MaskedGenes
from specformer.train._material import gather
from specformer.train._precision import cpu_products
from specformer.train._progress import report_progress
from specformer.train._recipe import RECIPE, asked_config, fitted_config, recipe_of, where_to_resume
from specformer.train._trainer import ObjectiveTrainer
from specformer.train._whole_profile import WholeProfile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    import torch
    from anndata import AnnData
    from transformers import TrainingArguments

    from specformer.genes import GeneVocabulary
    from specformer.model import Pretrained, SpecformerConfig
    from specformer.train._objective import Objective

OBJECTIVES: dict[str, Callable[..., Objective]] = {"masked_genes": MaskedGenes, "whole_profile": WholeProfile}
"""Objectives by name: functions of (corpus, config, genes, **options)."""

MODEL = "model"
"""Folder of the finished checkpoint, within that of the run."""


def pretrain(
    adata: AnnData | str | Path | Sequence[AnnData | str | Path],
    config: str | Mapping[str, Any] | SpecformerConfig = "mini",
    *,
    output_dir: str | Path,
    args: TrainingArguments | Mapping[str, Any] | None = None,
    objective: str | Callable[..., Objective] = "masked_genes",
    objective_options: Mapping[str, Any] | None = None,
    weighting: str | None = None,
    vocabulary: GeneVocabulary | None = None,
    schemes: Sequence[str] | None = None,
    lengths: str | None = None,
    validation: float = 0.05,
    layer: str | None = None,
    scale: str | None = None,
    gene_key: str | None = None,
    table: pd.DataFrame | None = None,
    cache: str | Path | None = None,
    resume: Literal["auto", "never"] | Path = "auto",
    weights_dtype: torch.dtype | None = None,
    card: Mapping[str, Any] | None = None,
) -> Pretrained:
    """Pretrain a model on a cohort, or on several.

    Statistics and vocabulary come from training samples alone, and so does everything else that the model learns
    from. Killed at any moment, the same call goes on from the newest checkpoint that is whole, and arrives where the
    uninterrupted run would have.

    Started by `torchrun` or `accelerate launch`, it trains on all of their processes.

    Parameters
    ----------
    adata
        A cohort in memory or backed, a path of an `.h5ad` file or `.zarr` store, or a list of them, with any genes
        and units. Samples of the same name in several cohorts are one sample in several schemes.
    config
        A size (see `sf.model.PRESETS`); a dictionary with a size under `"preset"` and what differs from it; or a
        `SpecformerConfig`, of which the size of the vocabulary is replaced.
    output_dir
        Folder of the run: `checkpoint-<step>/`, `trainer_state.json` and, in the end, the checkpoint `model/`.
    args
        `TrainingArguments`, or a dictionary of what differs from the defaults.
    objective
        `"masked_genes"`, or a function of (corpus, config, genes, options) that makes an objective.
    objective_options
        Options of the objective, such as `{"random_offsets": True}`.
    weighting
        What orders genes, one of `sf.ranking.WEIGHTINGS`; by default the config's. A vocabulary brings its own.
    vocabulary
        Genes and their statistics, from `build_vocabulary` on training samples; by default it is made from all cohorts.
        Give one where some cohorts should be read in the terms of another, or another checkpoint's `genes`.
    schemes
        Normalisation schemes in which each sample is seen as well, such as `("tpm", "fpkm")`; they are made from
        counts, see `sf.pp.to_scheme`. Each time a sample comes up, one is drawn.
    lengths
        Column of `var` with the bases of each gene, for schemes that need them.
    validation
        Share of patients kept for validation, where `obs["split"]` does not say.
    layer
        Read `adata.layers[layer]` instead of `adata.X`.
    scale
        What the values are, where detection would be wrong.
    gene_key
        Column of `var` that holds gene names, instead of `var_names`.
    table
        Names of genes; see `build_vocabulary`.
    cache
        Folder for rank stores: memory maps that are used again as long as the data stay the same. None ranks into
        memory.
    resume
        `"auto"` goes on where `output_dir` holds a run of the same recipe; `"never"` refuses such a folder; a path
        goes on from that checkpoint.
    weights_dtype
        Precision of matrices in the final checkpoint, such as `torch.float16`.
    card
        Sections of the model card, more of them or other words for those that it has: `{"Limits": "..."}`.

    Returns
    -------
    The trained checkpoint, as `sf.model.load` would give it.

    Raises
    ------
    ValueError
        If the data cannot be used (see `build_vocabulary`), samples are on two sides of the split, or `output_dir`
        holds a run of another recipe.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(200)
    >>> trained = sf.train.pretrain(adata, "mini", output_dir="run", args={"max_steps": 100})  # doctest: +SKIP
    """
    run = Path(output_dir)
    arguments = training_arguments(args, run)
    started, processor_started = time.time(), time.process_time()
    asked = asked_config(config, getattr(_maker(objective), "config_needed", None))
    with arguments.main_process_first(desc="preparing data"):
        genes, corpus, training, held_out = gather(
            adata, weighting=weighting or asked.weighting, vocabulary=vocabulary, schemes=schemes, lengths=lengths,
            validation=validation, table=table, cache=cache, layer=layer, scale=scale, gene_key=gene_key,
        )  # fmt: skip
    options = dict(objective_options or {})
    fitted = fitted_config(asked, genes)
    goal = _maker(objective)(corpus, fitted, genes, **options)
    precision = "bf16" if arguments.bf16 else "fp16" if arguments.fp16 else "fp32"
    recipe = recipe_of(goal, options, config=fitted, genes=genes, samples=corpus.samples[training], precision=precision)
    checkpoint = where_to_resume(run, resume, recipe)
    if not held_out.size:
        arguments.eval_strategy = "no"

    set_seed(arguments.seed)
    model = goal.make_model(training)
    trainer = ObjectiveTrainer(
        model,
        goal,
        arguments,
        items=goal.items(training),
        validation_items=goal.validation_items(held_out) if held_out.size else None,
        genes=genes,
    )
    report_progress(trainer)
    if trainer.is_world_process_zero():
        run.mkdir(parents=True, exist_ok=True)
        (run / RECIPE).write_text(json.dumps(recipe, indent=1), encoding="utf-8")
    what = (
        f"pretraining {model.num_parameters() / 1e6:.1f} M parameters on {len(training):,} samples "
        f"({len(held_out):,} held out), {len(genes):,} genes, {trainer.num_items:,} items an epoch"
    )
    with timed(what) as notes, cpu_products(arguments):
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        if held_out.size and arguments.eval_strategy != "no" and not _just_validated(trainer):
            trainer.evaluate()
        trainer.save_state()
        notes.append(f"wrote {run / MODEL}")
    model = trainer.whole_model()
    if trainer.is_world_process_zero():
        counts = (len(training), len(held_out))
        facts = {
            "name": run.name,
            "summary": f"A SpecFormer pretrained by `sf.train.pretrain` with the objective `{goal.name}`.",
            **facts_of(
                trainer,
                goal,
                options,
                sides=counts,
                seconds=time.time() - started,
                processor_seconds=time.process_time() - processor_started,
            ),
            **dict(card or {}),
        }
        save(
            run / MODEL,
            model,
            genes,
            card=model_card(facts, trainer.state.log_history),
            membership=corpus.samples[training],
            dtype=weights_dtype,
        )
    trainer.accelerator.wait_for_everyone()
    return load(run / MODEL, type(model))


def _maker(objective: str | Callable[..., Objective]) -> Callable[..., Objective]:
    if not isinstance(objective, str):
        return objective
    require_one_of("objective", objective, tuple(OBJECTIVES))
    return OBJECTIVES[objective]


def _just_validated(trainer: ObjectiveTrainer) -> bool:
    history = trainer.state.log_history
    return any("eval_loss" in entry and entry["step"] == trainer.state.global_step for entry in history)
