"""A pretraining step and the data before it, against what one would write with transformers alone.

    OMP_NUM_THREADS=1 python benchmarks/pretraining.py             # ~10 minutes on one core
    OMP_NUM_THREADS=1 python benchmarks/pretraining.py --dropout 0.1

*Step*: a 4 x 256 BERT over windows of 512 of 10,000 genes. The baseline is `BertForMaskedLM`,
`DataCollatorForLanguageModeling` and `Trainer` over lists of token ids; ours is `ObjectiveTrainer` with `MaskedGenes`
over a rank store. Both run transformers' loop, with the same size, dropout, optimizer, batch and (sdpa) attention; a
step is the time from the end of one to the end of the next, data included. *Data*: 10,000 genes of each sample put in
order and made ready to train on.

All run in one process in interleaved rounds, so that a busy machine slows them alike. Ratios are medians over rounds;
CPU time does not see other processes.
"""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from time import perf_counter, process_time

import anndata as ad
import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import (
    BertConfig,
    BertForMaskedLM,
    DataCollatorForLanguageModeling,
    PreTrainedTokenizerFast,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

import specformer as sf
from specformer.genes import N_SPECIAL, SPECIAL_TOKENS
from specformer.model import SpecformerConfig, window_starts
from specformer.train import Corpus, MaskedGenes, ObjectiveTrainer, build_vocabulary, rank_store
from specformer.train._arguments import training_arguments
from specformer.train._precision import cpu_products

N_GENES, SIZE, STRIDE = 10_000, 512, 256
SHAPE = {"num_hidden_layers": 4, "hidden_size": 256, "num_attention_heads": 4, "intermediate_size": 1024}


def cohort(n_obs: int) -> ad.AnnData:
    """Negative-binomial counts around one log-normal profile."""
    rng = np.random.default_rng(0)
    mean = rng.lognormal(3, 2, N_GENES) * rng.lognormal(0, 1, (n_obs, N_GENES))
    counts = rng.negative_binomial(5, 5 / (5 + mean)).astype(np.float32)
    names = [f"GENE{i:05d}" for i in range(N_GENES)]
    return ad.AnnData(counts, pd.DataFrame(index=[f"s{i}" for i in range(n_obs)]), pd.DataFrame(index=names))


def as_lists(adata: ad.AnnData, weight: np.ndarray) -> list[dict[str, list[int]]]:
    """The obvious route: sort each sample by name, look up ids, cut windows, keep all of them."""
    ids = {name: i + N_SPECIAL for i, name in enumerate(sorted(adata.var_names))}
    windows = []
    for row in adata.X:
        order = pd.Series(row * weight, index=adata.var_names).sort_values(ascending=False).index
        tokens = [ids[name] for name in order]
        windows += [{"input_ids": tokens[start : start + SIZE]} for start in window_starts(N_GENES, SIZE, STRIDE)]
    return windows


class Clock(TrainerCallback):
    """Wall and CPU seconds of each step, from the end of the one before."""

    def __init__(self) -> None:
        self.times: list[tuple[float, float]] = []

    def on_step_end(self, *_, **__) -> None:
        self.times.append((perf_counter(), process_time()))

    def seconds(self) -> np.ndarray:
        return np.diff(np.array(self.times), axis=0)


def data_table(n_obs: int, rounds: int) -> None:
    adata = cohort(n_obs)
    genes = build_vocabulary(adata, weighting="tfidf_smooth")
    weight = np.empty(N_GENES, np.float32)
    weight[np.argsort(adata.var_names)] = genes.table["scale"]
    store = rank_store(adata, genes)  # compiles
    seconds = np.empty((2, rounds, 2))
    for round_ in range(rounds):
        for number, method in enumerate((lambda: as_lists(adata, weight), lambda: rank_store(adata, genes))):
            start = perf_counter(), process_time()
            method()
            seconds[number, round_] = perf_counter() - start[0], process_time() - start[1]
    per_sample = np.median(seconds, axis=1) / n_obs * 1e3
    ratio = np.median(seconds[0] / seconds[1], axis=0)
    # As int32, the least that a data set of windows takes on disk; as Python lists they take nine times that in memory.
    n_bytes = len(window_starts(N_GENES, SIZE, STRIDE)) * SIZE * 4, store.ranks.nbytes // n_obs
    print(f"Data of {n_obs} samples x {N_GENES:,} genes, {rounds} rounds.\n")
    print("| route | ms per sample, wall | CPU | times ours, wall | CPU | bytes per sample | times ours |")
    print("|---|---|---|---|---|---|---|")
    print(
        f"| pandas, lists of ids, windows as int32 | {per_sample[0, 0]:.2f} | {per_sample[0, 1]:.2f} | {ratio[0]:.1f} | "
        f"{ratio[1]:.1f} | {n_bytes[0]:,} | {n_bytes[0] / n_bytes[1]:.2f} |"
    )
    print(f"| rank store | {per_sample[1, 0]:.3f} | {per_sample[1, 1]:.3f} | 1 | 1 | {n_bytes[1]:,} | 1 |\n")


def step_table(*, rounds: int, steps: int, batch: int, dropout: float) -> None:
    adata = cohort(64)
    genes = build_vocabulary(adata, weighting="tfidf_smooth")
    rates = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    vocab = {"vocab_size": N_GENES + N_SPECIAL}
    corpus = Corpus.of([rank_store(adata, genes)])
    config = SpecformerConfig(**SHAPE, **rates, **vocab, window_size=SIZE, stride=STRIDE)
    objective = MaskedGenes(corpus, config, genes)
    lists = as_lists(adata[:8], np.ones(N_GENES))
    vocabulary = {token: i for i, token in enumerate([*SPECIAL_TOKENS, *genes.symbols])}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(WordLevel(vocabulary)), pad_token="[PAD]", mask_token="[MASK]", cls_token="[CLS]"
    )
    common = {
        "max_steps": steps + 1,
        "per_device_train_batch_size": batch,
        "learning_rate": 1e-4,
        "use_cpu": True,
        "report_to": [],
        "save_strategy": "no",
        "eval_strategy": "no",
        "logging_strategy": "no",
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
        "seed": 0,
    }

    def baseline(*, bf16: bool) -> Trainer:
        own = BertConfig(**SHAPE, **rates, **vocab, max_position_embeddings=SIZE, pad_token_id=0)
        return Trainer(
            model=BertForMaskedLM(own),
            args=TrainingArguments("unused", bf16=bf16, **common),
            train_dataset=lists,
            data_collator=DataCollatorForLanguageModeling(tokenizer),
        )

    def ours(*, bf16: bool) -> Trainer:
        args = training_arguments({**common, "bf16": bf16}, "unused")
        return ObjectiveTrainer(
            objective.make_model(np.arange(64)), objective, args, items=objective.items(np.arange(64)), genes=genes
        )

    methods = {
        "BertForMaskedLM, fp32": (baseline, False, nullcontext),
        "BertForMaskedLM, bf16": (baseline, True, nullcontext),
        "ours, fp32, torch's products": (ours, False, nullcontext),
        "ours, fp32, oneDNN's products (the default)": (ours, False, cpu_products),
        "ours, bf16": (ours, True, nullcontext),
    }
    seconds = np.empty((len(methods), rounds, 2))
    for round_ in range(rounds):
        for number, (make, bf16, context) in enumerate(methods.values()):
            torch.manual_seed(0)
            trainer, clock = make(bf16=bf16), Clock()
            trainer.remove_callback(PrinterCallback)
            trainer.add_callback(clock)
            with context(trainer.args) if context is cpu_products else context():
                trainer.train()
            seconds[number, round_] = np.median(clock.seconds(), axis=0)
    per_step = np.median(seconds, axis=1) * 1e3
    print(
        f"Steps of {batch} windows of {SIZE}, 4 x 256, {N_GENES:,} genes, dropout {dropout}, "
        f"{torch.get_num_threads()} thread(s); {rounds} rounds of {steps} steps.\n"
    )
    print(
        "| | ms per step, wall | CPU | times as fast as fp32 baseline, wall (range) | CPU (range) | as bf16 baseline |"
    )
    print("|---|---|---|---|---|---|")
    for number, name in enumerate(methods):
        ratio, same = seconds[0] / seconds[number], seconds[1] / seconds[number]
        spread = [f"{np.median(r):.2f} ({r.min():.2f}-{r.max():.2f})" for r in (ratio[:, 0], ratio[:, 1])]
        print(
            f"| {name} | {per_step[number, 0]:.0f} | {per_step[number, 1]:.0f} | {' | '.join(spread)} | "
            f"{np.median(same[:, 1]):.2f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--samples", type=int, default=500)
    args = parser.parse_args()
    sf.settings.verbosity, sf.settings.progress, sf.settings.device = "warning", False, "cpu"
    data_table(args.samples, args.rounds)
    step_table(rounds=args.rounds, steps=args.steps, batch=args.batch, dropout=args.dropout)


if __name__ == "__main__":
    main()
