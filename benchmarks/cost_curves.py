"""What ordering, embedding and a pretraining step cost against samples, genes and windows: time, peak memory, slopes.

    OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python benchmarks/cost_curves.py order embed step
    OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python benchmarks/cost_curves.py million

Each kind runs in a process of its own. Seconds are of CPU time, so that a busy machine changes them little; `--clock wall`
counts the clock instead, which is what threads (`--threads 2`) are for. Peak memory is what the process had resident in the
course of one point, less what it had before (Linux). The slope is that of the straight line through the logarithms: 1 is
proportional. `million` orders a simulated cohort of a million samples from disk to disk.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING

import dask.array as da
import numpy as np
from simulated_store import make

import specformer as sf
from specformer.pp._open import open_cohort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Point = tuple[str, int, Callable[[], object]]

KINDS = ("order", "embed", "step", "million")
CLOCKS = {"cpu": process_time, "wall": perf_counter}


def order_points(folder: Path) -> Iterator[Point]:
    """From a zarr store; every chunk of ranks is computed and dropped."""

    def order(path):
        adata = open_cohort(path)
        sf.pp.tfidf_order(adata)
        adata.layers["tfidf_rank"].max().compute()

    for name, sizes in (
        ("samples, of 1,000 genes", [(n, 1_000) for n in (100, 1_000, 10_000, 100_000)]),
        ("genes, of 1,000 samples", [(1_000, n) for n in (1_000, 5_000, 20_000, 60_000)]),
    ):
        for n_obs, n_vars in sizes:
            path = folder / f"{n_obs}x{n_vars}.zarr"
            if not path.exists():
                make(path, n_obs, n_vars)
            yield name, n_obs if "samples," in name else n_vars, lambda path=path: order(path)


def embed_points(folder: Path) -> Iterator[Point]:
    """With the shipped checkpoint, in memory."""
    pretrained = sf.model.load()
    cohort = sf.datasets.simulated_cohort(320)

    def embed(n_obs, n_vars, **how):
        columns = np.linspace(0, cohort.n_vars - 1, n_vars).astype(int)
        adata = cohort[np.arange(n_obs), columns].copy()
        return lambda: sf.tl.specformer_embed(adata, pretrained, copy=True, **how)

    for n in (20, 80, 320):
        yield "samples, of 1,000 genes", n, embed(n, 1_000)
    for n in (1_000, 4_000, 14_000):
        yield "genes, of 16 samples", n, embed(16, n)
    for n in (1, 4, 16):
        yield "windows, of 16 samples of 14,000 genes", n, embed(16, 14_000, max_windows=n)


def step_points(folder: Path) -> Iterator[Point]:
    """Masked genes, the encoder of `mini`; forward, backward and the optimizer."""
    import torch

    from specformer.genes import N_SPECIAL

    def step(n_genes, n_windows, size=512):
        torch.manual_seed(0)
        config = sf.model.SpecformerConfig(vocab_size=n_genes + N_SPECIAL, **sf.model.PRESETS["mini"])
        model = sf.model.SpecformerForMaskedGenes(config).train()
        optimizer = torch.optim.AdamW(model.parameters(), fused=True)
        ids = torch.randint(N_SPECIAL, n_genes + N_SPECIAL, (n_windows, size))
        labels = torch.where(torch.rand(ids.shape) < 0.15, ids, -100)

        def one():
            model(input_ids=ids, labels=labels).loss.backward()
            optimizer.step()
            optimizer.zero_grad()

        one()
        return one

    for n in (1_000, 4_000, 16_000):
        yield "genes, 8 windows", n, step(n, 8)
    for n in (4, 16, 64):
        yield "windows, 4,000 genes", n, step(4_000, n)


def million(folder: Path) -> None:
    """A million samples of a thousand genes, from zarr to zarr."""
    start = perf_counter()
    make(folder / "million.zarr", 1_000_000, 1_000)
    print(f"made in {perf_counter() - start:.0f} s", flush=True)
    before, wall, cpu = resident(), perf_counter(), process_time()
    adata = open_cohort(folder / "million.zarr")
    sf.pp.tfidf_order(adata)
    # Chunk by chunk, in chunks of the store's own; what `write_zarr` would choose cuts across them.
    adata.layers["tfidf_rank"].to_zarr(folder / "ranks.zarr")
    wall, cpu, peak = perf_counter() - wall, process_time() - cpu, resident("VmHWM")
    written = da.from_zarr(folder / "ranks.zarr")
    first = written[:5].compute()
    assert written.shape == (1_000_000, 1_000)
    assert (np.sort(first, axis=1) == np.arange(1_000)).all()
    size = sum(file.stat().st_size for file in (folder / "ranks.zarr").rglob("*") if file.is_file())
    print(
        f"1,000,000 samples x 1,000 genes: {wall:.0f} s of the clock, {cpu:.0f} s of CPU ({1e6 / cpu:,.0f} samples/CPU-s), "
        f"peak {peak / 2**30:.2f} GiB ({before / 2**30:.2f} before), {size / 1e9:.1f} GB of ranks"
    )


def resident(field: str = "VmRSS") -> int:
    """Bytes that are, or at most were, in memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def measure(points: Iterator[Point], clock: Callable[[], float]) -> None:
    curves: dict[str, list[tuple[int, float, float]]] = {}
    for name, n, run in points:
        seconds = []
        for _ in range(3):
            Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
            before, start = resident(), clock()
            run()
            seconds.append(clock() - start)
        curves.setdefault(name, []).append((n, min(seconds), (resident("VmHWM") - before) / 1e6))
    for name, curve in curves.items():
        sizes, seconds, _ = np.array(curve).T
        slope = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
        last = np.log(seconds[-1] / seconds[-2]) / np.log(sizes[-1] / sizes[-2])
        print(
            f"\n{name}: slope {slope:.2f}, of the last two points {last:.2f}\n\n| {name.split(',')[0]} | s | MB |\n|---|---|---|"
        )
        for n, second, megabytes in curve:
            print(f"| {n:,} | {second:.3g} | {megabytes:,.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="+", choices=KINDS)
    parser.add_argument("--clock", choices=CLOCKS, default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    if len(args.kinds) > 1:
        for kind in args.kinds:
            options = ["--clock", args.clock, "--threads", str(args.threads)]
            subprocess.run([sys.executable, __file__, kind, *options], check=True)
        return
    [kind] = args.kinds
    sf.settings.verbosity, sf.settings.progress, sf.settings.n_threads = "error", False, args.threads
    print(f"\n## {kind}, {args.threads} threads, {args.clock} time", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if kind == "million":
            million(Path(folder))
            return
        if kind != "order":
            import torch

            torch.set_num_threads(args.threads)
        points = {"order": order_points, "embed": embed_points, "step": step_points}[kind]
        measure(points(Path(folder)), CLOCKS[args.clock])


if __name__ == "__main__":
    main()
