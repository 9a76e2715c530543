"""From raw files to the paper's Tables 1, 2, 4 and 5 on the cohorts at hand, beside linear baselines, with intervals.

    python scripts/paper_tables.py ../shared/data --out tables.md

Tumours of the panel cohort of `sf.bench.read_cohorts` (its types with 15 or more training tumours, colon and rectum as
one), pathways on the wide cohort. Every patient is on the same side everywhere: 80 % train, 5 % validation, 15 % test, by
the hash of the name. Everything is fitted on training patients; intervals are 95 % over test patients. The cohorts are a
part of TCGA, not the paper's corpus: the published rows stand there for orientation, not for comparison.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import torch

import specformer as sf
from specformer.bench import _readouts as readouts
from specformer.bench._checkpoints import held_out_seen, random_weights
from specformer.bench._tasks import tumour_types

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from anndata import AnnData

    from specformer.model import Pretrained

ENDPOINTS = ("OS", "DSS", "PFI", "DFI")
AGGREGATORS = ("mean", "attention", "gated_attention", "transformer")
# The published head: AdamW at 5e-4, 100 epochs, the best by validation.
PUBLISHED_HEAD = {"hidden": "published", "learning_rate": 5e-4, "max_epochs": 100, "patience": 20}
TYPE_COLUMNS = ("accuracy", "macro_f1", "weighted_f1", "matthews", "top_k_accuracy", "macro_auc")
TYPE_HEADER = ("accuracy", "F1 (macro)", "F1 (weighted)", "MCC", "top-3", "AUC")
PUBLISHED_TYPES = {
    "published, TF-IDF order": "0.908 [0.881, 0.933] | | | 0.904 | | 0.997",
    "published, top-200 + LR": "0.650 | | | 0.648 | | 0.980",
}
PUBLISHED_SURVIVAL = {"published, TF-IDF order": "0.646 | 0.672 | 0.612 | 0.671"}
N_BOOT = 500


def main() -> None:
    """Read, embed, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the cohorts")
    parser.add_argument("--checkpoints", nargs="*", default=[None], help="names or folders; a row of Table 5 each")
    parser.add_argument("--out", type=Path, help="also write the tables to this Markdown file")
    parser.add_argument("--n-obs", type=int, help="only so many tumours and so many wide samples, to try the script")
    args = parser.parse_args()
    start = perf_counter()

    cohorts = sf.bench.read_cohorts(args.data)
    task = tumour_types(cohorts)
    chosen = np.flatnonzero(task.train | task.test | cohort_side(cohorts["panel"], task.labels, task.train))
    if args.n_obs:
        chosen = np.sort(np.random.default_rng(0).permutation(chosen)[: args.n_obs])
    tumours = cohorts["panel"][chosen].copy()
    tumours.obs["label"] = task.labels[chosen]
    models = [sf.model.load(name) for name in args.checkpoints]
    embed(tumours, models[0])

    parts = [
        f"`python {' '.join([Path(sys.argv[0]).name, *sys.argv[1:]])}`, specformer {sf.__version__}.",
        __doc__.split("\n\n")[2].replace("\n", " "),
        sides(tumours),
        *(f"**{n} held-out samples were seen in pretraining.**" for n in [len(held_out_seen(models[0], cohorts))] if n),
        *tables(tumours, models),
        pathway_table(cohorts["wide"], args.data, models[0], args.n_obs),
        f"All of it took {(perf_counter() - start) / 60:.1f} minutes on {torch.get_num_threads()} threads.",
    ]
    text = "\n\n".join(parts) + "\n"
    print(text)
    if args.out:
        args.out.write_text(text, encoding="utf-8")


def tables(tumours: AnnData, models: list[Pretrained]) -> list[str]:
    """Tables 1, 2, 4 and 5."""
    train, test = (tumours[tumours.obs["split"] == side] for side in ("train", "test"))
    y, name = train.obs["label"].to_numpy(str), models[0].path.name
    linear = linear_vectors(tumours)

    def probe(key: str) -> str:
        fitted = logistic(linear[key][is_side(tumours, "train")], y)
        return type_row(*fitted(linear[key][is_side(tumours, "test")]), test)

    one = {f"{name}, linear head": head_row(tumours, test)}
    one[f"{name}, published head"] = head_row(tumours, test, **PUBLISHED_HEAD)
    one |= {f"{what} + LR": probe(what) for what in linear}
    sections = [table("Table 1. Cancer type", TYPE_HEADER, one | PUBLISHED_TYPES)]
    sections.append(survival_table(tumours, linear, name))

    four = {}
    for window_embedding in ("cls", "mean"):
        if window_embedding == "cls" and not models[0].config.cls_token:
            continue
        embed(tumours, sf.model.load(models[0].path, window_embedding=window_embedding), windows=True)
        for aggregator in AGGREGATORS:
            row = head_row(tumours, test, aggregator=aggregator, batch_size=64, **PUBLISHED_HEAD)
            four[f"{window_embedding}, {aggregator}"] = row
    sections.append(table("Table 4. Window vector and aggregator, published head", TYPE_HEADER, four))

    five = {}
    for model in [*models, random_weights(models[0])]:
        embed(tumours, model, windows=True)
        size = f"{model.config.num_hidden_layers} x {model.config.hidden_size}"
        what = f"{model.path.name} ({size})" if model.sha256 else f"random weights ({size})"
        five[what] = head_row(tumours, test, aggregator="attention", batch_size=64, **PUBLISHED_HEAD)
    sections.append(table("Table 5. Sizes, attention over windows, published head", TYPE_HEADER, five))
    return sections


