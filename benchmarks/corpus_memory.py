"""Peak memory and time of converting a table of genes x samples, as UCSC Xena publishes them, to a backed `.h5ad`.

    python benchmarks/corpus_memory.py --genes 60000 --samples 2000

The table is drawn: log2(TPM + 0.001) with four decimals, 45 % zeros, gzipped. A process of its own converts it and reports
its peak resident memory; the bound is what the process needs before it begins, and 3 x 4 bytes x 512 genes x samples above
that, with 40 MB for what the allocator and the compressor keep. Exits with 1 if that is exceeded.
"""

from __future__ import annotations

import argparse
import gzip
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

SLACK = 40e6
CONVERT = """
import resource, sys, time
from pathlib import Path
import anndata, h5py, pandas, scipy.sparse, tqdm.auto
import specformer as sf
from specformer.datasets._matrix import convert_matrix

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

sf.settings.progress = False
path, target = map(Path, sys.argv[1:])
before, start = peak(), time.process_time()
convert_matrix(path, target, offset=0.001)
print(before, peak(), time.process_time() - start)
"""


def write_table(path: Path, n_genes: int, n_samples: int) -> int:
    """A table of the published form; its uncompressed size."""
    rng = np.random.default_rng(0)
    # Text of all values there can be, drawn from: writing 120 million numbers one by one takes minutes.
    texts = np.char.mod("%.4f", rng.normal(1, 3, 20_000)).astype(object)
    texts[: int(0.45 * len(texts))] = "-9.9658"
    n_bytes = 0
    with gzip.open(path, "wb", compresslevel=1) as file:
        n_bytes += file.write(("sample\t" + "\t".join(f"TCGA-{i:05d}" for i in range(n_samples)) + "\n").encode())
        for i in range(n_genes):
            row = "\t".join(texts[rng.integers(0, len(texts), n_samples)])
            n_bytes += file.write(f"ENSG{i:011d}.1\t{row}\n".encode())
    return n_bytes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--genes", type=int, default=60_000)
    parser.add_argument("--samples", type=int, default=2_000)
    parser.add_argument("--folder", type=Path, help="where to write; a temporary folder by default")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        table, target = Path(folder, "table.tsv.gz"), Path(folder, "table.h5ad")
        n_bytes = write_table(table, asked.genes, asked.samples)
        run = subprocess.run(
            [sys.executable, "-c", CONVERT, table, target], capture_output=True, text=True, check=True
        )  # fmt: skip
        before, peak, seconds = map(float, run.stdout.split())
        bound = 3 * 4 * 512 * asked.samples + SLACK
        print(f"{asked.genes:,} genes x {asked.samples:,} samples: {n_bytes / 1e6:,.0f} MB of text, ", end="")
        print(f"{table.stat().st_size / 1e6:,.0f} MB gzipped, {target.stat().st_size / 1e6:,.0f} MB converted")
        print(
            f"{seconds:.0f} s of one processor; peak {peak / 1e6:,.0f} MB, {(peak - before) / 1e6:,.0f} MB above the start"
        )
        print(f"a dense float32 matrix would be {4 * asked.genes * asked.samples / 1e6:,.0f} MB")
    kept = peak - before <= bound
    print(f"bound {'kept' if kept else 'EXCEEDED'}: {bound / 1e6:,.0f} MB above the start")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
