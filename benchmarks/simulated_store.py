"""A cohort on disk that is larger than memory: a zarr store of counts, drawn and written block by block.

    python benchmarks/simulated_store.py cohort.zarr --samples 100000 --genes 10000

Log-normal counts around the real mean profiles that lie beside the shipped checkpoint, in its genes' names: what they
are good for is time and memory. Nobody's biology is in them. Every block is drawn under its own seed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import zarr

from specformer.datasets._profiles import read_profiles

BLOCK = 2048


def make(path: Path, n_obs: int, n_vars: int, *, depth: float = 2e7) -> None:
    """Write the store; no more than a block is ever in memory."""
    means = read_profiles().means
    columns = np.sort(np.random.default_rng(0).permutation(len(means))[:n_vars])
    n_more = n_vars - len(columns)  # beyond the genes that there are: columns nobody knows, each like one of them
    names = [*means.index[columns], *(f"unknown{i:05d}" for i in range(n_more))]
    columns = np.concatenate([columns, np.resize(columns, n_more)])
    share = means.iloc[columns].to_numpy(np.float32).T
    level = np.log(share / share.sum(axis=1, keepdims=True) * depth + 1e-3)

    obs = pd.DataFrame(index=[f"sim{i:07d}" for i in range(n_obs)])
    ad.AnnData(obs=obs, var=pd.DataFrame(index=names)).write_zarr(path)
    group = zarr.open_group(path, mode="r+", use_consolidated=False)
    X = group.create_array("X", shape=(n_obs, n_vars), chunks=(BLOCK // 4, n_vars), dtype="int32", overwrite=True)
    X.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
    for start in range(0, n_obs, BLOCK):
        rng = np.random.default_rng(start)
        n = min(BLOCK, n_obs - start)
        # A whole block always, so that a longer cohort begins with the shorter one.
        values = rng.standard_normal((BLOCK, n_vars), dtype=np.float32)
        values += level[rng.integers(0, len(level), BLOCK)]
        np.exp(values, out=values)
        X[start : start + n] = values[:n].astype(np.int32)
    zarr.consolidate_metadata(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--genes", type=int, default=10_000)
    arguments = parser.parse_args()
    make(arguments.path, arguments.samples, arguments.genes)