def cohort_side(adata: AnnData, labels: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Validation tumours of the types that are trained on."""
    is_primary = (adata.obs["sample_type"].astype(str) == "01").to_numpy()
    return is_primary & is_side(adata, "val") & np.isin(labels, np.unique(labels[train]))


def is_side(adata: AnnData, side: str) -> np.ndarray:
    """Who is on a side of the split."""
    return (adata.obs["split"] == side).to_numpy()


def sides(adata: AnnData) -> str:
    """How many samples and patients are on each side."""
    counts = adata.obs.groupby("split", observed=True)["patient"].agg(["size", "nunique"])
    types = adata.obs["label"].nunique()
    said = ", ".join(f"{row.size_} {side} of {row.nunique_} patients" for side, row in named(counts).iterrows())
    return f"{adata.n_obs} tumours of {types} types, {adata.n_vars:,} genes: {said}."


def named(counts: pd.DataFrame) -> pd.DataFrame:
    """Columns that are no methods of a row."""
    return counts.rename(columns={"size": "size_", "nunique": "nunique_"})


def embed(adata: AnnData, model: Pretrained, *, windows: bool = False) -> None:
    """Vectors, and windows if asked, in place of those that may be there."""
    sf.tl.specformer_embed(adata, model, windows=windows)


def linear_vectors(tumours: AnnData) -> dict[str, np.ndarray]:
    """Baselines fitted on training tumours: PCA and variable genes of log expression; the 200 first genes by TF-IDF."""
    train = tumours[is_side(tumours, "train")]
    found = {
        "PCA": sf.baselines.fit_linear(train, method="pca")(tumours),
        "HVG": sf.baselines.fit_linear(train, method="hvg", n_dims=min(5000, tumours.n_vars))(tumours),
    }
    ranked = sf.pp.tfidf_order(tumours, mask_obs=is_side(tumours, "train"), copy=True)
    return found | {"top-200 of TF-IDF": (ranked.layers["tfidf_rank"] < 200).astype(np.float32)}


def logistic(X: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], tuple[np.ndarray, list[str]]]:
    """Logistic regression (C = 1) on standardised features: probabilities and their classes."""
    from sklearn.linear_model import LogisticRegression

    features = readouts._standardised(X)
    model = LogisticRegression(C=readouts.C_LOGISTIC, max_iter=2000).fit(features(X), y)
    return lambda Z: (model.predict_proba(features(Z)), model.classes_.tolist())


def head_row(tumours: AnnData, test: AnnData, **options: object) -> str:
    """A head fitted to the types, on the test tumours."""
    head = sf.train.fit_head(tumours, "label", **options)
    X = tumours.obsm[head.about["use_rep"]][is_side(tumours, "test")]
    return type_row(head.predict(X), head.labels, test)


def type_row(proba: np.ndarray, classes: Sequence[str], test: AnnData) -> str:
    """Figures of Table 1 and 4 with their intervals."""
    figures = sf.metrics.classification_table(
        test.obs["label"].to_numpy(str), np.array(classes)[proba.argmax(axis=1)], proba=proba, classes=classes,
        patients=test.obs["patient"].astype(str), n_boot=N_BOOT,
    ).set_index("metric")  # fmt: skip
    return " | ".join(cell(*figures.loc[column, ["value", "low", "high"]]) for column in TYPE_COLUMNS)


def survival_table(tumours: AnnData, linear: dict[str, np.ndarray], name: str) -> str:
    """Table 2: concordance over all types, and within."""
    obs = tumours.obs
    labels = obs["label"].to_numpy(str)
    one_hot = (labels[:, None] == np.unique(labels)).astype(float)
    rows: dict[str, list[str]] = {}
    for endpoint in ENDPOINTS:
        known = (obs[endpoint].notna() & obs[f"{endpoint}.time"].gt(0)).to_numpy()
        event, time = obs[endpoint].to_numpy() == 1, obs[f"{endpoint}.time"].to_numpy()
        train, test = known & is_side(tumours, "train"), known & is_side(tumours, "test")
        vectors = tumours.obsm["X_specformer"]
        risks = {
            f"{name}, linear Cox head": sf.train.fit_head(tumours, endpoint).predict(vectors[test])[:, 0],
            f"{name}, Cox head stratified by type": sf.train.fit_head(tumours, endpoint, strata="label").predict(
                vectors[test]
            )[:, 0],
            "PCA + ridge Cox": readouts.cox(linear["PCA"][train], event[train], time[train])(linear["PCA"][test]),
            "HVG + ridge Cox": readouts.cox(linear["HVG"][train], event[train], time[train])(linear["HVG"][test]),
            "type alone, Cox": readouts.cox(one_hot[train], event[train], time[train])(one_hot[test]),
        }
        draws = sf.metrics.patient_draws(obs["patient"].astype(str)[test], n_boot=N_BOOT)
        for what, risk in risks.items():
            for kind, strata in (("", np.zeros(len(risk), int)), (", within type", labels[test])):
                if kind and what == "type alone, Cox":
                    continue
                drawn = sf.metrics.interval(concordance(event[test], time[test], risk, strata), draws, len(risk))
                rows.setdefault(what + kind, []).append(cell(*drawn))
        rows.setdefault("test samples (events)", []).append(f"{test.sum()} ({event[test].sum()})")
    joined = {what: " | ".join(cells) for what, cells in rows.items()}
    return table("Table 2. Survival, Harrell's C", ENDPOINTS, joined | PUBLISHED_SURVIVAL)


def concordance(
    event: np.ndarray, time: np.ndarray, risk: np.ndarray, strata: np.ndarray
) -> Callable[[np.ndarray], float]:
    """Harrell's C as a function of whom it is counted on."""
    return lambda rows: sf.metrics.harrell_c_within(event[rows], time[rows], risk[rows], strata[rows])


def pathway_table(wide: AnnData, data: Path, model: Pretrained, n_obs: int | None) -> str:
    """Section 3.3: activity of the PARADIGM pathways, here as single-sample enrichment of their genes."""
    wide = wide[: n_obs or wide.n_obs].copy()
    sf.tl.score_pathways(wide, data / "pathways" / "paradigm_1387_genes.gmt", min_size=1)
    embed(wide, model)
    head = sf.train.fit_head(wide, "pathway_score")
    train, test = is_side(wide, "train"), is_side(wide, "test")
    mean, scale = head.target_mean.numpy(), head.target_scale.numpy()
    truth = (wide.obsm["pathway_score"].to_numpy() - mean) / scale
    pca = sf.baselines.fit_linear(wide[train], method="pca")(wide)
    predictions = {
        f"{model.path.name}, linear head": (head.predict(wide.obsm["X_specformer"][test]) - mean) / scale,
        "PCA + ridge": readouts.ridge(pca[train], truth[train])(pca[test]),
    }
    rows = {}
    draws = sf.metrics.patient_draws(wide.obs["patient"].astype(str)[test], n_boot=N_BOOT)
    truth, few = truth[test], draws[:100]
    for what, predicted in predictions.items():
        by_sample = sf.metrics.samplewise_pearson(truth, predicted)
        error = np.abs(truth - predicted).mean(axis=1)
        figures = [
            sf.metrics.interval(lambda r, v=by_sample: float(np.nanmean(v[r])), draws, len(truth)),
            sf.metrics.interval(lambda r, p=predicted: columnwise(truth[r], p[r]), few, len(truth)),
            sf.metrics.interval(lambda r, v=error: float(v[r].mean()), draws, len(truth)),
        ]
        rows[what] = " | ".join(cell(*figure) for figure in figures)
    rows["published, 1,387 PARADIGM activities"] = "0.754 | 0.762 | 0.494"
    title = f"Section 3.3. {truth.shape[1]:,} pathways, {len(truth)} test samples"
    return table(title, ("sample-wise Pearson", "pathway-wise Pearson", "MAE"), rows)


def columnwise(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Mean correlation over pathways."""
    return float(np.nanmean(sf.metrics.columnwise_pearson(truth, predicted)))


def cell(value: float, low: float, high: float) -> str:
    """A figure with its interval."""
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def table(title: str, header: Sequence[str], rows: dict[str, str]) -> str:
    """A Markdown table."""
    lines = [f"### {title}", "", f"| | {' | '.join(header)} |", "|---" * (len(header) + 1) + "|"]
    return "\n".join([*lines, *(f"| {what} | {cells} |" for what, cells in rows.items())])


if __name__ == "__main__":
    main()
