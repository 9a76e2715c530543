"""From raw files to the paper's Tables 1, 2, 4 and 5 on the cohorts at hand, beside linear baselines, with intervals.

    python scripts/paper_tables.py ../shared/data --out docs/paper_tables.inc --figures docs/_static

Tumours of the panel cohort of `sf.bench.read_cohorts` (its types with 15 or more training tumours, colon and rectum as
one); pathways, healthy tissue and calibration on the wide cohort. Every patient is on the same side everywhere: 80 % train,
5 % validation, 15 % test, by the hash of the name. Everything is fitted on training patients, and watched and calibrated on
validation patients; intervals are 95 % over test patients. The cohorts are a part of TCGA and GTEx, not the paper's corpus:
the published rows stand there for orientation, not for comparison.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
import torch

import specformer as sf
from specformer.bench._checkpoints import held_out_seen, random_weights
from specformer.bench._readouts import C_LOGISTIC, _standardised, ridge
from specformer.bench._tasks import merged, primary_tumours, tumour_types

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from specformer.bench import Cohorts
    from specformer.model import Head, Pretrained

ENDPOINTS = ("OS", "DSS", "PFI", "DFI")
ORDERS = ("tfidf", "expression", "zscore", "median")
# The published head: two hidden layers, AdamW at 5e-4, the best epoch by validation.
PUBLISHED_HEAD = {"hidden": "published", "learning_rate": 5e-4, "max_epochs": 60, "patience": 10}
TYPE_COLUMNS = ("accuracy", "macro_f1", "weighted_f1", "matthews", "top_k_accuracy", "macro_auc")
TYPE_HEADER = ("accuracy", "F1 (macro)", "F1 (weighted)", "MCC", "top-3", "AUC")
PUBLISHED_TYPES = {
    "*published, TF-IDF order*": "0.908 [0.881, 0.933] | 0.853 | 0.904 | 0.904 | 0.973 | 0.997",
    "*published, expression order*": "0.848 [0.815, 0.879] | | | 0.841 | | 0.995",
    "*published, z-score order*": "0.800 [0.765, 0.835] | | | 0.793 | | 0.988",
    "*published, top-200 + LR*": "0.650 | | | 0.648 | | 0.980",
}
PUBLISHED_SURVIVAL = {"*published, TF-IDF order*": "0.646 | 0.672 | 0.612 | 0.671"}
PUBLISHED_AGGREGATORS = {
    "*published, mean, attention*": "0.908 [0.881, 0.933] | 0.853 | 0.904 | 0.904 | 0.973 | 0.997",
    "*published, cls, transformer*": "0.700 [0.658, 0.744] | 0.471 | 0.654 | 0.687 | 0.858 | 0.983",
}
PUBLISHED_SIZES = {
    "*published, large (24 x 1024)*": "0.887 [0.858, 0.915] | 0.831 | 0.886 | 0.881 | 0.967 | 0.995",
    "*published, base (12 x 768)*": "0.908 [0.881, 0.933] | 0.853 | 0.904 | 0.904 | 0.973 | 0.997",
    "*published, base, windows of 2,048*": "0.910 [0.892, 0.927] | 0.868 | 0.909 | 0.905 | 0.989 | 0.997",
}
N_BOOT = 250


def main() -> None:
    """Read, embed, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the cohorts")
    parser.add_argument("--checkpoints", nargs="*", default=[None], help="names or folders; a row of Table 5 each")
    parser.add_argument("--out", type=Path, help="also write the tables to this Markdown file")
    parser.add_argument("--figures", type=Path, help="folder for the pictures of calibration and abstention")
    parser.add_argument("--n-obs", type=int, help="only so many tumours and so many wide samples, to try the script")
    args = parser.parse_args()
    sf.settings.progress = False
    start = perf_counter(), process_time()

    cohorts = sf.bench.read_cohorts(args.data)
    models = [sf.model.load(name) for name in args.checkpoints]
    tumours = tumours_of(cohorts, args.n_obs)
    sf.tl.specformer_embed(tumours, models[0], windows=True)
    # Later sections put other vectors in its place.
    tumours.obsm["shipped"] = tumours.obsm["X_specformer"]
    wide = cohorts["wide"]
    if args.n_obs:
        wide = wide[np.sort(np.random.default_rng(0).permutation(wide.n_obs)[: args.n_obs])].copy()
    seen = held_out_seen(models[0], cohorts)
    parts = [
        f"`python scripts/{' '.join([Path(sys.argv[0]).name, *sys.argv[1:]])}`, specformer {sf.__version__}, weights of "
        f"{models[0].path.name} with SHA-256 {models[0].sha256[:12]}. {sides(tumours)} Of the held-out samples, "
        f"{len(seen) or 'none'} had been seen in pretraining.",
    ]
    for section in (types, survival, windows, pathways, tissues, calibration):
        with said(section.__name__):
            parts.append(section(tumours, wide, models, args))
        written(parts, args.out)
    wall, cpu = perf_counter() - start[0], process_time() - start[1]
    parts.append(
        f"From raw files to this line: {wall / 60:.1f} minutes, {cpu / 60:.1f} of them of processor time, on "
        f"{torch.get_num_threads()} thread(s)."
    )
    print(written(parts, args.out))


