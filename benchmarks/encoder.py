"""Windows per second of the encoder on the CPU: the plain `BertModel` SDPA loop against `fast_inference`.

    python benchmarks/encoder.py                    # all cores; wall clock and CPU time
    python benchmarks/encoder.py --threads 1

Every variant embeds the same windows in turn, round after round, so that whatever else the machine does falls on all
of them; figures are medians over rounds. The plain loop is given the batch that suits it best of 4, 16 and 39 windows.
`base` is cut to its first layers: windows per second are those of the cut model, ratios hardly depend on depth.
"""

from __future__ import annotations

import argparse
import statistics
import time
from contextlib import nullcontext
from functools import partial

import torch
from transformers import BertConfig, BertModel

from specformer.genes import N_SPECIAL
from specformer.model import SpecformerConfig, SpecformerForSamples, fast_inference

VOCABULARY = 10_000 + N_SPECIAL
SIZES = {"mini": {}, "small": {"num_hidden_layers": 2}, "base": {"num_hidden_layers": 2}}
N_WINDOWS = {"mini": 39, "small": 16, "base": 8}
BATCHES = (4, 16, 39)


def plain_loop(bert: BertModel, windows: torch.Tensor, batch: int) -> torch.Tensor:
    vectors = [bert(input_ids=ids).last_hidden_state.mean(dim=1) for ids in windows.flatten(0, 1).split(batch)]
    return torch.cat(vectors).unflatten(0, windows.shape[:2])


def clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


@torch.no_grad()
def measure(name: str, n_samples: int, n_rounds: int) -> None:
    config = SpecformerConfig.preset(name, vocab_size=VOCABULARY, **SIZES[name])
    model = SpecformerForSamples(config).eval()
    names = BertConfig().to_dict()
    bert = BertModel(BertConfig(**{k: v for k, v in config.to_dict().items() if k in names}), add_pooling_layer=False)
    bert.load_state_dict(model.specformer.bert.state_dict())
    bert.eval()
    ids = torch.rand(n_samples, 10_000).argsort(dim=1)[:, : config.window_size] + N_SPECIAL
    windows = torch.stack([ids.roll(i, dims=1) for i in range(N_WINDOWS[name])], dim=1)

    # Each opens a context that gives the function to be timed; what it prepares is done once for a whole cohort.
    variants = {
        f"BertModel, SDPA, {batch} at once": partial(nullcontext, partial(plain_loop, bert, batch=batch))
        for batch in BATCHES
    }
    for dtype in ("float32", "bfloat16"):
        variants[f"fast_inference, {dtype}"] = partial(fast_inference, model, dtype=dtype)
    taken = {variant: [] for variant in variants}
    vectors = {}
    for round_ in range(n_rounds + 1):
        for variant, prepare in variants.items():
            with prepare() as encode:
                before = clocks()
                vectors[variant] = encode(windows)
                if round_:  # the first one warms up
                    taken[variant].append([now - then for now, then in zip(clocks(), before, strict=True)])
    reference = next(iter(vectors.values()))
    difference = {variant: (found - reference).abs().max().item() for variant, found in vectors.items()}
    n_windows = windows.shape[0] * windows.shape[1]
    medians = {
        variant: [statistics.median(column) / n_windows for column in zip(*rows, strict=True)]
        for variant, rows in taken.items()
    }
    best = [min(medians[variant][clock] for variant in list(variants)[: len(BATCHES)]) for clock in (0, 1)]

    print(f"\n{name}: {config.num_hidden_layers} layers x {config.hidden_size}, windows of {config.window_size}\n")
    print("| variant | windows/s | x plain, wall | x plain, CPU time | max difference |")
    print("|---|---:|---:|---:|---:|")
    for variant, (wall, cpu) in medians.items():
        print(
            f"| {variant} | {1 / wall:.1f} | {best[0] / wall:.2f} | {best[1] / cpu:.2f} | {difference[variant]:.0e} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["mini", "base"], choices=SIZES)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {args.threads} thread(s), {torch.backends.cpu.get_cpu_capability()}")
    for name in args.sizes:
        measure(name, args.samples, args.rounds)


if __name__ == "__main__":
    main()
