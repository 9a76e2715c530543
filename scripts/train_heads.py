"""Fit the heads that lie beside a checkpoint: cancer type, 1,387 pathways, and four survival endpoints.

    python scripts/train_heads.py ../shared/data src/specformer/checkpoints/specformer-mini

Reads the cohorts of `sf.bench.read_cohorts`, each sample once, in its version with the most genes. Fits on the training
patients, calibrates on the validation patients, and writes figures on the test patients, with intervals, into each head's
`config.json`. To fit a head on all 33 types of a whole corpus, embed it and call `sf.train.fit_head(adata, "cancer_type")`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import torch

import specformer as sf
from specformer.bench._tasks import primary_tumours

if TYPE_CHECKING:
    from specformer.bench import Cohorts
    from specformer.model import Head, Pretrained

ENDPOINTS = ("OS", "DSS", "PFI", "DFI")
MIN_TUMOURS = 5
GMT = Path("pathways") / "paradigm_1387_genes.gmt"
N_BOOT = 1000


def main() -> None:
    """Embed, fit, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the cohorts")
    parser.add_argument("checkpoint", type=Path, help="folder of the checkpoint; heads go into its `heads/`")
    parser.add_argument("--n-obs", type=int, help="only so many samples of each cohort, to try the script")
    parser.add_argument("--bypass-layers", action="store_true", help="fit on the anchor alone, to try the script")
    args = parser.parse_args()

    cohorts, model = sf.bench.read_cohorts(args.data), sf.model.load(args.checkpoint)
    samples = embedded(cohorts, model, n_obs=args.n_obs, bypass_layers=args.bypass_layers)
    tumours = samples[primary_tumours(samples)].copy()

    heads: dict[str, Head] = {"cancer_type": sf.train.fit_head(tumours, "cancer_type", min_samples=MIN_TUMOURS)}
    judge_types(heads["cancer_type"], samples, tumours)
    for endpoint in ENDPOINTS:
        heads[endpoint] = sf.train.fit_head(tumours, endpoint)
        judge_survival(heads[endpoint], tumours, endpoint)
    whole = samples[samples.obs["cohort"] == "wide"].copy()
    wide = cohorts["wide"][whole.obs_names].copy()
    sf.tl.score_pathways(wide, args.data / GMT, min_size=1)
    whole.obsm["pathway_score"] = wide.obsm["pathway_score"]
    heads["pathways"] = sf.train.fit_head(whole, "pathway_score")

    folder = args.checkpoint / "heads"
    for name, head in heads.items():
        # The many targets of the pathways are the only large matrix.
        path = sf.model.save_head(head, folder / name, dtype=torch.float16 if name == "pathways" else None)
        if name == "pathways":
            head = sf.model.load_head(path)
            judge_pathways(head, whole)
            sf.model.save_head(head, path, dtype=torch.float16)
        print(f"\n{name}: {len(head.labels):,} outputs, {sum(f.stat().st_size for f in path.iterdir()) / 1e3:,.0f} kB")
        for figure, value in head.about["metrics"]["test"].items():
            print(f"  {figure}: {value}")


def embedded(cohorts: Cohorts, model: Pretrained, *, n_obs: int | None, bypass_layers: bool) -> ad.AnnData:
    """Vectors and `obs` of every sample of the wide cohort, and of those that only the panel has."""
    parts = []
    for name in ("wide", "panel"):
        adata = cohorts[name]
        if parts:
            adata = adata[~adata.obs_names.isin(parts[0].obs_names)]
        adata = adata[: n_obs or adata.n_obs].copy()
        sf.tl.specformer_embed(adata, model, bypass_layers=bypass_layers)
        adata.obs["cohort"] = name
        part = ad.AnnData(obs=adata.obs, obsm={"X_specformer": adata.obsm["X_specformer"]}, uns=adata.uns)
        parts.append(part)
    samples = ad.concat(parts)
    samples.uns["specformer"] = parts[0].uns["specformer"]
    return samples


