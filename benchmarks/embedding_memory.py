"""Peak memory of embedding a backed cohort: it must not grow with the number of samples.

    python benchmarks/embedding_memory.py --samples 1000 10000 --genes 2000

Each cohort is drawn by `sf.datasets.simulated_cohort`, written to an `.h5ad` file in a temporary folder and embedded by
the shipped checkpoint in a process of its own, of which the operating system says the peak.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

EMBED = """
import resource, sys, time
import anndata as ad, specformer as sf
sf.settings.progress = False
adata = ad.read_h5ad(sys.argv[1], backed="r")
start = time.perf_counter()
sf.tl.specformer_embed(adata)
# macOS counts in bytes, Linux in kilobytes.
unit = 1 if sys.platform == "darwin" else 1024
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9, time.perf_counter() - start)
"""
DRAW = """
import sys
import anndata as ad, numpy as np, specformer as sf
adata = sf.datasets.simulated_cohort(1000, rng=0)
columns = np.sort(np.random.default_rng(0).permutation(adata.n_vars)[: int(sys.argv[3])])
adata = adata[:, columns]
rows = np.resize(np.arange(1000), int(sys.argv[2]))
ad.AnnData(adata.X[rows], var=adata.var).write_h5ad(sys.argv[1])
"""


def main() -> None:
    """Draw, embed, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--genes", type=int, default=2000)
    args = parser.parse_args()
    print("| samples | genes | file | peak memory | time |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for n in args.samples:
            path = Path(folder) / f"{n}.h5ad"
            subprocess.run([sys.executable, "-c", DRAW, str(path), str(n), str(args.genes)], check=True)
            result = subprocess.run(
                [sys.executable, "-c", EMBED, str(path)], check=True, capture_output=True, text=True
            )
            peak, seconds = map(float, result.stdout.split())
            size = path.stat().st_size / 1e9
            print(f"| {n:,} | {args.genes:,} | {size:.2f} GB | {peak:.2f} GB | {seconds:.0f} s |", flush=True)


if __name__ == "__main__":
    main()
