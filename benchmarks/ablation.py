"""What each part of the shipped recipe is worth: train it without, or with what others do instead.

    python benchmarks/ablation.py ../shared/data ablation

What only the linear part owes to (metric, ordering, patients) is measured on that part, which needs no training. All
else gets the same short budget. Both are fitted to three quarters of the training patients of `sf.bench.read_cohorts`; the
last quarter is asked, so that test patients stay out of it. Writes `ablation.csv` and `ablation.md`. Killed at any moment, the
same command goes on: what is in the table is not measured again, what is trained is not trained again.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anchor_metric import fold

import specformer as sf
from specformer._keys import X_SPECFORMER
from specformer.bench._gene_panels import PAM50
from specformer.bench._perturb import draw_genes
from specformer.bench._run import AXES, Axis
from specformer.bench._score import mean_score
from specformer.bench._tasks import merged, tumour_types, type_readout
from specformer.bench._trained import content_hash
from specformer.metrics import same_sample_top1
from specformer.pp._split import uniform_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from anndata import AnnData

    from specformer.bench._cohorts import Cohorts
    from specformer.bench._representation import Representation
    from specformer.bench._score import Score

# The recipe of scripts/train_mini.py.
COHORTS = ("wide", "panel", "htseq", "rsem", "expected_count", "fpkm")
THINNED = tuple(f"{name}, {reads} reads" for name in ("wide", "panel") for reads in (200_000, 20_000))
MIXED = ("wide, mixed", "panel, mixed")
PAIRS = (("htseq", "rsem"), ("expected_count", "fpkm"))
# Layers have a say where genes are few, and short views are cheap; the checkpoint itself has seen 16 to 768 genes.
VIEWS = {"min_genes": 16, "max_genes": 256}
CONFIG = {"preset": "mini", "attention_probs_dropout_prob": 0.0}
RECIPE, LINEAR = "recipe", "linear part alone"
N_DRAWS = 2


@dataclass(frozen=True)
class Variant:
    """What differs from the recipe; a config is that of its objective."""

    part: str
    config: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    objective: str = "whole_profile"
    weighting: str = "median"
    schemes: tuple[str, ...] = COHORTS + THINNED
    has_pairs: bool = True
    batch: int = 32
    patients: float = 1.0
    seed: int = 0
    is_linear: bool = False
    """Measured without the layers, and beside the recipe's linear part."""


LINEAR_ALONE: dict[str, Any] = {"schemes": COHORTS, "is_linear": True}
VARIANTS = {
    RECIPE: Variant(""),
    LINEAR: Variant("e", is_linear=True),
    "metric: none": Variant("e", has_pairs=False, options={"n_neighbors": 0, "same_patient": False}, **LINEAR_ALONE),
    "metric: pairs alone": Variant("e", options={"n_neighbors": 0}, **LINEAR_ALONE),
    "metric: neighbours alone": Variant("e", has_pairs=False, options={"same_patient": False}, **LINEAR_ALONE),
    "metric: no pairs of schemes": Variant("e", has_pairs=False, **LINEAR_ALONE),
    "metric: no pairs of one patient": Variant("e", options={"same_patient": False}, **LINEAR_ALONE),
    "weighting: tfidf": Variant("f", weighting="tfidf", **LINEAR_ALONE),
    "weighting: expression": Variant("f", weighting="expression", **LINEAR_ALONE),
    "weighting: cohort_l2": Variant("f", weighting="cohort_l2", **LINEAR_ALONE),
    "weighting: zscore": Variant("f", weighting="zscore", **LINEAR_ALONE),
    "half of the patients": Variant("g", patients=0.5, **LINEAR_ALONE),
    "another seed": Variant("", seed=1),
    "masked genes, published recipe": Variant(
        "b", objective="masked_genes", weighting="tfidf", schemes=COHORTS, batch=16
    ),
    "no anchor": Variant("e", config={"n_anchor": 0}),
    "additive token": Variant("a", config={"token": "additive"}),
    "no agreement": Variant("c", options={"agreement_weight": 0.0}),
    "no thinned copies": Variant("d", schemes=COHORTS),
    "and per-gene factors": Variant("d", options={"gene_shift": 0.3}),
    "and mixed samples": Variant("d", schemes=COHORTS + THINNED + MIXED),
    "mean pooling": Variant("e", config={"pooling": "mean", "window_embedding": "mean"}),
    "no other scheme": Variant("d", schemes=("wide", "panel", *THINNED), has_pairs=False),
    "views of 256 genes": Variant("d", options={"min_genes": 256}),
    "views of 64 genes and more": Variant("d", options={"min_genes": 64}),
    "views of up to 768 genes": Variant("d", options={"max_genes": 768}),
    "no agreement, no vector error": Variant("b", options={"agreement_weight": 0.0, "vector_weight": 0.0}),
    "views: genes at random": Variant("d", options={"designed": 0.0}),
    "4 layers": Variant("g", config={"num_hidden_layers": 4}),
    "1 layer x 64": Variant(
        "g", config={"num_hidden_layers": 1, "hidden_size": 64, "intermediate_size": 256, "num_attention_heads": 2}
    ),
    "layers: half of the patients": Variant("g", patients=0.5),
    "masked genes, film token": Variant("b", config={"token": "film"}, objective="masked_genes", batch=16),
}


