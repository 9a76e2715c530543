"""Ordering the genes of 2,000 samples: this package's kernel against the loops that one would write.

    python benchmarks/ordering.py                # ~2 minutes; prints a Markdown table
    python benchmarks/ordering.py --rounds 3

Every method scores (value x idf, float32) and orders every sample. All run in one process, in interleaved rounds, so
that a busy machine slows them alike; none starts a thread by itself. Ratios are medians over rounds of the method's
time to the kernel's on one thread, in the same round: of the clock on the wall, and of CPU time, which does not see
other processes.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from time import perf_counter, process_time

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

from specformer.ranking import fit_statistics, rank_rows, rank_rows_numpy, to_linear

N_SAMPLES, N_GENES = 2_000, 10_000
BESIDE = Path(__file__).parents[2] / "shared" / "data"


def cohort() -> tuple[np.ndarray, str]:
    """Linear expression, and where it is from."""
    rng = np.random.default_rng(0)
    path = Path(os.environ.get("SPECFORMER_REAL_DATA", BESIDE)) / "tcga_gtex_wide.h5ad"
    if path.exists():
        measured = to_linear(ad.read_h5ad(path).X[:, :N_GENES], "log2p1")
        again = measured[rng.integers(0, len(measured), N_SAMPLES - len(measured))]
        text = f"{path.name}, linear: {len(measured):,} samples as measured, {len(again):,} drawn from them again"
    else:
        measured = np.empty((0, N_GENES), np.float32)
        again = np.tile(rng.lognormal(5, 2, N_GENES), (N_SAMPLES, 1)) * rng.lognormal(0, 1, (N_SAMPLES, N_GENES))
        text = f"simulated (no {path.name}): {N_SAMPLES:,} samples around one log-normal profile"
    noisy = rng.negative_binomial(5, 5 / (5 + again)).astype(np.float32)
    X = np.concatenate([measured, noisy])
    return X, f"{text} with negative-binomial noise; {(X == 0).mean():.1%} zeros"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    n_rounds = parser.parse_args().rounds
    X, source = cohort()
    statistics = fit_statistics([X], "tfidf")
    idf, genes, stored = statistics.scale, pd.Index([f"gene{i:05d}" for i in range(N_GENES)]), sparse.csr_matrix(X)

    def loop(order):
        return lambda: [order(row * idf) for row in X]

    methods = {
        "kernel, 1 thread": lambda: rank_rows(X, statistics, n_threads=1),
        "kernel, 2 threads": lambda: rank_rows(X, statistics, n_threads=2),
        "kernel, 1 thread, CSR input": lambda: rank_rows(stored, statistics, n_threads=1),
        "numpy fallback (sorted 64-bit words)": lambda: rank_rows_numpy(X, statistics),
        "loop: `np.argsort(kind='stable')`": loop(lambda score: np.argsort(-score, kind="stable")),
        "loop: `np.argsort` (ties as they fall)": loop(lambda score: np.argsort(-score)),
        "loop: `pd.Series.sort_values(kind='stable')`": loop(
            lambda score: pd.Series(score, index=genes).sort_values(ascending=False, kind="stable").index
        ),
        "loop: `pd.Series.sort_values` (ties as they fall)": loop(
            lambda score: pd.Series(score, index=genes).sort_values(ascending=False).index
        ),
        "loop: `pd.Series.sort_values` to a list of gene names": loop(
            lambda score: pd.Series(score, index=genes).sort_values(ascending=False).index.tolist()
        ),
    }
    kernel, stable = "kernel, 1 thread", "loop: `np.argsort(kind='stable')`"
    expected = np.argsort(methods[stable](), axis=1)
    for name in list(methods)[:4]:  # also compiles
        assert np.array_equal(methods[name](), expected), name

    # Wall and CPU seconds, shape (methods, rounds, 2).
    seconds = np.empty((len(methods), n_rounds, 2))
    for round_ in range(n_rounds):
        for number, method in enumerate(methods.values()):
            start = perf_counter(), process_time()
            method()
            seconds[number, round_] = perf_counter() - start[0], process_time() - start[1]
    per_sample = np.median(seconds, axis=1) / N_SAMPLES * 1e6
    ratios = seconds / seconds[list(methods).index(kernel)]

    print(f"{N_SAMPLES:,} x {N_GENES:,}; {source}.\n")
    print("| method | us per sample, wall | us per sample, CPU | wall / kernel (range) | CPU / kernel (range) |")
    print("|---|---|---|---|---|")
    for name, (wall, cpu), ratio in zip(methods, per_sample, ratios, strict=True):
        shown = [
            f"{middle:.1f} ({low:.1f}-{high:.1f})"
            for low, middle, high in zip(ratio.min(axis=0), np.median(ratio, axis=0), ratio.max(axis=0), strict=True)
        ]
        print(f"| {name} | {wall:.0f} | {cpu:.0f} | {' | '.join(shown)} |")


if __name__ == "__main__":
    main()
