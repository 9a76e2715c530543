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

import torch
from transformers import BertConfig, BertModel

from specformer.genes import N_SPECIAL
from specformer.model import SpecformerConfig, SpecformerForSamples, fast_inference

VOCABULARY = 10_000 + N_SPECIAL
SIZES = {"mini": {}, "small": {"num_hidden_layers": 2}, "base": {"num_hidden_layers": 2}}
N_WINDOWS = {"mini": 39, "small": 16, "base": 8}
BATCHES = (4, 16, 39)


def plain_loop(bert: BertModel, windows: torch.Tensor, batch: int) -> torch.Tensor:
    return torch.cat([bert(input_ids=ids).last_hidden_state.mean(dim=1) for ids in windows.split(batch)])


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
    flat = windows.flatten(0, 1)

    variants = {
        f"BertModel, SDPA, {batch} at once": lambda batch=batch: plain_loop(bert, flat, batch) for batch in BATCHES
    }
    for dtype in ("float32", "bfloat16"):

        def fast(dtype=dtype):
            with fast_inference(model, dtype=dtype) as encode:
                return encode(windows).flatten(0, 1)

        variants[f"fast_inference, {dtype}"] = fast
    reference = plain_loop(bert, flat, BATCHES[0])
    difference = {variant: (run() - reference).abs().max().item() for variant, run in variants.items()}
    taken = {variant: [] for variant in variants}
    for _ in range(n_rounds):
        for variant, run in variants.items():
            wall, cpu = clocks()
            run()
            taken[variant].append(
                [(now - before) / len(flat) for now, before in zip(clocks(), (wall, cpu), strict=True)]
            )
    medians = {
        variant: [statistics.median(column) for column in zip(*rows, strict=True)] for variant, rows in taken.items()
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
