"""A cohort embedded from disk to disk, killed twice on the way and resumed; and once without.

    python benchmarks/embedding_killed.py --samples 100000 --genes 10000 --max-windows 1 --dtype bfloat16

Makes the cohort (`simulated_store.py`), starts `sf.tl.embed_to_zarr` with the shipped checkpoint in a process of its own,
kills it (SIGKILL) when a third and when two thirds of the blocks are sealed, lets it finish, and compares hashes of the
vectors with those of a run that nobody interrupts. `--compare N` makes that second run on the first N samples alone.
Peak memory is what the operating system says of each process (VmHWM).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, sleep

import anndata as ad
import numpy as np
from simulated_store import make

BLOCK = 2048
EMBED = """
import json, sys
import specformer as sf
sf.settings.progress = False
sf.tl.embed_to_zarr(sys.argv[1], sys.argv[2], **json.loads(sys.argv[3]))
"""


def embed(cohort: Path, out: Path, options: dict, *, kill_at: int | None = None) -> float:
    """Peak memory in bytes of a process that embeds, and is killed when `kill_at` blocks are sealed."""
    run = subprocess.Popen([sys.executable, "-c", EMBED, cohort, out, json.dumps(options)])
    seals = out.with_name(f"{out.name}.partial") / "seals.jsonl"
    start, peak = perf_counter(), 0
    while run.poll() is None:
        status = Path(f"/proc/{run.pid}/status").read_text()
        peak = max([peak, *(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))])
        if kill_at and seals.exists() and len(seals.read_text().splitlines()) >= kill_at:
            run.kill()
            run.wait()
        sleep(0.2)
    what = "finished" if run.returncode == 0 else f"ended by signal {-run.returncode}"
    print(f"{out.name}: {what} after {perf_counter() - start:.0f} s, peak {peak / 2**30:.2f} GiB", flush=True)
    if run.returncode not in (0, -9):
        sys.exit("the run failed")
    return peak


def sha256(path: Path, n: int | None = None) -> str:
    vectors = np.ascontiguousarray(ad.read_zarr(path).obsm["X_specformer"][:n])
    return hashlib.sha256(vectors).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--genes", type=int, default=10_000)
    parser.add_argument("--max-windows", type=int)
    parser.add_argument("--bypass-layers", action="store_true")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--compare", type=int, help="samples of the uninterrupted run; all by default")
    parser.add_argument("--folder", type=Path, help="where to keep the stores; a temporary folder by default")
    args = parser.parse_args()
    options = {"max_windows": args.max_windows, "bypass_layers": args.bypass_layers, "dtype": args.dtype}
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        cohort = folder / f"cohort-{args.samples}x{args.genes}.zarr"
        if not cohort.exists():
            start = perf_counter()
            make(cohort, args.samples, args.genes)
            size = sum(file.stat().st_size for file in cohort.rglob("*") if file.is_file())
            print(f"{cohort.name}: {size / 1e9:.2f} GB, made in {perf_counter() - start:.0f} s", flush=True)
        n_blocks = -(-args.samples // BLOCK)
        killed = folder / "killed.zarr"
        peaks = [embed(cohort, killed, options, kill_at=k) for k in (n_blocks // 3, 2 * n_blocks // 3, None)]
        n = args.compare or args.samples
        if n < args.samples:
            cohort = folder / f"cohort-{n}x{args.genes}.zarr"
            make(cohort, n, args.genes)
        peaks.append(embed(cohort, folder / "whole.zarr", options))
        one, other = sha256(killed, n), sha256(folder / "whole.zarr")
        print(
            f"first {n:,} of {args.samples:,} vectors: {one[:16]} and {other[:16]}, {'equal' if one == other else 'NOT EQUAL'}"
        )
        print(f"largest peak: {max(peaks) / 2**30:.2f} GiB")
        if one != other:
            sys.exit(1)


if __name__ == "__main__":
    main()