def main() -> None:
    """Train, measure and write, one variant after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the cohorts")
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--steps", type=int, default=600)
    args = parser.parse_args()

    cohorts = fold(sf.bench.read_cohorts(args.data), 0)
    table = sf.genes.build_gene_table(
        list(cohorts["wide"].var_names),
        annotation=args.data / "genes" / "ensembl_grch38.csv.gz",
        aliases=args.data / "genes" / "hgnc_alias_table.csv.gz",
    )
    training = training_schemes(cohorts)
    args.out.mkdir(parents=True, exist_ok=True)
    file = args.out / "ablation.csv"
    found = pd.read_csv(file) if file.is_file() else pd.DataFrame()
    for name in dict.fromkeys([RECIPE, LINEAR, *args.variants]):
        if len(found) and (found["representation"] == name).any():
            continue
        variant = VARIANTS[name]
        if name != LINEAR:
            train(variant, folder(args.out, name), training, table, 1 if variant.is_linear else args.steps)
        reference = LINEAR if variant.is_linear and name != LINEAR else RECIPE
        rows = sf.bench.run(
            {chosen: embedder(args.out, chosen) for chosen in dict.fromkeys((reference, name))},
            cohorts,
            axes=("tumour type", "few labels", AS_THEY_COME),
        )
        rows = rows[rows["representation"] == name].assign(
            part=variant.part, steps=0 if variant.is_linear else args.steps
        )
        found = pd.concat([found, rows], ignore_index=True)
        found.to_csv(file, index=False)
        (args.out / "ablation.md").write_text(markdown(found), encoding="utf-8")


def training_schemes(cohorts: Cohorts) -> dict[str, AnnData]:
    """The training samples in all schemes that any variant reads; nobody's label is looked at."""
    training = {name: cohorts[name][cohorts.part(name, "train")].copy() for name in COHORTS}
    rng = np.random.default_rng(0)
    for name in ("wide", "panel"):
        for reads in (200_000, 20_000):
            training[f"{name}, {reads} reads"] = sf.pp.thin(training[name], reads, rng=rng, copy=True)
    for name in ("wide", "panel"):
        mates = training[name][rng.permutation(training[name].n_obs)]
        training[f"{name}, mixed"] = sf.pp.mix(training[name], mates, purity=0.5, copy=True)
    return training