def judge_types(head: Head, samples: ad.AnnData, tumours: ad.AnnData) -> None:
    """Figures on test patients, and how often samples are flagged that are no tumour of these types."""
    is_test = (tumours.obs["split"] == "test") & tumours.obs["cancer_type"].isin(head.labels)
    test = tumours[is_test]
    proba = head.predict(test.obsm["X_specformer"])
    labels = np.array(head.labels)
    table = sf.metrics.classification_table(
        test.obs["cancer_type"].astype(str).to_numpy(), labels[proba.argmax(axis=1)], proba=proba, classes=head.labels,
        patients=test.obs["patient"].astype(str), n_boot=N_BOOT,
    )  # fmt: skip
    figures: dict[str, Any] = {row.metric: rounded(row.value, row.low, row.high) for row in table.itertuples()}
    figures["n"] = test.n_obs
    unlike = head.distance(samples.obsm["X_specformer"]) > float(head.threshold)
    held_out = (samples.obs["split"] == "test").to_numpy()
    kind = samples.obs["sample_type"].astype(str)
    known = samples.obs["cancer_type"].isin(head.labels)
    groups = {
        "test tumours of these types": held_out & primary_tumours(samples) & known,
        "tumours of other types": primary_tumours(samples) & ~known,
        "TCGA normals": kind == "11",
        "GTEx": kind == "GTEX",
    }
    figures["flagged as unlike training"] = {
        name: round(float(unlike[rows].mean()), 3) for name, rows in groups.items() if np.any(rows)
    }
    head.about["metrics"]["test"] = figures


def judge_survival(head: Head, tumours: ad.AnnData, endpoint: str) -> None:
    """Concordance on test patients, over all types and within."""
    obs = tumours.obs
    known = obs[endpoint].notna() & obs[f"{endpoint}.time"].gt(0)
    test = tumours[known & (obs["split"] == "test")]
    event, time = test.obs[endpoint].to_numpy() == 1, test.obs[f"{endpoint}.time"].to_numpy()
    risk, types = head.predict(test.obsm["X_specformer"])[:, 0], test.obs["cancer_type"].astype(str).to_numpy()
    draws = sf.metrics.patient_draws(test.obs["patient"].astype(str), n_boot=N_BOOT)
    pooled = sf.metrics.interval(lambda r: sf.metrics.harrell_c(event[r], time[r], risk[r]), draws, test.n_obs)
    within = sf.metrics.interval(
        lambda r: sf.metrics.harrell_c_within(event[r], time[r], risk[r], types[r]), draws, test.n_obs
    )
    head.about["metrics"]["test"] = {
        "harrell_c": rounded(*pooled),
        "harrell_c within type": rounded(*within),
        "n": test.n_obs,
        "n_events": int(event.sum()),
    }


def judge_pathways(head: Head, whole: ad.AnnData) -> None:
    """Correlation with the scores on test patients, in deviations of the training cohort."""
    test = whole[whole.obs["split"] == "test"]
    mean, scale = head.target_mean.numpy(), head.target_scale.numpy()
    truth = (test.obsm["pathway_score"].to_numpy() - mean) / scale
    predicted = (head.predict(test.obsm["X_specformer"]) - mean) / scale
    draws = sf.metrics.patient_draws(test.obs["patient"].astype(str), n_boot=N_BOOT)
    by_sample = sf.metrics.samplewise_pearson(truth, predicted)
    error = np.abs(truth - predicted).mean(axis=1)
    head.about["metrics"]["test"] = {
        "samplewise_pearson": rounded(*sf.metrics.interval(lambda r: float(by_sample[r].mean()), draws, test.n_obs)),
        "columnwise_pearson": round(float(np.nanmean(sf.metrics.columnwise_pearson(truth, predicted))), 4),
        "mean_absolute_error": rounded(*sf.metrics.interval(lambda r: float(error[r].mean()), draws, test.n_obs)),
        "n": test.n_obs,
    }


def rounded(value: float, low: float, high: float) -> list[float | None]:
    """A figure and its interval as JSON has it."""
    return [round(float(x), 4) if np.isfinite(x) else None for x in (value, low, high)]


if __name__ == "__main__":
    main()
