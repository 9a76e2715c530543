"""Ordering from disk, block by block, beside ordering in memory.

    OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python benchmarks/streaming_order.py --samples 8192 --genes 10000

One process, interleaved rounds, medians; samples per second of the clock and of CPU time (which does not see what else
the machine does), and each round's ratio to memory. `sf.pp.tfidf_order` looks at every sample (bad values, scale, document
frequencies) and then ranks: two passes. Files lie in the page cache. From `.npy`, `adata.X` is a memory map; from zarr, a
dask array, whose ranks are written to a memory map chunk by chunk.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import anndata as ad
import numpy as np
from simulated_store import make

import specformer as sf
from specformer.pp._open import open_cohort


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=8192)
    parser.add_argument("--genes", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    sf.settings.verbosity = "error"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make(folder / "cohort.zarr", args.samples, args.genes)
        lazy = open_cohort(folder / "cohort.zarr")
        whole = lazy.X.compute().astype(np.float32)
        np.save(folder / "cohort.npy", whole)
        out = np.lib.format.open_memmap(folder / "ranks.npy", "w+", np.uint16, whole.shape)

        def memory():
            return order(whole)

        def npy():
            return order(np.load(folder / "cohort.npy", mmap_mode="r"))

        def zarr():
            order(open_cohort(folder / "cohort.zarr").X).store(out, lock=False)
            return out

        def order(X):
            adata = ad.AnnData(X, var=lazy.var)
            sf.pp.tfidf_order(adata)
            return adata.layers["tfidf_rank"]

        ways = {"memory": memory, ".npy": npy, "zarr": zarr}
        expected = memory()  # also compiles
        for name, way in ways.items():
            assert np.array_equal(way(), expected), name
        seconds = np.empty((len(ways), args.rounds, 2))
        for round_ in range(args.rounds):
            for number, way in enumerate(ways.values()):
                start = perf_counter(), process_time()
                way()
                seconds[number, round_] = perf_counter() - start[0], process_time() - start[1]
    rate = args.samples / np.median(seconds, axis=1)
    ratio = np.median(seconds[0] / seconds, axis=1)
    print(f"{args.samples:,} samples x {args.genes:,} genes, {args.rounds} rounds\n")
    print("| from | samples/s | of memory's rate | samples/CPU-s | of memory's rate |\n|---|---|---|---|---|")
    for name, (wall, cpu), (wall_ratio, cpu_ratio) in zip(ways, rate, ratio, strict=True):
        print(f"| {name} | {wall:,.0f} | {wall_ratio:.2f} | {cpu:,.0f} | {cpu_ratio:.2f} |")


if __name__ == "__main__":
    main()