def train(variant: Variant, run: Path, training: Mapping[str, AnnData], table: pd.DataFrame, n_steps: int) -> None:
    """Train a variant, unless it has been."""
    if (run / "model" / "config.json").is_file():
        return
    chosen = {name: _some_patients(training[name], variant.patients) for name in variant.schemes}
    options = {}
    if variant.objective == "whole_profile":
        present = [pair for pair in PAIRS if variant.has_pairs and set(pair) <= set(chosen)]
        names = list(chosen)
        options = {"pairs": [(names.index(a), names.index(b)) for a, b in present], "same_patient": True}
        options |= VIEWS | dict(variant.options)
    sf.train.pretrain(
        list(chosen.values()),
        CONFIG | dict(variant.config),
        output_dir=run,
        objective=variant.objective,
        objective_options=options,
        vocabulary=sf.train.build_vocabulary(chosen["wide"], weighting=variant.weighting, table=table),
        args={
            "max_steps": n_steps,
            "per_device_train_batch_size": variant.batch,
            "learning_rate": 1e-3,
            "bf16": True,
            "eval_strategy": "no",
            "save_steps": 100,
            "save_total_limit": 1,
            "seed": variant.seed,
        },
    )
    for checkpoint in run.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)


def _some_patients(adata: AnnData, share: float) -> AnnData:
    if share == 1:
        return adata
    place = adata.obs["patient"].astype(str).map(lambda patient: uniform_of(patient, salt="share"))
    return adata[(place < share).to_numpy()].copy()


def folder(out: Path, name: str) -> Path:
    """Where a variant's run lies."""
    return out / "".join(letter if letter.isalnum() else "-" for letter in name)


def embedder(out: Path, name: str) -> Callable[[AnnData], np.ndarray]:
    """A variant as an embedder that keeps its vectors: each variant is compared with the recipe, row by row."""
    bypass = VARIANTS[name].is_linear
    model, kept = folder(out, RECIPE if name == LINEAR else name) / "model", folder(out, name) / "vectors"

    def embed(adata: AnnData) -> np.ndarray:
        path = kept / f"{content_hash(adata)[:24]}.npy"
        if not path.is_file():
            adata = adata.copy()
            sf.tl.specformer_embed(adata, model, bypass_layers=bypass, dtype="bfloat16")
            kept.mkdir(parents=True, exist_ok=True)
            np.save(path, adata.obsm[X_SPECFORMER.name])
        return np.load(path)

    return embed


AS_THEY_COME = "as they come"


def as_they_come(representation: Representation, cohorts: Cohorts) -> Iterator[Score]:
    """Tumours with few genes, few reads, or normal tissue in them: the type, and how far from their whole they land."""
    panel, task, fitted = cohorts["panel"], tumour_types(cohorts), representation.on("panel")
    predict, everyone = type_readout(fitted, task), fitted.of("panel", task.train | task.test)
    asked = panel[task.test]
    rngs = [np.random.default_rng(i) for i in range(N_DRAWS)]
    changed = {
        f"{share:.0%} missing": [asked[:, draw_genes(panel, 1 - share, rng)] for rng in rngs] for share in (0.8, 0.95)
    }
    changed["PAM50"] = [asked[:, panel.var_names.isin(PAM50)]]
    changed["20k reads"] = [sf.pp.thin(asked, 20_000, rng=rng, copy=True) for rng in rngs]
    whole, labels, patients = everyone[task.test], task.labels[task.test], task.patients[task.test]
    variance = everyone[task.train].var(axis=0).sum()
    for condition, views in changed.items():
        vectors = [fitted(view) for view in views]
        hits = np.array([predict(found) == labels for found in vectors])
        own = np.array([same_sample_top1(found, whole) for found in vectors])
        error = np.array([np.square(found - whole).sum(axis=1) / variance for found in vectors])
        yield mean_score("panel", condition, "accuracy", patients, hits)
        yield mean_score("panel", condition, "own sample top-1", patients, own)
        yield mean_score("panel", condition, "vector error", patients, error)
    yield from _impure(fitted, cohorts, predict)
    counts, fpkm = next(pair for pair in cohorts.pairs("test") if "cohort" in pair[0].obs)
    genes = draw_genes(counts, panel.n_vars / counts.n_vars, np.random.default_rng(0))
    counts, fpkm = counts[:, genes], fpkm[:, genes]
    own = same_sample_top1(fitted(counts), fitted(fpkm))
    yield mean_score("rnaseqdb", "counts, FPKM", "own sample top-1", counts.obs["patient"].astype(str).to_numpy(), own)