def written(parts: list[str], out: Path | None) -> str:
    """What there is so far, kept, so that a run that is stopped leaves what it had."""
    text = "\n\n".join(parts) + "\n"
    if out:
        out.write_text(text, encoding="utf-8")
    return text


@contextmanager
def said(what: str) -> Iterator[None]:
    """Say on stderr how long a section took."""
    start = perf_counter(), process_time()
    yield
    taken = perf_counter() - start[0], process_time() - start[1]
    print(f"{what}: {taken[0]:.0f} s, {taken[1]:.0f} s of processor time", file=sys.stderr, flush=True)


def tumours_of(cohorts: Cohorts, n_obs: int | None) -> ad.AnnData:
    """Primary tumours of the frequent types, all three sides, with PCA and the one-hot type beside."""
    task, panel = tumour_types(cohorts), cohorts["panel"]
    known = np.isin(task.labels, np.unique(task.labels[task.train]))
    chosen = np.flatnonzero(primary_tumours(panel) & known)
    if n_obs:
        chosen = np.sort(np.random.default_rng(0).permutation(chosen)[:n_obs])
    tumours = panel[chosen].copy()
    tumours.obs["label"] = task.labels[chosen]
    train = tumours[side(tumours, "train")]
    tumours.obsm["X_pca"] = sf.baselines.fit_linear(train, method="pca")(tumours)
    tumours.obsm["type"] = (tumours.obs["label"].to_numpy()[:, None] == np.unique(tumours.obs["label"])).astype(float)
    return tumours


def side(adata: ad.AnnData, which: str) -> np.ndarray:
    """Who is on a side of the split."""
    return (adata.obs["split"] == which).to_numpy()


def sides(adata: ad.AnnData) -> str:
    """How many samples and patients are on each side."""
    counts = adata.obs.groupby("split", observed=True)["patient"].agg(["size", "nunique"])
    said = ", ".join(f"{counts.loc[s, 'size']} {s} of {counts.loc[s, 'nunique']} patients" for s in counts.index)
    return f"{adata.n_obs} tumours of {adata.obs['label'].nunique()} types, {adata.n_vars:,} genes: {said}."


def types(tumours: ad.AnnData, wide: ad.AnnData, models: list[Pretrained], args: argparse.Namespace) -> str:
    """Table 1."""
    name = models[0].path.name
    rows = {
        f"{name}, linear head": head_row(tumours),
        f"{name}, published head": head_row(tumours, **PUBLISHED_HEAD),
        "PCA + LR": logistic_row(tumours, tumours.obsm["X_pca"]),
    }
    train = tumours[side(tumours, "train")]
    most = sf.baselines.fit_linear(train, method="hvg", n_dims=min(5000, tumours.n_vars))
    rows[f"{min(5000, tumours.n_vars):,} variable genes + LR"] = logistic_row(tumours, most(tumours))
    for weighting in ORDERS:
        ranked = sf.pp.tfidf_order(tumours, weighting=weighting, mask_obs=side(tumours, "train"), copy=True)
        ranks = ranked.layers["tfidf_rank"]
        if weighting == "tfidf":
            rows["top-200 of TF-IDF + LR"] = logistic_row(tumours, (ranks < 200).astype(np.float32))
        rows[f"order alone ({weighting}), PCA + LR"] = logistic_row(tumours, components(tumours, ranks))
    return table("Table 1. Cancer type", TYPE_HEADER, rows | PUBLISHED_TYPES)


