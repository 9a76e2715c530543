"""Make `profiles.csv.gz`: the aggregate figures around which `sf.datasets.simulated_cohort` draws.

One row per gene; one column per group with the mean share of expression per million over the training samples of that
group, three significant digits; one column `dispersion`. Groups with fewer than 10 training samples are left out, and
nothing of a single sample is written.

    python scripts/make_profiles.py tcga_gtex_wide.h5ad src/specformer/checkpoints/specformer-mini

The input is an AnnData with X = log2(linear expression + 1), gene symbols as var_names, and in obs `patient`,
`cancer_type`, `tissue` and `sample_type` (TCGA codes: 01 to 09 tumour, 11 normal; or GTEX).
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd

import specformer as sf

MIN_SAMPLES = 10
# Below this share (per million) the spread of a gene within a group is mostly noise of reads, not of people.
MIN_MEAN = 1.0
MAX_DISPERSION = 4.0


def group_of(obs: pd.DataFrame) -> pd.Series:
    """The group of each sample: TCGA study, `<study> normal`, or `<tissue> GTEx`."""
    study, tissue, kind = (obs[c].astype(str) for c in ("cancer_type", "tissue", "sample_type"))
    group = study.where(kind != "11", study + " normal")
    return group.where(kind != "GTEX", tissue + " GTEx")


def dispersion(log_shares: list[np.ndarray], means: pd.DataFrame) -> np.ndarray:
    """Squared coefficient of variation within a group, from the spread of log shares; median over groups with signal.

    The spread is taken from the interquartile range, so that a few odd samples do not set it.
    """
    spread = np.stack([(np.subtract(*np.percentile(x, [75, 25], axis=0)) / 1.349) ** 2 for x in log_shares])
    spread[(means.to_numpy().T < MIN_MEAN)] = np.nan
    typical = pd.DataFrame(spread).median().to_numpy()
    # A gene without signal in any group takes the typical value of all.
    typical = np.where(np.isnan(typical), np.nanmedian(typical), typical)
    return np.clip(np.expm1(typical), 0.01, MAX_DISPERSION)


def main() -> None:
    """Read the cohort, keep its training patients, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="AnnData of the cohort, X = log2(linear + 1)")
    parser.add_argument("out", type=Path, help="checkpoint directory that profiles.csv.gz is written to")
    args = parser.parse_args()

    adata = ad.read_h5ad(args.path)
    # By the hash of the patient alone: the same side as in every other file of the corpus.
    sf.pp.split(adata, fractions=(0.80, 0.05, 0.15), stratify=None)
    adata = adata[adata.obs["split"] == "train"].copy()
    group = group_of(adata.obs)
    sizes = group.value_counts()
    names = sorted(sizes.index[sizes >= MIN_SAMPLES])

    linear = np.maximum(np.exp2(np.asarray(adata.X, dtype=np.float64)) - 1, 0)
    shares = 1e6 * linear / linear.sum(1, keepdims=True)
    means = pd.DataFrame({n: shares[(group == n).to_numpy()].mean(0) for n in names}, index=adata.var_names)
    phi = dispersion([np.log(shares[(group == n).to_numpy()] + 0.1) for n in names], means)

    table = means.assign(dispersion=phi).map(lambda x: f"{x:.3g}")
    target = args.out / "profiles.csv.gz"
    target.parent.mkdir(parents=True, exist_ok=True)
    # No time stamp inside, so that the same input gives the same file.
    target.write_bytes(gzip.compress(table.to_csv(index_label="symbol").encode(), compresslevel=9, mtime=0))
    print(f"{target}: {len(table):,} genes x {len(names)} groups, {target.stat().st_size / 1e6:.2f} MB")
    print(sizes[names].to_string())


if __name__ == "__main__":
    main()