def _impure(fitted: Any, cohorts: Cohorts, predict: Callable[[np.ndarray], np.ndarray]) -> Iterator[Score]:
    panel, task = cohorts["panel"], tumour_types(cohorts)
    tissue = merged(panel.obs["tissue"])
    normal = (panel.obs["sample_type"].astype(str) == "11").to_numpy() & cohorts.part("panel", "test")
    tumours = np.flatnonzero(task.test & np.isin(tissue, tissue[normal]))
    hits = []
    for rng in map(np.random.default_rng, range(N_DRAWS)):
        mates = [rng.choice(np.flatnonzero(normal & (tissue == tissue[row]))) for row in tumours]
        mixture = sf.pp.mix(panel[tumours], panel[mates], purity=0.5, copy=True)
        hits.append(predict(fitted(mixture)) == task.labels[tumours])
    yield mean_score("panel", "50% tumour", "accuracy", task.patients[tumours], np.array(hits))


AXES[AS_THEY_COME] = Axis(as_they_come, "panel")

SHOWN = {
    "The tumour type": {
        "all genes": ("held-out patients", "accuracy"),
        "all genes, P@1": ("held-out patients", "precision@1"),
        "5 labels a type": ("5 a type", "accuracy"),
        "80 % missing": ("80% missing", "accuracy"),
        "95 % missing": ("95% missing", "accuracy"),
        "PAM50": ("PAM50", "accuracy"),
        "20k reads": ("20k reads", "accuracy"),
        "50 % tumour": ("50% tumour", "accuracy"),
    },
    "Where a sample lands": {
        "error, 80 % missing": ("80% missing", "vector error"),
        "error, 95 % missing": ("95% missing", "vector error"),
        "error, 20k reads": ("20k reads", "vector error"),
        "itself, 95 % missing": ("95% missing", "own sample top-1"),
        "itself, PAM50": ("PAM50", "own sample top-1"),
        "itself, 20k reads": ("20k reads", "own sample top-1"),
        "itself, counts in FPKM": ("counts, FPKM", "own sample top-1"),
    },
}


def markdown(found: pd.DataFrame) -> str:
    """Figures of the recipe and of its linear part with their intervals; below them, what each variant differs by."""
    found = found.set_index(["representation", "condition", "metric"])
    names = found.index.unique("representation")
    linear = [name for name in names if VARIANTS[name].is_linear and name != LINEAR]
    trained = [name for name in names if not VARIANTS[name].is_linear and name != RECIPE]
    groups = {LINEAR: linear, RECIPE: [LINEAR, *trained]}
    tables = [
        f"### {heading}: {reference}\n\n" + _table(found, reference, others, columns)
        for reference, others in groups.items()
        for heading, columns in SHOWN.items()
        if {reference, *others} <= set(names)
    ]
    return "\n".join(tables)


def _table(found: pd.DataFrame, reference: str, others: list[str], columns: Mapping[str, tuple[str, str]]) -> str:
    lines = [f"| | | {' | '.join(columns)} |", f"|---|---|{'---|' * len(columns)}"]
    for name in (reference, *others):
        rows = [found.loc[(name, *column)] for column in columns.values()]
        cells = [_figure(row) if name == reference else _difference(row) for row in rows]
        lines.append(f"| {VARIANTS[name].part} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _figure(row: pd.Series) -> str:
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def _difference(row: pd.Series) -> str:
    low, high = row["difference_low"], row["difference_high"]
    text = f"{row['difference']:+.3f} [{low:+.3f}, {high:+.3f}]"
    if low <= 0 <= high:
        return text
    is_better = (low > 0) != (row.name[2] == "vector error")
    return f"**{text}**" if is_better else f"~~{text}~~"


if __name__ == "__main__":
    main()