def components(tumours: ad.AnnData, ranks: np.ndarray) -> np.ndarray:
    """128 principal components of ranks as normal scores, fitted on training tumours."""
    from sklearn.decomposition import PCA

    scores = sf.ranking.normal_scores(ranks, np.full(len(ranks), ranks.shape[1]))
    train = scores[side(tumours, "train")]
    return PCA(min(128, len(train)), svd_solver="full", random_state=0).fit(train).transform(scores)


def logistic_row(tumours: ad.AnnData, X: np.ndarray) -> str:
    """Logistic regression (C = 1) on standardised features of training tumours, on the test tumours."""
    from sklearn.linear_model import LogisticRegression

    train, test = side(tumours, "train"), side(tumours, "test")
    features = _standardised(X[train])
    model = LogisticRegression(C=C_LOGISTIC, max_iter=2000).fit(features(X[train]), tumours.obs["label"][train])
    return type_row(model.predict_proba(features(X[test])), model.classes_.tolist(), tumours[test])


def head_row(tumours: ad.AnnData, **options: object) -> str:
    """A head fitted to the types, on the test tumours."""
    head = sf.train.fit_head(tumours, "label", **options)
    test = side(tumours, "test")
    return type_row(head.predict(tumours.obsm[head.about["use_rep"]][test]), head.labels, tumours[test])


def type_row(proba: np.ndarray, classes: Sequence[str], test: ad.AnnData) -> str:
    """Figures of Tables 1, 4 and 5 with their intervals."""
    figures = sf.metrics.classification_table(
        test.obs["label"].to_numpy(str), np.array(classes)[proba.argmax(axis=1)], proba=proba, classes=classes,
        patients=test.obs["patient"].astype(str), n_boot=N_BOOT,
    ).set_index("metric")  # fmt: skip
    return " | ".join(cell(*figures.loc[column, ["value", "low", "high"]]) for column in TYPE_COLUMNS)


