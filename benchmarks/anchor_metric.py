"""What the linear part of the shipped recipe owes to its metric, on training patients alone.

    python benchmarks/anchor_metric.py ../shared/data

Four folds by patient, within the training side of `sf.bench.read_cohorts`. In each, the anchor is fitted on three
quarters of a cohort and read out on the last one, under several metrics; nobody's label enters a fit. What is
printed was used to choose the metric, so it is no estimate for new patients: see `python -m specformer.bench` for that.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import specformer as sf
from specformer.bench._cohorts import Cohorts
from specformer.model import GenePanel, SpecformerForSamples
from specformer.pp._split import uniform_of
from specformer.pp._statistics import vocabulary_statistics
from specformer.ranking import rank_rows, to_linear
from specformer.train._anchor import Profiles, differences_within, fit_loadings, fit_metric, posterior_mean, spread
from specformer.train._recipe import asked_config, fitted_config

if TYPE_CHECKING:
    from collections.abc import Callable

    from anndata import AnnData

N_FOLDS = 4
AXES = {
    "panel": ("tumour type", "few labels", "missing genes", "depth", "units", "purity"),
    "wide": ("healthy tissue",),
}
"""By the cohort that the anchor is fitted on."""
NOISE = 0.35


@dataclass(frozen=True)
class Anchor:
    """The anchor alone, under one metric."""

    n_dims: int = 128
    schemes: bool = True
    patients: np.ndarray | None = None
    """Whose each training sample is, where samples of one patient are to lie closer."""
    neighbour_ridge: float | None = 0.1

    def fit(self, train: AnnData, pairs: list[tuple[AnnData, AnnData]]) -> Callable[[AnnData], np.ndarray]:
        """Fit loadings and metric as `WholeProfile` does, on one cohort."""
        genes = sf.train.build_vocabulary(train, weighting="median")
        config = fitted_config(asked_config({"token": "film", "cls_token": True, "n_anchor": self.n_dims}), genes)
        model = SpecformerForSamples(config)
        statistics = vocabulary_statistics(genes)

        def profiles(adata: AnnData) -> Profiles:
            alignment = sf.genes.align_columns(sf.genes.match_genes(list(adata.var_names), genes))
            linear = alignment.apply(to_linear(adata.X, sf.pp.detect_scale(adata).name))
            ranks = rank_rows(linear, statistics.take(alignment.genes))
            panel = GenePanel(model, genes, alignment.genes)
            return Profiles(panel.scores(ranks, (linear > 0).sum(axis=1)), alignment.genes)

        loadings = fit_loadings([profiles(train)], len(genes), n_dims=self.n_dims, noise_variance=NOISE)

        def latents(adata: AnnData) -> np.ndarray:
            return posterior_mean(profiles(adata), loadings, NOISE)

        differing = [latents(a) - latents(b) for a, b in pairs] if self.schemes else []
        if self.patients is not None:
            differing.append(differences_within(latents(train), self.patients))
        differences = np.concatenate(differing) if differing else None
        if self.neighbour_ridge is None and differences is None:
            metric = spread(loadings)
        elif self.neighbour_ridge is None:
            metric = fit_metric(loadings, latents(train), differences, n_neighbors=0)
        else:
            metric = fit_metric(loadings, latents(train), differences, neighbour_ridge=self.neighbour_ridge)
        return lambda adata: latents(adata) @ metric


def variants(patients: np.ndarray) -> dict[str, Anchor]:
    """The metrics to compare, on training samples of these patients."""
    shipped = Anchor(patients=patients)
    return {
        "no metric (rank-PPCA)": Anchor(schemes=False, neighbour_ridge=None),
        "schemes": Anchor(neighbour_ridge=None),
        "schemes and patients": replace(shipped, neighbour_ridge=None),
        "neighbours": Anchor(schemes=False),
        "schemes, then neighbours": Anchor(),
        "schemes and patients, then neighbours (shipped)": shipped,
        "the same, ridge 0.03": replace(shipped, neighbour_ridge=0.03),
        "the same, ridge 0.01": replace(shipped, neighbour_ridge=0.01),
        "the same, 64 dimensions": replace(shipped, n_dims=64),
        "the same, 256 dimensions": replace(shipped, n_dims=256),
    }


def fold(cohorts: Cohorts, number: int) -> Cohorts:
    """The training patients again, a quarter of them held out."""
    chosen = {}
    for name, adata in cohorts.adatas.items():
        adata = adata[cohorts.part(name, "train")].copy()
        place = adata.obs["patient"].astype(str).map(lambda patient: uniform_of(patient, salt="fold"))
        adata.obs["split"] = np.where((place * N_FOLDS).astype(int) == number, "test", "train")
        chosen[name] = adata
    return Cohorts(chosen)


def main() -> None:
    """Run the folds and print the mean over them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the cohorts")
    args = parser.parse_args()
    cohorts = sf.bench.read_cohorts(args.data)
    tables = []
    for i in range(N_FOLDS):
        part = fold(cohorts, i)
        for name, axes in AXES.items():
            patients = part[name].obs["patient"].astype(str).to_numpy()[part.part(name, "train")]
            tables.append(sf.bench.run(variants(patients), part, axes=axes, n_boot=1))
    table = pd.concat(tables)
    table = table[table["metric"].isin(["accuracy", "precision@1", "same sample top-1"])]
    weighted = table.assign(value=table["value"] * table["n"])
    sums = weighted.groupby(["axis", "condition", "metric", "representation"], sort=False)[["value", "n"]].sum()
    print((sums["value"] / sums["n"]).unstack("representation")[list(variants(np.array([])))].T.round(3).to_string())


if __name__ == "__main__":
    main()
