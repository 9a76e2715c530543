"""What the published idf, log(N / (1 + df)), does to the genes of a real cohort.

python benchmarks/published_idf.py                       # ../shared/data/tcga_gtex_wide.h5ad
python benchmarks/published_idf.py my_cohort.h5ad
"""

from __future__ import annotations

import sys
from pathlib import Path

import anndata as ad
import numpy as np

import specformer as sf
from specformer.ranking import to_linear

DEFAULT = Path(__file__).parents[2] / "shared" / "data" / "tcga_gtex_wide.h5ad"


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    adata = ad.read_h5ad(path)
    sf.pp.tfidf_order(adata)
    linear = to_linear(adata.X, adata.uns["tfidf"]["scale"]["name"])
    idf, ranks = adata.var["idf"].to_numpy(), adata.layers["tfidf_rank"]
    negative, zero = idf < 0, idf == 0
    totals = np.asarray(linear.sum(axis=0), np.float64).ravel()
    highest = np.argsort(-totals)[:100]
    print(f"{path.name}: {adata.n_obs:,} samples x {adata.n_vars:,} genes")
    print(f"idf < 0 (expressed in every sample):      {negative.mean():.1%} of genes, {negative.sum():,}")
    print(f"idf = 0 (expressed in all samples but one): {zero.mean():.1%} of genes, {zero.sum():,}")
    print(f"share of all expression in genes of idf < 0: {totals[negative].sum() / totals.sum():.1%}")
    print(f"median rank of the 100 most expressed genes: {np.median(ranks[:, highest]):,.0f} of {adata.n_vars:,}")


if __name__ == "__main__":
    main()