def survival(tumours: ad.AnnData, wide: ad.AnnData, models: list[Pretrained], args: argparse.Namespace) -> str:
    """Table 2: concordance over all types and within, then what else is known of the same risks."""
    name, obs, labels = models[0].path.name, tumours.obs, tumours.obs["label"].to_numpy(str)
    fits = {
        f"{name}, Cox": {},
        f"{name}, Cox stratified by type": {"strata": "label"},
        "PCA + Cox": {"use_rep": "X_pca"},
        "PCA + Cox stratified by type": {"use_rep": "X_pca", "strata": "label"},
        "type alone, Cox": {"use_rep": "type"},
    }
    cells: dict[str, dict[str, str]] = {}
    for endpoint in ENDPOINTS:
        event, time = obs[endpoint].to_numpy(float) == 1, obs[f"{endpoint}.time"].to_numpy(float)
        known = obs[endpoint].notna().to_numpy() & (time > 0)
        train, test = (known & side(tumours, which) for which in ("train", "test"))
        times = np.unique(np.quantile(time[test & event], np.linspace(0.15, 0.75, 5)))
        cells.setdefault("test samples (events)", {})[endpoint] = f"{test.sum()} ({event[test].sum()})"
        for what, options in fits.items():
            head = sf.train.fit_head(tumours, endpoint, **options)
            risk = head.predict(tumours.obsm[head.about["use_rep"]][test])[:, 0]
            figures = sf.metrics.survival_table(
                event[test], time[test], risk, train=(event[train], time[train]), strata=labels[test], times=times,
                curves=curves_of(head, risk, times, labels[test]), patients=obs["patient"].astype(str)[test],
                n_boot=N_BOOT,
            ).set_index("metric")  # fmt: skip
            for metric, row in figures.iterrows():
                cells.setdefault(f"{what}, {metric}", {})[endpoint] = cell(row["value"], row["low"], row["high"])
        reference = np.tile(kaplan_meier(event[train], time[train], times), (test.sum(), 1))
        brier = sf.metrics.integrated_brier(event[train], time[train], event[test], time[test], reference, times=times)
        cells.setdefault("nobody's risk (Kaplan-Meier)", {})[endpoint] = f"{brier:.3f}"
    parts = []
    for title, metric, more in (
        ("Table 2. Survival, Harrell's C over all types", "harrell_c", PUBLISHED_SURVIVAL),
        ("Within tumour type, Harrell's C", "harrell_c_within", {}),
        ("Uno's C, weighted for censoring", "ipcw_c", {}),
        ("Area under the ROC curve over time", "cumulative_auc", {}),
        ("Integrated Brier score (lower is better)", "integrated_brier", {}),
    ):
        rows = {
            key.removesuffix(f", {metric}"): " | ".join(by.get(e, "") for e in ENDPOINTS)
            for key, by in cells.items()
            if key.endswith(f", {metric}") and not (metric == "harrell_c_within" and key.startswith("type alone"))
        }
        extra = {"harrell_c": "test samples (events)", "integrated_brier": "nobody's risk (Kaplan-Meier)"}.get(metric)
        rows |= {extra: " | ".join(cells[extra][e] for e in ENDPOINTS)} if extra else {}
        parts.append(table(title, ENDPOINTS, rows | more))
    return "\n\n".join(parts)


def curves_of(head: Head, risk: np.ndarray, times: np.ndarray, labels: np.ndarray) -> np.ndarray | None:
    """Survival curves; None where some test sample's stratum has no baseline that far."""
    strata = head.about["training"]["strata_labels"]
    number = np.zeros(len(risk), int) if strata is None else np.array([strata.index(label) for label in labels])
    curves = head.survival_curves(risk, times, number)
    return curves if np.isfinite(curves).all() else None


def kaplan_meier(event: np.ndarray, time: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The survival curve of a cohort at some times."""
    from sksurv.nonparametric import kaplan_meier_estimator

    at, survival = kaplan_meier_estimator(event, time)
    return np.append(1.0, survival)[np.searchsorted(at, times, side="right")]


def pathways(tumours: ad.AnnData, wide: ad.AnnData, models: list[Pretrained], args: argparse.Namespace) -> str:
    """Section 3.3: activity of the PARADIGM pathways, here as single-sample enrichment of their genes."""
    sf.tl.specformer_embed(wide, models[0])
    sf.tl.score_pathways(wide, args.data / "pathways" / "paradigm_1387_genes.gmt", min_size=1)
    head = sf.train.fit_head(wide, "pathway_score")
    train, test = side(wide, "train"), side(wide, "test")
    mean, scale = head.target_mean.numpy(), head.target_scale.numpy()
    truth = (wide.obsm["pathway_score"].to_numpy() - mean) / scale
    pca = sf.baselines.fit_linear(wide[train], method="pca")(wide)
    predictions = {
        f"{models[0].path.name}, linear head": (head.predict(wide.obsm["X_specformer"][test]) - mean) / scale,
        "PCA + ridge": ridge(pca[train], truth[train])(pca[test]),
        "the training mean": np.zeros((test.sum(), truth.shape[1])),
    }
    rows, truth = {}, truth[test]
    draws = sf.metrics.patient_draws(wide.obs["patient"].astype(str)[test], n_boot=N_BOOT)
    for what, predicted in predictions.items():
        error = np.abs(truth - predicted).mean(axis=1)
        figures = [sf.metrics.interval(lambda r, v=error: float(v[r].mean()), draws, len(truth))]
        if predicted.any():
            by_sample = sf.metrics.samplewise_pearson(truth, predicted)
            figures = [
                sf.metrics.interval(lambda r, v=by_sample: float(np.nanmean(v[r])), draws, len(truth)),
                sf.metrics.interval(lambda r, p=predicted: columnwise(truth[r], p[r]), draws[:100], len(truth)),
                *figures,
            ]
        rows[what] = " | ".join([""] * (3 - len(figures)) + [cell(*figure) for figure in figures])
    rows["*published, 1,387 PARADIGM activities*"] = "0.754 | 0.762 | 0.494"
    title = f"Section 3.3. {truth.shape[1]:,} pathways, {len(truth)} test samples"
    return table(title, ("sample-wise Pearson", "pathway-wise Pearson", "MAE"), rows)


def columnwise(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Mean correlation over pathways."""
    return float(np.nanmean(sf.metrics.columnwise_pearson(truth, predicted)))


def tissues(tumours: ad.AnnData, wide: ad.AnnData, models: list[Pretrained], args: argparse.Namespace) -> str:
    """Section 3.5: centroids of healthy tissues, measured against predicted, nothing trained for it."""
    healthy = wide[side(wide, "test") & ~wide.obs["is_tumor"].astype(bool).to_numpy()].copy()
    sf.tl.predict_expression(healthy, model=models[0])
    known = np.isfinite(healthy.layers["predicted"]).all(axis=0)
    measured = np.asarray(healthy.X)[:, known].astype(float)
    train = wide[side(wide, "train")]
    pca = principal(np.asarray(train.X)[:, known].astype(float), measured)
    rows = {}
    is_gtex = (healthy.obs["sample_type"].astype(str) == "GTEX").to_numpy()
    for title, chosen in (("GTEx", is_gtex), ("GTEx and TCGA normals", np.ones(healthy.n_obs, bool))):
        tissue = healthy.obs["tissue"].astype(str).to_numpy()[chosen]
        if len(np.unique(tissue)) < 3:  # a part of the samples, to try the script
            continue
        for what, predicted in ((models[0].path.name, healthy.layers["predicted"][:, known]), ("PCA, rebuilt", pca)):
            found = disparity(measured[chosen], predicted[chosen], tissue)
            rng = np.random.default_rng(0)
            chance = [disparity(measured[chosen], predicted[chosen], tissue, rng.permutation) for _ in range(100)]
            by_sample = np.nanmean(sf.metrics.samplewise_pearson(
                measured[chosen] - measured.mean(axis=0), predicted[chosen] - predicted.mean(axis=0)
            ))  # fmt: skip
            rows[f"{title}, {what}"] = (
                f"{chosen.sum()} | {len(np.unique(tissue))} | {found:.3f} | {np.mean(chance):.3f} "
                f"[{min(chance):.3f}, {max(chance):.3f}] | {by_sample:.3f}"
            )
    header = ("test samples", "tissues", "Procrustes disparity", "with tissues permuted", "correlation of a sample")
    return table("Section 3.5. Tissue centroids, measured against predicted (0 is the same shape)", header, rows)


def principal(train: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Samples rebuilt from their 128 principal components."""
    mean = train.mean(axis=0)
    axes = np.linalg.svd(train - mean, full_matrices=False)[2][:128]
    return (X - mean) @ axes.T @ axes + mean


def disparity(measured: np.ndarray, predicted: np.ndarray, tissue: np.ndarray, order: object = None) -> float:
    """Procrustes disparity of the centroids; `order` deals the predicted ones out to other tissues."""
    (_, a), (_, b) = (sf.metrics.centroids(X, tissue) for X in (measured, predicted))
    return sf.metrics.procrustes(a, b if order is None else b[order(len(b))])


def calibration(tumours: ad.AnnData, wide: ad.AnnData, models: list[Pretrained], args: argparse.Namespace) -> str:
    """The head in the package, on test tumours of its types: what its confidence is worth."""
    head = sf.model.load_head("cancer_type", models[0])
    first = wide[side(wide, "test") & primary_tumours(wide)]
    second = tumours[side(tumours, "test") & ~tumours.obs_names.isin(first.obs_names)]
    parts = ((first, "X_specformer"), (second, "shipped"))
    test = ad.concat([ad.AnnData(obs=part.obs, obsm={"X_specformer": part.obsm[key]}) for part, key in parts])
    test.uns["specformer"] = wide.uns["specformer"]
    test = test[test.obs["cancer_type"].isin(head.labels)].copy()
    rows = {}
    for what, merge in (("as labelled", False), ("colon and rectum as one", True)):
        sf.tl.predict_cancer_type(test, head, model=models[0], merge=merge)
        proba = test.obsm["cancer_type_proba"]
        truth = merged(test.obs["cancer_type"]) if merge else test.obs["cancer_type"].astype(str).to_numpy()
        figures = sf.metrics.classification_table(
            truth, proba.columns.to_numpy(str)[proba.to_numpy().argmax(axis=1)], proba=proba.to_numpy(),
            classes=proba.columns.tolist(), patients=test.obs["patient"].astype(str), n_boot=N_BOOT,
        ).set_index("metric")  # fmt: skip
        sure = (test.obs["cancer_type_confidence"] >= 0.5).to_numpy()
        hit = proba.columns.to_numpy(str)[proba.to_numpy().argmax(axis=1)] == truth
        columns = [cell(*figures.loc[k, ["value", "low", "high"]]) for k in ("accuracy", "expected_calibration_error")]
        rows[f"{len(proba.columns)} types, {what}"] = (
            f"{test.n_obs} | {' | '.join(columns)} | {sure.mean():.3f} | {hit[sure].mean():.3f}"
        )
        if args.figures and not merge:
            sf.pl.abstention(test, save=args.figures / "abstention.png")
            sf.pl.calibration(test, save=args.figures / "calibration.png")
    header = ("test tumours", "accuracy", "calibration error", "answered at 0.5", "accuracy of those")
    return table("Calibration of the shipped head", header, rows)


def windows(tumours: ad.AnnData, wide: ad.AnnData, models: list[Pretrained], args: argparse.Namespace) -> str:
    """Tables 4 and 5: aggregators of the window stack, and sizes that there are weights of, with and without training."""
    first, four = models[0].config.window_embedding, {}
    for kind in ("cls", "mean") if first == "cls" else ("mean",):
        if kind != first:
            other = sf.model.load(models[0].path, window_embedding=kind)
            sf.tl.specformer_embed(tumours, other, windows=True)
        for pooling in ("mean", "attention", "gated_attention", "transformer"):
            four[f"{kind}, {pooling}"] = windows_row(tumours, pooling)
    five = {}
    for model in [*models, random_weights(models[0])]:
        size = f"{model.config.num_hidden_layers} x {model.config.hidden_size}"
        what = f"{model.path.name} ({size})" if model.sha256 else f"random weights ({size})"
        if model is models[0]:
            five[what] = four[f"{first}, attention"]
            continue
        sf.tl.specformer_embed(tumours, model, windows=True)
        five[what] = windows_row(tumours, "attention")
    for preset in ("small", "base", "base-2048", "large"):
        five[f"`{preset}`"] = "needs a GPU and the whole corpus to pretrain: no weights | | | | |"
    titles = ("Table 4. Window vector and aggregator", "Table 5. Sizes, attention over windows")
    found = ((titles[0], four | PUBLISHED_AGGREGATORS), (titles[1], five | PUBLISHED_SIZES))
    return "\n\n".join(table(f"{title}, published head", TYPE_HEADER, rows) for title, rows in found)


def windows_row(tumours: ad.AnnData, aggregator: str) -> str:
    """The published head over the window stack."""
    return head_row(tumours, aggregator=aggregator, batch_size=64, **PUBLISHED_HEAD)


def cell(value: float, low: float, high: float) -> str:
    """A figure with its interval."""
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def table(title: str, header: Sequence[str], rows: dict[str, str]) -> str:
    """A Markdown table."""
    lines = [f"### {title}", "", f"| | {' | '.join(header)} |", "|---" * (len(header) + 1) + "|"]
    return "\n".join([*lines, *(f"| {what} | {cells} |" for what, cells in rows.items())])


if __name__ == "__main__":
    main()
